//! Istio's objects that speak of traffic at a waypoint: whom each is about. What it asks for is not read.
//!
//! Istio's own types: `targetRefs` of `istio.io/api/type/v1beta1`, hosts of DestinationRule and VirtualService.

use std::sync::Arc;

use super::{Object, ObjectName};

/// A kind of such objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// `security.istio.io` AuthorizationPolicy
    AuthorizationPolicy,
    /// `security.istio.io` RequestAuthentication
    RequestAuthentication,
    /// `networking.istio.io` DestinationRule
    DestinationRule,
    /// `networking.istio.io` EnvoyFilter
    EnvoyFilter,
    /// `networking.istio.io` VirtualService
    VirtualService,
    /// `telemetry.istio.io` Telemetry
    Telemetry,
    /// `extensions.istio.io` WasmPlugin
    WasmPlugin,
}

impl PolicyKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AuthorizationPolicy,
        Self::RequestAuthentication,
        Self::DestinationRule,
        Self::EnvoyFilter,
        Self::VirtualService,
        Self::Telemetry,
        Self::WasmPlugin,
    ];

    /// The kind as manifests spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationPolicy => "AuthorizationPolicy",
            Self::RequestAuthentication => "RequestAuthentication",
            Self::DestinationRule => "DestinationRule",
            Self::EnvoyFilter => "EnvoyFilter",
            Self::VirtualService => "VirtualService",
            Self::Telemetry => "Telemetry",
            Self::WasmPlugin => "WasmPlugin",
        }
    }

    /// The API group.
    pub fn group(self) -> &'static str {
        match self {
            Self::AuthorizationPolicy | Self::RequestAuthentication => "security.istio.io",
            Self::DestinationRule | Self::EnvoyFilter | Self::VirtualService => "networking.istio.io",
            Self::Telemetry => "telemetry.istio.io",
            Self::WasmPlugin => "extensions.istio.io",
        }
    }

    /// The versions in which Istio serves it, best first.
    pub fn versions(self) -> &'static [&'static str] {
        match self {
            Self::AuthorizationPolicy | Self::RequestAuthentication => &["v1", "v1beta1"],
            Self::DestinationRule | Self::VirtualService => &["v1", "v1beta1", "v1alpha3"],
            Self::EnvoyFilter => &["v1alpha3"],
            Self::Telemetry => &["v1", "v1alpha1"],
            Self::WasmPlugin => &["v1alpha1"],
        }
    }
}

/// An object of Istio's that speaks of traffic at a waypoint.
pub type Policy = Object<PolicySpec>;

/// What is read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySpec {
    /// Its kind.
    pub kind: PolicyKind,
    /// Whom it is about, as far as waypoints go; empty where it is no waypoint's: without `targetRefs` it is ztunnel's.
    pub targets: Vec<PolicyTarget>,
    /// Namespaces from which it is seen (`exportTo`); empty: all. `.` is its own.
    pub export_to: Vec<String>,
    /// Whether it decides which requests pass: an AuthorizationPolicy other than one of the action AUDIT, a RequestAuthentication.
    pub decides: bool,
}

/// Whom it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyTarget {
    /// A Gateway.
    Gateway(ObjectName),
    /// Every Gateway of a class.
    GatewayClass(Arc<str>),
    /// A Service.
    Service(ObjectName),
    /// A ServiceEntry.
    ServiceEntry(ObjectName),
    /// A host: a Service's name in the mesh, or a pattern of such, beginning with `*`.
    Host(String),
}
