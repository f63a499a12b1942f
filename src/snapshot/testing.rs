//! Snapshots for tests.

use serde_json::Value;

use super::{Change, Snapshot};
use crate::api::decode::{Decoded, decode};

/// A snapshot of these objects. Panics where one is none that Pingway reads.
pub(crate) fn snapshot_of(objects: &[Value]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for object in objects {
        match decode(object.clone()) {
            Ok(Decoded::Item(item)) => drop(snapshot.apply([Change::Put(item)])),
            other => panic!("{object}: {other:?}"),
        }
    }
    snapshot
}
