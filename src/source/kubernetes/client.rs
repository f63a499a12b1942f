//! The connection to the API server.

use std::time::Duration;

use kube::{Client, Config};

/// Why there is no client for the API server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither a pod's ServiceAccount nor a kubeconfig says where the API server is.
    #[error("cannot find out where the API server is (in a pod by its ServiceAccount, elsewhere by KUBECONFIG)")]
    Config(#[source] Box<kube::config::InferConfigError>),
    /// What was found can't be used.
    #[error("cannot use what is configured of the API server")]
    Client(#[source] Box<kube::Error>),
    /// The system gives no thread.
    #[error("cannot start the thread that follows the API server")]
    Thread(#[source] std::io::Error),
}

/// What an error of the API server, or on the way to it, says to people.
pub fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => root(other),
    }
}

/// The innermost reason, which is the one that tells something, and the same at each try.
pub(super) fn root(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Longest time to open a connection to the API server.
const CONNECT: Duration = Duration::from_secs(5);

/// A client as the pod's ServiceAccount, or as the kubeconfig says. No request is sent yet.
///
/// # Errors
/// There is no configuration of an API server, or none that can be used.
pub async fn connect() -> Result<Client, ConnectError> {
    let mut config = Config::infer().await.map_err(|error| ConnectError::Config(Box::new(error)))?;
    config.connect_timeout = Some(CONNECT);
    Client::try_from(config).map_err(|error| ConnectError::Client(Box::new(error)))
}
