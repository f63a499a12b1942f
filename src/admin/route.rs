//! Which page answers a request.

use http::{Method, Request, StatusCode, header::HOST};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::answer::{self, Answer, answer, json, not_allowed, text};
use super::health::Readiness;
use super::{Sources, dump, guard, page};

/// Longest log filter that is read, in bytes.
const LONGEST_FILTER: usize = 4096;

/// What every request of both ports shares.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) sources: Sources,
    pub(super) readiness: Readiness,
}

impl Pages {
    /// Metrics and health: whoever scrapes may read them.
    pub(super) fn metrics(&self, request: &Request<Incoming>) -> Answer {
        if !reads(request) {
            return not_allowed("GET, HEAD");
        }
        match request.uri().path() {
            "/metrics" => match self.sources.telemetry.render() {
                Ok(metrics) => answer(StatusCode::OK, answer::METRICS, metrics),
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            },
            "/healthz" => text(StatusCode::OK, "ok"),
            "/readyz" => match self.readiness.check(&self.sources) {
                Ok(()) => text(StatusCode::OK, "ready"),
                Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
            },
            _ => text(StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz"),
        }
    }

    /// The admin page and its JSON: for whoever names this machine by itself.
    pub(super) async fn admin(&self, request: Request<Incoming>) -> Answer {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        if !host.is_some_and(guard::names_loopback) {
            return text(StatusCode::FORBIDDEN, "this page answers to localhost and loopback addresses only");
        }
        if request.uri().path() == "/log" && request.method() == Method::PUT {
            return self.set_log_filter(request).await;
        }
        let report = self.sources.report.load_full();
        let dumped = match request.uri().path() {
            "/" => None,
            "/log" => Some(dump::log(self.sources.log.as_ref())),
            "/listeners" => Some(dump::listeners(&report, &self.sources.addresses.borrow())),
            "/mesh" => Some(dump::mesh(&report, &self.sources.addresses.borrow())),
            "/routes" => Some(dump::routes(&report)),
            "/endpoints" => Some(dump::endpoints(&report)),
            "/problems" => Some(dump::problems(&report)),
            "/statuses" => Some(dump::statuses(&report)),
            _ => return text(StatusCode::NOT_FOUND, "the page at / lists what there is"),
        };
        match dumped {
            _ if !reads(&request) => {
                not_allowed(if request.uri().path() == "/log" { "GET, HEAD, PUT" } else { "GET, HEAD" })
            }
            Some(value) => json(&value),
            None => answer(StatusCode::OK, answer::HTML, page::html(&report, &self.sources)),
        }
    }

    /// A page from elsewhere can't come here: a browser asks before it sends PUT, and gets no leave.
    async fn set_log_filter(&self, request: Request<Incoming>) -> Answer {
        let Some(log) = &self.sources.log else {
            return text(StatusCode::CONFLICT, "the log filter of this process can't be changed");
        };
        let Ok(body) = Limited::new(request.into_body(), LONGEST_FILTER).collect().await else {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "a filter has 4096 bytes at most");
        };
        match log.set_filter(&String::from_utf8_lossy(&body.to_bytes())) {
            Ok(()) => json(&dump::log(Some(log))),
            Err(invalid) => text(StatusCode::BAD_REQUEST, invalid.to_string()),
        }
    }
}

fn reads(request: &Request<Incoming>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}
