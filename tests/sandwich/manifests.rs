//! The objects that the waypoint serves: a Gateway, and Services that are enrolled with it.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::apps::{BREAKING, CLOSED, ECHOING, GREETER, HASTY, HTTP, HTTPS, LATE_SETTINGS, NGHTTPD, PYTHON, SINK};
use crate::pod::Name;

/// An address of the pods' network that no pod has.
pub(crate) const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 99);

/// A Service of namespace `apps`. Its addresses are made of its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// Its name.
    pub(crate) name: &'static str,
    number: u8,
    /// Whether it uses the waypoint, as its namespace does.
    enrolled: bool,
    ports: &'static [Port],
}

/// One of a Service's ports.
#[derive(Clone, Copy, Debug)]
struct Port {
    name: &'static str,
    port: u16,
    /// Where its endpoints are.
    at: &'static [Endpoint],
}

/// Where an endpoint is.
type Endpoint = (Host, u16);

/// The address of an endpoint.
#[derive(Clone, Copy, Debug)]
enum Host {
    /// A pod's, of IPv4.
    Pod(Name),
    /// A pod's, of IPv6.
    PodV6(Name),
    /// A ClusterIP, by its Service's number: a slip in a slice that is made by hand.
    Service(u8),
    /// Nobody's.
    Nobody,
}

const fn service(number: u8, name: &'static str, ports: &'static [Port]) -> Service {
    Service { name, number, enrolled: true, ports }
}

const fn port(name: &'static str, port: u16, at: &'static [Endpoint]) -> Port {
    Port { name, port, at }
}

const ONE: Host = Host::Pod(Name::One);
const TWO: Host = Host::Pod(Name::Two);
const BOTH: &[Endpoint] = &[(ONE, HTTP), (TWO, HTTP)];

/// Served by both backends, without a route.
pub(crate) const ECHO: Service =
    service(1, "echo", &[port("http", 80, BOTH), port("any", 81, BOTH), port("http2", 84, BOTH)]);
/// A route has it as its parent; consumers in `other` have another.
pub(crate) const ROUTED: Service = service(2, "routed", &[port("http", 80, &[(ONE, HTTP)])]);
/// Has no route of its own, and hosts for which the Gateway has one.
pub(crate) const GENERAL: Service = service(3, "general", &[port("http", 80, &[(ONE, HTTP)])]);
/// Opts out of its namespace's waypoint.
pub(crate) const STRANGER: Service =
    Service { enrolled: false, ..service(4, "stranger", &[port("http", 80, &[(ONE, HTTP)])]) };
/// A TCPRoute shares its connections out between it and [`SPARE`]; consumers in `other` have another, to it alone.
pub(crate) const SHARED: Service = service(14, "shared", &[port("tcp", 1, &[(ONE, GREETER)])]);
/// Where connections to [`SHARED`] go as well.
const SPARE: Service = service(15, "spare", &[port("tcp", 1, &[(TWO, GREETER)])]);
/// Bytes of other protocols, where the port says so and where nothing does.
pub(crate) const BYTES: Service = service(
    5,
    "bytes",
    &[
        port("tcp", 1, &[(ONE, GREETER)]),
        port("tcp-sink", 2, &[(ONE, SINK)]),
        port("tcp-http", 3, &[(ONE, HTTP)]),
        port("tcp-hasty", 4, &[(ONE, HASTY)]),
        port("tcp-echo", 5, &[(ONE, ECHOING)]),
        port("tcp-breaking", 6, &[(ONE, BREAKING)]),
        port("https", 443, &[(ONE, HTTPS)]),
        port("any", 11, &[(ONE, GREETER)]),
        port("any-sink", 12, &[(ONE, SINK)]),
        port("any-tls", 13, &[(ONE, HTTPS)]),
    ],
);
/// An endpoint is there, and others are not: ports that are closed.
pub(crate) const HALF: Service = service(
    6,
    "half",
    &[port("http", 80, &[(ONE, HTTP), (TWO, CLOSED)]), port("http2", 84, &[(ONE, HTTP), (TWO, CLOSED)])],
);
/// No endpoint is there.
pub(crate) const DEAD: Service =
    service(7, "dead", &[port("http", 80, &[(ONE, CLOSED), (TWO, CLOSED), (TWO, CLOSED + 1)])]);
/// One of its endpoints has an address that nobody has.
pub(crate) const ABSENT: Service = service(8, "absent", &[port("http", 80, &[(ONE, HTTP), (Host::Nobody, HTTP)])]);
/// Says SETTINGS late.
pub(crate) const LATE: Service = service(9, "late", &[port("http2", 80, &[(ONE, LATE_SETTINGS)])]);
/// Its endpoints have addresses of IPv6.
pub(crate) const SIX: Service =
    service(10, "six", &[port("http", 80, &[(Host::PodV6(Name::One), HTTP), (Host::PodV6(Name::Two), HTTP)])]);
/// Its endpoints are other Services of this waypoint.
pub(crate) const LOOP: Service =
    service(11, "loop", &[port("http", 80, &[(Host::Service(1), 80)]), port("tcp", 1, &[(Host::Service(5), 2)])]);
/// Servers of other makes.
pub(crate) const OTHERS: Service =
    service(13, "others", &[port("http", 80, &[(TWO, PYTHON)]), port("http2", 84, &[(TWO, NGHTTPD)])]);
/// Its endpoint is the waypoint; of port 81, the waypoint's replica.
pub(crate) const SELF: Service = service(
    12,
    "self",
    &[
        port("http", 80, &[(Host::Pod(Name::Waypoint), 80)]),
        port("http-replica", 81, &[(Host::Pod(Name::Replica), 80)]),
    ],
);

