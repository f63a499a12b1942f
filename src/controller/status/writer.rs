//! The writer: which statuses are to be written, and when.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::runtime::events::Reporter;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::complaint::{Complaint, complaints};
use super::merge::{Merged, own_status, route_status};
use super::patch::{tell, write};
use crate::api::{Kind, ObjectName, ObjectRef};
use crate::controller::{CONTROLLER, retry};
use crate::source::Live;
use crate::source::kubernetes::words;
use crate::status::features::{MESH_FEATURES, SUPPORTED_FEATURES};
use crate::status::{ClassStatus, Statuses, render};
use crate::telemetry::label::WriteResult;

/// Writes at once.
const IN_FLIGHT: usize = 16;
/// Shortest time between two writes of one object: what a burst changes is written once.
const PACE: Duration = Duration::from_millis(500);
/// A Gateway that was programmed and is edited has replicas that serve the edit in a moment. Only if none does within this time
/// is it written that it is pending.
const PATIENCE: Duration = Duration::from_secs(3);

/// What came of a write.
pub(in crate::controller) struct Wrote {
    object: ObjectRef,
    answer: kube::Result<Live>,
}

/// Which statuses are to be written, and what is known of those that are there.
pub(in crate::controller) struct Writer {
    client: Client,
    reporter: Reporter,
    wrote: UnboundedSender<Wrote>,
    // By trees, which give back what a hash table would keep for the most that it ever held.
    live: BTreeMap<ObjectRef, Live>,
    /// What compile wants them to say.
    wanted: Statuses,
    /// Gateways whose class is missing: what statuses say of them stays.
    orphans: BTreeSet<ObjectName>,
    /// Gateways that were ours and are another's now: what was said of them is to be taken back.
    left: BTreeSet<ObjectName>,
    /// To be looked at, in the order of their kinds.
    dirty: BTreeSet<ObjectRef>,
    busy: HashSet<ObjectRef>,
    /// Not before; with the failures that followed each other.
    later: BTreeMap<ObjectRef, (Instant, u32)>,
    /// Since when a Gateway that was programmed is pending, or one that was refused something is not.
    pending: BTreeMap<ObjectRef, Instant>,
}

