//! Changes of a snapshot: one object put or removed, and what that touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Snapshot;
use crate::api::{EndpointSlice, Item, Kind, ObjectName, ObjectRef, Pod};

/// Label of an EndpointSlice: the Service that it belongs to.
const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// One object that came or went.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// New, or new in content.
    Put(Item),
    /// Gone.
    Remove(ObjectRef),
}

/// What a batch of changes touched, so that the pipeline does only what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Anything that compile reads for tables and conditions.
    pub configuration: bool,
    /// Services whose endpoints, ports or type may differ; sorted, each once.
    pub services: Vec<ObjectName>,
    /// Pods that came, went or differ, in the order in which they did.
    pub pods: Vec<PodChange>,
    /// Namespaces whose ServiceEntries, or what they select, may differ. Empty once their hosts are as they are now.
    pub(super) entries: BTreeSet<Arc<str>>,
}

/// A pod that came, went or differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodChange {
    /// As it was; `None`: it is new.
    pub before: Option<Arc<Pod>>,
    /// As it is; `None`: it is gone.
    pub now: Option<Arc<Pod>>,
}

impl Touched {
    /// Applies one change to the snapshot and notes what that touched.
    pub(super) fn apply(&mut self, snapshot: &mut Snapshot, change: Change) {
        match change {
            Change::Put(item) => self.put(snapshot, item),
            Change::Remove(object) => self.remove(snapshot, &object),
        }
    }

    fn put(&mut self, snapshot: &mut Snapshot, item: Item) {
        let name = item.reference().name;
        let differs = match item {
            Item::GatewayClass(object) => put(&mut snapshot.classes, name, object),
            Item::XMesh(object) => put(&mut snapshot.meshes, name, object),
            Item::Gateway(object) => put(&mut snapshot.gateways, name, object),
            Item::HttpRoute(object) => put(&mut snapshot.http_routes, name, object),
            Item::GrpcRoute(object) => put(&mut snapshot.grpc_routes, name, object),
            Item::TlsRoute(object) => put(&mut snapshot.tls_routes, name, object),
            Item::TcpRoute(object) => put(&mut snapshot.tcp_routes, name, object),
            Item::ReferenceGrant(object) => put(&mut snapshot.grants, name, object),
            Item::Secret(object) => put(&mut snapshot.secrets, name, object),
            Item::Namespace(object) => put(&mut snapshot.namespaces, name, object),
            Item::PingwayParameters(object) => put(&mut snapshot.parameters, name, object),
            Item::ServiceEntry(object) => {
                let differs = put(&mut snapshot.entries, name.clone(), object);
                self.entries.extend(differs.then_some(name.namespace));
                differs
            }
            Item::WorkloadEntry(object) => {
                let differs = put(&mut snapshot.workloads, name.clone(), object);
                self.entries.extend(differs.then_some(name.namespace));
                differs
            }
            Item::Policy(object) => {
                put(&mut snapshot.policies, ObjectRef { kind: Kind::Policy(object.spec.kind), name }, object)
            }
            Item::Service(object) => {
                let differs = put(&mut snapshot.services, name.clone(), object);
                self.services.extend(differs.then_some(name));
                differs
            }
            Item::Pod(object) => {
                let before = snapshot.pods.get(&name).cloned();
                let differs = put(&mut snapshot.pods, name, object.clone());
                return self.pod(snapshot, differs.then_some(PodChange { before, now: Some(object) }));
            }
            Item::EndpointSlice(object) => return self.put_slice(snapshot, &name, object),
        };
        self.configuration |= differs;
    }

