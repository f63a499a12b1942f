//! The labels of Istio's standard metrics, put together once for each combination.

use std::sync::Arc;

use prometheus::proto;

use super::cluster::Cluster;
use super::counters::{Ended, Protocol};
use super::party::Identified;
use crate::telemetry::outcome::Reason;

/// What is not known.
const UNKNOWN: &str = "unknown";

/// The canonical revision of a client whose pod is not seen, as Envoy has it.
const LATEST: &str = "latest";

/// The trust domain, where the client's identity does not tell it.
const TRUST_DOMAIN: &str = "cluster.local";

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceName {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ServiceName {
    /// Its name in the mesh. The name of a ServiceEntry's host, which has a dot as no Service's has, is that.
    fn host(&self, domain: &str) -> String {
        let Self { namespace, name } = self;
        if name.contains('.') { name.to_string() } else { format!("{name}.{namespace}.svc.{domain}") }
    }
}

/// The labels of a combination.
pub(super) fn of(
    cluster: &Cluster,
    source: &Identified,
    destination: &Identified,
    service: Option<&ServiceName>,
    ended: Ended,
) -> Vec<proto::LabelPair> {
    let principal = destination_principal(source, destination);
    let both = source.principal.is_some() && principal.is_some();
    let (name, namespace) = service.map_or((UNKNOWN, UNKNOWN), |service| (&service.name, &service.namespace));
    let host = service.map_or_else(|| UNKNOWN.to_owned(), |service| service.host(&cluster.domain));
    let mut labels = Labels { cluster, pairs: vec![pair("reporter", "waypoint")] };
    labels.side("source", source, source.principal.as_deref(), LATEST);
    labels.side("destination", destination, principal.as_deref(), UNKNOWN);
    labels.add("destination_service", &host);
    labels.add("destination_service_name", name);
    labels.add("destination_service_namespace", namespace);
    if let Some(protocol) = word(ended.protocol) {
        labels.add("request_protocol", protocol);
        labels.add("connection_security_policy", if both { "mutual_tls" } else { "none" });
        labels.add("response_flags", flags(ended.reason));
        labels.ended(ended);
    }
    labels.pairs
}

/// The labels of what goes beyond the limit.
pub(super) fn overflow(cluster: &Cluster, ended: Ended) -> Vec<proto::LabelPair> {
    let overflow = ServiceName { namespace: "overflow".into(), name: "overflow".into() };
    of(cluster, &Identified::default(), &Identified::default(), Some(&overflow), ended)
}

/// A pod's identity: that of its ServiceAccount, in the client's trust domain.
fn destination_principal(source: &Identified, destination: &Identified) -> Option<String> {
    let domain = source.principal.as_deref().and_then(|id| id.split('/').nth(2)).unwrap_or(TRUST_DOMAIN);
    let (namespace, workload) = (destination.namespace.as_deref()?, destination.workload.as_ref()?);
    Some(format!("spiffe://{domain}/ns/{namespace}/sa/{}", workload.account))
}

struct Labels<'c> {
    cluster: &'c Cluster,
    pairs: Vec<proto::LabelPair>,
}

impl Labels<'_> {
    fn add(&mut self, name: &str, value: &str) {
        self.pairs.push(pair(name, value));
    }

    /// The labels of one side.
    fn side(&mut self, side: &str, of: &Identified, principal: Option<&str>, revision: &str) {
        let workload = of.workload.as_ref();
        let service = workload.map_or(UNKNOWN, |workload| &workload.service);
        let revision = workload.map_or(revision, |workload| &workload.revision);
        for (name, value) in [
            ("workload", workload.map_or(UNKNOWN, |workload| &workload.name)),
            ("workload_namespace", of.namespace.as_deref().unwrap_or(UNKNOWN)),
            ("principal", principal.unwrap_or(UNKNOWN)),
            ("canonical_service", service),
            ("canonical_revision", revision),
            ("app", service),
            ("version", revision),
            ("cluster", workload.map_or(UNKNOWN, |_| &self.cluster.name)),
        ] {
            self.add(&format!("{side}_{name}"), value);
        }
    }

    /// How it ended, which of bytes that are passed on nobody can say.
    fn ended(&mut self, ended: Ended) {
        if ended.protocol != Protocol::Tcp {
            self.add("response_code", &ended.status.to_string());
            let grpc = ended.grpc_status.map(|status| status.to_string()).unwrap_or_default();
            self.add("grpc_response_status", &grpc);
        }
    }
}

/// Istio's word; `None`: messages are told apart by the two sides alone.
fn word(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Http => Some("http"),
        Protocol::Grpc => Some("grpc"),
        Protocol::Tcp => Some("tcp"),
        Protocol::Messages => None,
    }
}

/// Envoy's short words for why a response is none of the application's; `-`: it is, or Envoy has no word.
pub(super) fn flags(reason: Option<Reason>) -> &'static str {
    let Some(reason) = reason else { return "-" };
    match reason {
        Reason::NoRoute | Reason::Misdirected => "NR",
        Reason::BadRequest | Reason::HeadersTooLarge => "DPE",
        Reason::ClientTimeout | Reason::StreamIdle => "SI",
        Reason::ClientAborted => "DC",
        Reason::BackendInvalid | Reason::NoBackend => "NC",
        Reason::NoEndpoint => "UH",
        Reason::ConnectFailed | Reason::ConnectTimeout => "UF",
        Reason::UpstreamClosed | Reason::UpstreamTruncated => "UC",
        Reason::UpstreamRefused => "UR",
        Reason::UpstreamProtocol => "UPE",
        Reason::RequestTimeout | Reason::BackendTimeout => "UT",
        Reason::Shutdown => "LR",
        Reason::PolicyNotEnforced | Reason::MethodRefused | Reason::Loop | Reason::RuleInvalid => "-",
    }
}

fn pair(name: &str, value: &str) -> proto::LabelPair {
    let mut pair = proto::LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_a_service_entry_is_its_own_name_in_the_mesh() {
        let host = |name: &str| ServiceName { namespace: "shop".into(), name: name.into() }.host("corp.test");
        assert_eq!([host("cart"), host("api.pay.test")], ["cart.shop.svc.corp.test", "api.pay.test"]);
    }
}
