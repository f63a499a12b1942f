//! `docs/parameters.md` has every field of PingwayParameters as the schema in `deploy/crds` has it, and the defaults are true.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use pingway::api::parameters::{ParametersSpec, ServiceType};
use pingway::controller::provision::{Autoscaler, Parameters, Scale};
use serde_yaml::Value;

use crate::documents::listed;

/// A field, from `spec` on: its path, its type, its default where it has one, and what it says.
struct Field {
    path: String,
    kind: String,
    default: String,
    meaning: String,
}

fn fields() -> Vec<Field> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/crds/pingway.dev_pingwayparameters.yaml");
    let crd: Value = serde_yaml::from_str(&std::fs::read_to_string(file).expect("the CRD")).expect("YAML");
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut fields = Vec::new();
    collect(schema, "", &mut fields);
    fields
}

fn collect(schema: &Value, above: &str, fields: &mut Vec<Field>) {
    for (name, field) in schema["properties"].as_mapping().into_iter().flatten() {
        let list = if field["items"]["properties"].is_mapping() { "[]" } else { "" };
        let path = format!("{above}{}{list}", name.as_str().unwrap_or_default());
        let words = field["description"].as_str().expect("a description");
        let (meaning, default) = words.split_once(" Default: ").unwrap_or((words, ""));
        let default = default.trim_end_matches('.').to_owned();
        fields.push(Field { path: path.clone(), kind: kind(field), default, meaning: meaning.to_owned() });
        let inner = if list.is_empty() { field } else { &field["items"] };
        collect(inner, &format!("{path}."), fields);
    }
}

/// The type, in words.
fn kind(field: &Value) -> String {
    if let Some(words) = field["enum"].as_sequence() {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        return words.join(", ");
    }
    if field["pattern"].as_str().is_some_and(|pattern| pattern.contains("(h|m|s|ms)")) {
        return "duration".to_owned();
    }
    let bounds = match (field["minimum"].as_u64(), field["maximum"].as_u64()) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        _ => String::new(),
    };
    let of = &field["additionalProperties"];
    match field["type"].as_str() {
        None => format!("integer{bounds}, or percentage"),
        Some("array") => "list".to_owned(),
        Some("object") if of["type"].is_string() => "map of strings".to_owned(),
        Some("object") if of.is_mapping() => "map of amounts, like `100m`, `64Mi`".to_owned(),
        Some("object") if field["x-kubernetes-preserve-unknown-fields"].is_bool() => "as in a pod's spec".to_owned(),
        Some("object") => String::new(),
        Some(other) => format!("{other}{bounds}"),
    }
}

#[test]
fn every_field_is_documented() {
    let mut table = "| field of `spec` | type | default | what it says |\n|---|---|---|---|\n".to_owned();
    for Field { path, kind, default, meaning } in fields() {
        let _ = writeln!(table, "| `{path}` | {kind} | {default} | {meaning} |");
    }
    listed("docs/parameters.md", "fields", &table);
}

#[test]
fn the_defaults_that_are_told_are_those_that_count() {
    let told = |path: &str| {
        let field = fields().into_iter().find(|field| field.path == path);
        field.unwrap_or_else(|| panic!("no {path}")).default.trim_matches('`').to_owned()
    };
    let parameters = Parameters::from(ParametersSpec::default());
    assert_eq!(parameters, Parameters::default());
    let seconds = |time: Duration| format!("{}s", time.as_secs());
    assert_eq!(Scale::Fixed(told("replicas").parse().expect("a number")), parameters.scale);
    let amounts = serde_yaml::to_string(&parameters.resources.requests).expect("YAML");
    assert_eq!(told("resources.requests"), amounts.trim().replace('\n', ", "));
    assert_eq!(told("drain.delay"), seconds(parameters.drain_delay));
    assert_eq!(told("drain.deadline"), seconds(parameters.drain_deadline));
    assert_eq!(told("service.type"), parameters.service.kind.unwrap_or(ServiceType::ClusterIp).as_str());
    let unavailable = serde_yaml::to_string(&parameters.max_unavailable).expect("YAML");
    assert_eq!(told("podDisruptionBudget.maxUnavailable"), unavailable.trim());
    assert_eq!(parameters.access_log.is_some().to_string(), told("accessLog.enabled"));
    let auto = Autoscaler::default();
    let number = |path| told(path).parse::<u32>().expect("a number");
    assert_eq!((number("autoscaling.minReplicas"), number("autoscaling.maxReplicas")), (auto.fewest, auto.most));
    assert_eq!(number("autoscaling.cpuUtilization"), auto.cpu_utilization);
    assert_eq!(told("autoscaling.scaleDownStabilization"), format!("{}m", auto.stabilization.as_secs() / 60));
}
