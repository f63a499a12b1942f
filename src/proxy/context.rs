//! What one request knows of itself, and its record: made when its head has been read, told to telemetry when it is dropped,
//! however it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{HeaderName, USER_AGENT};
use http::{HeaderValue, Method, Version};
use pingora::http::{RequestHeader, ResponseHeader};

use super::connection::Connection;
use super::forwarded::{REQUEST_ID, new_request_id};
use super::inbound::Identity;
use super::mesh_metrics;
use super::request_head::{authority, is_grpc};
use super::worker::{Phase, Worker};
use crate::api::Pod;
use crate::live::{Backend, Endpoint, LiveRule};
use crate::telemetry::Counted;
use crate::telemetry::access_log::Record;
use crate::telemetry::outcome::{Outcome, Reason};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What one request knows.
pub(crate) struct Context<'w> {
    pub(crate) worker: &'w Worker,
    pub(crate) connection: &'w Connection,
    pub(crate) method: Method,
    /// What the client speaks.
    pub(crate) version: Version,
    /// Whether it is a gRPC call.
    pub(crate) grpc: bool,
    /// From when the head had been read.
    pub(crate) started: Instant,
    /// Once the request was routed.
    pub(crate) rule: Option<Arc<LiveRule>>,
    /// Once a backend was picked.
    pub(crate) backend: Option<Arc<Backend>>,
    /// Asked last.
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    /// What telemetry is told.
    pub(crate) outcome: Outcome,
    /// Bytes of the heads of request and response; counted behind ztunnel only.
    pub(crate) head_bytes: [u64; 2],
    request_id: Option<HeaderValue>,
    logged: Option<Box<Logged>>,
    complete: bool,
    _in_flight: Counted,
}

/// What only the access log asks of a head, which goes away to the endpoint.
struct Logged {
    host: String,
    path: String,
    user_agent: Option<HeaderValue>,
    traceparent: Option<HeaderValue>,
}

impl<'w> Context<'w> {
    /// Of a request whose head has just been read.
    pub(crate) fn new(head: &RequestHeader, http2: bool, connection: &'w Connection, worker: &'w Worker) -> Self {
        let logged = worker.telemetry.has_access_log().then(|| Box::new(Logged::of(head)));
        Self {
            worker,
            connection,
            method: head.method.clone(),
            version: if http2 { Version::HTTP_2 } else { head.version },
            grpc: is_grpc(head, http2),
            started: Instant::now(),
            rule: None,
            backend: None,
            endpoint: None,
            outcome: Outcome::default(),
            head_bytes: [connection.handed.as_ref().map_or(0, |_| mesh_metrics::request_head(head)), 0],
            request_id: head.headers.get(REQUEST_ID).cloned(),
            logged,
            complete: false,
            _in_flight: worker.telemetry.request_started(),
        }
    }

    /// Of something that came in place of a request.
    pub(crate) fn without_head(connection: &'w Connection, worker: &'w Worker) -> Self {
        let mut head = RequestHeader::from(http::Request::new(()).into_parts().0);
        head.set_version(Version::HTTP_11);
        Self::new(&head, false, connection, worker)
    }

    /// The request's id; new where the client sent none.
    pub(crate) fn request_id(&mut self) -> &HeaderValue {
        self.request_id.get_or_insert_with(new_request_id)
    }

    /// The id that went to the endpoint.
    pub(crate) fn set_request_id(&mut self, id: HeaderValue) {
        self.request_id = Some(id);
    }

    /// The response's head goes to the client.
    pub(crate) fn answered(&mut self, status: u16, reason: Option<Reason>) {
        self.outcome.status = status;
        self.outcome.reason = reason;
    }

    /// The response's head, as it goes to the client.
    pub(crate) fn measure(&mut self, head: &ResponseHeader) {
        if self.connection.handed.is_some() {
            self.head_bytes[1] = mesh_metrics::response_head(head);
        }
    }

    /// It ended by this; `None`: as it should.
    pub(crate) fn end(mut self, cut: Option<Reason>) {
        if cut.is_some() {
            self.outcome.reason = cut;
        }
        self.complete = true;
    }

    /// Time since the head had been read.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The client's pod and the endpoint's, as far as they are seen.
    fn pods(&self) -> [Option<Arc<Pod>>; 2] {
        let serving = self.worker.serving.load();
        let source = self.connection.source(&serving.workloads).cloned();
        [source, self.endpoint.as_ref().and_then(|endpoint| serving.workloads.at(endpoint.address.ip()))]
    }

    fn record<'r>(&'r self, [source, destination]: [Option<&'r Arc<Pod>>; 2]) -> Record<'r> {
        let logged = self.logged.as_deref();
        Record {
            request_id: self.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default(),
            method: self.method.as_str(),
            host: logged.map_or("", |logged| &logged.host),
            path: logged.map_or("", |logged| &logged.path),
            protocol: match self.version {
                Version::HTTP_2 => "HTTP/2",
                Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
            peer: self.connection.peer,
            to: self.connection.sent_to(),
            server_name: self.connection.server_name.as_deref(),
            source_principal: self.connection.identity().map(Identity::as_str),
            source_workload: source.map(|pod| &pod.workload as _),
            backend: self.backend.as_deref().map(|backend| &backend.key as _),
            endpoint: self.endpoint.as_deref().map(|endpoint| endpoint.address),
            destination_workload: destination.map(|pod| &pod.workload as _),
            user_agent: logged.and_then(|logged| logged.user_agent.as_ref()),
            traceparent: logged.and_then(|logged| logged.traceparent.as_ref()),
        }
    }
}

impl Logged {
    fn of(head: &RequestHeader) -> Self {
        Self {
            host: String::from_utf8_lossy(authority(head).unwrap_or_default()).into_owned(),
            path: String::from_utf8_lossy(head.raw_path()).into_owned(),
            user_agent: head.headers.get(USER_AGENT).cloned(),
            traceparent: head.headers.get(TRACEPARENT).cloned(),
        }
    }
}

impl Drop for Context<'_> {
    /// Dropped before its end, it was cut: by the deadline of the process, or because the client's connection is gone.
    fn drop(&mut self) {
        if !self.complete {
            let cutting = *self.worker.phase.borrow() == Phase::Cutting;
            self.outcome.reason = Some(if cutting { Reason::Shutdown } else { Reason::ClientAborted });
        }
        self.outcome.duration = self.elapsed();
        let telemetry = &self.worker.telemetry;
        let series = self.rule.as_deref().map_or(telemetry.unrouted(), |rule| &*rule.series);
        mesh_metrics::count(self);
        let pods = if telemetry.has_access_log() { self.pods() } else { [None, None] };
        telemetry.request_ended(series, &self.outcome, || self.record(pods.each_ref().map(Option::as_ref)));
    }
}
