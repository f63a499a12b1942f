//! What the cluster is called in the mesh.

/// A cluster, by the names that Istio's installation gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// The domain below which its Services have names.
    pub domain: String,
}

impl Default for Cluster {
    /// Istio's, where an installation says nothing else.
    fn default() -> Self {
        Self { name: "Kubernetes".to_owned(), domain: "cluster.local".to_owned() }
    }
}
