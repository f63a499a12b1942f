//! The limits of PingwayParameters: those of `deploy/crds`, to which a test holds them.

use super::Limit::{Items, Length, Matches, Number};
use super::{NAME, Row};

/// A duration of the Gateway API (GEP-2257).
pub(crate) const DURATION: &str = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

const REPLICAS: super::Limit = Number(1, 1_000);
const AMOUNT: super::Limit = Matches(r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$");

/// Limits of single fields.
pub(crate) const PARAMETERS: &[Row] = &[
    ("spec.image", Length(1, 512)),
    ("spec.image", Matches("^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")),
    ("spec.replicas", REPLICAS),
    ("spec.autoscaling.minReplicas", REPLICAS),
    ("spec.autoscaling.maxReplicas", REPLICAS),
    ("spec.autoscaling.cpuUtilization", Number(1, 1_000)),
    ("spec.autoscaling.scaleDownStabilization", Matches(DURATION)),
    ("spec.resources.requests.{}", AMOUNT),
    ("spec.resources.limits.{}", AMOUNT),
    ("spec.placement.tolerations", Items(0, 64)),
    ("spec.placement.tolerations.[].tolerationSeconds", Number(0, 2_147_483_647)),
    ("spec.placement.topologySpreadConstraints", Items(0, 16)),
    ("spec.placement.topologySpreadConstraints.[].maxSkew", Number(1, 1_000)),
    ("spec.placement.topologySpreadConstraints.[].topologyKey", Length(1, 317)),
    ("spec.placement.priorityClassName", NAME),
    ("spec.log.filter", Length(1, 1_024)),
    (
        "spec.log.filter",
        Matches(
            "^([a-z0-9_]+(::[a-z0-9_]+)*=)?(off|error|warn|info|debug|trace)\
             (,([a-z0-9_]+(::[a-z0-9_]+)*=)?(off|error|warn|info|debug|trace))*$",
        ),
    ),
    ("spec.accessLog.sample", Number(1, 1_000_000)),
    ("spec.accessLog.filter", Length(1, 1_024)),
    (
        "spec.accessLog.filter",
        Matches(
            "^(errors|status>=[1-5][0-9]{2}|route=[a-z0-9-]+/[a-z0-9.-]+)\
             (,(errors|status>=[1-5][0-9]{2}|route=[a-z0-9-]+/[a-z0-9.-]+))*$",
        ),
    ),
    ("spec.service.loadBalancerClass", NAME),
    ("spec.drain.delay", Matches(DURATION)),
    ("spec.drain.deadline", Matches(DURATION)),
    ("spec.istioRootNamespace", Length(1, 63)),
    ("spec.istioRootNamespace", Matches("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")),
    ("spec.clusterName", Length(1, 253)),
    ("spec.clusterName", Matches("^[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$")),
    ("spec.clusterDomain", Length(1, 253)),
    ("spec.clusterDomain", Matches("^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")),
    ("spec.podDisruptionBudget.maxUnavailable", Number(1, 1_000)),
    ("spec.podDisruptionBudget.maxUnavailable", Matches("^([1-9][0-9]?|100)%$")),
];
