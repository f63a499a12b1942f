//! Conditions and reasons, in the specification's words.

/// Types of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The object is valid and taken on.
    Accepted,
    /// Its references resolve.
    ResolvedRefs,
    /// It is served.
    Programmed,
    /// Listener: it conflicts with another.
    Conflicted,
    /// Listener: hostnames of TLS listeners on a port overlap (informational).
    OverlappingTlsConfig,
    /// Route: some rules were dropped.
    PartiallyInvalid,
    /// GatewayClass: the installed CRDs are of a supported version.
    SupportedVersion,
    /// Gateway: what it runs on is as it asks. Of Pingway's own, and written only where it is not.
    Provisioned,
    /// Gateway, while it is not so: Istio's policies at it are enforced.
    PoliciesEnforced,
    /// Gateway, while it is not so: all of the ServiceEntries that are enrolled with it is served.
    ServiceEntriesServed,
}

impl ConditionType {
    /// All that Pingway writes.
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::ResolvedRefs,
        Self::Programmed,
        Self::Conflicted,
        Self::OverlappingTlsConfig,
        Self::PartiallyInvalid,
        Self::SupportedVersion,
        Self::Provisioned,
        Self::PoliciesEnforced,
        Self::ServiceEntriesServed,
    ];

    /// As statuses spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::ResolvedRefs => "ResolvedRefs",
            Self::Programmed => "Programmed",
            Self::Conflicted => "Conflicted",
            Self::OverlappingTlsConfig => "OverlappingTLSConfig",
            Self::PartiallyInvalid => "PartiallyInvalid",
            Self::SupportedVersion => "SupportedVersion",
            Self::Provisioned => "pingway.dev/Provisioned",
            // A word of our own has our domain.
            Self::PoliciesEnforced => "pingway.dev/PoliciesEnforced",
            Self::ServiceEntriesServed => "pingway.dev/ServiceEntriesServed",
        }
    }
}

macro_rules! reasons {
    ($($name:ident),+ $(,)?) => {
        /// Reasons of conditions: the variant's name is the specification's word, or Pingway's where it has none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each is the word that statuses have")]
        pub enum Reason { $($name),+ }

        impl Reason {
            /// As statuses spell it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

reasons! {
    Accepted, Programmed, ResolvedRefs, NoConflicts, SupportedVersion, UnsupportedVersion,
    // Gateway and listener
    Invalid, Pending, ListenersNotValid, ListenersNotResolved, UnsupportedAddress, AddressNotAssigned, AddressNotUsable, NoResources,
    InvalidParameters, PolicyNotEnforced, UnsupportedProtocol, PortUnavailable, HostnameConflict, ProtocolConflict,
    InvalidRouteKinds, InvalidCertificateRef, RefNotPermitted, OverlappingHostnames, OverlappingCertificates,
    // Route
    NoMatchingParent, NotAllowedByListeners, NoMatchingListenerHostname, UnsupportedValue, InvalidKind,
    BackendNotFound, IncompatibleFilters,
    // Pingway's own
    NotApplied,
}
