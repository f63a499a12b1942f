//! What the API server has of an object beside what is compiled: for whoever writes its status.

use kube::api::DynamicObject;
use serde_json::Value;

use crate::api::{Kind, ObjectRef};

/// The live side of an object that has a status of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Live {
    /// It is there, in this version.
    Put {
        /// The object.
        object: ObjectRef,
        /// `metadata.uid`
        uid: String,
        /// `metadata.resourceVersion`
        resource_version: String,
        /// `metadata.generation`; 0 where there is none.
        generation: i64,
        /// Its status, null where there is none.
        status: Value,
    },
    /// It is gone.
    Gone(ObjectRef),
}

/// Whether objects of a kind get a status of ours.
pub(super) fn has_status(kind: Kind) -> bool {
    matches!(kind, Kind::GatewayClass | Kind::Gateway | Kind::HttpRoute | Kind::GrpcRoute)
}

/// The live side of an object.
pub(super) fn live(object: ObjectRef, seen: &DynamicObject) -> Live {
    let metadata = &seen.metadata;
    Live::Put {
        object,
        uid: metadata.uid.clone().unwrap_or_default(),
        resource_version: metadata.resource_version.clone().unwrap_or_default(),
        generation: metadata.generation.unwrap_or_default(),
        status: seen.data.get("status").cloned().unwrap_or_default(),
    }
}
