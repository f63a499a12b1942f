//! What the endpoint gets, by what the client sent.

use std::sync::Arc;

use super::*;
use crate::proxy::request_head::target;
use crate::table::filter::UrlRewrite;
use crate::table::filter::rewrite::PathModifier;

fn request(method: &str, path: &str, fields: &[(&'static str, &'static str)]) -> RequestHeader {
    let mut head = RequestHeader::build(method, path.as_bytes(), None).unwrap();
    head.set_version(Version::HTTP_11);
    for (name, value) in fields {
        head.append_header(*name, *value).unwrap();
    }
    head
}

fn http2(path: &str, fields: &[(&'static str, &'static str)]) -> RequestHeader {
    let mut head = request("GET", "/", fields);
    head.set_version(Version::HTTP_2);
    head.set_uri(format!("http://a.test:8080{path}").parse().unwrap());
    head
}

fn framed(mut head: RequestHeader, path: Option<&str>, speak: Speak, body: BodyLength) -> RequestHeader {
    let path = path.map(str::to_owned);
    frame(&mut head, path, (speak, body), &Asked::default(), || "10.0.0.1:80".into()).unwrap();
    head
}

fn field<'h>(head: &'h RequestHeader, name: &str) -> Option<&'h str> {
    head.headers.get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn authority_becomes_host_and_cookies_are_joined_from_http_2_to_http_1() {
    let head = http2("/x?q=1", &[("cookie", "a=1"), ("cookie", "b=2")]);
    let head = framed(head, None, Speak::Http1, BodyLength::Empty);
    assert_eq!(head.raw_path(), b"/x?q=1");
    assert_eq!((field(&head, "host"), field(&head, "cookie")), (Some("a.test:8080"), Some("a=1; b=2")));
    assert_eq!(head.headers.get_all("cookie").iter().count(), 1);
}

#[test]
fn host_becomes_authority_towards_http_2() {
    let head = request("GET", "/x", &[("Host", "a.test"), ("Expect", "100-continue")]);
    let head = framed(head, None, Speak::Http2, BodyLength::Empty);
    assert_eq!(head.uri.to_string(), "http://a.test/x");
    assert_eq!((field(&head, "host"), field(&head, "expect"), head.version), (None, None, Version::HTTP_2));
}

#[test]
fn absolute_target_goes_on_in_origin_form() {
    let head = request("GET", "http://a.test/x?q", &[("Host", "a.test")]);
    assert_eq!(framed(head, None, Speak::Http1, BodyLength::Empty).raw_path(), b"/x?q");
}

#[test]
fn bodies_are_framed_by_what_is_known_of_them() {
    for (method, fields, done, wanted) in [
        ("GET", &[][..], true, (None, None)),
        ("POST", &[][..], true, (Some("0"), None)),
        ("POST", &[("Content-Length", "0")][..], true, (Some("0"), None)),
        ("POST", &[("Content-Length", "3")][..], false, (Some("3"), None)),
        ("POST", &[][..], false, (None, Some("chunked"))),
    ] {
        let head = request(method, "/", fields);
        let body = BodyLength::of(&head.headers, done);
        let head = framed(head, None, Speak::Http1, body);
        assert_eq!((field(&head, "content-length"), field(&head, "transfer-encoding")), wanted, "{method} {fields:?}");
    }
}

#[test]
fn equal_lengths_become_one() {
    for fields in [&[("Content-Length", "3"), ("Content-Length", "3")][..], &[("Content-Length", "3, 3")][..]] {
        let head = framed(request("POST", "/", fields), None, Speak::Http1, BodyLength::Known);
        let lengths: Vec<_> = head.headers.get_all("content-length").iter().collect();
        assert_eq!(lengths, ["3"], "{fields:?}");
    }
}

#[test]
fn http_1_0_without_host_gets_our_own_address_as_host() {
    let mut head = request("GET", "/", &[]);
    head.set_version(Version::HTTP_10);
    let head = framed(head, None, Speak::Http1, BodyLength::Empty);
    assert_eq!((field(&head, "host"), head.version), (Some("10.0.0.1:80"), Version::HTTP_11));
}

#[test]
fn normal_form_and_rewrite_decide_the_path_and_the_query_stays() {
    let none = Filters::default();
    let full = Filters {
        rewrite: Some(UrlRewrite { hostname: None, path: Some(PathModifier::ReplaceFull(Arc::from("/new"))) }),
        ..Filters::default()
    };
    for (path, filters, wanted) in [
        ("/a?x=%20&x", [&none, &none], None),
        ("/a/../b?x=%20&x", [&none, &none], Some("/b?x=%20&x")),
        ("/a?x=%20&x", [&full, &none], Some("/new?x=%20&x")),
        ("/a", [&none, &full], Some("/new")),
    ] {
        let head = request("GET", path, &[("Host", "a.test")]);
        let judged = target(&head).unwrap();
        assert_eq!(path_and_query(&head, &judged, PathMatched::Whole, filters).as_deref(), wanted, "{path}");
    }
}

#[test]
fn host_rewrite_of_the_backend_goes_before_the_rules() {
    let rewrite = |host: &str| Filters {
        rewrite: Some(UrlRewrite { hostname: Some(Arc::from(host)), path: None }),
        ..Filters::default()
    };
    let (rule, backend) = (rewrite("rule.test"), rewrite("backend.test"));
    let mut head = http2("/x?q", &[]);
    filter(&mut head, [&rule, &backend]);
    assert_eq!(authority(&head), Some(&b"backend.test"[..]));
    let head = framed(head, None, Speak::Http2, BodyLength::Empty);
    assert_eq!(head.uri.to_string(), "http://backend.test/x?q");
}

#[test]
fn grpc_needs_http_2_and_everything_else_goes_as_the_port_declares() {
    for (protocol, grpc, wanted) in [
        (AppProtocol::H2c, false, Speak::Http2),
        (AppProtocol::Undeclared, true, Speak::Http2),
        (AppProtocol::Undeclared, false, Speak::Http1),
        (AppProtocol::Http, true, Speak::Http2),
        (AppProtocol::Http, false, Speak::Http1),
        (AppProtocol::WebSocket, false, Speak::Http1),
    ] {
        assert_eq!(speak(protocol, grpc), wanted, "{protocol:?} {grpc}");
    }
}
