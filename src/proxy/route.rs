//! Routing: from a request's head to what is done with it. Serving is loaded here, and let go here.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::TRAILER;
use http::{HeaderValue, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};

use super::connection::Connection;
use super::context::Context;
use super::engine::Speak;
use super::failure::Failure;
use super::forwarded;
use super::hop_by_hop::{Asked, strip_request};
use super::inbound::{Handed, Identity, To};
use super::outbound::{self, BodyLength};
use super::policy;
use super::request_head::{BadHead, Target, target};
use crate::live::{Backend, Dialled, LiveRule, Serving};
use crate::table::backend::{AppProtocol, WeightedBackend};
use crate::table::filter::Filters;
use crate::table::filter::redirect::Scheme;
use crate::table::lookup::{NotFound, Silent};
use crate::table::matches::PathMatched;
use crate::table::policy::Denied;
use crate::table::request::RequestView;
use crate::table::rule::Action;
use crate::telemetry::label::Direction;
use crate::telemetry::outcome::Reason;

/// What is done with a request.
pub(crate) enum Routed {
    /// It goes to an endpoint of a backend.
    Forward(Forward),
    /// It is sent elsewhere.
    Redirect((StatusCode, HeaderValue), Arc<LiveRule>),
    /// It fails.
    Fail(Failure),
}

/// A request on its way to a backend.
pub(crate) struct Forward {
    pub(crate) rule: Arc<LiveRule>,
    /// Place of the backendRef in the rule.
    pub(crate) chosen: usize,
    pub(crate) backend: Arc<Backend>,
    pub(crate) speak: Speak,
    /// What the client asked of the connection.
    pub(crate) asked: Asked,
}

impl Forward {
    /// Edits a response's head by the filters of the rule, then by those of the backendRef.
    pub(crate) fn edit_response(&self, head: &mut ResponseHeader) {
        let Action::Forward { filters, backends } = &self.rule.rule.action else { return };
        let of_backend = backends.get(self.chosen).map(|backend| &backend.filters);
        for edits in [Some(filters), of_backend].into_iter().flatten().filter_map(|f| f.response_headers.as_ref()) {
            edits.apply(head);
        }
    }
}

/// Routes a request, and makes its head the one that the endpoint gets. `body_done`: whether no body is to come.
pub(crate) fn route(head: &mut RequestHeader, body_done: bool, context: &mut Context<'_>) -> Routed {
    match try_route(head, body_done, context) {
        Ok(routed) => routed,
        Err(failure) => Routed::Fail(failure),
    }
}

fn try_route(head: &mut RequestHeader, body_done: bool, context: &mut Context<'_>) -> Result<Routed, Failure> {
    let judged = target(head)?;
    let Found { rule, path: matched, protocol, denied } = find(head, &judged, context)?;
    context.rule = Some(rule.clone());
    match &rule.rule.action {
        Action::Fail { status, .. } => Err(Failure::new(status_or_500(*status), Reason::RuleInvalid)),
        Action::Redirect { redirect, .. } => {
            let location = redirect.location(&judged.view(head), matched, listener(context.connection));
            let location = location.ok_or(BadHead::Path)?;
            Ok(Routed::Redirect((status_or_500(redirect.status), location), rule.clone()))
        }
        Action::Forward { filters, backends } => {
            let (picked, backend) = pick(&rule)?;
            policy::judge(denied.as_deref(), Some(&backend.key))?;
            let both = [filters, &picked.filters];
            let declared = match backend.endpoints().protocol {
                AppProtocol::Undeclared => protocol,
                declared => declared,
            };
            let speak = outbound::speak(declared, context.grpc);
            let path = outbound::path_and_query(head, &judged, matched, both);
            let chosen = backends.iter().position(|one| std::ptr::eq(one, picked)).unwrap_or_default();
            let backend = backend.clone();
            let asked = prepare(head, path, both, (speak, body_done), context)?;
            context.backend = Some(backend.clone());
            Ok(Routed::Forward(Forward { rule: rule.clone(), chosen, backend, speak, asked }))
        }
    }
}

/// The rule that takes a request.
struct Found {
    rule: Arc<LiveRule>,
    path: PathMatched,
    /// How its backend is spoken to where the backend's port declares nothing.
    protocol: AppProtocol,
    /// What is refused because of policies.
    denied: Option<Arc<Denied>>,
}

