//! Which version of the Gateway API is installed: what the CRDs of the kinds that are watched say of themselves. Of a CRD only the
//! metadata is asked for; its schema is large.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

/// The CRDs, each by a right of its own (`deploy/controller-roles.yaml`).
const CRDS: [&str; 7] = [
    "gatewayclasses.gateway.networking.k8s.io",
    "gateways.gateway.networking.k8s.io",
    "grpcroutes.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    "referencegrants.gateway.networking.k8s.io",
    "tcproutes.gateway.networking.k8s.io",
    "tlsroutes.gateway.networking.k8s.io",
];

/// The annotation that names the version.
const VERSION: &str = "gateway.networking.k8s.io/bundle-version";

/// What is known of a CRD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bundle {
    /// It is installed, and names this version.
    Installed(Option<Arc<str>>),
    /// It is not there.
    Missing,
    /// It may not be seen.
    Hidden,
}

/// What is known of each CRD.
#[derive(Debug, Default)]
pub(super) struct Bundles {
    heard: BTreeMap<&'static str, Bundle>,
}

impl Bundles {
    /// Takes in what is known of a CRD now. Answers whether that is new.
    pub(super) fn take(&mut self, (crd, bundle): (&'static str, Bundle)) -> bool {
        // What has been seen stays.
        if bundle == Bundle::Hidden && self.heard.contains_key(crd) {
            return false;
        }
        self.heard.insert(crd, bundle.clone()) != Some(bundle)
    }

    /// Whether something is known of every CRD, be it that it may not be seen.
    pub(super) fn is_whole(&self) -> bool {
        self.heard.len() == CRDS.len()
    }

    /// The CRDs that are installed, with their versions.
    pub(super) fn installed(&self) -> BTreeMap<Arc<str>, Option<Arc<str>>> {
        let installed = |(crd, bundle): (&&'static str, &Bundle)| match bundle {
            Bundle::Installed(version) => Some((Arc::from(*crd), version.clone())),
            Bundle::Missing | Bundle::Hidden => None,
        };
        self.heard.iter().filter_map(installed).collect()
    }
}

/// Watches every CRD until the answer is dropped.
pub(super) fn watch_all(client: &Client, tell: &UnboundedSender<(&'static str, Bundle)>) -> Vec<AbortOnDropHandle<()>> {
    let watch = |crd| AbortOnDropHandle::new(tokio::spawn(watch_one(client.clone(), crd, tell.clone())));
    CRDS.into_iter().map(watch).collect()
}

async fn watch_one(client: Client, crd: &'static str, tell: UnboundedSender<(&'static str, Bundle)>) {
    let api: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(client);
    let config = Config::default().fields(&format!("metadata.name={crd}"));
    let mut events = pin!(watcher(api, config).default_backoff());
    let (mut listed, mut failed) = (Bundle::Missing, String::new());
    while let Some(event) = events.next().await {
        let bundle = match event {
            Ok(Event::Init) => {
                listed = Bundle::Missing;
                continue;
            }
            Ok(Event::InitApply(object)) => {
                listed = installed(&object);
                continue;
            }
            Ok(Event::InitDone) => listed.clone(),
            Ok(Event::Apply(object)) => installed(&object),
            Ok(Event::Delete(_)) => Bundle::Missing,
            Err(error) => {
                let words = error.to_string();
                if words != failed {
                    warn!("CRD {crd} cannot be watched: {words}");
                }
                failed = words;
                if !is_refusal(&error) {
                    continue;
                }
                Bundle::Hidden
            }
        };
        if tell.send((crd, bundle)).is_err() {
            return;
        }
    }
}

fn installed(crd: &PartialObjectMeta<CustomResourceDefinition>) -> Bundle {
    Bundle::Installed(crd.annotations().get(VERSION).map(|version| version.as_str().into()))
}

fn is_refusal(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::InitialListFailed(kube::Error::Api(status)) if matches!(status.code, 401 | 403))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(version: &str) -> Bundle {
        Bundle::Installed(Some(version.into()))
    }

    #[test]
    fn all_is_known_once_each_crd_is_seen_missing_or_hidden() {
        let mut bundles = Bundles::default();
        for (index, crd) in CRDS.into_iter().enumerate() {
            assert!(!bundles.is_whole());
            bundles.take((crd, [version("v1.7.0"), Bundle::Missing, Bundle::Hidden][index % 3].clone()));
        }
        assert!(bundles.is_whole());
        let installed: Vec<_> = bundles.installed().into_keys().collect();
        assert_eq!(installed, [CRDS[0], CRDS[3], CRDS[6]].map(Arc::from));
    }

    #[test]
    fn only_what_differs_is_news_and_a_right_that_is_lost_changes_nothing() {
        let mut bundles = Bundles::default();
        assert!(bundles.take((CRDS[0], version("v1.5.1"))));
        assert!(!bundles.take((CRDS[0], version("v1.5.1"))));
        assert!(!bundles.take((CRDS[0], Bundle::Hidden)));
        assert!(bundles.take((CRDS[0], version("v1.7.0"))));
        assert!(bundles.take((CRDS[0], Bundle::Missing)));
        assert!(bundles.installed().is_empty());
    }
}
