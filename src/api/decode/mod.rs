//! Decoding: a JSON value to one object, or a named failure.
//!
//! One object that is wrong costs only itself. What the API server's schema would refuse is refused here too
//! ([`super::validate`]), so that a folder of manifests is held to the same rules as a cluster.

mod lean;
mod parameters;
mod pod;
mod policy;
mod service_entry;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::field::{FieldPath, Step};
use super::validate::{self, Violation};
use super::{
    ENTRY_VERSIONS, EndpointSlice, Item, Kind, Meta, Namespace, Object, ObjectName, PolicyKind, Secret, Service,
    TCP_ROUTE_VERSIONS, TLS_ROUTE_VERSIONS,
};

/// What a value turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// An object of a kind that Pingway reads.
    Item(Item),
    /// An object of the Gateway API, of a kind that this version does not serve.
    NotSupported {
        /// `Kind namespace/name`.
        object: String,
        /// `apiVersion`, as written.
        api_version: String,
    },
    /// An object of a kind that is no concern of Pingway's.
    Foreign,
}

/// Why a value is not an object: object, field and reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", lead(object, field))]
pub struct DecodeError {
    /// `Kind namespace/name`, as much as is known of it; empty where not even the kind is.
    pub object: String,
    /// The field; empty for the object as a whole.
    pub field: FieldPath,
    /// Why.
    pub message: String,
}

/// The words before a message: `Kind namespace/name: field: `, as much as there is.
fn lead(object: &str, field: &FieldPath) -> String {
    [object, &field.to_string()].iter().filter(|part| !part.is_empty()).map(|part| format!("{part}: ")).collect()
}

/// The kinds that Pingway reads, with the versions in which they may come. Versions of a kind differ in nothing that Pingway
/// reads; one that the API server of Gateway API 1.7 does not serve is refused, as it would be there.
const KINDS: &[(Kind, &[&str])] = &[
    (Kind::GatewayClass, &["v1", "v1beta1"]),
    (Kind::XMesh, &["v1alpha1"]),
    (Kind::Gateway, &["v1", "v1beta1"]),
    (Kind::HttpRoute, &["v1", "v1beta1"]),
    (Kind::GrpcRoute, &["v1"]),
    (Kind::TlsRoute, TLS_ROUTE_VERSIONS),
    (Kind::TcpRoute, TCP_ROUTE_VERSIONS),
    (Kind::ReferenceGrant, &["v1", "v1beta1"]),
    (Kind::Service, &["v1"]),
    (Kind::EndpointSlice, &["v1"]),
    (Kind::Secret, &["v1"]),
    (Kind::Namespace, &["v1"]),
    (Kind::Pod, &["v1"]),
    (Kind::PingwayParameters, &["v1alpha1"]),
    (Kind::ServiceEntry, ENTRY_VERSIONS),
    (Kind::WorkloadEntry, ENTRY_VERSIONS),
];

/// API groups of the Gateway API: a kind of theirs that is not read is reported, never passed over in silence.
const GATEWAY_API_GROUPS: [&str; 2] = ["gateway.networking.k8s.io", "gateway.networking.x-k8s.io"];

/// Decodes one object from its JSON.
///
/// A namespaced object without a namespace is in `default`. Fields that are null are as if they were not there.
///
/// # Errors
/// The value is no object, lacks `apiVersion`, `kind` or a name, has a field of the wrong type, or is beyond what the
/// schema of its kind allows.
pub fn decode(value: Value) -> Result<Decoded, DecodeError> {
    decode_telling(value, &mut Vec::new())
}

