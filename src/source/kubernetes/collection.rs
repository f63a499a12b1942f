//! What all watches have told, as changes and problems.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::DynamicObject;
use serde_json::Value;

use super::resource::version;
use super::watched::Watched;
use super::watching::{Failure, Told, name};
use crate::api::decode::{Decoded, decode};
use crate::api::{Item, Kind, ObjectName, ObjectRef};
use crate::snapshot::{Change, Scope};
use crate::source::{Live, Origin, Problem, ProblemKind, SourceEvent};

/// What the watches have told.
#[derive(Debug, Default)]
pub(super) struct Collection {
    watches: BTreeMap<Watched, Heard>,
    /// Changes since the last event.
    changes: Vec<Change>,
    /// Whether statuses are kept: who sees all Gateways writes them.
    keeps_statuses: bool,
    /// Statuses that were seen since the last event.
    live: Vec<Live>,
    /// Whether problems differ from those of the last event.
    problems_differ: bool,
    /// An event has gone out: the first waits for every watch.
    begun: bool,
    /// What is seen, once every watch of it has answered; taken by the event that tells so.
    scope: Option<Scope>,
    /// The class of the one Gateway that is seen.
    class: Option<ObjectName>,
    /// Classes that went, and are kept as they were: only for who serves one Gateway.
    kept_classes: BTreeSet<ObjectName>,
    /// What the last event said of that class.
    class_problem: Option<Problem>,
}

/// What one watch has told.
#[derive(Debug, Default)]
struct Heard {
    /// It has listed, or was refused.
    answered: bool,
    known: BTreeSet<ObjectName>,
    failure: Option<Failure>,
    /// What is wrong with single objects.
    problems: BTreeMap<ObjectName, Problem>,
}

impl Collection {
    /// A watch has been started.
    pub(super) fn expect(&mut self, watched: Watched) {
        self.watches.insert(watched, Heard::default());
    }

    /// A scope begins. Forgets the watches that it does not have; their objects are gone.
    pub(super) fn begin(&mut self, scope: Scope, wanted: &BTreeSet<Watched>) {
        self.keeps_statuses = scope.gateway.is_none();
        self.scope = Some(scope);
        let left: Vec<Watched> = self.watches.keys().filter(|watched| !wanted.contains(*watched)).cloned().collect();
        for watched in left {
            let heard = self.watches.remove(&watched).unwrap_or_default();
            self.problems_differ |= !heard.problems.is_empty() || heard.failure.is_some();
            for name in heard.known {
                self.changes.push(Change::Remove(ObjectRef { kind: watched.kind, name }));
            }
        }
    }

    /// Takes in what a watch told. One that is not expected any more is of no concern.
    pub(super) fn take(&mut self, watched: &Watched, told: Told) {
        let Some(heard) = self.watches.get_mut(watched) else { return };
        let (gone, problems_differ) = match told {
            Told::Seen(object) => return self.seen(watched, *object),
            Told::Gone(name) => (BTreeSet::from([name]), false),
            Told::Listed(names) => {
                heard.answered = true;
                (heard.known.difference(&names).cloned().collect(), heard.failure.take().is_some())
            }
            // A kind that the API server does not know has no objects. Another refusal is no such answer: what was there stays.
            Told::Failed(failure) => {
                let gone = if failure == Failure::NotInstalled { heard.known.clone() } else { BTreeSet::new() };
                heard.answered |= !matches!(failure, Failure::Away(_));
                let differs = heard.failure.as_ref() != Some(&failure);
                heard.failure = Some(failure);
                (gone, differs)
            }
        };
        self.problems_differ |= problems_differ;
        for name in gone {
            heard.known.remove(&name);
            self.problems_differ |= heard.problems.remove(&name).is_some();
            if watched.kind == Kind::GatewayClass && !self.keeps_statuses {
                // A Gateway is served by its class as it was: one that is missing is not another's.
                self.kept_classes.insert(name);
                continue;
            }
            if watched.kind == Kind::Gateway {
                self.class = None;
            }
            self.changes.push(Change::Remove(ObjectRef { kind: watched.kind, name }));
        }
    }

    /// What is to be told, if anything: nothing before every watch has answered.
    pub(super) fn event(&mut self) -> Option<SourceEvent> {
        let whole = self.watches.values().all(|heard| heard.answered);
        let scope = if whole { self.scope.take() } else { None };
        let class_problem = self.missing_class();
        self.problems_differ |= class_problem != self.class_problem;
        let news = !self.changes.is_empty() || !self.live.is_empty() || self.problems_differ || scope.is_some();
        if !(self.begun || whole) || !news {
            return None;
        }
        self.class_problem.clone_from(&class_problem);
        self.begun = true;
        self.problems_differ = false;
        let failures = self.watches.iter().filter_map(|(watched, heard)| problem(watched, heard.failure.as_ref()?));
        let mut problems: Vec<Problem> =
            failures.chain(self.watches.values().flat_map(|heard| heard.problems.values().cloned())).collect();
        problems.extend(class_problem);
        problems.sort();
        let (changes, live) = (std::mem::take(&mut self.changes), std::mem::take(&mut self.live));
        Some(SourceEvent { changes, problems, scope, live })
    }

