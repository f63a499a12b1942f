//! The request that `explain` is asked about, as the command line spells it.

use std::net::SocketAddr;

use anyhow::{Context, Result, anyhow, bail};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::mesh::Dialled;
use super::words;
use crate::proxy::Identity;
use crate::table::filter::Scheme;
use crate::table::path::normalise;
use crate::table::request::{HostText, RequestView, has_grpc_content};
use crate::telemetry::outcome::Reason;

/// A request, in the form that lookup reads.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) scheme: Scheme,
    pub(super) port: u16,
    host: HostText,
    /// The host as a client sends it, with its port.
    pub(super) authority: String,
    /// As it was written.
    pub(super) written_path: String,
    path: String,
    query: Option<String>,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    /// The server name of the TLS handshake.
    pub(super) server_name: String,
    /// What ztunnel tells, where it hands the request over.
    pub(super) dialled: Option<Dialled>,
}

impl Request {
    /// From a method, a URL and fields of `name: value`. A `Host` field goes before the URL's host, as with curl. `https`
    /// is opened with the URL's host as server name.
    pub(super) fn parse(method: &str, url: &str, fields: &[String]) -> Result<Self> {
        let method = Method::from_bytes(method.as_bytes()).with_context(|| format!("{method:?} is not a method"))?;
        let uri: Uri = url.parse().with_context(|| format!("{url:?} is not a URL"))?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => bail!("{url:?} is not a URL of http:// or https://"),
        };
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let server = HostText::parse(authority.as_bytes()).with_context(|| format!("in {url:?}, {authority:?}"))?;
        let headers = headers(fields)?;
        let answer = |status, reason| words::answer(status, reason, has_grpc_content(&headers));
        if method == Method::CONNECT {
            bail!("CONNECT would be answered {}: a gateway is no tunnel", answer(405, Reason::MethodRefused));
        }
        let given = headers.get(http::header::HOST).map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
        let authority = given.unwrap_or_else(|| authority.to_owned());
        let host = HostText::parse(authority.as_bytes()).with_context(|| format!("Host {authority:?}"))?;
        let written_path = match uri.path() {
            "" => "/",
            path => path,
        };
        let path = normalise(written_path)
            .with_context(|| format!("{written_path:?} would be answered {}", answer(400, Reason::BadRequest)))?;
        Ok(Self {
            scheme,
            port: uri.port_u16().unwrap_or(scheme.port()),
            host,
            authority,
            path: path.into_owned(),
            written_path: written_path.to_owned(),
            query: uri.query().map(Into::into),
            method,
            headers,
            server_name: server.as_str().to_owned(),
            dialled: None,
        })
    }

    /// The same, as ztunnel hands it over: with what was dialled, and the identity that mTLS proved (a SPIFFE id).
    pub(super) fn handed_over(self, address: SocketAddr, identity: Option<&str>) -> Result<Self> {
        if self.scheme == Scheme::Https {
            bail!("what ztunnel hands over is spoken in plain text, or passed on as it is: give an http:// URL");
        }
        let parse = |text: &str| {
            let identity = Identity::parse(text.as_bytes());
            identity.with_context(|| format!("{text:?} is no spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT"))
        };
        let identity = identity.map(parse).transpose()?;
        Ok(Self { port: address.port(), dialled: Some(Dialled { address, identity }), ..self })
    }

    /// Whether it is a gRPC call, which is told a gRPC status.
    pub(super) fn is_grpc(&self) -> bool {
        has_grpc_content(&self.headers)
    }

    pub(super) fn view(&self) -> RequestView<'_> {
        RequestView {
            host: self.host.as_str(),
            path: &self.path,
            query: self.query.as_deref(),
            method: &self.method,
            headers: &self.headers,
        }
    }
}

fn headers(fields: &[String]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for field in fields {
        let (name, value) = field.split_once(':').ok_or_else(|| anyhow!("{field:?} is not `name: value`"))?;
        let name = HeaderName::from_bytes(name.trim().as_bytes());
        let value = HeaderValue::from_str(value.trim());
        headers.append(
            name.with_context(|| format!("the name of {field:?}"))?,
            value.with_context(|| format!("the value of {field:?}"))?,
        );
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, fields: &[&str]) -> Result<Request> {
        Request::parse("GET", url, &fields.iter().map(|&field| field.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_url_has_all_that_lookup_reads() {
        let request = parse("http://A.test:8080/x/../y?q=1", &["X-A: 1", "x-a:2"]).unwrap();
        assert_eq!((request.port, request.written_path.as_str()), (8080, "/x/../y"));
        let view = request.view();
        assert_eq!((view.host, view.path, view.query), ("a.test", "/y", Some("q=1")));
        assert_eq!(view.headers.get_all("x-a").iter().count(), 2);
        assert_eq!(parse("https://a.test", &[]).unwrap().port, 443);
    }

    #[test]
    fn a_host_field_goes_before_the_urls_host() {
        let request = parse("https://127.0.0.1/", &["Host: b.test:1"]).unwrap();
        assert_eq!((request.view().host, request.authority.as_str()), ("b.test", "b.test:1"));
        assert_eq!(request.server_name, "127.0.0.1");
    }

    #[test]
    fn what_is_refused_is_told_as_it_is_answered() {
        let call = ["content-type: application/grpc".to_owned()];
        for (method, path, fields, wanted) in [
            ("CONNECT", "", &[][..], "CONNECT would be answered 405: a gateway is no tunnel"),
            ("CONNECT", "", &call, "CONNECT would be answered gRPC UNIMPLEMENTED: a gateway is no tunnel"),
            ("GET", "%2e%2e%2fx", &[], "\"/%2e%2e%2fx\" would be answered 400"),
            ("POST", "%2e%2e%2fx", &call, "\"/%2e%2e%2fx\" would be answered gRPC INTERNAL"),
        ] {
            let error = Request::parse(method, &format!("http://a.test/{path}"), fields).expect_err("refused");
            assert_eq!(error.to_string(), wanted);
        }
    }

    #[test]
    fn what_is_no_request_is_told() {
        for (url, field) in [
            ("a.test/x", "a: b"),
            ("ftp://a.test/", "a: b"),
            ("http://a_%/", "a: b"),
            ("http://a.test/%2e%2e%2fx", "a: b"),
            ("http://a.test/", "no colon"),
            ("http://a.test/", "a b: c"),
        ] {
            assert!(parse(url, &[field]).is_err(), "{url} {field}");
        }
    }
}