/// The same; tells the fields that nobody knows, which are passed over: misspelt, as a rule, or of a newer API.
///
/// # Errors
/// As those of [`decode`].
pub fn decode_telling(mut value: Value, unknown: &mut Vec<FieldPath>) -> Result<Decoded, DecodeError> {
    drop_nulls(&mut value);
    let kind_word = text_at(&value, "kind").map_err(|violation| fail(String::new(), violation))?;
    let object = describe(&value, &kind_word);
    let api_version = text_at(&value, "apiVersion").map_err(|violation| fail(object.clone(), violation))?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let policies = PolicyKind::ALL.map(|kind| (Kind::Policy(kind), kind.versions()));
    let mut kinds = KINDS.iter().chain(&policies);
    let Some((kind, versions)) = kinds.find(|(kind, _)| kind.group() == group && kind.as_str() == kind_word) else {
        let ours = GATEWAY_API_GROUPS.contains(&group);
        return Ok(if ours { Decoded::NotSupported { object, api_version } } else { Decoded::Foreign });
    };
    if !versions.contains(&version) {
        let message = format!("{version} of {kind} is not served: use {}", versions.join(" or "));
        return Err(fail(object, Violation { field: FieldPath::of(&["apiVersion"]), message }));
    }
    typed(*kind, &value, &object, unknown).map(Decoded::Item).map_err(|violation| fail(object, violation))
}

/// The object by its type, held to the schema of its kind. `object`: what it is called, for people.
fn typed(kind: Kind, value: &Value, object: &str, unknown: &mut Vec<FieldPath>) -> Result<Item, Violation> {
    validate::metadata(kind, value)?;
    let item = match kind {
        Kind::GatewayClass => Item::GatewayClass(gateway_api_object(kind, value, unknown)?),
        Kind::XMesh => Item::XMesh(gateway_api_object(kind, value, unknown)?),
        Kind::Gateway => Item::Gateway(gateway_api_object(kind, value, unknown)?),
        Kind::HttpRoute => Item::HttpRoute(gateway_api_object(kind, value, unknown)?),
        Kind::GrpcRoute => Item::GrpcRoute(gateway_api_object(kind, value, unknown)?),
        Kind::TlsRoute => Item::TlsRoute(gateway_api_object(kind, value, unknown)?),
        Kind::TcpRoute => Item::TcpRoute(gateway_api_object(kind, value, unknown)?),
        Kind::ReferenceGrant => Item::ReferenceGrant(gateway_api_object(kind, value, unknown)?),
        Kind::Service => Item::Service(service(value, unknown)?),
        Kind::EndpointSlice => Item::EndpointSlice(slice(value, unknown)?),
        Kind::Secret => Item::Secret(secret(value, unknown)?),
        Kind::Namespace => Item::Namespace(namespace(value, unknown)?),
        Kind::PingwayParameters => return parameters::parameters(value, object).map(Item::PingwayParameters),
        Kind::Pod => return pod::pod(value).map(Item::Pod),
        Kind::ServiceEntry => return service_entry::service_entry(value).map(Item::ServiceEntry),
        Kind::WorkloadEntry => return service_entry::workload_entry(value).map(Item::WorkloadEntry),
        Kind::Policy(kind) => return policy::policy(kind, value).map(Item::Policy),
    };
    validate::spec(kind, value)?;
    Ok(item)
}

/// The metadata that Pingway keeps of an object of the Gateway API.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMeta {
    name: String,
    namespace: Option<String>,
    uid: Option<String>,
    deletion_timestamp: Option<Time>,
    #[serde(default)]
    generation: i64,
    creation_timestamp: Option<Time>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// An object of the Gateway API: metadata and spec; its status is not read.
#[derive(Deserialize)]
struct RawObject<S> {
    metadata: RawMeta,
    spec: S,
}

impl RawMeta {
    /// What is kept of it.
    fn kept(mut self, kind: Kind) -> Meta {
        self.annotations.remove(LAST_APPLIED);
        let name = match kind {
            kind if kind.is_cluster_scoped() => ObjectName::cluster(self.name),
            _ => ObjectName::new(self.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE), self.name),
        };
        let provisioned = kind == Kind::Gateway;
        let told_of = provisioned || matches!(kind, Kind::Policy(_));
        Meta {
            name,
            uid: self.uid.filter(|_| told_of).map(Arc::from),
            deleted: self.deletion_timestamp.filter(|_| provisioned),
            generation: self.generation,
            created: self.creation_timestamp,
            labels: self.labels,
            annotations: self.annotations,
        }
    }
}

/// Top-level fields that such objects have, and of which not all is read.
const UNREAD: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

