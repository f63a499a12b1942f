//! The arguments with which a waypoint's pod runs `pingway proxy`, as Kubernetes puts them together: variables in their places.
//! Pure.

use std::borrow::Cow;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The container that serves (`controller::provision`).
const CONTAINER: &str = "proxy";

/// The arguments of a pod's proxy, the command `proxy` first.
///
/// # Errors
/// The pod has no such container, or it runs something else.
pub(super) fn of(pod: &Value) -> Result<Vec<String>> {
    let containers = pod["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let container = containers.iter().find(|container| container["name"] == CONTAINER);
    let container = container.with_context(|| format!("it has no container {CONTAINER}: it is no waypoint's"))?;
    let written = container["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let arguments: Vec<String> = written.map(|text| expand(text, &|name| variable(container, pod, name))).collect();
    if arguments.first().is_none_or(|command| command != "proxy") {
        bail!("its container {CONTAINER} does not run `pingway proxy`");
    }
    Ok(arguments)
}

/// A variable of a container's environment. `None`: it has none of that name, or one that is not known here.
fn variable(container: &Value, pod: &Value, name: &str) -> Option<String> {
    let variable = container["env"].as_array()?.iter().find(|variable| variable["name"] == name)?;
    match variable["value"].as_str() {
        Some(value) => Some(value.to_owned()),
        None => field(pod, variable["valueFrom"]["fieldRef"]["fieldPath"].as_str()?),
    }
}

/// A field by the downward API's path; empty where the pod does not have it.
fn field(pod: &Value, path: &str) -> Option<String> {
    if path == "status.podIPs" {
        let ips = pod["status"]["podIPs"].as_array().into_iter().flatten().filter_map(|ip| ip["ip"].as_str());
        return Some(ips.collect::<Vec<_>>().join(","));
    }
    let found = match path.split_once("['") {
        Some((map, key)) => step(pod, map).get(key.strip_suffix("']")?),
        None => Some(step(pod, path)),
    };
    Some(found.and_then(Value::as_str).unwrap_or_default().to_owned())
}

fn step<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(value, |value, key| &value[key])
}

/// Puts variables in the places of `$(NAME)`; `$$` is a `$`, and a name that is not known stays as it is written.
fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut expanded, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        expanded.push_str(before);
        let after = from.get(1..).unwrap_or_default();
        let named = after.strip_prefix('(').and_then(|name| name.split_once(')'));
        let (put, left): (Cow<'_, str>, &str) = match (after.strip_prefix('$'), named) {
            (Some(left), _) => ("$".into(), left),
            (None, Some((name, left))) => (variable(name).map_or_else(|| format!("$({name})").into(), Cow::from), left),
            (None, None) => ("$".into(), after),
        };
        expanded.push_str(&put);
        rest = left;
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, arguments: Value) -> Value {
        let from =
            |name: &str, field: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": field } } });
        let env = json!([
            from("POD_NAME", "metadata.name"),
            from("POD_IPS", "status.podIPs"),
            from("POD_NODE", "spec.nodeName"),
            from("POD_ZONE", "metadata.labels['topology.kubernetes.io/zone']"),
            { "name": "PLAIN", "value": "x" },
            { "name": "SECRET", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } },
        ]);
        json!({
            "metadata": { "name": "waypoint-0", "labels": { "topology.kubernetes.io/zone": "west" } },
            "spec": { "nodeName": "node-1", "containers": [{ "name": "istio" }, { "name": name, "args": arguments, "env": env }] },
            "status": { "podIPs": [{ "ip": "10.244.0.5" }, { "ip": "fd00::5" }] },
        })
    }

    #[test]
    fn variables_stand_where_they_are_named() {
        let arguments = json!([
            "proxy",
            "$(POD_NAME)",
            "$(POD_IPS)",
            "a-$(POD_NODE)-$(PLAIN)",
            "$(POD_ZONE)",
            "$$(PLAIN)",
            "$(NOBODY) $(SECRET)",
            "$",
            "$x",
            "$(",
        ]);
        let expected = [
            "proxy",
            "waypoint-0",
            "10.244.0.5,fd00::5",
            "a-node-1-x",
            "west",
            "$(PLAIN)",
            "$(NOBODY) $(SECRET)",
            "$",
            "$x",
            "$(",
        ];
        assert_eq!(of(&pod("proxy", arguments.clone())).unwrap(), expected);
        let mut bare = pod("proxy", arguments);
        bare["metadata"].as_object_mut().unwrap().remove("labels");
        assert_eq!(of(&bare).unwrap()[4], "", "a label that it does not have is an empty word");
    }

    #[test]
    fn what_is_no_waypoints_is_told() {
        for (name, arguments, told) in [
            ("other", json!(["proxy"]), "it has no container proxy"),
            ("proxy", json!([]), "does not run `pingway proxy`"),
            ("proxy", json!(["sidecar"]), "does not run `pingway proxy`"),
        ] {
            let error = of(&pod(name, arguments)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
