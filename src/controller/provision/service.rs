//! The Service, by which a Gateway is reached: a port for each that its listeners name.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::frame::Frame;
use super::kinds::SERVICE;
use super::labels;
use super::{ADMIN_PORT, METRICS_PORT};
use crate::api::parameters::{ServiceParameters, ServiceType};
use crate::api::{Gateway, Listener, ListenerProtocol};

/// HBONE's port, on which ztunnel listens in the pods. Clients' ztunnels look for it on the Service, under this number.
const HBONE: i32 = 15008;

/// A Service that is a waypoint's must have none: in a namespace that uses the waypoint it would be its own.
const NO_WAYPOINT: (&str, &str) = ("istio.io/use-waypoint", "none");

/// ztunnel's ports but HBONE's: nobody is to reach them through a Service.
const ZTUNNEL_INNER: [i32; 3] = [15001, 15006, 15053];

/// Longest name of a port (RFC 1123: a label of DNS).
const LONGEST_PORT_NAME: usize = 63;

/// The Service. `None`: no listener has a port that could be reached by TCP.
pub(super) fn object(frame: &Frame<'_>, parameters: &ServiceParameters) -> Option<DynamicObject> {
    let ports = ports(&frame.gateway.spec.listeners);
    if ports.is_empty() {
        return None;
    }
    let kind = parameters.kind.unwrap_or_default();
    let mut spec = json!({
        "type": kind.as_str(),
        "selector": { labels::GATEWAY: frame.name },
        "ipFamilyPolicy": "PreferDualStack",
        "ports": ports,
    });
    ask_for_addresses(&mut spec, kind, &addresses(frame.gateway));
    if kind != ServiceType::ClusterIp
        && let Some(policy) = parameters.external_traffic_policy
    {
        spec["externalTrafficPolicy"] = json!(policy.as_str());
    }
    if kind == ServiceType::LoadBalancer
        && let Some(class) = &parameters.load_balancer_class
    {
        spec["loadBalancerClass"] = json!(class);
    }
    let mut service = frame.own(SERVICE, json!({ "spec": spec }));
    let (label, none) = NO_WAYPOINT;
    service.metadata.labels.get_or_insert_default().insert(label.to_owned(), none.to_owned());
    if !parameters.annotations.is_empty() {
        service.metadata.annotations.get_or_insert_default().extend(parameters.annotations.clone());
    }
    Some(service)
}

/// Each port that clients use once, by number, and HBONE's. Of listeners that share one, the first gives its protocol's name. A
/// port of Pingway itself is no listener's, whoever asks for it; what ztunnel alone dials, on the pod's loopback, is not offered.
fn ports(listeners: &[Listener]) -> Vec<Value> {
    let mut names = BTreeMap::new();
    let reached = |port: &i32| {
        !ZTUNNEL_INNER.contains(port) && ![METRICS_PORT, ADMIN_PORT].iter().any(|own| i32::from(*own) == *port)
    };
    let listeners = listeners.iter().filter(|listener| listener.protocol != ListenerProtocol::Udp);
    let mut any = false;
    for listener in listeners.filter(|listener| reached(&listener.port)) {
        any = true;
        if matches!(listener.protocol, ListenerProtocol::Http | ListenerProtocol::Https) || listener.port == HBONE {
            names.entry(listener.port).or_insert_with(|| port_name(&listener.protocol, listener.port));
        }
    }
    if any {
        names.entry(HBONE).or_insert_with(|| port_name(&ListenerProtocol::Unknown("HBONE".to_owned()), HBONE));
    }
    let port = |(port, name)| json!({ "name": name, "port": port, "targetPort": port, "protocol": "TCP" });
    names.into_iter().map(port).collect()
}

/// `PROTOCOL-PORT`, in what a port's name may have. Of a protocol like `example.com/NAME` only the name is taken.
fn port_name(protocol: &ListenerProtocol, port: i32) -> String {
    let (word, number) = (protocol.to_string(), port.to_string());
    let word = word.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let word = word.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let word: String = word.trim_matches('-').chars().take(LONGEST_PORT_NAME - 1 - number.len()).collect();
    if word.is_empty() { format!("tcp-{number}") } else { format!("{word}-{number}") }
}

/// The addresses that the Gateway asks for by value.
fn addresses(gateway: &Gateway) -> Vec<&str> {
    let values = gateway.spec.addresses.iter().filter_map(|address| address.value.as_deref());
    values.filter(|value| !value.is_empty()).collect()
}

/// Whether the Service that is there can't become the one that is wanted, because it has another address of the cluster: such
/// an address is for good.
pub fn is_readdressed(wanted: &DynamicObject, there: &DynamicObject) -> bool {
    let (wanted, there) = (cluster_ips(wanted), cluster_ips(there));
    wanted.iter().zip(&there).any(|(wanted, there)| wanted != there)
}

/// The addresses of the cluster that are wanted and that the Service which is there has not.
pub fn yet_to_be_had(wanted: &DynamicObject, there: &DynamicObject) -> Vec<IpAddr> {
    let held = cluster_ips(there);
    cluster_ips(wanted).into_iter().filter(|address| !held.contains(address)).collect()
}

/// A Service that asks for these addresses alone; `None`: there are none.
pub fn on_trial(wanted: &DynamicObject, addresses: &[IpAddr]) -> Option<DynamicObject> {
    let mut trial = wanted.clone();
    let spec = &mut trial.data["spec"];
    spec["clusterIP"] = json!(addresses.first()?);
    spec["clusterIPs"] = json!(addresses);
    if addresses.len() == 1 {
        spec["ipFamilyPolicy"] = json!("SingleStack");
    }
    Some(trial)
}

fn cluster_ips(service: &DynamicObject) -> Vec<IpAddr> {
    let ips = service.data["spec"]["clusterIPs"].as_array();
    ips.into_iter().flatten().filter_map(|ip| ip.as_str()?.parse().ok()).collect()
}

/// The API server or the load balancer gives just these, or refuses.
fn ask_for_addresses(spec: &mut Value, kind: ServiceType, addresses: &[&str]) {
    let Some(first) = addresses.first() else { return };
    if kind == ServiceType::LoadBalancer {
        spec["loadBalancerIP"] = json!(first);
        return;
    }
    spec["clusterIP"] = json!(first);
    spec["clusterIPs"] = json!(addresses);
    if addresses.len() == 1 {
        spec["ipFamilyPolicy"] = json!("SingleStack");
    }
}
