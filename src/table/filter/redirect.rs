//! RequestRedirect: an answer that sends the client elsewhere.

use std::fmt::Write;
use std::sync::Arc;

use http::HeaderValue;

use super::Wrong;
use super::rewrite::{PathModifier, hostname};
use crate::api;
use crate::table::matches::PathMatched;
use crate::table::request::RequestView;

/// A redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `http` or `https`. `None`: the request's.
    pub scheme: Option<Scheme>,
    /// `None`: the request's.
    pub hostname: Option<Arc<str>>,
    /// `None`: the request's.
    pub path: Option<PathModifier>,
    /// `None`: by the port rules of the specification.
    pub port: Option<u16>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// A scheme that a redirect can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`, port 80 by default.
    Http,
    /// `https`, port 443 by default.
    Https,
}

impl Scheme {
    /// As a URI spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Its well-known port (RFC 9110, 4.2).
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Redirect {
    /// From `requestRedirect`.
    pub(super) fn compile(spec: &api::Redirect) -> Result<Self, Wrong> {
        let wrong =
            |field: &str, value: &dyn ToString, why| (format!("requestRedirect.{field}"), value.to_string(), why);
        let scheme = match spec.scheme.as_deref() {
            None => None,
            Some("http") => Some(Scheme::Http),
            Some("https") => Some(Scheme::Https),
            Some(other) => return Err(wrong("scheme", &other, "is not supported")),
        };
        let port = match spec.port {
            None => None,
            Some(port) => match u16::try_from(port) {
                Ok(valid @ 1..) => Some(valid),
                _ => return Err(wrong("port", &port, "is not a port")),
            },
        };
        let status = match spec.status_code.unwrap_or(302) {
            301 => 301,
            302 => 302,
            303 => 303,
            307 => 307,
            308 => 308,
            other => return Err(wrong("statusCode", &other, "is not supported")),
        };
        Ok(Self {
            scheme,
            hostname: hostname(spec.hostname.as_deref(), "requestRedirect")?,
            path: spec.path.as_ref().map(|path| PathModifier::compile(path, "requestRedirect")).transpose()?,
            port,
            status,
        })
    }

    /// The `Location` of the answer: for a request, how its path matched, and the listener's own scheme and port. The
    /// query goes on as it came. `None` where the request's parts make no header value.
    ///
    /// The port is the redirect's own; else the well-known one of the redirect's scheme; else the listener's. Port 80
    /// of `http` and 443 of `https` are left out (HTTPRequestRedirectFilter.port).
    pub fn location(
        &self,
        request: &RequestView<'_>,
        matched: PathMatched,
        (listener_scheme, listener_port): (Scheme, u16),
    ) -> Option<HeaderValue> {
        let scheme = self.scheme.unwrap_or(listener_scheme);
        let port = self.port.unwrap_or_else(|| self.scheme.map_or(listener_port, Scheme::port));
        let host = self.hostname.as_deref().unwrap_or(request.host);
        let path = match &self.path {
            Some(modifier) => modifier.apply(request.path, matched),
            None if request.path == "*" => "/".into(),
            None => request.path.into(),
        };
        let mut location = String::with_capacity(host.len() + path.len() + request.query.map_or(0, str::len) + 16);
        location.extend([scheme.as_str(), "://", host]);
        if port != scheme.port() {
            // Writing to a String cannot fail.
            let _ = write!(location, ":{port}");
        }
        location.push_str(&path);
        if let Some(query) = request.query {
            location.extend(["?", query]);
        }
        HeaderValue::from_str(&location).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};

    fn location(spec: &api::Redirect, uri: (&str, &str, Option<&str>), listener: (Scheme, u16)) -> String {
        let headers = HeaderMap::new();
        let request = RequestView { host: uri.0, path: uri.1, query: uri.2, method: &Method::GET, headers: &headers };
        let location = Redirect::compile(spec).unwrap().location(&request, PathMatched::Prefix(4), listener);
        location.unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn the_port_follows_the_specifications_rules() {
        use Scheme::{Http, Https};
        for (scheme, port, listener, wanted) in [
            (Some("https"), None, (Http, 80), "https://a.test/foo"),
            (Some("https"), None, (Http, 8080), "https://a.test/foo"),
            (Some("http"), None, (Https, 8443), "http://a.test/foo"),
            (None, None, (Http, 80), "http://a.test/foo"),
            (None, None, (Http, 8080), "http://a.test:8080/foo"),
            (None, None, (Https, 443), "https://a.test/foo"),
            (None, None, (Https, 8443), "https://a.test:8443/foo"),
            (None, Some(80), (Http, 8080), "http://a.test/foo"),
            (None, Some(443), (Http, 80), "http://a.test:443/foo"),
            (Some("https"), Some(443), (Http, 80), "https://a.test/foo"),
            (Some("https"), Some(8443), (Http, 80), "https://a.test:8443/foo"),
            (Some("http"), Some(443), (Https, 443), "http://a.test:443/foo"),
        ] {
            let spec = api::Redirect { scheme: scheme.map(Into::into), port, ..Default::default() };
            assert_eq!(location(&spec, ("a.test", "/foo", None), listener), wanted, "{spec:?} {listener:?}");
        }
    }

    #[test]
    fn the_query_goes_on_to_the_byte() {
        let query = "q=a%20b&q=c+%7e&&%zz";
        let wanted = format!("http://a.test/foo/x?{query}");
        let spec = api::Redirect::default();
        assert_eq!(location(&spec, ("a.test", "/foo/x", Some(query)), (Scheme::Http, 80)), wanted);
        assert_eq!(location(&spec, ("a.test", "/", Some("")), (Scheme::Http, 80)), "http://a.test/?");
    }

    #[test]
    fn host_and_path_are_replaced() {
        let path = api::PathModifier {
            kind: api::PathModifierType::ReplacePrefixMatch,
            replace_full_path: None,
            replace_prefix_match: Some("/".into()),
        };
        let spec = api::Redirect { hostname: Some("b.test".into()), path: Some(path), ..Default::default() };
        assert_eq!(location(&spec, ("a.test", "/foo/x", None), (Scheme::Http, 80)), "http://b.test/x");
        assert_eq!(location(&api::Redirect::default(), ("[::1]", "/", None), (Scheme::Http, 81)), "http://[::1]:81/");
    }

    #[test]
    fn what_is_not_supported_is_refused_with_its_field() {
        let none = api::Redirect::default();
        for (spec, field, value) in [
            (api::Redirect { scheme: Some("ftp".into()), ..none.clone() }, "scheme", "ftp"),
            (api::Redirect { port: Some(0), ..none.clone() }, "port", "0"),
            (api::Redirect { port: Some(70000), ..none.clone() }, "port", "70000"),
            (api::Redirect { status_code: Some(304), ..none.clone() }, "statusCode", "304"),
            (api::Redirect { hostname: Some("*.a".into()), ..none }, "hostname", "*.a"),
        ] {
            let wrong = Redirect::compile(&spec).unwrap_err();
            assert_eq!((wrong.0, wrong.1), (format!("requestRedirect.{field}"), value.to_owned()));
        }
    }
}
