//! Endpoints by whether they take new requests: ready ones, and those that only take them for want of others.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions};

use super::near::Here;

/// An endpoint that may be dialled, and where.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// What its slice says of it.
    pub(super) endpoint: &'a Endpoint,
    /// Its address, with the port.
    pub(super) address: SocketAddr,
}

/// Endpoints that are ready, and those that still serve while they terminate (KEP-1669).
#[derive(Default)]
pub(super) struct Tiers<'a> {
    ready: Tier<'a>,
    terminating: Tier<'a>,
}

impl<'a> Tiers<'a> {
    /// Where an endpoint belongs. `None`: it takes no requests.
    pub(super) fn of(&mut self, endpoint: &Endpoint, every_one_ready: bool) -> Option<&mut Tier<'a>> {
        let condition = |read: fn(&EndpointConditions) -> Option<bool>| endpoint.conditions.as_ref().and_then(read);
        let ready = condition(|conditions| conditions.ready).unwrap_or(true);
        let serving = condition(|conditions| conditions.serving).unwrap_or(ready);
        let terminating = condition(|conditions| conditions.terminating).unwrap_or(false);
        if ready || every_one_ready {
            Some(&mut self.ready)
        } else if serving && terminating {
            Some(&mut self.terminating)
        } else {
            None
        }
    }

    /// Who gets requests: of the ready ones those that are near. Where none is ready, those that terminate, wherever they
    /// are: a ready one far away counts over one nearby that is about to go.
    pub(super) fn addresses(self, here: &Here<'_>) -> Vec<SocketAddr> {
        let taken = if self.ready.is_empty() { self.terminating.all() } else { here.nearest(self.ready.all()) };
        let mut addresses: Vec<SocketAddr> = taken.iter().map(|candidate| candidate.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}

/// Endpoints of one tier: a pod counts once, whatever the number of its addresses.
#[derive(Default)]
pub(super) struct Tier<'a> {
    pods: BTreeMap<(&'a str, &'a str), Candidate<'a>>,
    others: Vec<Candidate<'a>>,
}

impl<'a> Tier<'a> {
    fn is_empty(&self) -> bool {
        self.pods.is_empty() && self.others.is_empty()
    }

    fn all(self) -> Vec<Candidate<'a>> {
        self.pods.into_values().chain(self.others).collect()
    }

    /// Takes in an endpoint. Of a pod's addresses one of the preferred family is kept.
    pub(super) fn add(&mut self, candidate: Candidate<'a>, prefers_ipv6: bool) {
        let Some(pod) = pod(candidate.endpoint) else { return self.others.push(candidate) };
        let rank = |candidate: &Candidate<'_>| (candidate.address.is_ipv6() != prefers_ipv6, candidate.address);
        self.pods
            .entry(pod)
            .and_modify(|kept| {
                if rank(&candidate) < rank(kept) {
                    *kept = candidate;
                }
            })
            .or_insert(candidate);
    }
}

/// What an endpoint stands for: a pod by kind and by uid, or by name where there is no uid.
fn pod(endpoint: &Endpoint) -> Option<(&str, &str)> {
    let target = endpoint.target_ref.as_ref()?;
    let identity = target.uid.as_ref().or(target.name.as_ref())?;
    Some((target.kind.as_deref().unwrap_or_default(), identity))
}
