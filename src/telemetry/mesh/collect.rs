//! All series of the mesh: shared by labels, bounded in number, exported when scraped, gone when their endpoints are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, MetricFamily};

use super::cluster::Cluster;
use super::counters::{Ended, Protocol, Series};
use super::labels::{self, ServiceName};
use super::party::{Identified, Party};
use super::{Asked, Keeper};
use crate::telemetry::collect::{counter_of, desc, to_family};
use crate::telemetry::family::{self, Family};

/// Most combinations that have series of their own.
pub(in crate::telemetry) const LIMIT: usize = 2_000;

const FAMILIES: [Family; 10] = [
    family::ISTIO_REQUESTS,
    family::ISTIO_DURATION,
    family::ISTIO_REQUEST_BYTES,
    family::ISTIO_RESPONSE_BYTES,
    family::ISTIO_REQUEST_MESSAGES,
    family::ISTIO_RESPONSE_MESSAGES,
    family::ISTIO_TCP_OPENED,
    family::ISTIO_TCP_CLOSED,
    family::ISTIO_TCP_SENT,
    family::ISTIO_TCP_RECEIVED,
];

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    source: u64,
    destination: u64,
    service: Option<ServiceName>,
    ended: Ended,
}

#[derive(Debug)]
struct Entry {
    series: Arc<Series>,
    /// Its sides live, with their numbers, as long as it does.
    _sides: [Arc<Party>; 2],
    /// The endpoints that it is of; `None`: of none, and it stays.
    keepers: Option<Vec<Keeper>>,
}

impl Entry {
    fn is_kept(&self) -> bool {
        self.keepers.as_ref().is_none_or(|keepers| keepers.iter().any(|keeper| keeper.strong_count() > 0))
    }

    /// Notes what keeps it, each once.
    fn keep(&mut self, keeper: Option<Keeper>) {
        match (&mut self.keepers, keeper) {
            (Some(keepers), Some(keeper)) => {
                keepers.retain(|known| known.strong_count() > 0 && !known.ptr_eq(&keeper));
                keepers.push(keeper);
            }
            (keepers, None) => *keepers = None,
            (None, Some(_)) => {}
        }
    }
}

#[derive(Debug, Default)]
struct All {
    parties: HashMap<Identified, Weak<Party>>,
    series: HashMap<Key, Entry>,
}

/// All series. Its lock is taken by a scrape, and by a worker that meets a combination for the first time.
#[derive(Debug)]
pub(in crate::telemetry) struct AllMesh {
    all: Mutex<All>,
    cluster: Cluster,
    limit: usize,
    last_id: AtomicU64,
    overflow: [Arc<Series>; 3],
}

impl AllMesh {
    /// No series yet, and at most this many; of this cluster.
    pub(in crate::telemetry) fn new(cluster: Cluster, limit: usize) -> Self {
        let http = Ended { protocol: Protocol::Http, ..Ended::TCP };
        let overflow =
            [http, Ended::TCP, Ended::MESSAGES].map(|ended| Arc::new(Series::new(labels::overflow(&cluster, ended))));
        Self { all: Mutex::default(), cluster, limit, last_id: AtomicU64::new(0), overflow }
    }

    pub(super) fn party(&self, identified: Identified) -> Arc<Party> {
        self.party_in(&mut self.lock(), identified)
    }

    fn party_in(&self, all: &mut All, identified: Identified) -> Arc<Party> {
        if let Some(party) = all.parties.get(&identified).and_then(Weak::upgrade) {
            return party;
        }
        let id = self.last_id.fetch_add(1, Relaxed) + 1;
        let party = Arc::new(Party { id, identified: identified.clone() });
        all.parties.insert(identified, Arc::downgrade(&party));
        party
    }

    pub(super) fn series(&self, source: &Arc<Party>, asked: Asked, ended: Ended) -> Arc<Series> {
        let Asked { destination, service, keeper } = asked;
        let mut all = self.lock();
        let destination = self.party_in(&mut all, destination);
        let key = Key { source: source.id, destination: destination.id, service, ended };
        if let Some(entry) = all.series.get_mut(&key) {
            entry.keep(keeper);
            return entry.series.clone();
        }
        if all.series.len() >= self.limit {
            let [http, tcp, messages] = &self.overflow;
            let shared = match ended.protocol {
                Protocol::Http | Protocol::Grpc => http,
                Protocol::Tcp => tcp,
                Protocol::Messages => messages,
            };
            return shared.clone();
        }
        let labels =
            labels::of(&self.cluster, &source.identified, &destination.identified, key.service.as_ref(), ended);
        let series = Arc::new(Series::new(labels));
        let keepers = keeper.map(|keeper| vec![keeper]);
        all.series.insert(key, Entry { series: series.clone(), _sides: [source.clone(), destination], keepers });
        series
    }

    /// Every series; those that nothing keeps any more this once, and then no more.
    fn scrape(&self) -> Vec<Arc<Series>> {
        let mut all = self.lock();
        let series =
            all.series.values().map(|entry| entry.series.clone()).chain(self.overflow.iter().cloned()).collect();
        all.series.retain(|_, entry| entry.is_kept());
        all.parties.retain(|_, party| party.strong_count() > 0);
        series
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`AllMesh`] as Prometheus' registry sees them.
pub(in crate::telemetry) struct MeshCollector {
    mesh: Arc<AllMesh>,
    descs: Vec<Desc>,
}

impl MeshCollector {
    /// A collector of these series.
    pub(in crate::telemetry) fn new(mesh: Arc<AllMesh>) -> prometheus::Result<Self> {
        Ok(Self { mesh, descs: FAMILIES.iter().map(desc).collect::<prometheus::Result<_>>()? })
    }
}

impl Collector for MeshCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut metrics = FAMILIES.map(|_| Vec::new());
        for series in self.mesh.scrape() {
            export(&series, &mut metrics);
        }
        let families = FAMILIES.iter().zip(metrics).filter(|(_, metrics)| !metrics.is_empty());
        families.map(|(family, metrics)| to_family(family, metrics)).collect()
    }
}

fn export(series: &Series, metrics: &mut [Vec<proto::Metric>; FAMILIES.len()]) {
    let [requests, duration, request_bytes, response_bytes, request_messages, response_messages, tcp @ ..] = metrics;
    let count = series.requests.load(Relaxed);
    if count > 0 {
        requests.push(counter_of(series.labels.clone(), count));
    }
    let sizes = [
        (duration, &series.duration),
        (request_bytes, &series.request_bytes),
        (response_bytes, &series.response_bytes),
    ];
    for (to, sizes) in sizes {
        to.extend(sizes.export().map(|histogram| {
            let mut metric = proto::Metric::from_label(series.labels.clone());
            metric.set_histogram(histogram);
            metric
        }));
    }
    let messages = [&series.request_messages, &series.response_messages];
    if messages.iter().any(|count| count.load(Relaxed) > 0) {
        counters(series, messages, [request_messages, response_messages]);
    }
    if series.opened.load(Relaxed) > 0 {
        counters(series, [&series.opened, &series.closed, &series.sent, &series.received], tcp);
    }
}

fn counters<'t, const N: usize>(
    series: &Series,
    counts: [&AtomicU64; N],
    to: impl IntoIterator<Item = &'t mut Vec<proto::Metric>>,
) {
    for (count, to) in counts.into_iter().zip(to) {
        to.push(counter_of(series.labels.clone(), count.load(Relaxed)));
    }
}
