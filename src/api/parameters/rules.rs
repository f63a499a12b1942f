//! What the fields of PingwayParameters must be together: the rules of `deploy/crds`, in the same words.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Affinity, PodSpec};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Autoscaling, ParametersSpec, TaintEffect, Toleration, TolerationOperator};
use crate::api::field::FieldPath;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A rule: the field that it is about, in whose words it is broken, and whether it is.
type Rule = (&'static [&'static str], &'static str, fn(&ParametersSpec) -> bool);

/// The rules.
pub(super) const RULES: &[Rule] = &[
    (&["spec"], "replicas and autoscaling exclude each other", |spec| {
        spec.replicas.is_some() && spec.autoscaling.is_some()
    }),
    (&["spec", "autoscaling"], "minReplicas is above maxReplicas", |spec| {
        let above = |scale: &Autoscaling| Some(scale.min_replicas? > scale.max_replicas?);
        spec.autoscaling.as_ref().and_then(above).unwrap_or_default()
    }),
    (&["spec", "autoscaling", "scaleDownStabilization"], "is longer than 1h", |spec| {
        longer(spec.autoscaling.as_ref().and_then(|scale| scale.scale_down_stabilization), HOUR)
    }),
    (&["spec", "drain", "delay"], "is longer than 1h", |spec| {
        longer(spec.drain.as_ref().and_then(|drain| drain.delay), HOUR)
    }),
    (&["spec", "drain", "deadline"], "is longer than 24h", |spec| {
        longer(spec.drain.as_ref().and_then(|drain| drain.deadline), 24 * HOUR)
    }),
    (&["spec", "placement", "tolerations"], "without a key, the operator is Exists", |spec| {
        any_toleration(spec, |one| one.key.is_none() && one.operator != Some(TolerationOperator::Exists))
    }),
    (&["spec", "placement", "tolerations"], "the operator Exists has no value", |spec| {
        any_toleration(spec, |one| one.value.is_some() && one.operator == Some(TolerationOperator::Exists))
    }),
    (&["spec", "placement", "tolerations"], "tolerationSeconds is of the effect NoExecute", |spec| {
        any_toleration(spec, |one| one.toleration_seconds.is_some() && one.effect != Some(TaintEffect::NoExecute))
    }),
];

/// The first rule that is broken: the field, and in which words.
pub(in crate::api) fn broken(spec: &ParametersSpec) -> Option<(FieldPath, String)> {
    let rule = RULES.iter().find(|(_, _, is_broken)| is_broken(spec));
    let affinity = spec.placement.as_ref().and_then(|placement| placement.affinity.as_ref());
    let pod = spec.pod_template.as_ref().map(|template| Value::Object(template.spec.clone()));
    rule.map(|(field, words, _)| (FieldPath::of(field), (*words).to_owned()))
        .or_else(|| unlike::<Affinity>(affinity, &["spec", "placement", "affinity"]))
        .or_else(|| unlike::<PodSpec>(pod.as_ref(), &["spec", "podTemplate", "spec"]))
}

fn longer(time: Option<super::Span>, most: Duration) -> bool {
    time.is_some_and(|time| time.0 > most)
}

fn any_toleration(spec: &ParametersSpec, is_broken: impl FnMut(&Toleration) -> bool) -> bool {
    spec.placement.iter().flat_map(|placement| &placement.tolerations).flatten().any(is_broken)
}

/// Where a value has a field of another type than it must have. Fields that are not known are the API server's to refuse.
fn unlike<T: DeserializeOwned>(value: Option<&Value>, at: &[&str]) -> Option<(FieldPath, String)> {
    let error = serde_path_to_error::deserialize::<_, T>(value?).err()?;
    let field = FieldPath::of(at).join(&FieldPath::from(error.path()));
    Some((field, error.inner().to_string()))
}
