//! Everything together: clients, the waypoint with the binary under test, and backends, in namespaces of their own.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::apps::{Apps, Held};
use crate::manifests::{self, SERVICES, routes, services, waypoint_service};
use crate::mesh::Registry;
use crate::mesh::certificates::Authority;
use crate::pod::{Name, Network, Pod};
use crate::support::{Folder, Proxy, until};

/// A mesh with a waypoint.
pub(crate) struct World {
    /// Clients.
    pub(crate) web: Pod,
    pub(crate) guest: Pod,
    /// The waypoint's pod, and the process in it.
    pub(crate) waypoint: Pod,
    pub(crate) proxy: Arc<Proxy>,
    /// The pod of its replica, in which nothing runs unless a line starts it.
    pub(crate) replica: Pod,
    /// Backends.
    pub(crate) one: Pod,
    pub(crate) two: Pod,
    pub(crate) apps: [Apps; 2],
    pub(crate) held: Held,
    /// What ztunnels know.
    pub(crate) registry: Arc<Registry>,
    /// What signs identities.
    pub(crate) authority: Authority,
    folder: Arc<Folder>,
    _network: Network,
}

impl World {
    /// Starts it, and waits until the waypoint serves.
    pub(crate) async fn start() -> Self {
        let authority = Authority::new();
        let registry = Arc::new(registry());
        let network = Network::new();
        let mut pods = Vec::new();
        for name in Name::ALL {
            pods.push(network.pod(name, registry.clone(), &authority).await);
        }
        let [web, guest, waypoint, one, two, replica] = pods.try_into().unwrap_or_else(|_| panic!("six pods"));
        let held = Held::default();
        let apps = [Apps::start("one", &one, held.clone()).await, Apps::start("two", &two, held.clone()).await];
        let folder = Arc::new(Folder::of(&[
            ("waypoint.yaml", manifests::waypoint("")),
            ("services.yaml", services()),
            ("routes.yaml", routes()),
        ]));
        let proxy = Arc::new(start_waypoint(&waypoint, Name::Waypoint, &folder).await);
        registry.ready.lock().expect("no panic").push(Name::Waypoint.addresses());
        Self {
            web,
            guest,
            waypoint,
            proxy,
            replica,
            one,
            two,
            apps,
            held,
            registry,
            authority,
            folder,
            _network: network,
        }
    }

    /// Starts the waypoint's replica. No ztunnel knows of it yet.
    pub(crate) async fn start_replica(&self) -> Proxy {
        start_waypoint(&self.replica, Name::Replica, &self.folder).await
    }

    /// A metric of the waypoint's; 0 where it is not there.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let (proxy, series) = (self.proxy.clone(), series.to_owned());
        self.waypoint.run(async move { proxy.metric(&series).await.unwrap_or_default() }).await
    }

    /// Edits a file of the waypoint's objects.
    pub(crate) fn write(&self, name: &str, text: &str) {
        self.folder.write(name, text);
    }

    /// Removes one.
    pub(crate) fn remove(&self, name: &str) {
        self.folder.remove(name);
    }

    /// Edits the Gateway, so that it has these annotations.
    pub(crate) fn annotate(&self, annotations: &str) {
        self.write("waypoint.yaml", &manifests::waypoint(annotations));
    }

    /// The line of the access log about a request for this path, without a query.
    pub(crate) async fn logged(&self, path: &str) -> Value {
        let line = async || self.proxy.access_log().into_iter().rev().find(|line| line["path"] == path);
        until("a line of the access log", line).await
    }

    /// Who asked what of the backends' pods since the last call.
    pub(crate) fn came_to_backends(&self) -> Vec<(String, SocketAddr)> {
        [&self.one, &self.two].iter().flat_map(|pod| pod.ztunnel.take_came()).collect()
    }

    /// How many connections were closed unserved for this reason.
    pub(crate) async fn refused(&self, why: &str) -> f64 {
        self.metric(&format!("pingway_inbound_connections_refused_total{{why=\"{why}\"}}")).await
    }
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    for name in Name::ALL {
        registry.pods.extend(name.addresses().map(|address| (address, name.identity())));
    }
    // The waypoint's own Service as well, as in a namespace that has it for its waypoint: its address is what comes then.
    let addresses = SERVICES.iter().map(|service| service.addresses()).chain([waypoint_service()]);
    registry.services.extend(addresses.flatten());
    registry
}

/// Starts the binary in a pod of the waypoint's, as its container does.
async fn start_waypoint(pod: &Pod, name: Name, folder: &Arc<Folder>) -> Proxy {
    let own = [name.addresses(), waypoint_service()].concat();
    let own = own.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let folder = folder.clone();
    let arguments = [
        "--own-addresses",
        &own,
        "--service-account",
        "mesh/waypoint-pingway",
        "--metrics",
        "0.0.0.0:15020",
        "--access-log",
        "--drain-delay",
        "1s",
    ]
    .map(str::to_owned);
    let started = async move {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let proxy = Proxy::start_with(&folder, &arguments).await;
        until("both loopbacks are listened on", async || {
            let mesh = proxy.json("/mesh").await?;
            let sockets = mesh[0]["inbound"].as_array()?;
            (sockets.len() == 2 && sockets.iter().all(|socket| socket["bound"].is_string())).then_some(())
        })
        .await;
        proxy
    };
    pod.run(started).await
}
