//! GatewayClass and Gateway, as read.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;

use super::open_enum::open_enum;
use super::unread::Unread;

/// `GatewayClass.spec`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassSpec {
    /// Who implements the class: `pingway.dev/gateway-controller` is ours.
    pub controller_name: String,
    /// Parameters of the class.
    pub parameters_ref: Option<ParametersRef>,
    /// For people.
    pub description: Option<Unread>,
}

/// `parametersRef` of a class or of `spec.infrastructure`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ParametersRef {
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace, of a class's parameters only.
    pub namespace: Option<String>,
}

/// `Gateway.spec`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySpec {
    /// The class.
    pub gateway_class_name: String,
    /// The listeners, 1 to 64, by distinct names.
    #[serde(default)]
    pub listeners: Vec<Listener>,
    /// Addresses asked for.
    #[serde(default)]
    pub addresses: Vec<GatewayAddress>,
    /// What provisioned objects carry.
    pub infrastructure: Option<Infrastructure>,
    /// `spec.tls` (client certificates both ways): not built, so reported where set.
    pub tls: Option<serde_json::Value>,
    /// `spec.allowedListeners` (ListenerSets): not built, so reported where set.
    pub allowed_listeners: Option<serde_json::Value>,
    /// `spec.defaultScope` (experimental): not built, so reported where set.
    pub default_scope: Option<String>,
}

/// `Gateway.spec.infrastructure`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Infrastructure {
    /// Labels for provisioned objects.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations for provisioned objects.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Parameters.
    pub parameters_ref: Option<ParametersRef>,
}

/// `Gateway.spec.addresses[]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GatewayAddress {
    /// `IPAddress` (default), `Hostname` or a domain-prefixed word.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The address; empty asks for any.
    pub value: Option<String>,
    /// From where it is to be reached (1.7, experimental): not built, so reported where set.
    pub routability: Option<Unread>,
}

/// `Gateway.status.addresses[]`: where a Gateway is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusAddress {
    /// `IPAddress`
    Ip(IpAddr),
    /// `Hostname`
    Hostname(Arc<str>),
}

open_enum! {
    /// `Listener.protocol`
    ListenerProtocol { Http = "HTTP", Https = "HTTPS", Tls = "TLS", Tcp = "TCP", Udp = "UDP" }
}

open_enum! {
    /// `Listener.tls.mode`
    TlsMode { Terminate = "Terminate", Passthrough = "Passthrough" }
}

open_enum! {
    /// `Listener.allowedRoutes.namespaces.from`
    NamespacesFrom { All = "All", Same = "Same", Selector = "Selector", None = "None" }
}

/// `Gateway.spec.listeners[]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Distinct within the Gateway.
    pub name: String,
    /// Exact or wildcard; `None` and empty: any host.
    pub hostname: Option<String>,
    /// 1 to 65535.
    pub port: i32,
    /// What is spoken on the port.
    pub protocol: ListenerProtocol,
    /// TLS, of HTTPS and TLS listeners.
    pub tls: Option<ListenerTls>,
    /// Which routes may attach.
    pub allowed_routes: Option<AllowedRoutes>,
    /// Listener filters (1.7, experimental): not built, so reported where set.
    pub filters: Option<serde_json::Value>,
}

/// `Listener.tls`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerTls {
    /// `None`: Terminate.
    pub mode: Option<TlsMode>,
    /// Certificates.
    #[serde(default)]
    pub certificate_refs: Vec<CertificateRef>,
    /// Implementation-specific options.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// `Listener.tls.certificateRefs[]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CertificateRef {
    /// `None`: core.
    pub group: Option<String>,
    /// `None`: Secret.
    pub kind: Option<String>,
    /// Name.
    pub name: String,
    /// `None`: the Gateway's.
    pub namespace: Option<String>,
}

/// `Listener.allowedRoutes`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct AllowedRoutes {
    /// `None`: Same.
    pub namespaces: Option<RouteNamespaces>,
    /// Empty: what the protocol takes.
    #[serde(default)]
    pub kinds: Vec<RouteGroupKind>,
}

/// `Listener.allowedRoutes.namespaces`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RouteNamespaces {
    /// `None`: Same.
    pub from: Option<NamespacesFrom>,
    /// Needed by `Selector`.
    pub selector: Option<LabelSelector>,
}

/// `Listener.allowedRoutes.kinds[]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RouteGroupKind {
    /// `None`: `gateway.networking.k8s.io`.
    pub group: Option<String>,
    /// Kind.
    pub kind: String,
}

/// A label selector: all requirements hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must be equal.
    #[serde(default)]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements.
    #[serde(default)]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

open_enum! {
    /// `matchExpressions[].operator`
    SelectorOperator { In = "In", NotIn = "NotIn", Exists = "Exists", DoesNotExist = "DoesNotExist" }
}

/// `matchExpressions[]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LabelSelectorRequirement {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: SelectorOperator,
    /// With what.
    #[serde(default)]
    pub values: Vec<String>,
}
