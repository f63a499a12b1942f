//! One watch: listed, followed, and begun again when it breaks.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, PartialObjectMeta};
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Client, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep};

use super::client::root;
use super::resource::{api, resources};
use super::watched::Watched;
use crate::api::{Kind, ObjectName};

/// Longest wait before the API server is asked again.
const LONGEST: Duration = Duration::from_secs(10);
/// Wait before it is asked again for a kind that need not be installed: there are many such watches, and no hurry.
const OPTIONAL: Duration = Duration::from_secs(30);
/// First wait before it is asked again; doubled at each failure that follows the one before within [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(200);

/// What a watch tells.
#[derive(Debug)]
pub(super) enum Told {
    /// An object that is there, new or changed.
    Seen(Box<DynamicObject>),
    /// An object that is gone.
    Gone(ObjectName),
    /// A list is complete: these are there, and no others.
    Listed(BTreeSet<ObjectName>),
    /// The API server can't be asked, or refuses.
    Failed(Failure),
}

/// Why a watch has nothing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The API server does not know the kind.
    NotInstalled,
    /// It does not allow it; its words.
    Forbidden(String),
    /// It can't be reached, or fails; why.
    Away(String),
}

/// Watches until the receiver is gone.
pub(super) async fn watch_one(client: Client, watched: Watched, tell: UnboundedSender<(Watched, Told)>) {
    let mut wait = Wait { next: SHORTEST, last: Instant::now() };
    loop {
        let mut known = false;
        for resource in resources(watched.kind) {
            let mut watching =
                Watching { watched: &watched, resource: &resource, tell: &tell, wait: &mut wait, known: &mut known };
            if watching.until_unknown(&client).await.is_err() {
                return;
            }
        }
        if known {
            // The version that there was is gone, and one that was asked for before may have come with that.
            wait.pause().await;
            continue;
        }
        if tell.send((watched.clone(), Told::Failed(Failure::NotInstalled))).is_err() {
            return;
        }
        if watched.kind.is_optional() {
            sleep(spread(OPTIONAL)).await;
        } else {
            wait.pause().await;
        }
    }
}

/// The receiver is gone.
struct Ended;

/// How to go on with a watch that broke.
enum Next {
    /// The API server knows the kind in this version.
    SameVersion,
    /// It does not.
    OtherVersion,
}

struct Watching<'a> {
    watched: &'a Watched,
    resource: &'a ApiResource,
    tell: &'a UnboundedSender<(Watched, Told)>,
    wait: &'a mut Wait,
    /// Whether the API server has known the kind in some version since all were asked for.
    known: &'a mut bool,
}

impl Watching<'_> {
    /// Watches for as long as the API server knows the kind in this version.
    async fn until_unknown(&mut self, client: &Client) -> Result<(), Ended> {
        while let Next::SameVersion = self.once(client.clone()).await? {}
        Ok(())
    }

    async fn once(&mut self, client: Client) -> Result<Next, Ended> {
        let config = match &self.watched.name {
            Some(name) => Config::default().fields(&format!("metadata.name={name}")),
            None => Config::default(),
        };
        if self.watched.kind == Kind::Namespace {
            // Only their labels are read.
            let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(client, self.resource);
            self.follow(watcher(api, config).map(|event| event.map(|event| with(event, from_metadata)))).await
        } else {
            let api = api(client, self.watched, self.resource);
            self.follow(watcher(api, config)).await
        }
    }

    async fn follow(
        &mut self,
        events: impl Stream<Item = watcher::Result<Event<DynamicObject>>>,
    ) -> Result<Next, Ended> {
        let mut events = pin!(events);
        let mut listed = BTreeSet::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    listed.insert(name(&object));
                    self.told(Told::Seen(Box::new(self.whole(object))))?;
                }
                Ok(Event::InitDone) => {
                    *self.known = true;
                    self.told(Told::Listed(std::mem::take(&mut listed)))?;
                }
                Ok(Event::Apply(object)) => self.told(Told::Seen(Box::new(self.whole(object))))?,
                Ok(Event::Delete(object)) => self.told(Told::Gone(name(&object)))?,
                Err(error) => match failure(&error) {
                    // A page of a list that expired, or a watch: the watcher lists anew by itself.
                    None => self.wait.pause().await,
                    Some(Failure::NotInstalled) => return Ok(Next::OtherVersion),
                    // Listed anew: that a watch goes on is told by nothing, that a list is complete is.
                    Some(failure) => {
                        self.told(Told::Failed(failure))?;
                        self.wait.pause().await;
                        return Ok(Next::SameVersion);
                    }
                },
            }
        }
        Ok(Next::SameVersion)
    }

    fn told(&self, what: Told) -> Result<(), Ended> {
        self.tell.send((self.watched.clone(), what)).map_err(|_| Ended)
    }

    /// Objects of a list come without their kind.
    fn whole(&self, mut object: DynamicObject) -> DynamicObject {
        object.metadata.managed_fields = None;
        let (api_version, kind) = (self.resource.api_version.clone(), self.resource.kind.clone());
        object.types = Some(kube::api::TypeMeta { api_version, kind });
        object
    }
}

/// Namespace and name of an object.
pub(super) fn name(object: &DynamicObject) -> ObjectName {
    ObjectName::new(object.metadata.namespace.as_deref().unwrap_or_default(), object.name_any())
}

fn with<A, B>(event: Event<A>, change: impl Fn(A) -> B) -> Event<B> {
    match event {
        Event::Apply(object) => Event::Apply(change(object)),
        Event::Delete(object) => Event::Delete(change(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(change(object)),
        Event::InitDone => Event::InitDone,
    }
}

fn from_metadata(object: PartialObjectMeta<DynamicObject>) -> DynamicObject {
    DynamicObject { types: None, metadata: object.metadata, data: serde_json::Value::default() }
}

/// What an error means. `None`: the watcher mends it by itself.
fn failure(error: &watcher::Error) -> Option<Failure> {
    let status = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status,
        other => return Some(Failure::Away(root(other))),
    };
    match status.code {
        404 => Some(Failure::NotInstalled),
        410 => None,
        401 | 403 => Some(Failure::Forbidden(status.message.clone())),
        code => Some(Failure::Away(format!("{code} {}: {}", status.reason, status.message))),
    }
}

/// About so long, and not all watches at once.
fn spread(wait: Duration) -> Duration {
    wait.mul_f32(0.75 + fastrand::f32() / 2.0)
}

/// The waits of one watch before the API server is asked again.
struct Wait {
    next: Duration,
    last: Instant,
}

impl Wait {
    /// Waits, longer each time that failures follow each other, and not all watches together. A list that succeeds ends no row
    /// of failures: its watch may be refused all the same.
    async fn pause(&mut self) {
        if self.last.elapsed() > LONGEST {
            self.next = SHORTEST;
        }
        sleep(spread(self.next)).await;
        *self = Self { next: (self.next * 2).min(LONGEST), last: Instant::now() };
    }
}
