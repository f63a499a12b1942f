//! What the API server's schema refuses, where it matters to what is served: limits of lists, lengths and numbers.
//!
//! The limits are those of the CRDs of Gateway API 1.7 and of the core kinds. What the specification answers with a
//! condition (an unknown enum value, a combination of fields) is not here: compile says it.

pub(super) mod parameters;

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use super::Kind;
use super::field::FieldPath;

/// A field that is against the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// The field.
    pub(super) field: FieldPath,
    /// Why.
    pub(super) message: String,
}

/// A limit that a field is held to, where it is there.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// A list has so many elements.
    Items(u64, u64),
    /// A string has so many characters.
    Length(u64, u64),
    /// A number is within.
    Number(i64, i64),
    /// A string matches this expression as a whole.
    Matches(&'static str),
    /// A list's elements differ in this field.
    Distinct(&'static str),
    /// The lists that a list's elements have in this field are together no longer.
    Together(&'static str, u64),
}

use Limit::{Distinct, Items, Length, Matches, Number, Together};

/// A field, as the steps to it (`[]`: every element, `{}`: every value of a map), and its limit.
pub(super) type Row = (&'static str, Limit);

const PORT: Limit = Number(1, 65_535);
const NAME: Limit = Length(1, 253);
const LABEL: Limit = Length(1, 63);
const HOSTNAME: Limit = Length(1, 253);

const GATEWAY_CLASS: &[Row] = &[("spec.controllerName", NAME)];

const GATEWAY: &[Row] = &[
    ("spec.gatewayClassName", NAME),
    ("spec.listeners", Items(1, 64)),
    ("spec.listeners", Distinct("name")),
    ("spec.listeners.[].name", NAME),
    ("spec.listeners.[].hostname", Length(0, 253)),
    ("spec.listeners.[].port", PORT),
    ("spec.listeners.[].protocol", Length(1, 255)),
    ("spec.listeners.[].tls.certificateRefs", Items(0, 64)),
    ("spec.listeners.[].tls.certificateRefs.[].name", NAME),
    ("spec.listeners.[].tls.certificateRefs.[].namespace", LABEL),
    ("spec.listeners.[].allowedRoutes.kinds", Items(0, 8)),
    ("spec.listeners.[].allowedRoutes.kinds.[].kind", LABEL),
    ("spec.addresses", Items(0, 16)),
    ("spec.addresses.[].value", Length(0, 253)),
];

/// What all kinds of routes share.
const ROUTE: &[Row] = &[
    ("spec.parentRefs", Items(0, 32)),
    ("spec.parentRefs.[].name", NAME),
    ("spec.parentRefs.[].namespace", LABEL),
    ("spec.parentRefs.[].sectionName", NAME),
    ("spec.parentRefs.[].port", PORT),
    ("spec.hostnames.[]", HOSTNAME),
    ("spec.rules", Distinct("name")),
    ("spec.rules", Together("matches", 128)),
    ("spec.rules.[].name", NAME),
    ("spec.rules.[].matches", Items(0, 64)),
    ("spec.rules.[].matches.[].headers", Items(0, 16)),
    ("spec.rules.[].matches.[].headers.[].name", Length(1, 256)),
    ("spec.rules.[].matches.[].headers.[].value", Length(1, 4096)),
    ("spec.rules.[].filters", Items(0, 16)),
    ("spec.rules.[].backendRefs", Items(0, 16)),
    ("spec.rules.[].backendRefs.[].name", NAME),
    ("spec.rules.[].backendRefs.[].namespace", LABEL),
    ("spec.rules.[].backendRefs.[].port", PORT),
    ("spec.rules.[].backendRefs.[].weight", Number(0, 1_000_000)),
    ("spec.rules.[].backendRefs.[].filters", Items(0, 16)),
];

const HTTP_ROUTE: &[Row] = &[
    ("spec.hostnames", Items(0, 16)),
    ("spec.rules", Items(1, 16)),
    ("spec.rules.[].matches.[].path.value", Length(0, 1024)),
    ("spec.rules.[].matches.[].queryParams", Items(0, 16)),
    ("spec.rules.[].matches.[].queryParams.[].name", Length(1, 256)),
    ("spec.rules.[].matches.[].queryParams.[].value", Length(1, 1024)),
    ("spec.rules.[].retry.codes.[]", Number(400, 599)),
];

const L4_ROUTE: &[Row] = &[("spec.rules", Items(1, 1)), ("spec.rules.[].backendRefs", Items(1, 16))];

const TLS_ROUTE: &[Row] = &[("spec.hostnames", Items(1, 1024))];

const GRPC_ROUTE: &[Row] = &[
    ("spec.hostnames", Items(0, 16)),
    ("spec.rules", Items(0, 16)),
    ("spec.rules.[].matches.[].method.service", Length(0, 1024)),
    ("spec.rules.[].matches.[].method.method", Length(0, 1024)),
];

/// Filters, below `spec.rules.[].filters.[]` and `spec.rules.[].backendRefs.[].filters.[]`.
const FILTER: &[Row] = &[
    ("requestHeaderModifier.set", Items(0, 16)),
    ("requestHeaderModifier.add", Items(0, 16)),
    ("requestHeaderModifier.remove", Items(0, 16)),
    ("requestHeaderModifier.set.[].name", Length(1, 256)),
    ("requestHeaderModifier.set.[].value", Length(1, 4096)),
    ("requestHeaderModifier.add.[].name", Length(1, 256)),
    ("requestHeaderModifier.add.[].value", Length(1, 4096)),
    ("responseHeaderModifier.set", Items(0, 16)),
    ("responseHeaderModifier.add", Items(0, 16)),
    ("responseHeaderModifier.remove", Items(0, 16)),
    ("responseHeaderModifier.set.[].name", Length(1, 256)),
    ("responseHeaderModifier.set.[].value", Length(1, 4096)),
    ("responseHeaderModifier.add.[].name", Length(1, 256)),
    ("responseHeaderModifier.add.[].value", Length(1, 4096)),
    ("requestRedirect.hostname", HOSTNAME),
    ("requestRedirect.port", PORT),
    ("requestRedirect.path.replaceFullPath", Length(0, 1024)),
    ("requestRedirect.path.replacePrefixMatch", Length(0, 1024)),
    ("urlRewrite.hostname", HOSTNAME),
    ("urlRewrite.path.replaceFullPath", Length(0, 1024)),
    ("urlRewrite.path.replacePrefixMatch", Length(0, 1024)),
];

const REFERENCE_GRANT: &[Row] = &[
    ("spec.from", Items(1, 16)),
    ("spec.from.[].kind", LABEL),
    ("spec.from.[].namespace", LABEL),
    ("spec.to", Items(1, 16)),
    ("spec.to.[].kind", LABEL),
];

const SERVICE: &[Row] = &[
    ("spec.ports", Distinct("name")),
    ("spec.ports.[].port", PORT),
    ("spec.ports.[].targetPort", PORT),
    ("spec.ports.[].targetPort", Length(1, 15)),
];

const ENDPOINT_SLICE: &[Row] = &[
    ("endpoints", Items(0, 1000)),
    ("endpoints.[].addresses", Items(1, 100)),
    ("ports", Items(0, 20_000)),
    ("ports.[].port", PORT),
];

/// Holds an object's own fields to the schema of its kind.
pub(super) fn spec(kind: Kind, value: &Value) -> Result<(), Violation> {
    match kind {
        Kind::GatewayClass | Kind::XMesh => all(GATEWAY_CLASS, "", value),
        Kind::Gateway => all(GATEWAY, "", value),
        Kind::HttpRoute => {
            all(ROUTE, "", value).and_then(|()| all(HTTP_ROUTE, "", value)).and_then(|()| filters(value))
        }
        Kind::GrpcRoute => {
            all(ROUTE, "", value).and_then(|()| all(GRPC_ROUTE, "", value)).and_then(|()| filters(value))
        }
        Kind::TlsRoute => {
            required(value, "hostnames")?;
            all(TLS_ROUTE, "", value).and_then(|()| l4_route(value))
        }
        Kind::TcpRoute => l4_route(value),
        Kind::ReferenceGrant => all(REFERENCE_GRANT, "", value),
        Kind::Service => all(SERVICE, "", value),
        Kind::EndpointSlice => all(ENDPOINT_SLICE, "", value).and_then(|()| address_type(value)),
        Kind::PingwayParameters => all(parameters::PARAMETERS, "", value),
        // Istio holds its own to its schemas.
        Kind::Secret | Kind::Namespace | Kind::Pod | Kind::ServiceEntry | Kind::WorkloadEntry | Kind::Policy(_) => {
            Ok(())
        }
    }
}

/// Holds an object's name and namespace to RFC 1123.
pub(super) fn metadata(kind: Kind, value: &Value) -> Result<(), Violation> {
    let field = |field: &str| value.get("metadata").and_then(|metadata| metadata.get(field));
    let violation = |name: &str, message: String| Err(Violation { field: FieldPath::of(&["metadata", name]), message });
    let longest = if matches!(kind, Kind::Service | Kind::Namespace) { 63 } else { 253 };
    match field("name") {
        None => return violation("name", "is missing".to_owned()),
        // A host of a ServiceEntry is kept as a Service, and is told from one by its dots (RFC 1035, as the API server has it).
        Some(Value::String(name)) if kind == Kind::Service && name.contains('.') => {
            return violation("name", format!("{name:?} is not a name of 1 to {longest} of a-z, 0-9 and '-'"));
        }
        Some(Value::String(name)) if !is_subdomain(name, longest) => {
            return violation("name", format!("{name:?} is not a name of 1 to {longest} of a-z, 0-9, '-' and '.'"));
        }
        // Of another type: decoding says so, with its words.
        Some(_) => {}
    }
    match field("namespace") {
        Some(Value::String(name)) if name.contains('.') || !is_subdomain(name, 63) => {
            violation("namespace", format!("{name:?} is not a name of 1 to 63 of a-z, 0-9 and '-'"))
        }
        _ => Ok(()),
    }
}

fn filters(value: &Value) -> Result<(), Violation> {
    all(FILTER, "spec.rules.[].filters.[].", value)?;
    all(FILTER, "spec.rules.[].backendRefs.[].filters.[].", value)
}

fn l4_route(value: &Value) -> Result<(), Violation> {
    required(value, "rules")?;
    all(ROUTE, "", value).and_then(|()| all(L4_ROUTE, "", value))
}

/// Whether a field of the spec is there.
fn required(value: &Value, field: &str) -> Result<(), Violation> {
    match value.get("spec").and_then(|spec| spec.get(field)) {
        Some(_) => Ok(()),
        None => Err(Violation { field: FieldPath::of(&["spec", field]), message: "is missing".to_owned() }),
    }
}

fn address_type(value: &Value) -> Result<(), Violation> {
    match value.get("addressType").and_then(Value::as_str) {
        Some("IPv4" | "IPv6" | "FQDN") => Ok(()),
        _ => Err(Violation {
            field: FieldPath::of(&["addressType"]),
            message: "is none of IPv4, IPv6 and FQDN".to_owned(),
        }),
    }
}

fn all(rows: &[Row], below: &str, value: &Value) -> Result<(), Violation> {
    rows.iter().try_for_each(|(path, limit)| {
        let steps: Vec<&str> = below.split_terminator('.').chain(path.split('.')).collect();
        walk(&steps, value, FieldPath::default(), *limit)
    })
}

/// Follows the steps into the value, through every element of a list, and holds what is there to the limit.
fn walk(steps: &[&str], value: &Value, path: FieldPath, limit: Limit) -> Result<(), Violation> {
    match steps.split_first() {
        None => hold(value, limit).map_err(|message| Violation { field: path, message }),
        Some((&"[]", rest)) => value
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .try_for_each(|(index, element)| walk(rest, element, path.clone().index(index), limit)),
        Some((&"{}", rest)) => {
            let mut fields = value.as_object().into_iter().flatten();
            fields.try_for_each(|(key, field)| walk(rest, field, path.clone().key(key), limit))
        }
        Some((key, rest)) => value.get(key).map_or(Ok(()), |field| walk(rest, field, path.key(key), limit)),
    }
}

fn hold(value: &Value, limit: Limit) -> Result<(), String> {
    let within = |size: u64, least: u64, most: u64, what: &str| {
        if (least..=most).contains(&size) { Ok(()) } else { Err(format!("has {size} {what}, not {least} to {most}")) }
    };
    match (limit, value) {
        (Items(least, most), Value::Array(elements)) => within(elements.len() as u64, least, most, "elements"),
        (Length(least, most), Value::String(text)) => within(text.chars().count() as u64, least, most, "characters"),
        (Number(least, most), Value::Number(number)) => match number.as_i64() {
            Some(number) if (least..=most).contains(&number) => Ok(()),
            _ => Err(format!("{number} is not within {least} to {most}")),
        },
        (Matches(expression), Value::String(text)) => match Regex::new(expression) {
            Ok(expression) if expression.is_match(text) => Ok(()),
            _ => Err(format!("{text:?} does not match {expression}")),
        },
        (Distinct(field), Value::Array(elements)) => {
            let mut seen = BTreeSet::new();
            let texts = elements.iter().filter_map(|element| element.get(field)?.as_str());
            texts
                .filter(|text| !seen.insert(*text))
                .map(|text| Err(format!("two elements have the {field} {text:?}")))
                .next()
                .unwrap_or(Ok(()))
        }
        (Together(field, most), Value::Array(elements)) => {
            let lists = elements.iter().filter_map(|element| element.get(field)?.as_array());
            within(lists.map(|list| list.len() as u64).sum(), 0, most, field)
        }
        // Of another type than the limit speaks of: a targetPort may be a number or a name.
        _ => Ok(()),
    }
}

fn is_subdomain(name: &str, longest: usize) -> bool {
    let label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= longest && name.split('.').all(label)
}
