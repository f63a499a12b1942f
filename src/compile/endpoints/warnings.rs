//! Warnings on the endpoints of a backend: a Service without any, and addresses that are never dialled.

use super::external::{self, External};
use super::{Options, endpoints, service_port};
use crate::api::{Kind, ObjectRef};
use crate::snapshot::{Resolution, Snapshot};
use crate::status::{Warning, WarningKind};
use crate::table::backend::BackendKey;

/// What is odd about the endpoints of a backend at this moment.
pub fn warnings(snapshot: &Snapshot, key: &BackendKey, options: &Options) -> Vec<Warning> {
    let external = external::find(snapshot, key, options);
    if external.as_ref().is_some_and(|external| external.resolution.is_none()) {
        // Nobody has asked: `check` does not.
        return Vec::new();
    }
    if external.is_none() && service_port(snapshot, key).is_none() {
        // The routes that refer to it have a condition that says so.
        return Vec::new();
    }
    let warning = |object: ObjectRef, kind, message| Warning { object, kind, field: String::new(), message };
    let service = ObjectRef { kind: Kind::Service, name: key.service.clone() };
    let found = endpoints(snapshot, key, options);
    let mut warnings = Vec::new();
    if let Some(External { name, resolution: Some(Resolution { failure: Some(failure), .. }), .. }) = &external {
        let message = format!("the name {name} was not resolved: {failure}");
        warnings.push(warning(service.clone(), WarningKind::NameNotResolved, message));
    }
    if found.addresses.is_empty() {
        let message = format!("no endpoint takes requests on port {}: they are answered 503", key.port);
        warnings.push(warning(service.clone(), WarningKind::NoEndpoints, message));
    }
    for address in found.refused {
        let message = format!("{address} is never dialled");
        warnings.push(warning(service.clone(), WarningKind::EndpointNotDialled, message));
    }
    for (name, slice) in snapshot.slices.get(&key.service).into_iter().flatten() {
        if slice.address_type == "FQDN" {
            let object = ObjectRef { kind: Kind::EndpointSlice, name: name.clone() };
            let message = "addresses of type FQDN are never dialled".to_owned();
            warnings.push(warning(object, WarningKind::EndpointNotDialled, message));
        }
    }
    warnings
}
