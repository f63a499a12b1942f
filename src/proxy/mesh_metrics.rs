//! Istio's standard metrics: what ends behind ztunnel, told by who called and who was asked.

use std::sync::{Arc, Weak};

use http::HeaderMap;
use pingora::http::{RequestHeader, ResponseHeader};

use super::connection::Connection;
use super::context::Context;
use super::inbound::Identity;
use super::worker::Worker;
use crate::api::{Kind, ObjectName, Pod};
use crate::live::{Endpoint, Workloads};
use crate::table::backend::BackendKey;
use crate::telemetry::Telemetry;
use crate::telemetry::mesh::{Asked, Ended, Identified, Keeper, Met, Party, Protocol, Requested, Series};
use crate::telemetry::mesh::{ServiceName, Workload};

/// Counts a request that ended, where ztunnel handed it over.
pub(crate) fn count(context: &Context<'_>) {
    let outcome = &context.outcome;
    let ended = Ended {
        protocol: if context.grpc { Protocol::Grpc } else { Protocol::Http },
        status: outcome.status,
        grpc_status: outcome.grpc_status,
        reason: outcome.reason,
    };
    let [request, response] = context.head_bytes;
    if let Some(series) = series_of(context, ended) {
        series.requested(Requested {
            duration: outcome.duration,
            request_bytes: request + outcome.request_bytes,
            response_bytes: response + outcome.response_bytes,
        });
    }
}

/// What a gRPC call's messages are counted by, where ztunnel handed it over: how it will end is not known while they pass.
pub(crate) fn messages(context: &Context<'_>) -> Option<Arc<Series>> {
    series_of(context, Ended::MESSAGES)
}

fn series_of(context: &Context<'_>, ended: Ended) -> Option<Arc<Series>> {
    let to_pod = context.rule.as_deref().is_some_and(|rule| rule.rule.route.kind == Kind::Pod);
    let service = context.backend.as_deref().filter(|_| !to_pod).map(|backend| &backend.key);
    series(context.connection, service, context.endpoint.as_ref(), ended, context.worker)
}

/// The series of what a client asked of an endpoint; `None`: ztunnel did not hand it over.
pub(crate) fn series(
    connection: &Connection,
    service: Option<&BackendKey>,
    endpoint: Option<&Arc<Endpoint>>,
    ended: Ended,
    worker: &Worker,
) -> Option<Arc<Series>> {
    let serving = worker.serving.load();
    let workloads = &*serving.workloads;
    let version = workloads.version();
    let source = party(connection, workloads, &worker.telemetry)?;
    let make = || {
        let pod = endpoint.and_then(|endpoint| workloads.at(endpoint.address.ip()));
        // The endpoint of a pod's own address is one connection's: the pod stays.
        let keeper: Option<Keeper> = match (service, &pod) {
            (None, Some(pod)) => Some(Weak::<Pod>::clone(&Arc::downgrade(pod))),
            _ => endpoint.map(|endpoint| -> Keeper { Weak::<Endpoint>::clone(&Arc::downgrade(endpoint)) }),
        };
        let destination = pod.map(|pod| identified(&pod)).unwrap_or_default();
        let asked = Asked { destination, service: service.map(|key| service_name(&key.service)), keeper };
        worker.telemetry.mesh_series(source, asked, ended)
    };
    // Without an endpoint there is no number that stands for the Service.
    Some(match endpoint {
        Some(endpoint) => worker.mesh.find(Met { source: source.id, endpoint: endpoint.id, ended }, version, make),
        None => make(),
    })
}

/// The client, as metrics name it.
fn party<'c>(connection: &'c Connection, workloads: &Workloads, telemetry: &Telemetry) -> Option<&'c Arc<Party>> {
    let handed = connection.handed.as_ref()?;
    let pod = connection.source(workloads);
    let [without, with] = &handed.parties;
    let cell = if pod.is_some() { with } else { without };
    Some(cell.get_or_init(|| {
        let seen = pod.map(|pod| identified(pod)).unwrap_or_default();
        let identity = handed.identity.as_ref();
        // The identity is proved; an address is not.
        let namespace = identity.map(|identity| Arc::from(identity.namespace())).or(seen.namespace);
        let principal = identity.map(Identity::as_str).map(Arc::from);
        telemetry.party(Identified { principal, namespace, workload: seen.workload })
    }))
}

fn service_name(name: &ObjectName) -> ServiceName {
    ServiceName { namespace: name.namespace.clone(), name: name.name.clone() }
}

fn identified(pod: &Pod) -> Identified {
    let of = &pod.workload;
    let (name, service) = (of.name.clone(), of.service.clone());
    let workload = Workload { name, service, revision: of.revision.clone(), account: of.account.clone() };
    Identified { principal: None, namespace: Some(of.namespace.clone()), workload: Some(workload) }
}

/// Bytes of a request's head, as HTTP/1.1 has it.
pub(crate) fn request_head(head: &RequestHeader) -> u64 {
    let line = head.method.as_str().len() + head.raw_path().len() + "  HTTP/1.1\r\n\r\n".len();
    line as u64 + fields(&head.headers)
}

/// Bytes of a response's head, likewise.
pub(crate) fn response_head(head: &ResponseHeader) -> u64 {
    let reason = head.status.canonical_reason().unwrap_or_default();
    ("HTTP/1.1 200 \r\n\r\n".len() + reason.len()) as u64 + fields(&head.headers)
}

fn fields(headers: &HeaderMap) -> u64 {
    headers.iter().map(|(name, value)| (name.as_str().len() + value.len() + ": \r\n".len()) as u64).sum()
}
