//! Hosts of ServiceEntries as Services: each served host is kept as a Service of that name with EndpointSlices, so that all else, from
//! enrolment to balancing, is the same for both. [`ObjectName::is_host`] tells them apart.
//!
//! Promises: a host that two ServiceEntries of a namespace have is the older one's. Pure.
//! Never here: whether an address may be dialled; names of DNS being asked.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ObjectReference, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Objects, Slices, Snapshot, selected};
use crate::api::{EndpointSlice, EntryEndpoint, EntryPort, ObjectName, Pod, Service, ServiceEntry, WorkloadEntry};

/// Something that a ServiceEntry asks for and does not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The field.
    pub field: &'static str,
    /// Why, for people.
    pub message: String,
}

/// How a host's endpoints are found.
enum Found {
    /// They are these.
    Static(Slices),
    /// They are what a name of DNS stands for; the ports of the endpoint that names it.
    Named(Arc<str>, BTreeMap<String, u16>),
}

/// The hosts of a ServiceEntry that are served.
pub fn served_hosts(entry: &ServiceEntry) -> impl Iterator<Item = ObjectName> {
    let resolves = resolves(&entry.spec.resolution);
    let names = entry.spec.hosts.iter().filter(move |host| resolves && is_served(host));
    names.map(|host| ObjectName::new(entry.meta.name.namespace.clone(), host.as_str()))
}

/// What of a ServiceEntry is not served, and why. `workloads`: all WorkloadEntries.
pub fn flaws(entry: &ServiceEntry, workloads: &Objects<WorkloadEntry>) -> Vec<Flaw> {
    let spec = &entry.spec;
    let mut flaws = Vec::new();
    let mut tell = |field, message: String| flaws.push(Flaw { field, message });
    if !resolves(&spec.resolution) {
        let why = match spec.resolution.as_str() {
            "NONE" => "NONE leaves no address to dial but the one that leads back to the waypoint".to_owned(),
            other => format!("{other} is not served"),
        };
        tell("spec.resolution", why);
    }
    for host in spec.hosts.iter().filter(|host| !is_served(host)) {
        let why = if host.contains('*') { "is a wildcard, which is not served" } else { "is no name with a dot" };
        tell("spec.hosts", format!("{host} {why}"));
    }
    for range in spec.addresses.iter().filter(|address| single(address).is_none()) {
        tell("spec.addresses", format!("{range} is no single address; ranges are not served"));
    }
    if spec.hosts.iter().any(|host| addresses(entry, host).next().is_none()) {
        let why =
            "there is no address of its own, by which it could be dialled; istiod allocates one in status.addresses";
        tell("spec.addresses", why.to_owned());
    }
    let selected = || selected::workloads(entry, workloads);
    for workload in spec.endpoints.iter().chain(selected()).filter(|workload| is_remote(workload)) {
        let why = format!("{} is of network {}, which a waypoint does not reach", workload.address, workload.network);
        tell("spec.endpoints", why);
    }
    let is_named = |workload: &&EntryEndpoint| workload.address.parse::<IpAddr>().is_err();
    match spec.resolution.as_str() {
        "STATIC" => spec.endpoints.iter().chain(selected()).filter(is_named).for_each(|workload| {
            tell("spec.endpoints", format!("{:?} is no IP address, as resolution STATIC has it", workload.address));
        }),
        _ if spec.endpoints.iter().any(|workload| is_named(&workload)) && spec.endpoints.len() > 1 => {
            tell("spec.endpoints", "beside a name of DNS others are not served; the first name is".to_owned());
        }
        _ => {}
    }
    if spec.workload_selector.is_some() && spec.resolution != "STATIC" {
        tell("spec.workloadSelector", "it selects with resolution STATIC only".to_owned());
    }
    flaws
}

