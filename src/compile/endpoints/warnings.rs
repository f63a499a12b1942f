//! Warnings on the endpoints of a backend: a Service without any, addresses that are never dialled, and what is not honoured.

use super::external::{self, External};
use super::near::{Here, hints_zones, keeps_to_node};
use super::{Options, endpoints, service_port, slices};
use crate::api::{Kind, ObjectRef};
use crate::compile::Placement;
use crate::snapshot::{Resolution, Slices, Snapshot};
use crate::status::{Warning, WarningKind};
use crate::table::backend::BackendKey;

/// What is odd about the endpoints of a backend at this moment.
pub fn warnings(snapshot: &Snapshot, key: &BackendKey, options: &Options) -> Vec<Warning> {
    let external = external::find(snapshot, key, options);
    if external.as_ref().is_some_and(|external| external.resolution.is_none()) {
        // Nobody has asked: `check` does not.
        return Vec::new();
    }
    let spec = service_port(snapshot, key).map(|(spec, _)| spec);
    if external.is_none() && spec.is_none() {
        // The routes that refer to it have a condition that says so.
        return Vec::new();
    }
    let about =
        |object: ObjectRef, kind, field: &str, message| Warning { object, kind, field: field.to_owned(), message };
    let warning = |object, kind, message| about(object, kind, "", message);
    let service = ObjectRef { kind: Kind::Service, name: key.service.clone() };
    let found = endpoints(snapshot, key, options);
    let mut warnings = Vec::new();
    if let Some(External { name, resolution: Some(Resolution { failure: Some(failure), .. }), .. }) = &external {
        let message = format!("the name {name} was not resolved: {failure}");
        warnings.push(warning(service.clone(), WarningKind::NameNotResolved, message));
    }
    if found.addresses.is_empty() {
        let only = spec.and_then(|spec| Here::new(options).only_node(spec));
        let of_node = only.map(|node| format!(" of node {node} (internalTrafficPolicy: Local)")).unwrap_or_default();
        let message = format!("no endpoint{of_node} takes requests on port {}: they are answered 503", key.port);
        warnings.push(warning(service.clone(), WarningKind::NoEndpoints, message));
    }
    let passed_over = passed_over(snapshot, key, options).into_iter();
    warnings.extend(
        passed_over.map(|(field, why)| about(service.clone(), WarningKind::NotSupported, field, why.to_owned())),
    );
    for address in found.refused {
        let message = format!("{address} is never dialled");
        warnings.push(warning(service.clone(), WarningKind::EndpointNotDialled, message));
    }
    for (name, slice) in snapshot.slices.get(&key.service).into_iter().flat_map(Slices::iter) {
        if slice.address_type == "FQDN" {
            let object = ObjectRef { kind: Kind::EndpointSlice, name: name.clone() };
            let message = "addresses of type FQDN are never dialled".to_owned();
            warnings.push(warning(object, WarningKind::EndpointNotDialled, message));
        }
    }
    warnings
}

/// What a Service asks for and does not get: fields, and why.
fn passed_over(snapshot: &Snapshot, key: &BackendKey, options: &Options) -> Vec<(&'static str, &'static str)> {
    let Some((spec, _)) = service_port(snapshot, key) else { return Vec::new() };
    let mut fields = Vec::new();
    if spec.session_affinity.as_deref() == Some("ClientIP") {
        fields.push(("spec.sessionAffinity", "requests of a client go to any endpoint"));
    }
    // A folder of manifests may be meant for a cluster, and is judged without one.
    if options.placement == Placement::Pods {
        if options.node.is_none() && keeps_to_node(spec) {
            fields.push(("spec.internalTrafficPolicy", "this proxy was not told its node (--node)"));
        }
        if options.zone.is_none() && slices(snapshot, &key.service).any(|slice| hints_zones(slice)) {
            let why = "endpoints are hinted for zones, and the zone of this proxy is not known (--zone)";
            fields.push(("spec.trafficDistribution", why));
        }
    }
    fields
}
