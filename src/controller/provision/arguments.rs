//! The proxy's arguments.

use std::time::Duration;

use super::frame::Frame;
use super::parameters::Parameters;
use super::{ADMIN_PORT, METRICS_PORT};
use crate::api::parameters::{LogFormat, WorkloadLabels};
use crate::compile::PolicySettings;

/// The arguments of a Gateway's proxies. `$(NAME)` is a variable of the container's environment.
pub(super) fn of(frame: &Frame<'_>, parameters: &Parameters) -> Vec<String> {
    let (metrics, admin) = (format!("[::]:{METRICS_PORT}"), format!("127.0.0.1:{ADMIN_PORT}"));
    let gateway = frame.gateway.meta.name.to_string();
    let mut arguments = Arguments(vec!["proxy".to_owned()]);
    arguments.add("--gateway", gateway);
    arguments.add("--own-addresses", "$(POD_IPS)");
    arguments.add("--service-account", format!("{}/{}", frame.namespace(), frame.name));
    arguments.add("--node", "$(POD_NODE)");
    arguments.add("--zone", "$(POD_ZONE)");
    arguments.add("--report", frame.name.clone());
    arguments.add("--pod", "$(POD_NAME)");
    arguments.add("--metrics", metrics);
    arguments.add("--admin", admin);
    // Said even where they are the proxy's defaults: a pod is killed by them.
    arguments.add("--drain-delay", written(parameters.drain_delay));
    arguments.add("--drain-deadline", written(parameters.drain_deadline));
    if let Some(filter) = &parameters.log.filter {
        arguments.add("--log", filter.clone());
    }
    if let Some(format) = parameters.log.format {
        arguments.add("--log-format", if format == LogFormat::Json { "json" } else { "text" });
    }
    if let Some(access_log) = &parameters.access_log {
        arguments.0.push("--access-log".to_owned());
        if let Some(sample) = access_log.sample {
            arguments.add("--access-log-sample", sample.to_string());
        }
        if let Some(filter) = &access_log.filter {
            arguments.add("--access-log-filter", filter.clone());
        }
    }
    let PolicySettings { unenforced, root_namespace } = &parameters.policies;
    if let Some(unenforced) = unenforced {
        arguments.add("--unenforced-policies", unenforced.as_str());
    }
    if *root_namespace != PolicySettings::default().root_namespace {
        arguments.add("--root-namespace", &**root_namespace);
    }
    if parameters.workload_labels != WorkloadLabels::default() {
        arguments.add("--workload-labels", parameters.workload_labels.as_str());
    }
    for (flag, name) in [("--cluster-name", &parameters.cluster_name), ("--cluster-domain", &parameters.cluster_domain)]
    {
        if let Some(name) = name {
            arguments.add(flag, name.clone());
        }
    }
    arguments.0
}

struct Arguments(Vec<String>);

impl Arguments {
    fn add(&mut self, flag: &str, value: impl Into<String>) {
        self.0.extend([flag.to_owned(), value.into()]);
    }
}

/// A duration as flags have it.
fn written(time: Duration) -> String {
    let milliseconds = time.as_millis();
    if milliseconds.is_multiple_of(1_000) { format!("{}s", milliseconds / 1_000) } else { format!("{milliseconds}ms") }
}