impl Snapshot {
    /// Keeps the hosts of a namespace's ServiceEntries as they are now; answers those that differ.
    pub(super) fn refresh_hosts(&mut self, namespace: &str) -> Vec<ObjectName> {
        let first = ObjectName::new(namespace, "");
        let in_namespace = |name: &ObjectName| *name.namespace == *namespace;
        let entries = self.entries.range(first.clone()..).take_while(|(name, _)| in_namespace(name));
        let mut entries: Vec<_> = entries.map(|(_, entry)| entry.clone()).collect();
        entries.sort_by(|a, b| (&a.meta.created, &a.meta.name).cmp(&(&b.meta.created, &b.meta.name)));
        let mut hosts = BTreeMap::new();
        for entry in &entries {
            for name in served_hosts(entry) {
                hosts.entry(name).or_insert(entry);
            }
        }
        let known = self.services.range(first..).take_while(|(name, _)| in_namespace(name));
        let gone = known.map(|(name, _)| name).filter(|name| name.is_host() && !hosts.contains_key(*name));
        let mut touched: Vec<_> = gone.cloned().collect();
        for name in &touched {
            self.services.remove(name);
            self.slices.remove(name);
        }
        for (name, entry) in hosts {
            let found = found(entry, &name, &self.workloads, &self.pods);
            let service = service(entry, &name, &found);
            let slices = match found {
                Found::Static(slices) => slices,
                Found::Named(..) => Slices::default(),
            };
            let same = self.services.get(&name).is_some_and(|known| **known == service)
                && self.slices.get(&name).map_or(slices.is_empty(), |known| *known == slices);
            if !same {
                if self.services.get(&name).is_none_or(|known| **known != service) {
                    self.services.insert(name.clone(), Arc::new(service));
                }
                self.slices.insert(name.clone(), slices);
                touched.push(name);
            }
        }
        touched
    }
}

fn resolves(resolution: &str) -> bool {
    matches!(resolution, "STATIC" | "DNS" | "DNS_ROUND_ROBIN")
}

fn is_served(host: &str) -> bool {
    !host.contains('*') && host.contains('.')
}

fn is_remote(workload: &EntryEndpoint) -> bool {
    !workload.network.is_empty()
}

/// An address, or a range that is one.
fn single(text: &str) -> Option<IpAddr> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let ip: IpAddr = address.parse().ok()?;
    let all = if ip.is_ipv4() { "32" } else { "128" };
    bits.is_none_or(|bits| bits == all).then_some(ip)
}

/// The addresses by which a host is dialled.
fn addresses<'e>(entry: &'e ServiceEntry, host: &'e str) -> impl Iterator<Item = IpAddr> + 'e {
    let given = entry.spec.addresses.iter().filter_map(|address| single(address));
    let allocated = entry.spec.allocated.iter().filter(move |(of, _)| of.is_empty() || of == host);
    let allocated = allocated.map(|(_, ip)| *ip).filter(|_| entry.spec.addresses.is_empty());
    given.chain(allocated)
}

fn found(entry: &ServiceEntry, name: &ObjectName, workloads: &Objects<WorkloadEntry>, pods: &Objects<Pod>) -> Found {
    let spec = &entry.spec;
    if spec.resolution != "STATIC" {
        let asked = spec.endpoints.iter().find(|workload| workload.address.parse::<IpAddr>().is_err());
        if let Some(workload) = asked {
            return Found::Named(workload.address.to_ascii_lowercase().into(), workload.ports.clone());
        }
        if spec.endpoints.is_empty() {
            return Found::Named(name.name.clone(), BTreeMap::new());
        }
    }
    let mut slices = Slices::default();
    let local =
        spec.endpoints.iter().chain(selected::workloads(entry, workloads)).filter(|workload| !is_remote(workload));
    for (place, workload) in local.enumerate() {
        let Ok(ip) = workload.address.parse::<IpAddr>() else { continue };
        // No EndpointSlice has such a name.
        let name = ObjectName::new(name.namespace.clone(), format!("{}#{place:06}", name.name));
        let endpoint = Endpoint { addresses: vec![ip.to_string()], ..Endpoint::default() };
        let slice = slice(&name, &spec.ports, &workload.ports, ip.is_ipv4(), vec![endpoint]);
        slices.put(name, Arc::new(slice));
    }
    put_pods(&mut slices, entry, name, pods);
    Found::Static(slices)
}

