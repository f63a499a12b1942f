//! Changes of a snapshot: one object put or removed, and what kinds that touched.

use std::sync::Arc;

use crate::api::ObjectName;
use crate::api::{
    EndpointSlice, Gateway, GatewayClass, GrpcRoute, HttpRoute, Namespace, ObjectRef, ReferenceGrant, Secret, Service,
};

/// One object of a kind that Pingway reads.
#[derive(Clone, Debug)]
pub enum Item {
    /// A GatewayClass.
    GatewayClass(Arc<GatewayClass>),
    /// A Gateway.
    Gateway(Arc<Gateway>),
    /// An HTTPRoute.
    HttpRoute(Arc<HttpRoute>),
    /// A GRPCRoute.
    GrpcRoute(Arc<GrpcRoute>),
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
}

/// One object that came or went.
#[derive(Clone, Debug)]
pub enum Change {
    /// New, or new in content.
    Put(Item),
    /// Gone.
    Remove(ObjectRef),
}

/// What a batch of changes touched, so that the pipeline does only what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Anything that compile reads for tables and conditions.
    pub configuration: bool,
    /// Services whose endpoints, ports or type may differ.
    pub services: Vec<ObjectName>,
}