    fn remove(&mut self, snapshot: &mut Snapshot, object: &ObjectRef) {
        let name = &object.name;
        let was_there = match object.kind {
            Kind::GatewayClass => snapshot.classes.remove(name).is_some(),
            Kind::XMesh => snapshot.meshes.remove(name).is_some(),
            Kind::Gateway => snapshot.gateways.remove(name).is_some(),
            Kind::HttpRoute => snapshot.http_routes.remove(name).is_some(),
            Kind::GrpcRoute => snapshot.grpc_routes.remove(name).is_some(),
            Kind::TlsRoute => snapshot.tls_routes.remove(name).is_some(),
            Kind::TcpRoute => snapshot.tcp_routes.remove(name).is_some(),
            Kind::ReferenceGrant => snapshot.grants.remove(name).is_some(),
            Kind::Secret => snapshot.secrets.remove(name).is_some(),
            Kind::Namespace => snapshot.namespaces.remove(name).is_some(),
            Kind::PingwayParameters => snapshot.parameters.remove(name).is_some(),
            Kind::ServiceEntry => {
                let was_there = snapshot.entries.remove(name).is_some();
                self.entries.extend(was_there.then(|| name.namespace.clone()));
                was_there
            }
            Kind::WorkloadEntry => {
                let was_there = snapshot.workloads.remove(name).is_some();
                self.entries.extend(was_there.then(|| name.namespace.clone()));
                was_there
            }
            Kind::Policy(_) => snapshot.policies.remove(object).is_some(),
            Kind::Service => {
                let was_there = snapshot.services.remove(name).is_some();
                self.services.extend(was_there.then(|| name.clone()));
                was_there
            }
            Kind::Pod => {
                let before = snapshot.pods.remove(name);
                return self.pod(snapshot, before.is_some().then_some(PodChange { before, now: None }));
            }
            Kind::EndpointSlice => return self.remove_slice(snapshot, name, None),
        };
        self.configuration |= was_there;
    }

    /// A ServiceEntry that selects a pod, or did, has other endpoints.
    fn pod(&mut self, snapshot: &Snapshot, change: Option<PodChange>) {
        let Some(change) = change else { return };
        for pod in [&change.before, &change.now].into_iter().flatten().filter(|pod| snapshot.is_selected(pod)) {
            self.entries.insert(pod.name.namespace.clone());
        }
        self.pods.push(change);
    }

    /// A slice goes to the Service that its label names; from another, that it named before, it goes away.
    fn put_slice(&mut self, snapshot: &mut Snapshot, name: &ObjectName, mut slice: Arc<EndpointSlice>) {
        // Where it is kept says the same, and thousands of maps of one entry are much memory.
        let labels = Arc::make_mut(&mut slice).metadata.labels.take();
        let label = labels.as_ref().and_then(|labels| labels.get(SERVICE_NAME_LABEL));
        let owner = label.map(|service| ObjectName::new(name.namespace.clone(), service.as_str()));
        let known =
            owner.as_ref().is_some_and(|owner| snapshot.slices.get(owner).is_some_and(|slices| slices.contains(name)));
        if !known {
            self.remove_slice(snapshot, name, owner.as_ref());
        }
        if let Some(owner) = owner
            && snapshot.slices.entry(owner.clone()).or_default().put(name.clone(), slice)
        {
            self.services.push(owner);
        }
    }

    /// Takes a slice from whatever Service has it. The Service's own name is not known, so its namespace is searched.
    fn remove_slice(&mut self, snapshot: &mut Snapshot, name: &ObjectName, except: Option<&ObjectName>) {
        let first = ObjectName::new(name.namespace.clone(), "");
        let in_namespace =
            snapshot.slices.range_mut(first..).take_while(|(owner, _)| owner.namespace == name.namespace);
        let mut emptied = None;
        for (owner, slices) in in_namespace.filter(|(owner, _)| Some(*owner) != except) {
            if slices.remove(name) {
                self.services.push(owner.clone());
                emptied = slices.is_empty().then(|| owner.clone());
                break;
            }
        }
        if let Some(owner) = emptied {
            snapshot.slices.remove(&owner);
        }
    }
}

/// Puts an object; keeps the old `Arc` where the content is equal. Answers whether anything differs.
fn put<N: Ord, T: PartialEq>(objects: &mut BTreeMap<N, Arc<T>>, name: N, object: Arc<T>) -> bool {
    match objects.get(&name) {
        Some(old) if **old == *object => false,
        _ => {
            objects.insert(name, object);
            true
        }
    }
}