/// One slice of each family: all of the pods have the same ports.
fn put_pods(slices: &mut Slices, entry: &ServiceEntry, host: &ObjectName, pods: &Objects<Pod>) {
    let endpoint = |pod: &Pod, ip: &IpAddr| {
        let target = ObjectReference {
            kind: Some("Pod".to_owned()),
            name: Some(pod.name.name.to_string()),
            ..ObjectReference::default()
        };
        Endpoint { addresses: vec![ip.to_string()], target_ref: Some(target), ..Endpoint::default() }
    };
    for is_ipv4 in [true, false] {
        let of_pod = |pod: &Arc<Pod>| {
            let ips = pod.ips.iter().filter(|ip| ip.is_ipv4() == is_ipv4);
            ips.map(|ip| endpoint(pod, ip)).collect::<Vec<_>>()
        };
        let endpoints: Vec<_> = selected::pods(entry, pods).flat_map(of_pod).collect();
        if !endpoints.is_empty() {
            let family = if is_ipv4 { "IPv4" } else { "IPv6" };
            let name = ObjectName::new(host.namespace.clone(), format!("{}#pods-{family}", host.name));
            let slice = slice(&name, &entry.spec.ports, &BTreeMap::new(), is_ipv4, endpoints);
            slices.put(name, Arc::new(slice));
        }
    }
}

/// `of_endpoints`: the numbers that ports have at these endpoints, by their names.
fn slice(
    name: &ObjectName,
    ports: &[EntryPort],
    of_endpoints: &BTreeMap<String, u16>,
    is_ipv4: bool,
    endpoints: Vec<Endpoint>,
) -> EndpointSlice {
    let port = |port: &EntryPort| EndpointPort {
        name: Some(port.name.clone()),
        port: Some(target(port, of_endpoints).into()),
        ..EndpointPort::default()
    };
    EndpointSlice {
        address_type: if is_ipv4 { "IPv4" } else { "IPv6" }.to_owned(),
        endpoints: Some(endpoints),
        metadata: metadata(name),
        ports: Some(ports.iter().map(port).collect()),
    }
}

/// The number that a port has at an endpoint.
fn target(port: &EntryPort, of_endpoint: &BTreeMap<String, u16>) -> u16 {
    of_endpoint.get(&port.name).copied().or(port.target).unwrap_or(port.number)
}

fn service(entry: &ServiceEntry, name: &ObjectName, found: &Found) -> Service {
    let none = BTreeMap::new();
    let (named, ports) = match found {
        Found::Static(_) => (None, &none),
        Found::Named(name, ports) => (Some(name), ports),
    };
    let port = |port: &EntryPort| ServicePort {
        name: Some(port.name.clone()),
        port: port.number.into(),
        target_port: Some(IntOrString::Int(target(port, ports).into())),
        app_protocol: app_protocol(&port.protocol),
        ..ServicePort::default()
    };
    let addresses: Vec<String> = addresses(entry, &name.name).map(|ip| ip.to_string()).collect();
    let spec = ServiceSpec {
        type_: named.map(|_| "ExternalName".to_owned()),
        external_name: named.map(|name| name.to_string()),
        cluster_ip: addresses.first().cloned(),
        cluster_ips: Some(addresses),
        ports: Some(entry.spec.ports.iter().map(port).collect()),
        ..ServiceSpec::default()
    };
    let labels = Some(entry.meta.labels.clone()).filter(|labels| !labels.is_empty());
    Service { metadata: ObjectMeta { labels, ..metadata(name) }, spec: Some(spec), status: None }
}

/// A ServiceEntry's word for what a port speaks, as a Service's port has it. Where there is none the port's name tells.
fn app_protocol(protocol: &str) -> Option<String> {
    match protocol.to_ascii_lowercase().as_str() {
        "" => None,
        "http2" => Some("kubernetes.io/h2c".to_owned()),
        word => Some(word.to_owned()),
    }
}

fn metadata(name: &ObjectName) -> ObjectMeta {
    ObjectMeta {
        namespace: Some(name.namespace.to_string()),
        name: Some(name.name.to_string()),
        ..ObjectMeta::default()
    }
}