/// All of them.
pub(crate) const SERVICES: &[Service] =
    &[ECHO, ROUTED, GENERAL, STRANGER, SHARED, SPARE, BYTES, HALF, DEAD, ABSENT, LATE, SIX, LOOP, SELF, OTHERS];

/// The addresses of the waypoint's own Service.
pub(crate) fn waypoint_service() -> [IpAddr; 2] {
    addresses(250)
}

fn addresses(number: u8) -> [IpAddr; 2] {
    [Ipv4Addr::new(10, 96, 0, number).into(), Ipv6Addr::new(0xfd96, 0, 0, 0, 0, 0, 0, number.into()).into()]
}

impl Service {
    /// Its ClusterIPs, of IPv4 and of IPv6.
    pub(crate) fn addresses(self) -> [IpAddr; 2] {
        addresses(self.number)
    }

    /// One of its ports, at its ClusterIP of IPv4.
    pub(crate) fn v4(self, port: u16) -> SocketAddr {
        (self.addresses()[0], port).into()
    }

    /// One of its ports, at its ClusterIP of IPv6.
    pub(crate) fn v6(self, port: u16) -> SocketAddr {
        (self.addresses()[1], port).into()
    }

    /// A path of its port 80, at its ClusterIP of IPv4.
    pub(crate) fn url(self, path: &str) -> String {
        format!("http://{}{path}", self.addresses()[0])
    }

    fn manifest(self) -> String {
        let label = if self.enrolled { "" } else { "istio.io/use-waypoint: none" };
        let [v4, v6] = self.addresses();
        let ports: Vec<_> =
            self.ports.iter().map(|port| format!("{{name: {}, port: {}}}", port.name, port.port)).collect();
        let mut text = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {}, namespace: apps, labels: {{{label}}}}}\nspec: {{clusterIP: {v4}, \
             clusterIPs: ['{v4}', '{v6}'], ipFamilies: [IPv4, IPv6], ports: [{}]}}\n",
            self.name,
            ports.join(", ")
        );
        // A slice for each endpoint of each port: each may be on a port of its own.
        for port in self.ports {
            for (i, (host, at)) in port.at.iter().enumerate() {
                let ip = host.address();
                let family = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
                let _ = write!(
                    text,
                    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: {family}\nmetadata: {{name: {name}-{port}-{i}, \
                     namespace: apps, labels: {{kubernetes.io/service-name: {name}}}}}\nports: [{{name: {port}, port: {at}}}]\nendpoints: \
                     [{{addresses: ['{ip}'], conditions: {{ready: true}}}}]\n",
                    name = self.name,
                    port = port.name,
                );
            }
        }
        text
    }
}

impl Host {
    fn address(self) -> IpAddr {
        match self {
            Self::Pod(pod) => pod.v4(),
            Self::PodV6(pod) => pod.v6(),
            Self::Service(number) => addresses(number)[0],
            Self::Nobody => NOBODY.into(),
        }
    }
}

/// The waypoint and the namespaces, with these annotations on the Gateway.
pub(crate) fn waypoint(annotations: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: apps, labels: {{istio.io/use-waypoint: waypoint, \
         istio.io/use-waypoint-namespace: mesh}}}}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {{name: \
         pingway, annotations: {{ambient.istio.io/waypoint-inbound-binding: PROXY/15088}}}}\nspec: {{controllerName: \
         pingway.dev/gateway-controller}}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: waypoint, \
         namespace: mesh, annotations: {{{annotations}}}}}\nspec:\n  gatewayClassName: pingway\n  listeners:\n  - {{name: mesh, port: 15088, \
         protocol: istio.io/PROXY, allowedRoutes: {{namespaces: {{from: All}}}}}}\n  - {{name: http, port: 80, protocol: HTTP, \
         allowedRoutes: {{namespaces: {{from: All}}}}}}\n"
    )
}

/// All Services.
pub(crate) fn services() -> String {
    SERVICES.iter().map(|service| service.manifest()).collect::<Vec<_>>().join("---\n")
}

/// Routes, each of which adds the field `x-route` to responses, with its own name.
pub(crate) fn routes() -> String {
    let at_routed = "[{group: '', kind: Service, name: routed, namespace: apps}]";
    [
        route("producer", "apps", at_routed, "", "routed"),
        route("consumer", "other", at_routed, "", "routed"),
        route("gateway", "apps", "[{name: waypoint, namespace: mesh, sectionName: http}]", "edge.test", "general"),
        tcp_route("producer", "apps", &["shared", "spare"]),
        tcp_route("consumer", "other", &["shared"]),
    ]
    .join("---\n")
}

fn tcp_route(name: &str, namespace: &str, services: &[&str]) -> String {
    let backends =
        services.iter().map(|name| format!("{{name: {name}, namespace: apps, port: 1}}")).collect::<Vec<_>>();
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  parentRefs: \
         [{{group: '', kind: Service, name: shared, namespace: apps}}]\n  rules: [{{backendRefs: [{}]}}]\n",
        backends.join(", ")
    )
}

fn route(name: &str, namespace: &str, parents: &str, host: &str, service: &str) -> String {
    let hosts = if host.is_empty() { String::new() } else { format!("  hostnames: [{host}]\n") };
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  parentRefs: \
         {parents}\n{hosts}  rules:\n  - filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{{name: x-route, value: \
         {name}}}]}}}}]\n    backendRefs: [{{name: {service}, namespace: apps, port: 80}}]\n"
    )
}
