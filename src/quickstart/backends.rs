//! Echo backends for the endpoints of the manifests, and the endpoints' ports as they really are.

use std::collections::BTreeMap;
use std::io;
use std::net::{self, IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{Backend, PortMap, echo};
use crate::api::EndpointSlice;
use crate::snapshot::{Change, Item};

/// Which Service an EndpointSlice belongs to (its well-known label).
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Why the backends can't be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A backend's port can't be opened.
    #[error("port {} cannot be opened for the echo backend {backend} ({why}): --port-map {}=PORT takes another", address.port(), declared)]
    Bind {
        /// Whose.
        backend: String,
        /// The port that the manifests name.
        declared: u16,
        /// What was to be opened.
        address: SocketAddr,
        /// Why not.
        why: io::Error,
    },
    /// The system gives no thread.
    #[error("no thread for the echo backends: {0}")]
    Thread(#[from] io::Error),
}

/// The running backends. Dropped, they end.
#[derive(Debug)]
pub struct Backends {
    /// Each, in the manifests' order.
    pub backends: Vec<Backend>,
    _stop: oneshot::Sender<()>,
}

/// Starts an echo backend for each loopback address of the EndpointSlices among the objects, and rewrites their ports.
pub fn start(changes: &mut [Change], ports: &PortMap) -> Result<Backends, StartError> {
    let mut opened = Opened { ports, listeners: BTreeMap::new(), backends: Vec::new() };
    for change in changes {
        match change {
            Change::Put(Item::EndpointSlice(slice)) => opened.slice(Arc::make_mut(slice))?,
            Change::Put(_) | Change::Remove(_) => {}
        }
    }
    let Opened { listeners, backends, .. } = opened;
    let (stop, stopped) = oneshot::channel();
    std::thread::Builder::new().name("echo".to_owned()).spawn(move || {
        if let Err(error) = serve_all(listeners, stopped) {
            tracing::error!("the echo backends have ended: {error}");
        }
    })?;
    Ok(Backends { backends, _stop: stop })
}

/// By the address that the manifests name: what listens, and its name.
type Listeners = BTreeMap<SocketAddr, (net::TcpListener, Arc<str>)>;

/// Serves all until it is stopped. The runtime is made and dropped here: elsewhere another may be running.
fn serve_all(listeners: Listeners, stopped: oneshot::Receiver<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        for (listener, name) in listeners.into_values() {
            tokio::spawn(echo::serve(TcpListener::from_std(listener)?, name));
        }
        // Dropped, not sent: either way it is the end.
        let _ = stopped.await;
        Ok(())
    });
    runtime.shutdown_background();
    served
}

struct Opened<'a> {
    ports: &'a PortMap,
    listeners: Listeners,
    backends: Vec<Backend>,
}

impl Opened<'_> {
    fn slice(&mut self, slice: &mut EndpointSlice) -> Result<(), StartError> {
        let labels = slice.metadata.labels.as_ref();
        let name = labels.and_then(|labels| labels.get(SERVICE_NAME)).cloned().unwrap_or_default();
        let addresses = slice.endpoints.iter().flatten().flat_map(|endpoint| &endpoint.addresses);
        let loopback: Vec<IpAddr> =
            addresses.filter_map(|address| address.parse().ok()).filter(IpAddr::is_loopback).collect();
        for port in slice.ports.iter_mut().flatten() {
            let Some(declared) = port.port.and_then(|port| u16::try_from(port).ok()) else { continue };
            for address in &loopback {
                let actual = self.open(&name, SocketAddr::new(*address, declared))?;
                port.port = Some(i32::from(actual));
            }
        }
        Ok(())
    }

    /// Opens an address on the port that takes the declared one's place; answers the port that it really is.
    fn open(&mut self, name: &str, declared: SocketAddr) -> Result<u16, StartError> {
        let wanted = self.ports.get(&declared.port()).copied().unwrap_or(declared.port());
        let address = SocketAddr::new(declared.ip(), wanted);
        if let Some((listener, _)) = self.listeners.get(&declared) {
            return Ok(listener.local_addr()?.port());
        }
        let bind = || {
            let listener = net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let failed = |why| StartError::Bind { backend: name.to_owned(), declared: declared.port(), address, why };
        let listener = bind().map_err(failed)?;
        let address = listener.local_addr()?;
        self.backends.push(Backend { name: name.to_owned(), address });
        self.listeners.insert(declared, (listener, name.into()));
        Ok(address.port())
    }
}