    /// What is wrong where the class of the one Gateway that is seen is not there.
    fn missing_class(&self) -> Option<Problem> {
        let name = self.class.as_ref().filter(|_| !self.keeps_statuses)?;
        let (_, heard) = self.watches.iter().find(|(watched, _)| watched.kind == Kind::GatewayClass)?;
        let kept = self.kept_classes.contains(name);
        // Who has never listed does not know that it is missing.
        if heard.known.contains(name) || !(kept || (heard.answered && heard.failure.is_none())) {
            return None;
        }
        let object = ObjectRef { kind: Kind::GatewayClass, name: name.clone() };
        let message = if kept {
            "it is gone, and the Gateway is served by what it last was; a pod that starts now is not ready"
        } else {
            "the Gateway's class is missing: nothing is served before there is one"
        };
        Some(Problem {
            origin: Origin::Api { object: object.clone() },
            object: object.to_string(),
            field: String::new(),
            kind: ProblemKind::NoClass,
            message: message.to_owned(),
        })
    }

    fn seen(&mut self, watched: &Watched, mut object: DynamicObject) {
        let Some(heard) = self.watches.get_mut(watched) else { return };
        let name = name(&object);
        let reference = ObjectRef { kind: watched.kind, name: name.clone() };
        // One that hears of objects is not away.
        self.problems_differ |= heard.failure.take().is_some();
        heard.known.insert(name.clone());
        let before = heard.problems.remove(&name);
        if self.keeps_statuses && has_status(watched.kind) {
            self.live.push(take_live(&mut object, reference.clone()));
        }
        let wrong = match serde_json::to_value(object).map(decode) {
            Ok(Ok(Decoded::Item(item))) => {
                let flaw = item.flaw().cloned();
                match &item {
                    Item::Gateway(gateway) => {
                        self.class = Some(ObjectName::cluster(gateway.spec.gateway_class_name.as_str()));
                    }
                    Item::GatewayClass(class) => drop(self.kept_classes.remove(&class.meta.name)),
                    _ => {}
                }
                self.changes.push(Change::Put(item));
                flaw.map(|error| (error.object, error.field.to_string(), error.message))
            }
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some((error.object, error.field.to_string(), error.message)),
            Err(error) => Some((reference.to_string(), String::new(), error.to_string())),
        };
        let origin = Origin::Api { object: reference };
        let now =
            wrong.map(|(object, field, message)| Problem { origin, object, field, kind: ProblemKind::Object, message });
        self.problems_differ |= before != now;
        heard.problems.extend(now.map(|problem| (name, problem)));
    }
}

/// Whether Pingway writes statuses of this kind.
fn has_status(kind: Kind) -> bool {
    kind.is_route() || matches!(kind, Kind::GatewayClass | Kind::XMesh | Kind::Gateway)
}

fn take_live(object: &mut DynamicObject, reference: ObjectRef) -> Live {
    let status = object.data.get_mut("status").map(Value::take).unwrap_or_default();
    let uid = object.metadata.uid.as_deref().unwrap_or_default().into();
    let resource_version = object.metadata.resource_version.clone().unwrap_or_default();
    let version = version(reference.kind, object);
    Live { object: reference, version, uid, resource_version, status }
}

/// A failure, told to whoever has to mend it; `None`: nobody has to.
fn problem(watched: &Watched, failure: &Failure) -> Option<Problem> {
    let (kind, message) = match failure {
        Failure::NotInstalled if watched.kind.is_optional() => return None,
        Failure::NotInstalled => {
            let whose =
                if watched.kind == Kind::PingwayParameters { "Pingway (deploy/crds)" } else { "the Gateway API" };
            let message = format!("the API server does not know this kind: install the CRDs of {whose}");
            (ProblemKind::NotInstalled, message)
        }
        Failure::Forbidden(words) => {
            (ProblemKind::Forbidden, format!("the API server refuses it: {words} (docs/scope.md lists the rights)"))
        }
        Failure::Away(words) => (ProblemKind::Away, format!("cannot be watched, what is known stays: {words}")),
    };
    let origin = Origin::Watch { kind: watched.kind };
    Some(Problem { origin, object: watched.to_string(), field: String::new(), kind, message })
}
