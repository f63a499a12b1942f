//! Tests of lists of filters.

use super::*;
use crate::table::matches::Patterns;

fn filter(kind: &str) -> api::Filter {
    api::Filter {
        kind: FilterType::from(kind.to_owned()),
        request_header_modifier: (kind == "RequestHeaderModifier").then(Default::default),
        response_header_modifier: (kind == "ResponseHeaderModifier").then(Default::default),
        request_redirect: (kind == "RequestRedirect").then(Default::default),
        url_rewrite: (kind == "URLRewrite").then(Default::default),
        request_mirror: (kind == "RequestMirror").then_some(api::Unread),
        cors: (kind == "CORS").then_some(api::Unread),
        external_auth: (kind == "ExternalAuth").then_some(api::Unread),
        extension_ref: (kind == "ExtensionRef").then_some(api::Unread),
    }
}

fn refused(kinds: &[&str]) -> (String, Reason) {
    let specs: Vec<_> = kinds.iter().map(|kind| filter(kind)).collect();
    let error = Filters::compile(&specs).unwrap_err();
    (error.to_string(), error.reason())
}

#[test]
fn a_type_that_is_not_served_is_never_passed_over() {
    for kind in ["RequestMirror", "CORS", "ExternalAuth", "ExtensionRef", "Teleport"] {
        let (message, reason) = refused(&["RequestHeaderModifier", kind]);
        assert_eq!(message, format!("filters[1].type {kind} is not supported"));
        assert_eq!(reason, Reason::UnsupportedValue);
    }
}

#[test]
fn a_type_stands_once_and_a_redirect_not_beside_a_rewrite() {
    for kinds in [["URLRewrite", "URLRewrite"], ["URLRewrite", "RequestRedirect"], ["RequestRedirect", "URLRewrite"]] {
        let (message, reason) = refused(&kinds);
        assert_eq!(message, format!("filters[1].type {} cannot stand beside filters[0]", kinds[1]));
        assert_eq!(reason, Reason::IncompatibleFilters);
    }
    let both = [filter("RequestHeaderModifier"), filter("ResponseHeaderModifier"), filter("RequestRedirect")];
    let (filters, redirect) = Filters::compile(&both).unwrap();
    assert!(filters.request_headers.is_some() && filters.response_headers.is_some() && redirect.is_some());
}

#[test]
fn the_field_of_the_type_is_there_and_no_other() {
    let mut spec = filter("URLRewrite");
    spec.request_redirect = Some(Default::default());
    let error = Filters::compile(&[spec.clone()]).unwrap_err();
    assert_eq!(error.to_string(), "filters[0] of type URLRewrite has the field of another type");
    spec.url_rewrite = None;
    let error = Filters::compile(&[spec]).unwrap_err();
    assert_eq!(error.to_string(), "filters[0] of type URLRewrite lacks the field of that type");
}

#[test]
fn a_prefix_is_replaced_only_where_one_prefix_is_matched() {
    let path = Some(PathModifier::ReplacePrefix("/x".into()));
    let filters = Filters { rewrite: Some(UrlRewrite { hostname: None, path }), ..Filters::default() };
    let prefix = Match::any();
    let spec = api::HttpPathMatch { kind: Some(api::PathMatchType::Exact), value: Some("/a".into()) };
    let exact = Match { path: PathMatch::compile(Some(&spec), &mut Patterns::default()).unwrap(), ..Match::any() };
    assert_eq!(filters.fit(None, std::slice::from_ref(&prefix)), Ok(()));
    for matches in [vec![exact], vec![prefix.clone(), prefix]] {
        assert_eq!(filters.fit(None, &matches), Err(InvalidFilter::NoPrefix { filter: "urlRewrite" }));
        assert_eq!(Filters::default().fit(None, &matches), Ok(()));
    }
}
