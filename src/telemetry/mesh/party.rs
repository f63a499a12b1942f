//! One side of a request, as metrics name it.

use std::sync::Arc;

/// What is known of one side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identified {
    /// The SPIFFE id that mTLS proved; `None`: not known here.
    pub principal: Option<Arc<str>>,
    /// Its namespace.
    pub namespace: Option<Arc<str>>,
    /// Its workload; `None`: its pod is not seen.
    pub workload: Option<Workload>,
}

/// A workload, by the names that Istio gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Workload {
    /// Its name.
    pub name: Arc<str>,
    /// Its canonical service.
    pub service: Arc<str>,
    /// Its canonical revision.
    pub revision: Arc<str>,
    /// Its ServiceAccount.
    pub account: Arc<str>,
}

/// One side, with the number by which it is found.
#[derive(Debug)]
pub struct Party {
    /// Unique within the process, never used again.
    pub id: u64,
    pub(super) identified: Identified,
}
