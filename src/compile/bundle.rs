//! Whether the Gateway API that is installed is one that Pingway knows: GatewayClass, condition SupportedVersion.
//!
//! Any other is served as well as it can be: Accepted says nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::verdict::{fails, holds};
use crate::status::{Condition, ConditionType, Reason};

/// Versions of the Gateway API, 1.5 to 1.7, by their minor number.
const MINORS: RangeInclusive<u32> = 5..=7;

/// The condition, from the version of each CRD that is installed (`None`: it names none). `None`: no CRD is known, as without
/// a cluster.
pub(super) fn supported_version(bundles: &BTreeMap<Arc<str>, Option<Arc<str>>>) -> Option<Condition> {
    let known = |version: &Option<Arc<str>>| version.as_deref().is_some_and(is_known);
    let wrong: Vec<String> = bundles
        .iter()
        .filter(|(_, version)| !known(version))
        .map(|(crd, version)| format!("{crd} is of {}", version.as_deref().unwrap_or("no version that it names")))
        .collect();
    if bundles.is_empty() {
        return None;
    }
    Some(if wrong.is_empty() {
        let versions: BTreeSet<&str> = bundles.values().filter_map(Option::as_deref).collect();
        let versions = versions.into_iter().collect::<Vec<_>>().join(" and ");
        let message = format!("CRDs of the Gateway API {versions} are installed");
        holds(ConditionType::SupportedVersion, Reason::SupportedVersion, message)
    } else {
        let (oldest, newest) = (MINORS.start(), MINORS.end());
        let message =
            format!("Served as well as it can be, with versions 1.{oldest} to 1.{newest} known: {}", wrong.join(", "));
        fails(ConditionType::SupportedVersion, Reason::UnsupportedVersion, message)
    })
}

/// `v1.MINOR.PATCH`, and nothing that comes before a release.
fn is_known(version: &str) -> bool {
    let numbers = version.strip_prefix('v').map(|numbers| numbers.split('.').map(str::parse).collect::<Vec<_>>());
    matches!(numbers.as_deref(), Some([Ok(1), Ok(minor), Ok(_)]) if MINORS.contains(minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bundles: &[(&str, Option<&str>)]) -> Option<(bool, Reason, String)> {
        let bundles = bundles.iter().map(|(crd, version)| ((*crd).into(), version.map(Into::into))).collect();
        let condition = supported_version(&bundles)?;
        Some((condition.holds, condition.reason, condition.message))
    }

    #[test]
    fn a_release_that_is_known_is_supported() {
        for version in ["v1.5.1", "v1.6.0", "v1.7.0", "v1.7.12"] {
            let message = format!("CRDs of the Gateway API {version} are installed");
            let expected = Some((true, Reason::SupportedVersion, message));
            assert_eq!(told(&[("gateways", Some(version)), ("httproutes", Some(version))]), expected);
        }
    }

    #[test]
    fn any_other_is_not_and_neither_is_one_that_names_none() {
        for version in ["v1.4.1", "v1.8.0", "v2.6.0", "v1.7.0-rc.1", "v1.7.0-dev", "1.7.0", "v1.7", "v1.7.0.1", "", "v"]
        {
            assert_eq!(told(&[("gateways", Some(version))]).map(|told| told.0), Some(false), "{version}");
        }
        let message = "Served as well as it can be, with versions 1.5 to 1.7 known: \
                       grpcroutes is of no version that it names, httproutes is of v1.8.0";
        let expected = Some((false, Reason::UnsupportedVersion, message.to_owned()));
        let mixed = [("gateways", Some("v1.7.0")), ("grpcroutes", None), ("httproutes", Some("v1.8.0"))];
        assert_eq!(told(&mixed), expected);
    }

    #[test]
    fn nothing_is_said_where_nothing_is_known() {
        assert_eq!(told(&[]), None);
    }
}
