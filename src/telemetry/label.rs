//! Closed label values: enums whose words stand in metrics and in the access log.

/// A label value from a closed set, so that a counter of each can be made ahead and found by index.
pub(super) trait Label: Copy + 'static {
    /// Every value, in the order of [`Label::index`].
    const VALUES: &'static [Self];
    /// Its place in [`Label::VALUES`].
    fn index(self) -> usize;
    /// Its word.
    fn word(self) -> &'static str;
}

/// Declares an enum of label values, each with its word and its meaning (the doc comment).
macro_rules! labels {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $doc])+ $variant),+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What it means, as the documents say it.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim()),+ }
            }
        }

        impl $crate::telemetry::label::Label for $name {
            const VALUES: &'static [Self] = Self::ALL;
            fn index(self) -> usize { self as usize }
            fn word(self) -> &'static str { self.as_str() }
        }
    };
}
pub(super) use labels;

labels! {
    /// First digit of the status that the client got.
    StatusClass {
        /// No status was sent.
        None = "none",
        /// 1xx, which is final only for 101.
        Informational = "1xx",
        /// 2xx
        Success = "2xx",
        /// 3xx
        Redirection = "3xx",
        /// 4xx
        ClientError = "4xx",
        /// 5xx
        ServerError = "5xx",
    }
}

impl StatusClass {
    /// The class of a status; 0 is [`StatusClass::None`], and so is what HTTP does not know.
    pub fn of(status: u16) -> Self {
        match status / 100 {
            1 => Self::Informational,
            2 => Self::Success,
            3 => Self::Redirection,
            4 => Self::ClientError,
            5 => Self::ServerError,
            _ => Self::None,
        }
    }
}

labels! {
    /// What a client's connection speaks.
    ConnectionProtocol {
        /// Not yet known: no byte has come, or TLS is being opened.
        Unknown = "unknown",
        /// HTTP/1.0 or HTTP/1.1.
        Http1 = "http1",
        /// HTTP/2.
        Http2 = "http2",
        /// An upgraded HTTP/1.1 connection (WebSocket and others).
        Upgrade = "upgrade",
        /// Bytes, passed on as they come.
        Tcp = "tcp",
    }
}

labels! {
    /// What an upstream connection speaks.
    UpstreamProtocol {
        /// HTTP/1.1.
        Http1 = "http1",
        /// HTTP/2 with prior knowledge.
        Http2 = "http2",
    }
}

labels! {
    /// What the controller writes.
    Written {
        /// A status.
        Status = "status",
        /// An object that a Gateway runs on, made or mended.
        Object = "object",
    }
}

labels! {
    /// What came of a write to the API server.
    WriteResult {
        /// It was written.
        Done = "done",
        /// The object had changed or gone meanwhile; it is looked at again.
        Conflict = "conflict",
        /// It failed, and is tried again.
        Failed = "failed",
    }
}

labels! {
    /// Whose message lost its trailers.
    Direction {
        /// From the client to the endpoint.
        Request = "request",
        /// From the endpoint to the client.
        Response = "response",
    }
}

labels! {
    /// Why TLS with a client did not come about.
    TlsFailure {
        /// No listener's certificate fits the name that the client asked for.
        NoCertificate = "no_certificate",
        /// The client sent no handshake in time.
        Timeout = "timeout",
        /// The client closed, or refused with an alert.
        Client = "client",
        /// What the client sent or offers is not TLS that Pingway speaks.
        Protocol = "protocol",
    }
}

labels! {
    /// Why a request that failed was not tried again, although its route or its method lets it be.
    RetryDenied {
        /// The budget for retries is spent.
        Budget = "budget",
        /// The body is too large to be kept for another try.
        BodyTooLarge = "body_too_large",
        /// The client would not wait: the request's deadline comes before the next try.
        Deadline = "deadline",
    }
}

labels! {
    /// Why a connection that came by the PROXY protocol was closed.
    InboundRefusal {
        /// It does not begin with a header of version 2.
        NoHeader = "no_header",
        /// Its header is none that the specification allows, or names an identity that is none.
        Malformed = "malformed_header",
        /// Its header is larger than 4 KiB.
        TooLarge = "header_too_large",
        /// Its header is of the command LOCAL: nobody dialled anything.
        Local = "local_command",
        /// Its header has no addresses: a client of one family that dialled an address of the other.
        NoAddress = "no_address",
        /// Its header did not come in time, or broke off.
        NoHeaderInTime = "header_timeout",
        /// What was dialled is not enrolled with this waypoint.
        NotServed = "not_served",
        /// The waypoint itself dialled it, by its identity or its address: it would come round again. HTTP is answered 508.
        Loop = "loop",
        /// It came from elsewhere than loopback.
        NotLoopback = "not_loopback",
        /// The rule of a TLSRoute or TCPRoute that takes it leads nowhere: to a backend that does not resolve, or to none.
        NoBackend = "no_backend",
        /// It speaks no HTTP, and where it is to go has no endpoint that is ready.
        NoEndpoint = "no_endpoint",
        /// A policy of Istio's would judge it, is not enforced, and is not to be passed over; it speaks no HTTP, in which that could
        /// be said.
        PolicyNotEnforced = "policy_not_enforced",
    }
}
