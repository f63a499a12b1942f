//! HTTPRoute, GRPCRoute, TLSRoute and TCPRoute, as read.

use serde::Deserialize;

use super::filter::Filter;
use super::open_enum::open_enum;

/// `HTTPRoute.spec`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteSpec {
    /// Who should serve the route.
    #[serde(default)]
    pub parent_refs: Vec<ParentRef>,
    /// Empty: every host of the listener.
    #[serde(default)]
    pub hostnames: Vec<String>,
    /// `None`: one rule that matches all (`/` as PathPrefix).
    pub rules: Option<Vec<HttpRule>>,
    /// `useDefaultGateways` (experimental): not built, so reported where set.
    pub use_default_gateways: Option<String>,
}

/// `GRPCRoute.spec`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRouteSpec {
    /// Who should serve the route.
    #[serde(default)]
    pub parent_refs: Vec<ParentRef>,
    /// Empty: every host of the listener.
    #[serde(default)]
    pub hostnames: Vec<String>,
    /// The rules.
    #[serde(default)]
    pub rules: Vec<GrpcRule>,
    /// `useDefaultGateways` (experimental): not built, so reported where set.
    pub use_default_gateways: Option<String>,
}

/// The versions of TLSRoute, best first. Older ones differ in nothing that Pingway reads.
pub const TLS_ROUTE_VERSIONS: &[&str] = &["v1", "v1alpha3", "v1alpha2"];
/// The versions of TCPRoute, likewise: v1 came with Gateway API 1.6.
pub const TCP_ROUTE_VERSIONS: &[&str] = &["v1", "v1alpha2"];

/// `TLSRoute.spec`, `TCPRoute.spec`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct L4RouteSpec {
    /// Who should serve the route.
    #[serde(default)]
    pub parent_refs: Vec<ParentRef>,
    /// Server names of TLS. A TCPRoute has none.
    #[serde(default)]
    pub hostnames: Vec<String>,
    /// The rules.
    #[serde(default)]
    pub rules: Vec<L4Rule>,
    /// `useDefaultGateways` (experimental): not built, so reported where set.
    pub use_default_gateways: Option<String>,
}

/// `spec.parentRefs[]`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// `None`: `gateway.networking.k8s.io`.
    pub group: Option<String>,
    /// `None`: Gateway.
    pub kind: Option<String>,
    /// `None`: the route's.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// A listener's name. `None`: all that fit.
    pub section_name: Option<String>,
    /// A listener's port. `None`: all that fit.
    pub port: Option<i32>,
}

/// `HTTPRoute.spec.rules[]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRule {
    /// The rule's name.
    pub name: Option<String>,
    /// `None` or empty: one match of `/` as PathPrefix.
    pub matches: Option<Vec<HttpMatch>>,
    /// What happens to a request.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// Where it goes.
    #[serde(default)]
    pub backend_refs: Vec<BackendRef>,
    /// How long it may take.
    pub timeouts: Option<Timeouts>,
    /// Whether it is tried again.
    pub retry: Option<Retry>,
    /// Session persistence: not built, so reported where set.
    pub session_persistence: Option<serde_json::Value>,
}

/// `GRPCRoute.spec.rules[]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRule {
    /// The rule's name.
    pub name: Option<String>,
    /// `None` or empty: every call.
    pub matches: Option<Vec<GrpcMatch>>,
    /// What happens to a request.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// Where it goes.
    #[serde(default)]
    pub backend_refs: Vec<BackendRef>,
    /// Session persistence: not built, so reported where set.
    pub session_persistence: Option<serde_json::Value>,
}

/// `TLSRoute.spec.rules[]`, `TCPRoute.spec.rules[]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct L4Rule {
    /// The rule's name.
    pub name: Option<String>,
    /// Where connections go.
    #[serde(default)]
    pub backend_refs: Vec<BackendRef>,
}

/// `rules[].matches[]` of an HTTPRoute: all parts hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpMatch {
    /// `None`: `/` as PathPrefix.
    pub path: Option<HttpPathMatch>,
    /// All hold.
    #[serde(default)]
    pub headers: Vec<ValueMatch>,
    /// All hold.
    #[serde(default)]
    pub query_params: Vec<ValueMatch>,
    /// An HTTP method, in capitals.
    pub method: Option<String>,
}

open_enum! {
    /// `matches[].path.type`
    PathMatchType { Exact = "Exact", PathPrefix = "PathPrefix", RegularExpression = "RegularExpression" }
}

/// `matches[].path`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HttpPathMatch {
    /// `None`: PathPrefix.
    #[serde(rename = "type")]
    pub kind: Option<PathMatchType>,
    /// `None`: `/`.
    pub value: Option<String>,
}

open_enum! {
    /// `type` of a header or query match
    ValueMatchType { Exact = "Exact", RegularExpression = "RegularExpression" }
}

/// `matches[].headers[]`, `matches[].queryParams[]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ValueMatch {
    /// `None`: Exact.
    #[serde(rename = "type")]
    pub kind: Option<ValueMatchType>,
    /// Name: of a header without case, of a query parameter to the letter.
    pub name: String,
    /// Value.
    pub value: String,
}

/// `rules[].matches[]` of a GRPCRoute: all parts hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct GrpcMatch {
    /// `None`: every method.
    pub method: Option<GrpcMethodMatch>,
    /// All hold.
    #[serde(default)]
    pub headers: Vec<ValueMatch>,
}

open_enum! {
    /// `matches[].method.type`
    GrpcMethodMatchType { Exact = "Exact", RegularExpression = "RegularExpression" }
}

/// `matches[].method` of a GRPCRoute
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GrpcMethodMatch {
    /// `None`: Exact.
    #[serde(rename = "type")]
    pub kind: Option<GrpcMethodMatchType>,
    /// `None`: any service.
    pub service: Option<String>,
    /// `None`: any method.
    pub method: Option<String>,
}

/// `rules[].backendRefs[]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BackendRef {
    /// `None`: core.
    pub group: Option<String>,
    /// `None`: Service.
    pub kind: Option<String>,
    /// Name.
    pub name: String,
    /// `None`: the route's.
    pub namespace: Option<String>,
    /// Needed by a Service.
    pub port: Option<i32>,
    /// Share of the requests, or connections, 0 to 1,000,000. `None`: 1.
    pub weight: Option<i32>,
    /// Filters for requests that go to this backend.
    #[serde(default)]
    pub filters: Vec<Filter>,
}

/// `rules[].timeouts`: Gateway API durations (GEP-2257), `0s` for no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeouts {
    /// The whole exchange, retries included.
    pub request: Option<String>,
    /// One try, to its last byte.
    pub backend_request: Option<String>,
}

/// `rules[].retry`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Retry {
    /// Status codes to try again on.
    #[serde(default)]
    pub codes: Vec<i32>,
    /// Tries beyond the first. `None`: 1. 0: none.
    pub attempts: Option<i32>,
    /// Shortest wait before a further try (GEP-2257).
    pub backoff: Option<String>,
}
