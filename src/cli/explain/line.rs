//! A line of the access log, and the request that it tells of.
//!
//! Never here: what a line does not hold. Of a request's fields it has only `user-agent`, which is said.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use super::request::Request;
use crate::api::FieldPath;

/// What is read of a line (`docs/access-log.md`); what else it has is of no matter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Line {
    method: String,
    host: String,
    pub(super) path: String,
    dialled: Option<SocketAddr>,
    port: Option<u16>,
    server_name: Option<String>,
    source_principal: Option<String>,
    pub(super) status: u16,
    pub(super) grpc_status: Option<u16>,
    pub(super) reason: Option<String>,
    pub(super) route: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) backend: Option<String>,
    pub(super) endpoint: Option<SocketAddr>,
    user_agent: Option<String>,
}

/// In the place of a server name where the client sent none: no listener's hostname but `*` has it.
const NO_SERVER_NAME: &str = "none.invalid";

impl Line {
    /// A line by itself, or the one line of a file; `-`: of standard input.
    pub(super) fn read(given: &str) -> Result<Self> {
        let text = match given.trim_start() {
            text if text.starts_with('{') => text.to_owned(),
            "-" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
                text
            }
            _ => std::fs::read_to_string(Path::new(given)).with_context(|| format!("cannot read {given}"))?,
        };
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        match (lines.next(), lines.next()) {
            (Some(line), None) => Self::parse(line),
            (None, _) => bail!("there is no line"),
            (Some(_), Some(_)) => bail!("there is more than one line: give the one that is asked about"),
        }
    }

    fn parse(line: &str) -> Result<Self> {
        let mut json = serde_json::Deserializer::from_str(line);
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let (field, why) = (FieldPath::from(error.path()).to_string(), error.inner());
            let of_field = if field.is_empty() { field } else { format!("{field}: ") };
            anyhow!("not a line of the access log: {of_field}{why}")
        })
    }

    /// The request. `fields`: header fields of it that the line does not have.
    pub(super) fn request(&self, fields: &[String]) -> Result<Request> {
        if !self.path.starts_with('/') {
            bail!("path {:?} is none that is looked up: it was answered {}", self.path, self.status);
        }
        let scheme = if self.server_name.is_some() { "https" } else { "http" };
        let server = self.server_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(NO_SERVER_NAME);
        let port =
            self.port.or(self.dialled.map(|dialled| dialled.port())).context("it has neither dialled nor port")?;
        let url = format!("{scheme}://{server}:{port}{}", self.path);
        let mut all = vec![format!("host: {}", self.host)];
        all.extend(self.user_agent.as_ref().map(|agent| format!("user-agent: {agent}")));
        if self.grpc_status.is_some() {
            all.push("content-type: application/grpc".to_owned());
        }
        all.extend_from_slice(fields);
        let request = Request::parse(&self.method, &url, &all)?;
        match self.dialled {
            Some(dialled) => request.handed_over(dialled, self.source_principal.as_deref()),
            None => Ok(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn line(more: Value) -> Value {
        let mut line = json!({ "method": "GET", "host": "a.test", "path": "/x?y=1", "status": 200 });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    }

    fn request(more: Value) -> Result<Request> {
        Line::read(&line(more).to_string())?.request(&["x-a: 1".to_owned()])
    }

    #[test]
    fn it_has_what_a_request_is_looked_up_by() {
        let plain = request(json!({ "port": 80, "user_agent": "curl", "time": "of no matter" })).unwrap();
        let view = plain.view();
        assert_eq!((view.host, view.path, view.query), ("a.test", "/x", Some("y=1")));
        assert_eq!(
            (&view.headers["user-agent"], &view.headers["x-a"]),
            (&"curl".parse().unwrap(), &"1".parse().unwrap())
        );
        assert_eq!((plain.scheme.as_str(), plain.dialled.clone(), plain.is_grpc()), ("http", None, false));
        let secure = request(json!({ "port": 443, "server_name": "s.test", "grpc_status": 14 })).unwrap();
        assert_eq!((secure.scheme.as_str(), secure.server_name.as_str(), secure.is_grpc()), ("https", "s.test", true));
        assert_eq!(request(json!({ "port": 443, "server_name": "" })).unwrap().server_name, NO_SERVER_NAME);
        for dialled in ["10.96.0.1:80", "[fd00::1]:80"] {
            let more = json!({ "dialled": dialled, "source_principal": "spiffe://td/ns/web/sa/a" });
            let handed = request(more).unwrap().dialled.unwrap();
            assert_eq!(
                (handed.address.to_string().as_str(), handed.identity.as_ref().map(|identity| identity.namespace())),
                (dialled, Some("web"))
            );
        }
    }

    #[test]
    fn what_is_no_line_is_told_with_its_field() {
        let error = |text: &str| match Line::read(text).map(|line| line.request(&[])) {
            Err(error) | Ok(Err(error)) => format!("{error:#}"),
            Ok(Ok(_)) => "none".to_owned(),
        };
        let mut without = line(json!({ "port": 80 }));
        without.as_object_mut().unwrap().remove("host");
        for (text, part) in [
            (without.to_string(), "missing field `host`"),
            (line(json!({})).to_string(), "it has neither dialled nor port"),
            (line(json!({ "dialled": "nowhere" })).to_string(), "dialled: invalid socket address"),
            (line(json!({ "status": "200" })).to_string(), "status: invalid type"),
            (line(json!({ "path": "*" })).to_string(), "path \"*\" is none that is looked up"),
            (format!("{0}\n{0}", line(json!({}))), "more than one line"),
            ("{".to_owned(), "not a line of the access log"),
            ("/nowhere/at/all".to_owned(), "cannot read /nowhere/at/all"),
        ] {
            assert!(error(&text).contains(part), "{text}: {}", error(&text));
        }
    }
}