impl Writer {
    /// Nothing known yet. What comes of writes goes to `wrote`. `instance` names this process.
    pub(in crate::controller) fn new(client: Client, instance: &str, wrote: UnboundedSender<Wrote>) -> Self {
        Self {
            reporter: reporter(instance),
            client,
            wrote,
            live: BTreeMap::new(),
            wanted: Statuses::default(),
            orphans: BTreeSet::new(),
            left: BTreeSet::new(),
            dirty: BTreeSet::new(),
            busy: HashSet::new(),
            later: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }

    /// The API server has this.
    pub(in crate::controller) fn see(&mut self, live: Live) {
        let known = self.live.get(&live.object);
        // An answer to a write overtakes the watch.
        let version = |live: &Live| live.resource_version.parse::<u64>().unwrap_or_default();
        if known.is_some_and(|known| known.uid == live.uid && version(known) > version(&live)) {
            return;
        }
        if known.is_none_or(|known| known.status != live.status || known.uid != live.uid) {
            self.dirty.insert(live.object.clone());
        }
        if known.is_some_and(|known| known.version != live.version) {
            // What failed was in a version that may not be served any more.
            self.later.remove(&live.object);
        }
        self.live.insert(live.object.clone(), live);
    }

    /// The object is gone.
    pub(in crate::controller) fn forget(&mut self, object: &ObjectRef) {
        self.live.remove(object);
        self.later.remove(object);
        self.pending.remove(object);
        if object.kind == Kind::Gateway {
            self.left.remove(&object.name);
        }
    }

    /// `status.addresses` of a Gateway, as they are.
    pub(in crate::controller) fn addresses(&self, gateway: &ObjectName) -> &Value {
        let object = ObjectRef { kind: Kind::Gateway, name: gateway.clone() };
        self.live.get(&object).map_or(&Value::Null, |live| &live.status["addresses"])
    }

    /// Compile says this now; of `orphans`, Gateways whose class is missing, it says nothing, and what is written of them stays.
    /// It costs what differs, not what there is.
    pub(in crate::controller) fn want(&mut self, statuses: &Statuses, orphans: BTreeSet<ObjectName>) {
        let were_ours = self.wanted.gateways.keys().chain(&self.orphans);
        let left = were_ours.filter(|name| !statuses.gateways.contains_key(*name) && !orphans.contains(*name));
        self.left.extend(left.cloned());
        self.left.retain(|name| !statuses.gateways.contains_key(name) && !orphans.contains(name));
        let gateways = self.left.iter().map(|name| ObjectRef { kind: Kind::Gateway, name: name.clone() });
        self.dirty.extend(gateways.filter(|gateway| self.live.contains_key(gateway)));
        self.orphans = orphans;
        let before = std::mem::replace(&mut self.wanted, Statuses { warnings: Vec::new(), ..statuses.clone() });
        self.dirty.extend(different(Kind::GatewayClass, &before.classes, &statuses.classes));
        self.dirty.extend(different(Kind::XMesh, &before.meshes, &statuses.meshes));
        self.dirty.extend(different(Kind::Gateway, &before.gateways, &statuses.gateways));
        before.routes.different_entries(&statuses.routes, |was, is| match (was, is) {
            (Some((_, was)), Some((_, is))) if Arc::ptr_eq(was, is) || was == is => {}
            (Some((route, _)), _) | (None, Some((route, _))) => drop(self.dirty.insert(route.clone())),
            (None, None) => {}
        });
    }

    /// Something came of a write. Answers what.
    pub(in crate::controller) fn take(&mut self, Wrote { object, answer }: Wrote) -> WriteResult {
        self.busy.remove(&object);
        let error = match answer {
            Ok(live) => {
                if object.kind == Kind::Gateway {
                    self.left.remove(&object.name);
                }
                self.later.insert(object, (Instant::now() + PACE, 0));
                self.see(live);
                return WriteResult::Done;
            }
            Err(error) => error,
        };
        // Changed or gone meanwhile, which the watch tells.
        let conflict = matches!(&error, kube::Error::Api(status) if matches!(status.code, 404 | 409));
        if conflict {
            debug!(%object, "{}", words(&error));
        } else {
            warn!("the status of {object} cannot be written: {}", words(&error));
        }
        let failures = self.later.get(&object).map_or(0, |(_, failures)| *failures) + 1;
        self.later.insert(object.clone(), (Instant::now() + retry(failures), failures));
        self.dirty.insert(object);
        if conflict { WriteResult::Conflict } else { WriteResult::Failed }
    }

    /// Writes what is to be written now. Answers when there is more to do, if nothing else happens.
    pub(in crate::controller) fn flush(&mut self, now: Instant) -> Option<Instant> {
        let mut wake: Option<Instant> = None;
        let mut next = self.dirty.first().cloned();
        while let Some(object) = next {
            next = self.dirty.range((Bound::Excluded(&object), Bound::Unbounded)).next().cloned();
            if self.busy.len() >= IN_FLIGHT {
                // Woken by what comes of them.
                break;
            }
            if self.busy.contains(&object) {
                continue;
            }
            if let Some(at) = self.later.get(&object).map(|(at, _)| *at).filter(|at| *at > now) {
                wake = Some(wake.map_or(at, |wake| wake.min(at)));
                continue;
            }
            let Some((live, status)) = self.due(&object) else {
                self.dirty.remove(&object);
                continue;
            };
            if let Some(until) = self.holds_back(&object, &live, &status, now) {
                wake = Some(wake.map_or(until, |wake| wake.min(until)));
                continue;
            }
            self.dirty.remove(&object);
            self.busy.insert(object.clone());
            let complaints = complaints(&live.status, &status);
            self.spawn(live, status, complaints);
        }
        self.later.retain(|object, (at, failures)| *at > now || (*failures > 0 && self.live.contains_key(object)));
        wake
    }

    /// What is to be written of an object now, if anything.
    fn due(&self, object: &ObjectRef) -> Option<(Live, Value)> {
        let live = self.live.get(object)?;
        let now = Timestamp::now();
        let merged = match object.kind {
            Kind::GatewayClass => class_status(live, self.wanted.classes.get(&object.name)?, SUPPORTED_FEATURES, now),
            Kind::XMesh => class_status(live, self.wanted.meshes.get(&object.name)?, MESH_FEATURES, now),
            Kind::Gateway if self.left.contains(&object.name) => return Some((live.clone(), json!({}))),
            Kind::Gateway => own_status(&live.status, render::gateway(self.wanted.gateways.get(&object.name)?, now)),
            kind if kind.is_route() => {
                let wanted = self.wanted.routes.get(object).map(|status| render::route(status, now));
                let stays = |parent: &Value| {
                    let namespace = parent["namespace"].as_str().unwrap_or(&object.name.namespace);
                    let is_gateway = parent["kind"].as_str().is_none_or(|kind| kind == Kind::Gateway.as_str());
                    let name = ObjectName::new(namespace, parent["name"].as_str().unwrap_or_default());
                    is_gateway && self.orphans.contains(&name)
                };
                route_status(&live.status, &wanted.unwrap_or(Value::Null), stays)
            }
            _ => return None,
        };
        match merged {
            Merged::Differs(status) => Some((live.clone(), status)),
            Merged::Same | Merged::Newer => None,
        }
    }

    /// Until when a write waits that would only say for a moment that a Gateway is pending, or that nothing is refused any more.
    fn holds_back(&mut self, object: &ObjectRef, live: &Live, status: &Value, now: Instant) -> Option<Instant> {
        let find = |status: &Value, kind: &str| -> Option<Value> {
            let conditions = status["conditions"].as_array()?;
            conditions.iter().find(|condition| condition["type"] == kind).cloned()
        };
        let is_refused = |status: &Value| find(status, "pingway.dev/Provisioned").is_some();
        let waits = find(&live.status, "Programmed").is_some_and(|before| before["status"] == "True")
            && find(status, "Programmed")
                .is_some_and(|now| now["reason"] == "Pending" || now["reason"] == "NoResources");
        // Who has just taken the lead has not been refused yet.
        let turns = object.kind == Kind::Gateway && (waits || (is_refused(&live.status) && !is_refused(status)));
        if !turns {
            self.pending.remove(object);
            return None;
        }
        let until = *self.pending.entry(object.clone()).or_insert(now) + PATIENCE;
        (until > now).then_some(until)
    }

    fn spawn(&self, live: Live, status: Value, complaints: BTreeSet<Complaint>) {
        let (client, reporter, wrote) = (self.client.clone(), self.reporter.clone(), self.wrote.clone());
        tokio::spawn(async move {
            let answer = write(client.clone(), &live, status).await;
            let told = answer.is_ok();
            // The loop has ended: nobody is left to be told.
            let _ = wrote.send(Wrote { object: live.object.clone(), answer });
            if told {
                tell(&client, &reporter, &live.object, &live.uid, complaints).await;
            }
        });
    }
}

/// What is to be written of a class, or a mesh, that declares these features.
fn class_status(live: &Live, status: &ClassStatus, features: &[&str], now: Timestamp) -> Merged {
    let mut wanted = render::class(status, now);
    wanted["supportedFeatures"] = features.iter().map(|name| json!({ "name": name })).collect();
    own_status(&live.status, wanted)
}

/// Whom Events are from. `instance` names this process.
pub(in crate::controller) fn reporter(instance: &str) -> Reporter {
    Reporter { controller: CONTROLLER.to_owned(), instance: Some(instance.to_owned()) }
}

/// What is not in both as it is in the other.
fn different<T: PartialEq>(
    kind: Kind,
    before: &BTreeMap<ObjectName, T>,
    now: &BTreeMap<ObjectName, T>,
) -> Vec<ObjectRef> {
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    let new = now.iter().filter(|(name, status)| before.get(*name) != Some(*status)).map(|(name, _)| name);
    gone.chain(new).map(|name| ObjectRef { kind, name: name.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response, StatusCode};
    use kube::client::Body;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::api::CONTROLLER_NAME;

    /// What a client sends is answered by 404, unless it asks for `v1`: then by what it sent.
    fn client() -> Client {
        let answer = |request: Request<Body>| async move {
            let is_known = request.uri().path().contains("/v1/");
            let body = request.into_body().collect_bytes().await.expect("a body");
            let not_found = json!({ "kind": "Status", "code": 404, "reason": "NotFound", "message": "no" });
            let (status, body) = if is_known {
                (StatusCode::OK, body.to_vec())
            } else {
                (StatusCode::NOT_FOUND, not_found.to_string().into_bytes())
            };
            Ok::<_, Infallible>(Response::builder().status(status).body(Body::from(body)).expect("an answer"))
        };
        Client::new(tower::service_fn(answer), "x")
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_that_comes_in_another_version_waits_for_no_failure_of_the_one_before() {
        let (wrote, mut written) = unbounded_channel();
        let mut writer = Writer::new(client(), "x", wrote);
        let object = ObjectRef { kind: Kind::TcpRoute, name: ObjectName::new("shop", "echo") };
        let live = |version| Live {
            object: object.clone(),
            version,
            uid: "1".into(),
            resource_version: "5".to_owned(),
            // Of a parent that it has no more, which is to be taken back.
            status: json!({ "parents": [{ "controllerName": CONTROLLER_NAME, "parentRef": { "name": "web" } }] }),
        };
        writer.see(live("v1alpha2"));
        for _ in 0..5 {
            if let Some(at) = writer.flush(Instant::now()) {
                tokio::time::sleep_until(at).await;
                assert_eq!(writer.flush(Instant::now()), None);
            }
            assert_eq!(writer.take(written.recv().await.expect("an answer")), WriteResult::Conflict);
        }
        assert!(writer.flush(Instant::now()).is_some(), "it waits");
        writer.see(live("v1"));
        assert_eq!(writer.flush(Instant::now()), None);
        assert_eq!(writer.take(written.recv().await.expect("an answer")), WriteResult::Done);
    }
}
