//! A line of the access log: the request that it tells of, and what is otherwise now than it was then.
//!
//! Never here: what a line does not hold. Of a request's fields it has only `user-agent`, which is said.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::find::Explanation;
use super::request::Request;
use crate::telemetry::access_log::LONGEST_PATH;
use crate::telemetry::outcome::Reason;

/// What is read of a line (`docs/access-log.md`); what else it has is of no matter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Line {
    method: String,
    host: String,
    path: String,
    dialled: Option<SocketAddr>,
    port: Option<u16>,
    server_name: Option<String>,
    source_principal: Option<String>,
    status: u16,
    grpc_status: Option<u16>,
    reason: Option<String>,
    route: Option<String>,
    rule: Option<String>,
    backend: Option<String>,
    endpoint: Option<SocketAddr>,
    user_agent: Option<String>,
}

/// What came of the request then, and what would now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logged {
    /// What the client got.
    pub(super) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grpc_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// What the reason word means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meaning: Option<&'static str>,
    /// What is otherwise now.
    pub(super) differs: Vec<String>,
    /// What the line does not tell, where that may matter.
    pub(super) unknown: Vec<&'static str>,
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
        serde_json::from_str(line).context("not a line of the access log")
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

    /// What came of it, against what would now.
    pub(super) fn compare(&self, now: &Explanation) -> Logged {
        let reason = self.reason.as_deref().and_then(|word| Reason::ALL.iter().find(|reason| reason.as_str() == word));
        let mut unknown = Vec::new();
        if now.asks_for_headers {
            unknown.push(
                "the request's header fields, but for user-agent: rules ask for some. Give those that it had with -H",
            );
        }
        if self.path.len() >= LONGEST_PATH {
            unknown.push("the end of the path, beyond 1,024 bytes");
        }
        Logged {
            status: self.status,
            grpc_status: self.grpc_status,
            reason: self.reason.clone(),
            meaning: reason.map(|reason| reason.meaning()),
            differs: self.differences(now),
            unknown,
        }
    }

    fn differences(&self, now: &Explanation) -> Vec<String> {
        let found = now.rule.as_ref();
        let rule = |route: Option<&str>, rule: Option<&str>| match (route, rule) {
            (Some(route), Some(rule)) => format!("{route}, rule {rule}"),
            _ => "no rule".to_owned(),
        };
        let then = rule(self.route.as_deref(), self.rule.as_deref());
        let is = rule(found.map(|found| found.route.as_str()), found.map(|found| found.label.as_str()));
        if then != is {
            return vec![format!("it went by {then}; now it would by {is}")];
        }
        let (Some(backend), Some(Effect::Forward { backends, .. })) = (&self.backend, &now.effect) else {
            return Vec::new();
        };
        let Some(share) = backends.iter().find(|share| share.backend.as_ref() == Some(backend) && share.percent > 0.0)
        else {
            return vec![format!("it went to {backend}, which now has no share of the rule")];
        };
        // Of a name that is resolved no address is known here.
        let known: Option<Vec<SocketAddr>> = share.endpoints.iter().map(|endpoint| endpoint.parse().ok()).collect();
        let gone = self.endpoint.filter(|endpoint| known.is_some_and(|known| !known.contains(endpoint)));
        gone.map(|endpoint| format!("{endpoint} is now no endpoint of {backend} that takes requests"))
            .into_iter()
            .collect()
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
            (line(json!({ "dialled": "nowhere" })).to_string(), "invalid socket address"),
            (line(json!({ "path": "*" })).to_string(), "path \"*\" is none that is looked up"),
            (format!("{0}\n{0}", line(json!({}))), "more than one line"),
            ("{".to_owned(), "not a line of the access log"),
            ("/nowhere/at/all".to_owned(), "cannot read /nowhere/at/all"),
        ] {
            assert!(error(&text).contains(part), "{text}: {}", error(&text));
        }
    }
}
