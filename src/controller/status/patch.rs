//! One write of a status, and the Events that go with it.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use serde_json::{Value, json};
use tracing::debug;

use super::complaint::Complaint;
use crate::api::{Kind, ObjectRef};
use crate::controller::MANAGER;
use crate::source::Live;
use crate::source::kubernetes::words;

/// Longest note of an Event that the API takes, in bytes.
const NOTE: usize = 1_024;

/// Writes a status. Answers what the API server has then.
///
/// # Errors
/// Those of the API server: a conflict where the object is not the one that was read.
pub(super) async fn write(client: Client, live: &Live, status: Value) -> kube::Result<Live> {
    let resource = resource(live.object.kind, live.version);
    let name = &live.object.name;
    let api: Api<DynamicObject> = if name.namespace.is_empty() {
        Api::all_with(client, &resource)
    } else {
        Api::namespaced_with(client, &name.namespace, &resource)
    };
    let mut body = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": { "name": &*name.name, "uid": &*live.uid },
        "status": status,
    });
    let written = if is_merged_by_entry(live.object.kind) {
        api.patch_status(&name.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(body)).await?
    } else {
        // The list of parents is one value: nothing that another wrote since may be lost.
        body["metadata"]["resourceVersion"] = json!(live.resource_version);
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        api.patch_status(&name.name, &params, &Patch::Merge(body)).await?
    };
    Ok(Live {
        resource_version: written.metadata.resource_version.unwrap_or_default(),
        status: written.data.get("status").cloned().unwrap_or_default(),
        ..live.clone()
    })
}

/// Tells users what they must mend. An Event that can't be written is no loss: the status says the same.
pub(in crate::controller) async fn tell(
    client: &Client,
    reporter: &Reporter,
    object: &ObjectRef,
    uid: &str,
    complaints: impl IntoIterator<Item = Complaint>,
) {
    let namespace = (!object.name.namespace.is_empty()).then(|| object.name.namespace.to_string());
    let regarding = ObjectReference {
        api_version: Some(resource(object.kind, object.kind.version()).api_version),
        kind: Some(object.kind.to_string()),
        namespace,
        name: Some(object.name.name.to_string()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    };
    for Complaint { reason, mut message } in complaints {
        message.truncate(message.floor_char_boundary(NOTE));
        let event = Event {
            type_: EventType::Warning,
            reason,
            note: Some(message),
            action: "UpdateStatus".to_owned(),
            secondary: None,
        };
        // One that had told of this object before would count this as the same, whatever the note says.
        let recorder = Recorder::new(client.clone(), reporter.clone());
        if let Err(error) = recorder.publish(&event, &regarding).await {
            debug!(%object, "no event is written: {}", words(&error));
        }
    }
}

/// Whether the status of a kind is made of lists that the API server merges entry by entry.
fn is_merged_by_entry(kind: Kind) -> bool {
    matches!(kind, Kind::GatewayClass | Kind::XMesh | Kind::Gateway)
}

/// A kind of the Gateway API that has a status, or one of Istio's, in a version that is served.
fn resource(kind: Kind, version: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(kind.group(), version, kind.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objects_kind_tells_how_its_status_is_written() {
        let merged = [Kind::GatewayClass, Kind::Gateway, Kind::HttpRoute, Kind::GrpcRoute].map(is_merged_by_entry);
        assert_eq!(merged, [true, true, false, false]);
        assert_eq!(resource(Kind::HttpRoute, "v1").plural, "httproutes");
    }
}