fn gateway_api_object<S: DeserializeOwned>(
    kind: Kind,
    value: &Value,
    unknown: &mut Vec<FieldPath>,
) -> Result<Arc<Object<S>>, Violation> {
    let RawObject { metadata, spec } = deserialize::<RawObject<S>>(value, unknown)?;
    unknown.retain(|field| !matches!(field.steps(), [Step::Key(first), ..] if UNREAD.contains(&first.as_str())));
    Ok(Arc::new(Object { meta: metadata.kept(kind), spec }))
}

fn service(value: &Value, unknown: &mut Vec<FieldPath>) -> Result<Arc<Service>, Violation> {
    let mut object = deserialize::<Service>(value, unknown)?;
    lean::service(&mut object);
    object.metadata.namespace.get_or_insert_with(|| DEFAULT_NAMESPACE.to_owned());
    Ok(Arc::new(object))
}

fn slice(value: &Value, unknown: &mut Vec<FieldPath>) -> Result<Arc<EndpointSlice>, Violation> {
    let mut object = deserialize::<EndpointSlice>(value, unknown)?;
    lean::slice(&mut object);
    object.metadata.namespace.get_or_insert_with(|| DEFAULT_NAMESPACE.to_owned());
    Ok(Arc::new(object))
}

fn namespace(value: &Value, unknown: &mut Vec<FieldPath>) -> Result<Arc<Namespace>, Violation> {
    let mut object = deserialize::<Namespace>(value, unknown)?;
    tidy(&mut object.metadata);
    object.metadata.namespace = None;
    Ok(Arc::new(object))
}

/// A Secret, its `stringData` merged into its `data` (where both have a key, `stringData` counts). An error never tells
/// what the Secret holds.
fn secret(value: &Value, unknown: &mut Vec<FieldPath>) -> Result<Arc<Secret>, Violation> {
    let mut object = deserialize::<Secret>(value, unknown).map_err(|mut violation| {
        let first = violation.field.steps().first();
        if matches!(first, Some(Step::Key(key)) if key == "data" || key == "stringData") {
            "is not a string, or not base64".clone_into(&mut violation.message);
        }
        violation
    })?;
    tidy(&mut object.metadata);
    object.metadata.namespace.get_or_insert_with(|| DEFAULT_NAMESPACE.to_owned());
    for (key, text) in object.string_data.take().unwrap_or_default() {
        object.data.get_or_insert_default().insert(key, k8s_openapi::ByteString(text.into_bytes()));
    }
    Ok(Arc::new(object))
}

/// The namespace of an object that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// A second copy of the object, for `kubectl apply`.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Drops what changes without the object changing, or tells of it a second time.
fn tidy(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    metadata.resource_version = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
}

fn deserialize<T: DeserializeOwned>(value: &Value, unknown: &mut Vec<FieldPath>) -> Result<T, Violation> {
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(value, &mut track);
    serde_ignored::deserialize(deserializer, |path| unknown.push(FieldPath::from(&path)))
        .map_err(|error| Violation { field: FieldPath::from(&track.path()), message: error.to_string() })
}

/// As the API server reads a manifest: a null field is one that is not there.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(elements) => elements.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn text_at(value: &Value, field: &str) -> Result<String, Violation> {
    let violation = |message: &str| Violation { field: FieldPath::of(&[field]), message: message.to_owned() };
    match value {
        Value::Object(fields) => match fields.get(field) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
            Some(_) => Err(violation("is not a word")),
            None => Err(violation("is missing")),
        },
        _ => Err(Violation { field: FieldPath::default(), message: "is not a Kubernetes object".to_owned() }),
    }
}

/// `Kind namespace/name`, as far as the value tells.
fn describe(value: &Value, kind: &str) -> String {
    let metadata = |field: &str| value.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_str);
    let cluster_scoped =
        [Kind::GatewayClass, Kind::XMesh, Kind::Namespace].iter().any(|scoped| scoped.as_str() == kind);
    match metadata("name") {
        None => kind.to_owned(),
        Some(name) if cluster_scoped => format!("{kind} {name}"),
        Some(name) => format!("{kind} {}/{name}", metadata("namespace").unwrap_or(DEFAULT_NAMESPACE)),
    }
}

fn fail(object: String, violation: Violation) -> DecodeError {
    DecodeError { object, field: violation.field, message: violation.message }
}

#[cfg(test)]
mod tests;
