//! The cluster's domain, below which Services have names in DNS. Pure: never here: reading files.

/// The domain, such as `cluster.local`, out of the resolver's configuration that kubelet gives a pod (resolv.conf(5)): what follows `svc.`
/// in its last `search`. `None` outside of a cluster, or where the pod's `dnsPolicy` leaves that out.
pub(crate) fn cluster_domain(resolver: &str) -> Option<String> {
    let search = resolver.lines().rev().find_map(|line| line.trim_start().strip_prefix("search"))?;
    let domain = search.split_ascii_whitespace().find_map(|domain| domain.strip_prefix("svc."))?;
    let domain = domain.trim_end_matches('.');
    (!domain.is_empty()).then(|| domain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_resolver_names_the_domain() {
        let of = |text: &str| cluster_domain(text);
        let pod = "nameserver 10.96.0.10\nsearch pingway-system.svc.Corp.Test. svc.Corp.Test. Corp.Test. lan\noptions ndots:5\n";
        assert_eq!(of(pod).as_deref(), Some("corp.test"));
        assert_eq!(of("search a.svc.cluster.local svc.cluster.local cluster.local").as_deref(), Some("cluster.local"));
    }

    #[test]
    fn another_resolver_names_none() {
        for text in ["", "nameserver 192.0.2.1\nsearch lan", "search svc.", "search"] {
            assert_eq!(cluster_domain(text), None, "{text:?}");
        }
    }
}
