//! Routes: what all kinds share. A route is parsed by itself, then resolved against what it refers to.

mod dropped;
mod grpc;
mod http;
mod l4;
mod parse;
mod resolve;
mod spec;

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::precedence::Specificity;
use super::verdict::Refusal;
use crate::api::{GrpcRoute, HttpRoute, Kind, L4Route, Meta, ObjectRef, ParentRef};
use crate::table::filter::{Filters, Redirect};
use crate::table::hostname::HostPattern;
use crate::table::matches::Match;
use crate::table::timeouts::{Retry, Timeouts};

pub(in crate::compile) use dropped::readable;
pub(in crate::compile) use parse::{parse, rules};
pub(in crate::compile) use resolve::{Candidate, Context, Resolved, resolve};

/// A route as the snapshot has it.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Http(Arc<HttpRoute>),
    Grpc(Arc<GrpcRoute>),
    Tls(Arc<L4Route>),
    Tcp(Arc<L4Route>),
}

impl Source {
    pub(super) fn meta(&self) -> &Meta {
        match self {
            Self::Http(route) => &route.meta,
            Self::Grpc(route) => &route.meta,
            Self::Tls(route) | Self::Tcp(route) => &route.meta,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Http(_) => Kind::HttpRoute,
            Self::Grpc(_) => Kind::GrpcRoute,
            Self::Tls(_) => Kind::TlsRoute,
            Self::Tcp(_) => Kind::TcpRoute,
        }
    }

    pub(super) fn parents(&self) -> &[ParentRef] {
        match self {
            Self::Http(route) => &route.spec.parent_refs,
            Self::Grpc(route) => &route.spec.parent_refs,
            Self::Tls(route) | Self::Tcp(route) => &route.spec.parent_refs,
        }
    }

    fn hostnames(&self) -> &[String] {
        match self {
            Self::Http(route) => &route.spec.hostnames,
            Self::Grpc(route) => &route.spec.hostnames,
            Self::Tls(route) | Self::Tcp(route) => &route.spec.hostnames,
        }
    }

    /// `spec.useDefaultGateways`, which is not built.
    fn default_gateways(&self) -> Option<&str> {
        match self {
            Self::Http(route) => route.spec.use_default_gateways.as_deref(),
            Self::Grpc(route) => route.spec.use_default_gateways.as_deref(),
            Self::Tls(route) | Self::Tcp(route) => route.spec.use_default_gateways.as_deref(),
        }
    }
}

/// A route by itself: all that can be said of it without looking at another object.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) object: ObjectRef,
    pub(super) source: Source,
    pub(super) created: Option<Time>,
    /// The hosts that it is for, each once; [`HostPattern::Any`] where it names none. An invalid one refuses the route.
    pub(super) hostnames: Result<Vec<HostPattern>, Refusal>,
    /// The rules that can be served, in the spec's order.
    pub(super) rules: Vec<Rule>,
    /// The others, by their place in `spec.rules`.
    pub(super) dropped: Vec<(usize, Refusal)>,
    /// Whether a rule was dropped for the number of regular expressions, which other routes had a part in.
    pub(super) starved: bool,
}

/// One rule that can be served.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) index: usize,
    pub(super) name: Option<Arc<str>>,
    pub(super) matches: Vec<Match>,
    /// For each match, how specific it is.
    pub(super) specificities: Vec<Specificity>,
    pub(super) action: Action,
    pub(super) timeouts: Timeouts,
    pub(super) retry: Retry,
}

/// What a rule does, its references not yet resolved.
#[derive(Debug)]
pub(super) enum Action {
    /// To the `backendRefs` of the source's rule: for each its share, and its filters or why its requests fail.
    Forward {
        filters: Filters,
        backends: Vec<(u32, Result<Filters, Refusal>)>,
    },
    Redirect {
        filters: Filters,
        redirect: Redirect,
    },
    /// Answers an error; a refusal is one of references.
    Fail {
        why: &'static str,
        unresolved: Option<Refusal>,
    },
}
