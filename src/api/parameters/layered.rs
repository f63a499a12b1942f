//! Parameters over parameters: a Gateway's over its class's, field by field.

use super::{
    AccessLogParameters, Autoscaling, DisruptionParameters, DrainParameters, LogParameters, ParametersSpec, Placement,
    PodTemplate, Resources, ServiceParameters, overlay,
};

impl ParametersSpec {
    /// These, and where they say nothing those. Of the number of pods, either `replicas` or `autoscaling` counts. Amounts and
    /// annotations are joined by their names, templates are merged, and any other list or map counts as a whole.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        let autoscaling = match (self.autoscaling, base.autoscaling) {
            (None, base) => base.filter(|_| self.replicas.is_none()),
            (over, base) => layered(over, base, Autoscaling::over),
        };
        Self {
            image: self.image.or(base.image),
            replicas: self.replicas.or(base.replicas.filter(|_| autoscaling.is_none())),
            autoscaling,
            resources: layered(self.resources, base.resources, Resources::over),
            placement: layered(self.placement, base.placement, Placement::over),
            log: layered(self.log, base.log, LogParameters::over),
            access_log: layered(self.access_log, base.access_log, AccessLogParameters::over),
            service: layered(self.service, base.service, ServiceParameters::over),
            drain: layered(self.drain, base.drain, DrainParameters::over),
            pod_disruption_budget: layered(
                self.pod_disruption_budget,
                base.pod_disruption_budget,
                DisruptionParameters::over,
            ),
            unenforced_policies: self.unenforced_policies.or(base.unenforced_policies),
            istio_root_namespace: self.istio_root_namespace.or(base.istio_root_namespace),
            workload_labels: self.workload_labels.or(base.workload_labels),
            cluster_name: self.cluster_name.or(base.cluster_name),
            cluster_domain: self.cluster_domain.or(base.cluster_domain),
            pod_template: layered(self.pod_template, base.pod_template, PodTemplate::over),
        }
    }
}

fn layered<T>(over: Option<T>, base: Option<T>, join: fn(T, T) -> T) -> Option<T> {
    match (over, base) {
        (Some(over), Some(base)) => Some(join(over, base)),
        (over, base) => over.or(base),
    }
}

impl Autoscaling {
    /// A bound of the base gives way to the other bound of what is over it.
    fn over(self, base: Self) -> Self {
        let (fewest, most) = (self.min_replicas, self.max_replicas);
        Self {
            min_replicas: fewest.or(base.min_replicas.map(|base| most.map_or(base, |most| base.min(most)))),
            max_replicas: most.or(base.max_replicas.map(|base| fewest.map_or(base, |fewest| base.max(fewest)))),
            cpu_utilization: self.cpu_utilization.or(base.cpu_utilization),
            scale_down_stabilization: self.scale_down_stabilization.or(base.scale_down_stabilization),
        }
    }
}

impl PodTemplate {
    fn over(self, mut base: Self) -> Self {
        base.metadata.labels.extend(self.metadata.labels);
        base.metadata.annotations.extend(self.metadata.annotations);
        overlay::merge_fields(&mut base.spec, &self.spec);
        base
    }
}

impl Resources {
    fn over(self, mut base: Self) -> Self {
        base.requests.extend(self.requests);
        base.limits.extend(self.limits);
        base
    }
}

impl Placement {
    fn over(self, base: Self) -> Self {
        Self {
            node_selector: self.node_selector.or(base.node_selector),
            tolerations: self.tolerations.or(base.tolerations),
            affinity: self.affinity.or(base.affinity),
            topology_spread_constraints: self.topology_spread_constraints.or(base.topology_spread_constraints),
            priority_class_name: self.priority_class_name.or(base.priority_class_name),
        }
    }
}

impl LogParameters {
    fn over(self, base: Self) -> Self {
        Self { filter: self.filter.or(base.filter), format: self.format.or(base.format) }
    }
}

impl AccessLogParameters {
    fn over(self, base: Self) -> Self {
        Self {
            enabled: self.enabled.or(base.enabled),
            sample: self.sample.or(base.sample),
            filter: self.filter.or(base.filter),
        }
    }
}

impl ServiceParameters {
    fn over(self, base: Self) -> Self {
        let mut annotations = base.annotations;
        annotations.extend(self.annotations);
        Self {
            kind: self.kind.or(base.kind),
            annotations,
            external_traffic_policy: self.external_traffic_policy.or(base.external_traffic_policy),
            load_balancer_class: self.load_balancer_class.or(base.load_balancer_class),
        }
    }
}

impl DrainParameters {
    fn over(self, base: Self) -> Self {
        Self { delay: self.delay.or(base.delay), deadline: self.deadline.or(base.deadline) }
    }
}

impl DisruptionParameters {
    fn over(self, base: Self) -> Self {
        Self { max_unavailable: self.max_unavailable.or(base.max_unavailable) }
    }
}
