//! Gateways: which are ours, and where they are opened.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::class::Classes;
use super::conflict::{self, Claims};
use super::grant::Grants;
use super::ground::Ground;
use super::listener::{Judge, Verdict};
use super::mesh::{self, Binding};
use super::parameters::judge_gateway;
use super::parent::{View, Views};
use super::verdict::Refusal;
use super::{Memo, Options, Placement};
use crate::api::{Gateway, GatewayAddress, GatewayClass, Kind, ObjectName, ObjectRef};
use crate::snapshot::{Objects, Snapshot};
use crate::status::Reason;

/// A Gateway of ours, and what was found of it.
pub(super) struct Resolved<'s> {
    pub(super) object: &'s Arc<Gateway>,
    /// Its class.
    pub(super) class: &'s Arc<GatewayClass>,
    pub(super) view: Arc<View>,
    /// Accepted, or why not. A Gateway with some good listeners is accepted.
    pub(super) accepted: Result<(), Refusal>,
    /// The addresses asked for; `None`: any.
    pub(super) addresses: Vec<Option<IpAddr>>,
    pub(super) listeners: Vec<Verdict>,
    /// How ztunnel hands connections over.
    pub(super) binding: Binding,
    /// What is known of where it is served.
    pub(super) ground: Ground<'s>,
}

/// Resolves the Gateways of our classes; answers them by name. Gateways of other classes are passed over.
pub(super) fn resolve<'s>(
    snapshot: &'s Snapshot,
    options: &Options,
    classes: &Classes,
    grants: &Grants<'_>,
    memo: &mut Memo,
) -> Vec<Resolved<'s>> {
    let mut claims = Claims::default();
    let mut gateways = Vec::new();
    for gateway in by_age(&snapshot.gateways) {
        let class_name = ObjectName::cluster(gateway.spec.gateway_class_name.as_str());
        let Some((class, class_object)) = classes.get(&class_name).zip(snapshot.classes.get(&class_name)) else {
            continue;
        };
        let placement = options.placement;
        let (addresses, mut accepted) = addresses(&gateway.spec.addresses, placement);
        if let Err(refusal) = judge_whole(snapshot, options, gateway, class) {
            accepted = Err(refusal);
        }
        let opened_on = if placement == Placement::Pods { &[None] } else { addresses.as_slice() };
        let binding = mesh::binding(gateway, class_object);
        let judge = Judge { gateway, snapshot, grants, addresses: opened_on, options, binding };
        let mut listeners: Vec<Verdict> =
            gateway.spec.listeners.iter().map(|listener| judge.judge(listener, &mut memo.certificates)).collect();
        conflict::mark(&gateway.spec.listeners, &mut listeners);
        if accepted.is_ok() {
            claims.claim(&gateway.meta.name, &mut listeners, options);
        }
        conflict::mark_overlaps(&mut listeners);
        for verdict in &mut listeners {
            verdict.view.serves = accepted.is_ok() && verdict.serves();
        }
        if accepted.is_ok() && listeners.iter().all(|verdict| verdict.accepted.is_err()) {
            accepted = Err(Refusal::new(Reason::ListenersNotValid, "no listener is accepted"));
        }
        let view = view(gateway, &listeners, &memo.history.views);
        let ground = Ground::of(gateway, placement, &snapshot.observed);
        gateways.push(Resolved {
            object: gateway,
            class: class_object,
            view,
            accepted,
            addresses,
            listeners,
            binding,
            ground,
        });
    }
    memo.certificates.turn();
    gateways.sort_by(|a, b| a.view.object.cmp(&b.view.object));
    gateways
}

/// The views of Gateways.
pub(super) fn views<'g>(gateways: &'g [Resolved<'_>]) -> impl Iterator<Item = (ObjectRef, Arc<View>)> + 'g {
    gateways.iter().map(|gateway| (gateway.view.object.clone(), gateway.view.clone()))
}

/// Oldest first, then by name.
fn by_age(gateways: &Objects<Gateway>) -> Vec<&Arc<Gateway>> {
    let mut sorted: Vec<_> = gateways.values().collect();
    sorted.sort_by(|a, b| (&a.meta.created, &a.meta.name).cmp(&(&b.meta.created, &b.meta.name)));
    sorted
}

/// Whether what it stands on as a whole is good: its class, and its parameters.
fn judge_whole(
    snapshot: &Snapshot,
    options: &Options,
    gateway: &Gateway,
    class: &Result<(), Refusal>,
) -> Result<(), Refusal> {
    if let Err(refusal) = class {
        let message = format!("its GatewayClass is not accepted: {}", refusal.message);
        return Err(Refusal::new(refusal.reason, message));
    }
    judge_gateway(snapshot, gateway, options)
}

/// The addresses asked for, each once; `None`: any, as where none is asked for.
fn addresses(specs: &[GatewayAddress], placement: Placement) -> (Vec<Option<IpAddr>>, Result<(), Refusal>) {
    let mut addresses = BTreeSet::new();
    for (index, spec) in specs.iter().enumerate() {
        let unsupported =
            |what: String| Refusal::new(Reason::UnsupportedAddress, format!("spec.addresses[{index}]: {what}"));
        match spec.kind.as_deref().unwrap_or("IPAddress") {
            "IPAddress" => match spec.value.as_deref().unwrap_or_default() {
                "" => {
                    addresses.insert(None);
                }
                text => match text.parse() {
                    Ok(address) => {
                        addresses.insert(Some(address));
                    }
                    Err(_) => return (Vec::new(), Err(unsupported(format!("{text:?} is not an IP address")))),
                },
            },
            other => return (Vec::new(), Err(unsupported(format!("type {other} is not supported; IPAddress is")))),
        }
    }
    // Opened on every address, it takes the others in.
    let any = placement == Placement::Process && addresses.contains(&None);
    if any || addresses.is_empty() {
        return (vec![None], Ok(()));
    }
    (addresses.into_iter().collect(), Ok(()))
}

fn view(gateway: &Gateway, listeners: &[Verdict], before: &Views) -> Arc<View> {
    let object = ObjectRef { kind: Kind::Gateway, name: gateway.meta.name.clone() };
    let listeners = listeners.iter().map(|verdict| verdict.view.clone()).collect();
    View { object, listeners, services: Vec::new() }.or_known(before)
}
