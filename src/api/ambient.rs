//! Istio's labels by which objects name their waypoint.

use std::collections::BTreeMap;

/// Labels, or annotations.
pub type Labels = BTreeMap<String, String>;

/// The waypoint, and the one to which a part of the connections goes while users migrate: each with the label of its namespace.
pub const USE_WAYPOINT: [(&str, &str); 2] = [
    ("istio.io/use-waypoint", "istio.io/use-waypoint-namespace"),
    ("istio.io/use-waypoint-canary", "istio.io/use-waypoint-canary-namespace"),
];

/// The value that opts out of the namespace's waypoint.
pub const NONE: &str = "none";

/// Whether labels opt out.
pub fn opt_out(labels: &Labels) -> bool {
    labels.get(USE_WAYPOINT[0].0).is_some_and(|name| name == NONE)
}

/// The waypoint, by namespace and name, that the labels of an object, or else those of its namespace, name. `namespace`: the
/// object's. Who opts out has no canary either, as istiod has it.
pub fn waypoint<'l>(
    (label, in_namespace): (&str, &str),
    own: Option<&'l Labels>,
    of_namespace: Option<&'l Labels>,
    namespace: &'l str,
) -> Option<(&'l str, &'l str)> {
    let carries = |labels: &&Labels| labels.contains_key(label);
    if own.is_some_and(opt_out) {
        return None;
    }
    let names_one = own.is_some_and(|labels| labels.contains_key(USE_WAYPOINT[0].0));
    let of_namespace = of_namespace.filter(|labels| names_one || !opt_out(labels));
    let labels = own.filter(carries).or(of_namespace.filter(carries))?;
    let name = labels.get(label).filter(|name| *name != NONE)?;
    Some((labels.get(in_namespace).map_or(namespace, String::as_str), name))
}