/// Finds the rule that takes a request.
fn find(head: &RequestHeader, judged: &Target<'_>, context: &Context<'_>) -> Result<Found, Failure> {
    let serving: arc_swap::Guard<Arc<Serving>> = context.worker.serving.load();
    if let Some(handed) = context.connection.handed.as_ref().filter(|handed| handed.to != To::Listener) {
        return find_for_service(&serving, handed, &judged.view(head), context.connection.local);
    }
    let socket = serving.socket(context.connection.socket).ok_or(NotFound::NoListener)?;
    policy::judge(socket.denied.as_deref(), None)?;
    let opened_with = context.connection.server_name.as_deref();
    let found = socket.index.lookup(&judged.view(head), opened_with, &mut Silent)?;
    let (rule, denied) = (found.target.clone(), socket.denied.clone());
    Ok(Found { rule, path: found.path, protocol: AppProtocol::Undeclared, denied })
}

/// The rule that takes a request to an enrolled Service: one of its own routes, where it has any for this client; one of the
/// Gateway's listener on the dialled port, where that has routes for the host; else straight through.
fn find_for_service(
    serving: &Serving,
    handed: &Handed,
    request: &RequestView<'_>,
    dialled: SocketAddr,
) -> Result<Found, Failure> {
    if handed.to == To::Loop {
        return Err(Failure::new(StatusCode::LOOP_DETECTED, Reason::Loop));
    }
    let mesh = serving.inbound.get(&handed.by).ok_or(NotFound::NoListener)?;
    // It can have been withdrawn since the connection was opened.
    let port = match (mesh.dialled(dialled), &handed.pod) {
        (Some(Dialled::Service(port)), _) => port,
        (Some(Dialled::Pod(_)), Some(pod)) => {
            policy::judge(mesh.denied().map(|denied| &**denied), None)?;
            let (rule, path, protocol) = (pod.through.clone(), PathMatched::Whole, pod.port.protocol);
            return Ok(Found { rule, path, protocol, denied: None });
        }
        _ => return Err(NotFound::NoListener.into()),
    };
    let denied = mesh.denied().cloned();
    policy::judge(denied.as_deref(), Some(&port.port.backend))?;
    let found = |rule: &Arc<LiveRule>, path, protocol| Found { rule: rule.clone(), path, protocol, denied };
    if let Some(routes) = port.routes(handed.identity.as_ref().map(Identity::namespace)) {
        let (rule, path) = routes.search(request, &mut Silent).ok_or(NotFound::NoRule)?;
        return Ok(found(rule, path, AppProtocol::Undeclared));
    }
    let listener = mesh.listener(dialled.port()).and_then(|socket| serving.socket(socket));
    match listener.map(|listener| &listener.index).filter(|index| index.has_rules(request.host)) {
        Some(index) => {
            let matched = index.lookup(request, None, &mut Silent)?;
            Ok(found(matched.target, matched.path, AppProtocol::Undeclared))
        }
        None => Ok(found(&port.through, PathMatched::Whole, port.port.protocol)),
    }
}

fn pick(rule: &LiveRule) -> Result<(&WeightedBackend, &Arc<Backend>), Failure> {
    let (picked, backend) =
        rule.pick(fastrand::u32(..)).ok_or(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, Reason::NoBackend))?;
    let backend = backend.ok_or(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, Reason::BackendInvalid))?;
    Ok((picked, backend))
}

/// Makes a head the one that the endpoint gets.
fn prepare(
    head: &mut RequestHeader,
    path: Option<String>,
    filters: [&Filters; 2],
    (speak, body_done): (Speak, bool),
    context: &mut Context<'_>,
) -> Result<Asked, Failure> {
    let body = BodyLength::of(&head.headers, body_done);
    if head.headers.contains_key(TRAILER) {
        // Pingora's sessions hand out no request's trailers, so none will follow.
        context.worker.telemetry.trailers_dropped(Direction::Request);
        head.remove_header(&TRAILER);
    }
    let mut asked = strip_request(head, body != BodyLength::Empty);
    if speak == Speak::Http2 {
        asked.upgrade = None;
    }
    let tls = context.connection.server_name.is_some();
    forwarded::set_identity(head, context.connection.client_cert());
    let id = match context.connection.handed {
        Some(_) => forwarded::add_id(head),
        None => forwarded::add(head, context.connection.forwarded_for(), tls),
    };
    context.set_request_id(id);
    outbound::filter(head, filters);
    let local = context.connection.local;
    outbound::frame(head, path, (speak, body), &asked, || local.to_string()).ok_or(BadHead::Path)?;
    Ok(asked)
}

/// The scheme and port that redirects start from: the listener's, whatever port the command line maps it to.
fn listener(connection: &Connection) -> (Scheme, u16) {
    let scheme = if connection.server_name.is_some() { Scheme::Https } else { Scheme::Http };
    (scheme, connection.port())
}

fn status_or_500(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
