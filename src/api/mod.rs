//! The kinds that Pingway reads, as plain data.
//!
//! Core kinds (Service, EndpointSlice, Secret, Namespace) are `k8s-openapi`'s. The Gateway API's specs are our own
//! types, because generated ones close every enum: one value that a newer API adds would then cost the whole
//! object. Here an unknown value of an enum stays in the object ([`open_enum`]) and compile gives it the condition that the
//! specification names.
//!
//! Promises: decoding never panics; what a spec does not say stays `None`, and defaults are compile's to apply.
//! Never here: I/O, verdicts about an object.

pub mod ambient;
pub mod decode;
mod duration;
mod field;
mod filter;
mod gateway;
mod grant;
mod item;
mod label;
mod label_set;
mod object_ref;
mod open_enum;
pub mod parameters;
mod pod;
mod policy;
mod route;
mod service_entry;
mod unread;
mod validate;

pub use duration::{Span, duration};
pub use field::{FieldPath, Step};
pub use filter::{
    Filter, FilterType, HeaderModifier, HeaderValue, PathModifier, PathModifierType, Redirect, UrlRewrite,
};
pub use gateway::{
    AllowedRoutes, CertificateRef, GatewayAddress, GatewayClassSpec, GatewaySpec, Infrastructure, LabelSelector,
    LabelSelectorRequirement, Listener, ListenerProtocol, ListenerTls, NamespacesFrom, ParametersRef, RouteGroupKind,
    RouteNamespaces, SelectorOperator, StatusAddress, TlsMode,
};
pub use grant::{GrantFrom, GrantTo, ReferenceGrantSpec};
pub use item::Item;
pub use label::{GATEWAY_NAME, LONGEST_LABEL, cut, hashed, label_value};
pub use label_set::LabelSet;
pub use object_ref::{Kind, Meta, Object, ObjectName, ObjectRef};
pub use pod::{Pod, Workload};
pub use policy::{Policy, PolicyKind, PolicySpec, PolicyTarget};
pub use route::{
    BackendRef, GrpcMatch, GrpcMethodMatch, GrpcMethodMatchType, GrpcRouteSpec, GrpcRule, HttpMatch, HttpPathMatch,
    HttpRouteSpec, HttpRule, L4RouteSpec, L4Rule, ParentRef, PathMatchType, Retry, TCP_ROUTE_VERSIONS,
    TLS_ROUTE_VERSIONS, Timeouts, ValueMatch, ValueMatchType,
};

pub use service_entry::{ENTRY_VERSIONS, EntryEndpoint, EntryPort, ServiceEntry, ServiceEntrySpec, WorkloadEntry};
pub use unread::Unread;

pub use k8s_openapi::api::core::v1::{Namespace, Secret, Service};
pub use k8s_openapi::api::discovery::v1::EndpointSlice;

/// A GatewayClass.
pub type GatewayClass = Object<GatewayClassSpec>;
/// An XMesh: what a mesh says of itself. Its spec has the fields of a class's.
pub type XMesh = Object<GatewayClassSpec>;
/// A Gateway.
pub type Gateway = Object<GatewaySpec>;
/// An HTTPRoute.
pub type HttpRoute = Object<HttpRouteSpec>;
/// A GRPCRoute.
pub type GrpcRoute = Object<GrpcRouteSpec>;
/// A TLSRoute or a TCPRoute.
pub type L4Route = Object<L4RouteSpec>;
/// A ReferenceGrant.
pub type ReferenceGrant = Object<ReferenceGrantSpec>;

/// PingwayParameters. Those that are not good are there all the same, so that whoever refers to them can be told why.
pub type PingwayParameters = Object<Result<parameters::ParametersSpec, decode::DecodeError>>;

/// `spec.controllerName` of the classes that are ours, and `controllerName` in the statuses that we write.
pub const CONTROLLER_NAME: &str = "pingway.dev/gateway-controller";
