//! Listeners: whether each is accepted, what it speaks, which routes it lets in.

use std::net::IpAddr;
use std::sync::Arc;

use super::certificate::{self, Known};
use super::grant::Grants;
use super::mesh::Binding;
use super::verdict::Refusal;
use super::{Options, mesh, selector};
use crate::api::{
    Gateway, Kind, LabelSelector, Listener, ListenerProtocol, ListenerTls, NamespacesFrom, RouteGroupKind, TlsMode,
};
use crate::snapshot::{Snapshot, Socket};
use crate::status::Reason;
use crate::table::hostname::HostPattern;
use crate::table::listener::{Certificate, Protocol};

/// The kinds of routes that HTTP and HTTPS listeners take.
pub(super) const HTTP_KINDS: [Kind; 2] = [Kind::HttpRoute, Kind::GrpcRoute];

/// The kinds of routes for bytes that are not looked at.
pub(super) const L4_KINDS: [Kind; 2] = [Kind::TlsRoute, Kind::TcpRoute];

/// What routes see of a listener.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) name: Arc<str>,
    pub(super) port: i32,
    /// `None`: the listener's hostname is none.
    pub(super) hostname: Option<HostPattern>,
    /// Kinds that may attach.
    pub(super) kinds: Vec<Kind>,
    pub(super) namespaces: Namespaces,
    /// Whether it is part of a route table.
    pub(super) serves: bool,
}

/// Namespaces of the routes that may attach.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Namespaces {
    All,
    /// The Gateway's.
    Same,
    Selector(LabelSelector),
    None,
}

/// What was found of one listener.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) view: View,
    /// Accepted, or why not.
    pub(super) accepted: Result<(), Refusal>,
    /// Conflicted with another.
    pub(super) conflict: Option<Refusal>,
    /// Overlapping TLS configuration, which is legal.
    pub(super) overlap: Option<Refusal>,
    /// References that do not resolve.
    pub(super) unresolved: Vec<Refusal>,
    /// What is spoken, where it can be.
    pub(super) protocol: Option<Protocol>,
    /// Whether it stands for a port of ztunnel's: others open it.
    pub(super) mesh: bool,
    /// Where it is opened.
    pub(super) sockets: Vec<Socket>,
}

impl Verdict {
    /// Whether the listener can be part of a route table.
    pub(super) fn serves(&self) -> bool {
        self.accepted.is_ok() && self.protocol.is_some()
    }

    /// Its certificates.
    pub(super) fn certificates(&self) -> &[Arc<Certificate>] {
        match &self.protocol {
            Some(Protocol::Https { certificates }) => certificates,
            _ => &[],
        }
    }
}

/// What listeners are judged by, beside themselves.
pub(super) struct Judge<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) snapshot: &'a Snapshot,
    pub(super) grants: &'a Grants<'a>,
    /// The addresses to open it on.
    pub(super) addresses: &'a [Option<IpAddr>],
    pub(super) options: &'a Options,
    pub(super) binding: Binding,
}

impl Judge<'_> {
    /// Judges one listener by itself; conflicts with others come later.
    pub(super) fn judge(&self, listener: &Listener, known: &mut Known) -> Verdict {
        let (kinds, mut unresolved) = kinds(listener);
        let hostname = HostPattern::parse(listener.hostname.as_deref().unwrap_or_default());
        let port = u16::try_from(listener.port).ok().filter(|port| *port != 0);
        let mesh = mesh::has_port(listener, self.options.placement, self.binding);
        let (protocol, refused) = self.protocol(listener, known);
        unresolved.extend(refused);
        let mut accepted = self.accept(listener, port);
        if let (Ok(()), Err(error)) = (&accepted, &hostname) {
            accepted = Err(Refusal::new(Reason::UnsupportedValue, format!("hostname {error}")));
        }
        let namespaces = namespaces(listener);
        if let (Ok(()), Err(refusal)) = (&accepted, &namespaces) {
            accepted = Err(refusal.clone());
        }
        let sockets = port
            .filter(|_| !mesh)
            .map(|port| self.addresses.iter().map(|&address| Socket { address, port }).collect())
            .unwrap_or_default();
        let view = View {
            name: listener.name.as_str().into(),
            port: listener.port,
            hostname: hostname.ok(),
            kinds,
            namespaces: namespaces.unwrap_or(Namespaces::None),
            serves: false,
        };
        Verdict { view, accepted, conflict: None, overlap: None, unresolved, protocol, mesh, sockets }
    }

    fn accept(&self, listener: &Listener, port: Option<u16>) -> Result<(), Refusal> {
        let unsupported = |message: String| Err(Refusal::new(Reason::UnsupportedValue, message));
        if mesh::has_port(listener, self.options.placement, self.binding) {
            mesh::accept(listener, self.binding)?;
        } else {
            accept_protocol(listener)?;
        }
        if port.is_none() {
            return Err(Refusal::new(Reason::PortUnavailable, format!("port {} is not a port", listener.port)));
        }
        if listener.filters.is_some() {
            return unsupported("filters of a listener are not supported".into());
        }
        if listener.protocol == ListenerProtocol::Https && self.asks_for_client_certificates() {
            return unsupported("client certificates (spec.tls.frontend) are not supported".into());
        }
        if self.gateway.spec.listeners.iter().filter(|other| other.name == listener.name).count() > 1 {
            return unsupported(format!("name {} is not unique within the Gateway", listener.name));
        }
        Ok(())
    }

    /// Whether `spec.tls` says anything of clients: then nobody is let in without the check that it asks for.
    fn asks_for_client_certificates(&self) -> bool {
        let tls = self.gateway.spec.tls.as_ref();
        tls.is_some_and(|tls| tls.as_object().is_none_or(|fields| fields.keys().any(|field| field != "backend")))
    }

    /// What is spoken, and the certificates that do not resolve. One good certificate is enough to serve.
    fn protocol(&self, listener: &Listener, known: &mut Known) -> (Option<Protocol>, Vec<Refusal>) {
        match listener.protocol {
            ListenerProtocol::Http => (Some(Protocol::Http), Vec::new()),
            ListenerProtocol::Https => {
                let (certificates, refused) = self.certificates(listener.tls.as_ref(), known);
                let protocol = (!certificates.is_empty()).then_some(Protocol::Https { certificates });
                (protocol, refused)
            }
            _ => (None, Vec::new()),
        }
    }

    fn certificates(&self, tls: Option<&ListenerTls>, known: &mut Known) -> (Vec<Arc<Certificate>>, Vec<Refusal>) {
        let references = tls.map(|tls| tls.certificate_refs.as_slice()).unwrap_or_default();
        let (mut certificates, mut refused) = (Vec::new(), Vec::new());
        for (index, reference) in references.iter().enumerate() {
            match certificate::resolve(reference, &self.gateway.meta.name, self, known) {
                Ok(certificate) => certificates.push(certificate),
                Err(refusal) => {
                    let message = format!("tls.certificateRefs[{index}]: {}", refusal.message);
                    refused.push(Refusal::new(refusal.reason, message));
                }
            }
        }
        if references.is_empty() {
            let message = "tls.certificateRefs is empty; HTTPS needs a certificate";
            refused.push(Refusal::new(Reason::InvalidCertificateRef, message));
        }
        (certificates, refused)
    }
}

