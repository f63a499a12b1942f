//! Clients in the mesh's pods: curl, and one that knows HBONE itself.

use std::io;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use crate::mesh::hbone;
use crate::mesh::splice::Stream;
use crate::pod::{Name, Pod};
use crate::support::within;

/// What a client prints of an answer: status line, header fields, and the request as the backend had it.
pub(crate) struct Answer {
    /// All of it.
    pub(crate) text: String,
}

impl Answer {
    /// By curl, in this pod.
    pub(crate) async fn of(pod: &Pod, arguments: &[&str]) -> Self {
        let text = pod.output("curl", &[&["-sS", "-m", "25", "-D", "-"], arguments].concat()).await;
        Self { text }
    }

    /// The status; 0: there is no answer.
    pub(crate) fn status(&self) -> u16 {
        self.text.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// A header field of the answer; empty where there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        let named = |line: &&str| line.split_once(':').is_some_and(|(field, _)| field.eq_ignore_ascii_case(name));
        self.text.lines().find(named).and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value.trim())
    }

    /// The request as the backend had it.
    pub(crate) fn told(&self) -> Value {
        let line = self.text.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

/// Asks the waypoint's ztunnel, at this address of its pod, for any destination, as a hostile client does that knows HBONE. Sends
/// these bytes, and tells what came until the other side ended, or broke it off.
///
/// # Errors
/// ztunnel refuses it.
pub(crate) async fn tunnel(pod: &Pod, waypoint: IpAddr, to: SocketAddr, bytes: Vec<u8>) -> io::Result<String> {
    let tls = pod.ztunnel.credentials.client(&Name::Waypoint.identity());
    let asked = async move {
        let Stream { mut send, mut receive } =
            hbone::ask(hbone::connect((waypoint, hbone::PORT).into(), tls).await?.0, to).await?;
        let _ = send.send_data(bytes.into(), false);
        let mut answer = Vec::new();
        while let Some(Ok(piece)) = receive.data().await {
            answer.extend(piece);
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    within("an end", pod.run(asked)).await
}
