//! Names of objects, and what Pingway keeps of an object beside its spec.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::policy::PolicyKind;

/// The kinds that Pingway reads, in the order in which they are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `gateway.networking.k8s.io` GatewayClass
    GatewayClass,
    /// `gateway.networking.x-k8s.io` XMesh
    XMesh,
    /// `gateway.networking.k8s.io` Gateway
    Gateway,
    /// `gateway.networking.k8s.io` HTTPRoute
    HttpRoute,
    /// `gateway.networking.k8s.io` GRPCRoute
    GrpcRoute,
    /// `gateway.networking.k8s.io` TLSRoute
    TlsRoute,
    /// `gateway.networking.k8s.io` TCPRoute
    TcpRoute,
    /// `gateway.networking.k8s.io` ReferenceGrant
    ReferenceGrant,
    /// core Service
    Service,
    /// `discovery.k8s.io` EndpointSlice
    EndpointSlice,
    /// core Secret
    Secret,
    /// core Namespace
    Namespace,
    /// core Pod
    Pod,
    /// `pingway.dev` PingwayParameters
    PingwayParameters,
    /// `networking.istio.io` ServiceEntry
    ServiceEntry,
    /// `networking.istio.io` WorkloadEntry
    WorkloadEntry,
    /// One of Istio's that speaks of traffic at a waypoint
    Policy(PolicyKind),
}

impl Kind {
    /// Those that references may name.
    const ALL: [Self; 11] = [
        Self::GatewayClass,
        Self::Gateway,
        Self::HttpRoute,
        Self::GrpcRoute,
        Self::TlsRoute,
        Self::TcpRoute,
        Self::ReferenceGrant,
        Self::Service,
        Self::EndpointSlice,
        Self::Secret,
        Self::Namespace,
    ];

    /// The kind as manifests spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GatewayClass => "GatewayClass",
            Self::XMesh => "XMesh",
            Self::Gateway => "Gateway",
            Self::HttpRoute => "HTTPRoute",
            Self::GrpcRoute => "GRPCRoute",
            Self::TlsRoute => "TLSRoute",
            Self::TcpRoute => "TCPRoute",
            Self::ReferenceGrant => "ReferenceGrant",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Secret => "Secret",
            Self::Namespace => "Namespace",
            Self::Pod => "Pod",
            Self::PingwayParameters => "PingwayParameters",
            Self::ServiceEntry => "ServiceEntry",
            Self::WorkloadEntry => "WorkloadEntry",
            Self::Policy(kind) => kind.as_str(),
        }
    }

    /// The kind that manifests spell so; `None`: none that Pingway reads.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether a cluster without it lacks nothing.
    pub fn is_optional(self) -> bool {
        matches!(
            self,
            Self::Policy(_) | Self::XMesh | Self::ServiceEntry | Self::WorkloadEntry | Self::TlsRoute | Self::TcpRoute
        )
    }

    /// Whether it is a kind of route.
    pub fn is_route(self) -> bool {
        matches!(self, Self::HttpRoute | Self::GrpcRoute) || self.is_l4_route()
    }

    /// Whether it is a kind of route for bytes that are not looked at.
    pub fn is_l4_route(self) -> bool {
        matches!(self, Self::TlsRoute | Self::TcpRoute)
    }

    /// Whether its objects are in no namespace.
    pub fn is_cluster_scoped(self) -> bool {
        matches!(self, Self::GatewayClass | Self::XMesh | Self::Namespace)
    }

    /// Its best version: in which it is asked for first, and in which a status of it is written.
    pub fn version(self) -> &'static str {
        match self {
            Self::XMesh | Self::PingwayParameters => "v1alpha1",
            Self::Policy(kind) => kind.versions().first().copied().unwrap_or_default(),
            _ => "v1",
        }
    }

    /// The API group, empty for core.
    pub fn group(self) -> &'static str {
        match self {
            Self::GatewayClass
            | Self::Gateway
            | Self::HttpRoute
            | Self::GrpcRoute
            | Self::TlsRoute
            | Self::TcpRoute
            | Self::ReferenceGrant => "gateway.networking.k8s.io",
            Self::XMesh => "gateway.networking.x-k8s.io",
            Self::EndpointSlice => "discovery.k8s.io",
            Self::Service | Self::Secret | Self::Namespace | Self::Pod => "",
            Self::PingwayParameters => "pingway.dev",
            Self::ServiceEntry | Self::WorkloadEntry => "networking.istio.io",
            Self::Policy(kind) => kind.group(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Namespace and name; the namespace is empty for cluster-scoped kinds. Orders as the specification's tie-break does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The namespace, empty for cluster-scoped kinds.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl ObjectName {
    /// A name in a namespace.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Whether it is a host of a ServiceEntry, kept as a Service of that name: a Service's own name has no dot (RFC 1035, 2.3.1).
    pub fn is_host(&self) -> bool {
        self.name.contains('.')
    }

    /// The name of a cluster-scoped object.
    pub fn cluster(name: impl Into<Arc<str>>) -> Self {
        Self::new("", name)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.namespace, self.name) }
    }
}

/// One object: its kind and its name. Shown as `Kind namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// The kind.
    pub kind: Kind,
    /// Namespace and name.
    pub name: ObjectName,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// What Pingway keeps of an object's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Namespace and name.
    pub name: ObjectName,
    /// `metadata.uid` of a Gateway, by which one is told from another that had its name before: the controller makes
    /// objects that belong to it. Of Istio's objects, too, about which it makes Events. `None`: another kind, or a manifest that has none.
    pub uid: Option<Arc<str>>,
    /// `metadata.deletionTimestamp` of a Gateway; `None`: another kind, or it is not being deleted.
    pub deleted: Option<Time>,
    /// `metadata.generation`; 0 where a manifest has none.
    pub generation: i64,
    /// `metadata.creationTimestamp`. `None` sorts as oldest (a manifest's object has no age).
    pub created: Option<Time>,
    /// `metadata.labels`
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`
    pub annotations: BTreeMap<String, String>,
}

/// An object of the Gateway API: metadata and spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object<S> {
    /// Metadata.
    pub meta: Meta,
    /// Spec.
    pub spec: S,
}
