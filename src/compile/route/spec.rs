//! A rule as written, in the parts that all kinds of routes share.

use crate::api::{self, BackendRef, Filter};

/// A rule as written, whatever its kind of route.
#[derive(Default)]
pub(in crate::compile) struct Spec<'r> {
    pub(in crate::compile) name: Option<&'r str>,
    pub(super) matches: Matches<'r>,
    pub(super) filters: &'r [Filter],
    pub(super) backends: &'r [BackendRef],
    pub(super) timeouts: Option<&'r api::Timeouts>,
    pub(super) retry: Option<&'r api::Retry>,
    pub(super) session_persistence: bool,
}

/// The matches of a rule as written.
pub(super) enum Matches<'r> {
    Http(&'r [api::HttpMatch]),
    Grpc(&'r [api::GrpcMatch]),
    /// Everything: no byte is looked at.
    All,
}

impl Default for Matches<'_> {
    fn default() -> Self {
        Self::Http(&[])
    }
}
