//! Who called, as mTLS proved it: a SPIFFE id.
//!
//! Promises: what is here is letters, digits and `:/._-` (SPIFFE-ID, 2.1 and 2.2), so that it may stand in a log line or a header
//! field as it is.

use std::ops::Range;

use crate::settings::ServiceAccount;

/// The longest SPIFFE id, in bytes (SPIFFE-ID, 2.3).
const LONGEST: usize = 2048;

/// A client's identity, from `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    uri: Box<str>,
    namespace: Range<usize>,
}

impl Identity {
    /// Reads an id as ztunnel sends it. `None`: it is no SPIFFE id of a Kubernetes workload.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST)?;
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/._-".contains(&byte)) {
            return None;
        }
        let mut segments = text.strip_prefix("spiffe://")?.split('/');
        let domain = segments.next()?;
        let ("ns", namespace) = (segments.next()?, segments.next()?) else { return None };
        let ("sa", account, None) = (segments.next()?, segments.next()?, segments.next()) else { return None };
        if [domain, namespace, account].contains(&"") {
            return None;
        }
        let start = "spiffe://".len() + domain.len() + "/ns/".len();
        Some(Self { uri: text.into(), namespace: start..start + namespace.len() })
    }

    /// The whole id.
    pub(crate) fn as_str(&self) -> &str {
        &self.uri
    }

    /// The trust domain.
    pub(crate) fn domain(&self) -> &str {
        self.uri.split('/').nth(2).unwrap_or_default()
    }

    /// The namespace of the client's ServiceAccount, whose consumer routes are for it.
    pub(crate) fn namespace(&self) -> &str {
        // In bounds, and between characters: all of it is ASCII.
        self.uri.get(self.namespace.clone()).unwrap_or_default()
    }

    /// Whether it is that of this ServiceAccount, in whatever trust domain: a mesh can have several names for its own.
    pub(crate) fn is_of(&self, account: &ServiceAccount) -> bool {
        let name = self.uri.get(self.namespace.end..).and_then(|rest| rest.strip_prefix("/sa/"));
        self.namespace() == &*account.namespace && name == Some(&*account.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_of_kubernetes_has_one() {
        let id = "spiffe://cluster.local/ns/my-ns/sa/default";
        let identity = Identity::parse(id.as_bytes()).unwrap();
        assert_eq!((identity.as_str(), identity.domain(), identity.namespace()), (id, "cluster.local", "my-ns"));
    }

    #[test]
    fn it_is_of_one_service_account_of_one_namespace() {
        let identity = Identity::parse(b"spiffe://td/ns/shop/sa/edge").unwrap();
        let account = |namespace: &str, name: &str| ServiceAccount { namespace: namespace.into(), name: name.into() };
        assert!(identity.is_of(&account("shop", "edge")));
        for (namespace, name) in
            [("shop", "edge2"), ("shop", "dge"), ("shop2", "edge"), ("sho", "edge"), ("edge", "shop")]
        {
            assert!(!identity.is_of(&account(namespace, name)), "{namespace}/{name}");
        }
    }

    #[test]
    fn what_is_no_workload_of_kubernetes_has_no_identity() {
        for id in [
            "",
            "cluster.local/ns/a/sa/b",
            "spiffe://",
            "spiffe://td",
            "spiffe:///ns/a/sa/b",
            "spiffe://td/ns//sa/b",
            "spiffe://td/ns/a/sa/",
            "spiffe://td/ns/a/sa/b/c",
            "spiffe://td/sa/a/ns/b",
            "spiffe://td/ns/a/sa/b\r\nx: y",
            "spiffe://td/ns/a/sa/b c",
            "spiffe://td/ns/a/sa/b;By=x",
            "spiffe://td/ns/a/sa/\"",
            "spiffe://td/ns/ä/sa/b",
        ] {
            assert_eq!(Identity::parse(id.as_bytes()), None, "{id:?}");
        }
        assert_eq!(Identity::parse(b"spiffe://td/ns/\xff/sa/b"), None);
        let long = format!("spiffe://td/ns/{}/sa/b", "a".repeat(LONGEST));
        assert_eq!(Identity::parse(long.as_bytes()), None);
    }
}
