//! One decoded object of any kind that Pingway reads.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::decode::DecodeError;
use super::{
    EndpointSlice, Gateway, GatewayClass, GrpcRoute, HttpRoute, Kind, L4Route, Namespace, ObjectName, ObjectRef,
    PingwayParameters, Pod, Policy, ReferenceGrant, Secret, Service, ServiceEntry, WorkloadEntry, XMesh,
};

/// One object of a kind that Pingway reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A GatewayClass.
    GatewayClass(Arc<GatewayClass>),
    /// An XMesh.
    XMesh(Arc<XMesh>),
    /// A Gateway.
    Gateway(Arc<Gateway>),
    /// An HTTPRoute.
    HttpRoute(Arc<HttpRoute>),
    /// A GRPCRoute.
    GrpcRoute(Arc<GrpcRoute>),
    /// A TLSRoute.
    TlsRoute(Arc<L4Route>),
    /// A TCPRoute.
    TcpRoute(Arc<L4Route>),
    /// A ReferenceGrant.
    ReferenceGrant(Arc<ReferenceGrant>),
    /// A Service.
    Service(Arc<Service>),
    /// An EndpointSlice.
    EndpointSlice(Arc<EndpointSlice>),
    /// A Secret.
    Secret(Arc<Secret>),
    /// A Namespace.
    Namespace(Arc<Namespace>),
    /// A Pod, with what is kept of it.
    Pod(Arc<Pod>),
    /// PingwayParameters, good or not.
    PingwayParameters(Arc<PingwayParameters>),
    /// A ServiceEntry.
    ServiceEntry(Arc<ServiceEntry>),
    /// A WorkloadEntry.
    WorkloadEntry(Arc<WorkloadEntry>),
    /// An object of Istio's that speaks of traffic.
    Policy(Arc<Policy>),
}

impl Item {
    /// The kind and name that the object goes by.
    pub fn reference(&self) -> ObjectRef {
        let (kind, name) = match self {
            Self::GatewayClass(object) => (Kind::GatewayClass, object.meta.name.clone()),
            Self::XMesh(object) => (Kind::XMesh, object.meta.name.clone()),
            Self::Gateway(object) => (Kind::Gateway, object.meta.name.clone()),
            Self::HttpRoute(object) => (Kind::HttpRoute, object.meta.name.clone()),
            Self::GrpcRoute(object) => (Kind::GrpcRoute, object.meta.name.clone()),
            Self::TlsRoute(object) => (Kind::TlsRoute, object.meta.name.clone()),
            Self::TcpRoute(object) => (Kind::TcpRoute, object.meta.name.clone()),
            Self::ReferenceGrant(object) => (Kind::ReferenceGrant, object.meta.name.clone()),
            Self::PingwayParameters(object) => (Kind::PingwayParameters, object.meta.name.clone()),
            Self::Pod(object) => (Kind::Pod, object.name.clone()),
            Self::ServiceEntry(object) => (Kind::ServiceEntry, object.meta.name.clone()),
            Self::WorkloadEntry(object) => (Kind::WorkloadEntry, object.meta.name.clone()),
            Self::Policy(object) => (Kind::Policy(object.spec.kind), object.meta.name.clone()),
            Self::Service(object) => (Kind::Service, name_of(&object.metadata)),
            Self::EndpointSlice(object) => (Kind::EndpointSlice, name_of(&object.metadata)),
            Self::Secret(object) => (Kind::Secret, name_of(&object.metadata)),
            Self::Namespace(object) => (Kind::Namespace, name_of(&object.metadata)),
        };
        ObjectRef { kind, name }
    }

    /// Why an object is there and yet not good: whoever refers to it has to hear that.
    pub fn flaw(&self) -> Option<&DecodeError> {
        match self {
            Self::PingwayParameters(object) => object.spec.as_ref().err(),
            _ => None,
        }
    }
}

/// Namespace and name of a core object.
fn name_of(metadata: &ObjectMeta) -> ObjectName {
    ObjectName::new(metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
}
