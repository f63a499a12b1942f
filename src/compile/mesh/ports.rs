//! An enrolled Service's ports: where clients dial them, and what they speak.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use k8s_openapi::api::core::v1::ServicePort as Port;

use crate::api::{Kind, ObjectName, ObjectRef, Service};
use crate::compile::listener;
use crate::compile::parent::View;
use crate::table::backend::{AppProtocol, BackendKey};
use crate::table::hostname::HostPattern;
use crate::table::mesh::{ServicePort, Spoken};
use crate::table::rule::Rule;

/// Ports of protocols in which the server speaks first (SMTP, DNS, MySQL, MongoDB): never taken for HTTP by what is seen.
const SERVER_FIRST: [i32; 4] = [25, 53, 3306, 27017];

/// The Service's own addresses; a headless one has none.
pub(super) fn addresses(service: &Service) -> impl Iterator<Item = IpAddr> {
    let spec = service.spec.as_ref();
    let one = spec.and_then(|spec| spec.cluster_ip.as_deref());
    let all = spec.and_then(|spec| spec.cluster_ips.as_deref()).unwrap_or_default().iter().map(String::as_str);
    // The first of all is the one, where both are there.
    one.into_iter().chain(all).filter_map(|text| text.parse().ok())
}

/// Each dialled address of a Service, and the port that it is.
pub(super) fn of(service: &Service) -> impl Iterator<Item = (SocketAddr, ServicePort)> {
    let name = name_of(service);
    ports(service).flat_map(move |(number, port)| {
        let backend = BackendKey { service: name.clone(), port: number };
        let port = service_port(backend, port);
        addresses(service).map(move |address| (SocketAddr::new(address, number), port.clone()))
    })
}

/// What routes see of a ServiceEntry: its ports, which all its hosts have. `hosts`: those that are enrolled, the first of them as a Service.
pub(super) fn entry_view(entry: &ObjectName, first: &Service, hosts: Vec<ObjectName>) -> View {
    let object = ObjectRef { kind: Kind::ServiceEntry, name: entry.clone() };
    View { object, services: hosts, ..view(first) }
}

/// What routes see of a Service: each port is what a listener is of a Gateway. What it speaks says which kinds of routes it
/// takes; one that declares nothing takes all.
pub(super) fn view(service: &Service) -> View {
    let port = |(number, port): (u16, &Port)| listener::View {
        name: port_name(number, port),
        port: number.into(),
        hostname: Some(HostPattern::Any),
        kinds: match declared(port).0 {
            Spoken::Http => listener::HTTP_KINDS.to_vec(),
            Spoken::Tcp => listener::L4_KINDS.to_vec(),
            Spoken::Undeclared => [listener::HTTP_KINDS, listener::L4_KINDS].concat(),
        },
        namespaces: listener::Namespaces::All,
        serves: true,
    };
    let object = ObjectRef { kind: Kind::Service, name: name_of(service) };
    View { services: vec![object.name.clone()], object, listeners: ports(service).map(port).collect() }
}

/// The name by which routes' `sectionName` finds a port: its own, or its number where it has none, being the only one.
fn port_name(number: u16, port: &Port) -> Arc<str> {
    port.name.as_deref().map_or_else(|| number.to_string().into(), Arc::from)
}

/// A Service's ports of TCP, with their numbers.
fn ports(service: &Service) -> impl Iterator<Item = (u16, &Port)> {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let tcp = ports.iter().filter(|port| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP"));
    tcp.filter_map(|port| Some((u16::try_from(port.port).ok()?, port)))
}

pub(super) fn name_of(service: &Service) -> ObjectName {
    let metadata = &service.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    ObjectName::new(namespace, metadata.name.as_deref().unwrap_or_default())
}

fn service_port(backend: BackendKey, port: &Port) -> ServicePort {
    let (spoken, protocol) = declared(port);
    ServicePort { through: Arc::new(Rule::straight_to(Kind::Service, &backend)), backend, spoken, protocol }
}

/// What a port speaks, as Istio reads it: by `appProtocol`, or else by its name up to the first dash, in any case of letters.
fn declared(port: &Port) -> (Spoken, AppProtocol) {
    let word = match (port.app_protocol.as_deref(), port.name.as_deref()) {
        (Some("kubernetes.io/h2c"), _) => "http2",
        (Some("kubernetes.io/ws" | "kubernetes.io/wss"), _) => "http",
        (Some(text), _) | (None, Some(text)) if is_grpc_web(text) => "http",
        (Some(text), _) | (None, Some(text)) => text.split('-').next().unwrap_or_default(),
        (None, None) => "",
    };
    match word.to_ascii_lowercase().as_str() {
        "http" | "kubernetes.io/http" => (Spoken::Http, AppProtocol::Http),
        "http2" | "grpc" | "kubernetes.io/grpc" => (Spoken::Http, AppProtocol::H2c),
        "tcp" | "tls" | "https" | "mongo" | "redis" | "mysql" => (Spoken::Tcp, AppProtocol::Undeclared),
        _ if SERVER_FIRST.contains(&port.port) => (Spoken::Tcp, AppProtocol::Undeclared),
        _ => (Spoken::Undeclared, AppProtocol::Undeclared),
    }
}

/// gRPC-Web is the one protocol with a dash of its own; it comes in HTTP/1.1.
fn is_grpc_web(text: &str) -> bool {
    let rest = text.get(..8).filter(|start| start.eq_ignore_ascii_case("grpc-web")).and_then(|_| text.get(8..));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
