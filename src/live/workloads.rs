//! The pods by address: what is told of who called, and of who was asked.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::api::Pod;
use crate::shared_map::SharedMap;
use crate::snapshot::PodChange;

type ByAddress = SharedMap<IpAddr, Arc<Pod>>;

/// The pods by address, as they are now.
#[derive(Debug, Default)]
pub struct Workloads {
    pods: ArcSwap<ByAddress>,
    version: AtomicU64,
}

impl Workloads {
    /// The pod that has an address; `None`: none that is seen.
    pub fn at(&self, address: IpAddr) -> Option<Arc<Pod>> {
        self.pods.load().get(&address.to_canonical()).cloned()
    }

    /// A number that differs once pods do.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes on what changed. Called by one thread at a time (the pipeline's).
    pub fn update(&self, changes: &[PodChange]) {
        if changes.is_empty() {
            return;
        }
        let mut pods = ByAddress::clone(&self.pods.load());
        for PodChange { before, now } in changes {
            // An address may have gone over to another pod before its last one was told to be gone.
            if let Some(pod) = before {
                let of_pod = |ip: &&IpAddr| pods.get(*ip).is_some_and(|other| other.name == pod.name);
                let left: Vec<IpAddr> = pod.ips.iter().filter(of_pod).copied().collect();
                left.iter().for_each(|ip| drop(pods.remove(ip)));
            }
            if let Some(pod) = now {
                pod.ips.iter().for_each(|ip| drop(pods.insert(*ip, pod.clone())));
            }
        }
        self.pods.store(Arc::new(pods));
        self.version.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ObjectName, Workload};

    fn pod(name: &str, ips: &[&str]) -> Arc<Pod> {
        let of = |text: &str| Arc::from(text);
        let (service, revision, account) = (of(name), of("latest"), of("default"));
        let workload = Workload { namespace: of("shop"), name: of(name), service, revision, account };
        let ips = ips.iter().map(|ip| ip.parse().expect("an address")).collect();
        Arc::new(Pod {
            name: ObjectName::new("shop", name),
            ips,
            workload,
            labels: Default::default(),
            label_set: Default::default(),
            ready: true,
        })
    }

    fn put(workloads: &Workloads, before: Option<&Arc<Pod>>, now: Option<&Arc<Pod>>) {
        workloads.update(&[PodChange { before: before.cloned(), now: now.cloned() }]);
    }

    fn at(workloads: &Workloads, ip: &str) -> Option<String> {
        workloads.at(ip.parse().expect("an address")).map(|pod| pod.workload.to_string())
    }

    #[test]
    fn a_pod_is_found_by_each_of_its_addresses_until_it_loses_them() {
        let workloads = Workloads::default();
        let before = pod("cart", &["10.0.0.1", "fd00::1"]);
        put(&workloads, None, Some(&before));
        for ip in ["10.0.0.1", "::ffff:10.0.0.1", "fd00::1"] {
            assert_eq!(at(&workloads, ip).as_deref(), Some("shop/cart"), "{ip}");
        }
        let now = pod("cart", &["10.0.0.1"]);
        put(&workloads, Some(&before), Some(&now));
        assert_eq!((at(&workloads, "fd00::1"), at(&workloads, "10.0.0.1").is_some()), (None, true));
        put(&workloads, Some(&now), None);
        assert_eq!(at(&workloads, "10.0.0.1"), None);
    }

    #[test]
    fn an_address_that_another_pod_has_got_stays_its() {
        let workloads = Workloads::default();
        let (old, new) = (pod("old", &["10.0.0.1"]), pod("new", &["10.0.0.1"]));
        put(&workloads, None, Some(&old));
        put(&workloads, None, Some(&new));
        put(&workloads, Some(&old), None);
        assert_eq!(at(&workloads, "10.0.0.1").as_deref(), Some("shop/new"));
    }
}
