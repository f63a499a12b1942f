//! PingwayParameters: there, even where what they say is not good.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Kind, RawMeta, Violation, deserialize, fail, validate};
use crate::api::parameters::{self, ParametersSpec};
use crate::api::{Object, PingwayParameters};

#[derive(Deserialize)]
struct Metadata {
    metadata: RawMeta,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    spec: ParametersSpec,
}

/// The object, with what it says or why that is not good. A field that nobody knows is no good.
pub(super) fn parameters(value: &Value, object: &str) -> Result<Arc<PingwayParameters>, Violation> {
    let Metadata { metadata } = deserialize(value, &mut Vec::new())?;
    let spec = spec(value).map_err(|violation| fail(object.to_owned(), violation));
    Ok(Arc::new(Object { meta: metadata.kept(Kind::PingwayParameters), spec }))
}

fn spec(value: &Value) -> Result<ParametersSpec, Violation> {
    let Spec { spec } = deserialize(value, &mut Vec::new())?;
    validate::spec(Kind::PingwayParameters, value)?;
    match parameters::broken(&spec) {
        Some((field, message)) => Err(Violation { field, message }),
        None => Ok(spec),
    }
}