/// Whether a listener's protocol is served, with what it says of TLS.
fn accept_protocol(listener: &Listener) -> Result<(), Refusal> {
    let unsupported = |message: String| Err(Refusal::new(Reason::UnsupportedValue, message));
    let tls = listener.tls.as_ref();
    match (&listener.protocol, tls.and_then(|tls| tls.mode.as_ref())) {
        (ListenerProtocol::Http, _) if tls.is_some() => unsupported("tls cannot be set where protocol is HTTP".into()),
        (ListenerProtocol::Https, Some(mode)) if *mode != TlsMode::Terminate => {
            unsupported(format!("tls.mode {mode} is not supported where protocol is HTTPS"))
        }
        (ListenerProtocol::Http | ListenerProtocol::Https, _) => Ok(()),
        (other, _) => {
            let message = format!("protocol {other} is not supported; HTTP and HTTPS are");
            Err(Refusal::new(Reason::UnsupportedProtocol, message))
        }
    }
}

/// The kinds that may attach, and those that are asked for and cannot.
fn kinds(listener: &Listener) -> (Vec<Kind>, Vec<Refusal>) {
    if !matches!(listener.protocol, ListenerProtocol::Http | ListenerProtocol::Https) {
        return (Vec::new(), Vec::new());
    }
    let wanted = listener.allowed_routes.as_ref().map(|allowed| allowed.kinds.as_slice()).unwrap_or_default();
    if wanted.is_empty() {
        return (HTTP_KINDS.to_vec(), Vec::new());
    }
    let (mut kinds, mut refused) = (Vec::new(), Vec::new());
    for (index, RouteGroupKind { group, kind }) in wanted.iter().enumerate() {
        let group = group.as_deref().unwrap_or(Kind::HttpRoute.group());
        match HTTP_KINDS.into_iter().find(|known| known.group() == group && known.as_str() == kind) {
            Some(known) if kinds.contains(&known) => {}
            Some(known) => kinds.push(known),
            None => {
                let message = format!("allowedRoutes.kinds[{index}]: {kind} of group {group:?} is not supported");
                refused.push(Refusal::new(Reason::InvalidRouteKinds, message));
            }
        }
    }
    (kinds, refused)
}

fn namespaces(listener: &Listener) -> Result<Namespaces, Refusal> {
    let Some(spec) = listener.allowed_routes.as_ref().and_then(|allowed| allowed.namespaces.as_ref()) else {
        return Ok(Namespaces::Same);
    };
    let unsupported = |message: String| Err(Refusal::new(Reason::UnsupportedValue, message));
    match &spec.from {
        None | Some(NamespacesFrom::Same) => Ok(Namespaces::Same),
        Some(NamespacesFrom::All) => Ok(Namespaces::All),
        Some(NamespacesFrom::None) => Ok(Namespaces::None),
        Some(NamespacesFrom::Selector) => match &spec.selector {
            Some(selector) => match selector::flaw(selector) {
                None => Ok(Namespaces::Selector(selector.clone())),
                Some(flaw) => unsupported(format!("allowedRoutes.namespaces.selector.{flaw}")),
            },
            None => unsupported("allowedRoutes.namespaces.from is Selector, without a selector".to_owned()),
        },
        Some(NamespacesFrom::Unknown(from)) => {
            unsupported(format!("allowedRoutes.namespaces.from {from:?} is not supported"))
        }
    }
}

/// Whether routes, or Services, of a namespace are let in. `own`: the Gateway's namespace.
pub(super) fn allows(namespaces: &Namespaces, own: &str, namespace: &str, snapshot: &Snapshot) -> bool {
    match namespaces {
        Namespaces::All => true,
        Namespaces::Same => own == namespace,
        Namespaces::Selector(selector) => selector::takes_namespace(selector, namespace, snapshot),
        Namespaces::None => false,
    }
}
