//! Tests of explanations, on one configuration.

use serde_json::Value;

use super::effect::Effect;
use super::find::Explanation;
use super::*;
use crate::api::decode::{Decoded, decode};
use crate::compile::{Memo, Options};
use crate::snapshot::{Change, Snapshot};

const CONFIGURATION: &str = r#"
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: pingway}
spec: {controllerName: pingway.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: ns}
spec:
  gatewayClassName: pingway
  listeners:
  - {name: web, port: 80, protocol: HTTP, hostname: "*.test"}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: ns}
spec:
  parentRefs: [{name: gw}]
  hostnames: [a.test]
  rules:
  - name: versions
    matches: [{path: {value: /shop}, headers: [{name: x-version, value: "2"}]}]
    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-set, value: "1"}], remove: [x-gone]}}
    - {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-by, value: shop}]}}
    - {type: URLRewrite, urlRewrite: {hostname: b.test, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}
    backendRefs: [{name: one, port: 80, weight: 3}, {name: missing, port: 80}]
  - matches: [{path: {value: /shop}, method: POST}]
    backendRefs: [{name: one, port: 80}]
  - matches: [{path: {type: Exact, value: /old}}]
    filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: rest, namespace: ns}
spec:
  parentRefs: [{name: gw}]
  rules:
  - backendRefs: [{name: one, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: one, namespace: ns}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: one-1, namespace: ns, labels: {kubernetes.io/service-name: one}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.0.0.1]}]
"#;

fn explained(method: &str, url: &str, fields: &[&str]) -> Explanation {
    explained_with("", method, url, fields)
}

/// With further objects.
fn explained_with(further: &str, method: &str, url: &str, fields: &[&str]) -> Explanation {
    let mut snapshot = Snapshot::default();
    for document in serde_yaml::Deserializer::from_str(&format!("{CONFIGURATION}{further}")) {
        let value: Value = serde::Deserialize::deserialize(document).unwrap();
        let Decoded::Item(item) = decode(value).unwrap() else { panic!("an object that is not served") };
        snapshot.apply([Change::Put(item)]);
    }
    let options = Options::default();
    let mut memo = Memo::default();
    let tables = compile(&snapshot, &options, &mut memo).tables;
    let fields: Vec<_> = fields.iter().map(|&field| field.to_owned()).collect();
    let request = Request::parse(method, url, &fields).unwrap();
    explain(Configuration { tables: &tables, memo: &memo, snapshot: &snapshot, options: &options }, &request)
}

#[test]
fn a_forwarded_request_is_shown_with_filters_and_shares() {
    let text = explained("GET", "http://a.test/shop/x?q=1", &["X-Version: 2", "x-gone: 1"]).to_string();
    let wanted = r#"
GET http://a.test:80/shop/x?q=1
listener  web of Gateway ns/gw, hostname *.test
route     HTTPRoute ns/shop, hostname a.test
rule      spec.rules[0] (versions)
match     path prefix "/shop", header x-version exactly "2"
sends     /new/x?q=1 to host b.test
  header    x-version: 2
  header    x-set: 1
  response  add x-by: shop
backend    75.0 %  ns/one:80  10.0.0.1:8080
backend    25.0 %  no backend  500: "#;
    assert!(text.starts_with(wanted.trim_start()), "{text}");
}

#[test]
fn the_nearest_others_tell_the_part_they_lost_by() {
    let answer = explained("GET", "http://a.test/shop/%2e/x", &[]);
    assert_eq!(answer.normal_path.as_deref(), Some("/shop/x"));
    assert_eq!(answer.rule.map(|rule| rule.route).as_deref(), Some("HTTPRoute ns/rest"));
    let others: Vec<_> = answer.others.iter().map(|other| (other.rule.as_str(), other.lost.as_str())).collect();
    assert_eq!(
        others,
        [
            ("spec.rules[1]", "method: wanted POST, request has GET"),
            ("spec.rules[0] (versions)", r#"header x-version: wanted exactly "2", request has none"#),
            ("spec.rules[2]", r#"path: wanted exactly "/old", request has "/shop/x""#),
        ]
    );
}

#[test]
fn those_that_go_behind_and_wider_hosts_are_told_too() {
    let answer = explained("POST", "http://a.test/shop", &["x-version: 2"]);
    let others: Vec<_> = answer.others.iter().map(|other| (other.rule.as_str(), other.lost.as_str())).collect();
    assert_eq!(others[0], ("spec.rules[0] (versions)", "goes behind in precedence: it names no method"));
    assert_eq!(others[1], ("spec.rules[0]", "hostname * is less specific"));
}

/// A route at the Gateway, with these rules, which go nowhere.
fn route(kind: &str, name: &str, created: &str, rules: &[&str]) -> String {
    let rules: String = rules.iter().map(|matches| format!("  - matches: [{matches}]\n")).collect();
    format!(
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: ns, \
         creationTimestamp: '{created}'}}\nspec:\n  parentRefs: [{{name: gw}}]\n  hostnames: [b.test]\n  rules:\n{rules}"
    )
}

#[test]
fn each_predicate_of_precedence_is_named_that_decided() {
    let (older, younger) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let http = |rules: &[&str]| route("HTTPRoute", "one", older, rules);
    let grpc = |rules: &[&str]| route("GRPCRoute", "one", older, rules);
    let other = |kind, name, created| http(&["{}"]) + &route(kind, name, created, &["{}"]);
    let header = "headers: [{name: content-type, type: RegularExpression, value: '.*'}]";
    let call = |service: &str, method: &str| {
        format!("{{method: {{type: RegularExpression, service: '{service}', method: '{method}'}}}}")
    };
    for (configuration, why) in [
        (
            http(&["{path: {type: RegularExpression, value: '/.*'}}", "{path: {type: Exact, value: /a.S/M}}"]),
            "its path is matched less exactly (exact, then expression, then prefix)",
        ),
        (http(&["{path: {value: /a.S}}", "{path: {value: /a.S/M}}"]), "its path has fewer characters"),
        (http(&[&format!("{{{header}}}"), "{method: POST}"]), "it names no method"),
        (http(&["{queryParams: [{name: q, value: '1'}]}", &format!("{{{header}}}")]), "it names fewer headers"),
        (http(&["{}", "{queryParams: [{name: q, value: '1'}]}"]), "it names fewer query parameters"),
        (other("HTTPRoute", "early", younger), "its route is younger"),
        (other("HTTPRoute", "two", older), "its route is as old, and later by namespace and name"),
        (other("GRPCRoute", "one", older), "its route is as old and of the same name, and later by kind"),
        (http(&["{}", "{}"]), "its rule is later in the route"),
        (grpc(&[&call("a.*", "M"), &call("a[.].*", "M")]), "its gRPC service has fewer characters"),
        (grpc(&[&call("a.*", "M"), &call("a.*", "M+")]), "its gRPC method has fewer characters"),
    ] {
        let fields = ["content-type: application/grpc"];
        let answer = explained_with(&configuration, "POST", "http://b.test/a.S/M?q=1", &fields);
        let others = answer.others.iter().map(|other| other.lost.as_str()).collect::<Vec<_>>();
        assert_eq!(others.first(), Some(&&*format!("goes behind in precedence: {why}")), "{answer}");
    }
}

#[test]
fn a_rule_that_is_not_accepted_is_told_where_its_match_fits() {
    let rule = |path: &str| {
        format!(
            "{{path: {{value: {path}}}}}]\n    filters: [{{type: CORS, cors: {{allowOrigins: ['*']}}}}]\n    backendRefs: ["
        )
    };
    let broken = "{path: {type: RegularExpression, value: '('}}";
    // Without a rule that is served, the route is not accepted either.
    for served in [&["{path: {value: /far}}"][..], &[]] {
        let (fits, other) = (rule("/shop"), rule("/elsewhere"));
        let rules = [served, &[&fits, &other, broken]].concat();
        let configuration = route("HTTPRoute", "cors", "2026-01-01T00:00:00Z", &rules);
        let answer = explained_with(&configuration, "GET", "http://b.test/shop", &[]);
        let others: Vec<_> = answer.others.iter().map(|other| (other.rule.clone(), other.lost.as_str())).collect();
        let at = |index: usize| format!("spec.rules[{}]", served.len() + index);
        assert_eq!(others[0], (at(0), "not accepted (UnsupportedValue): filters[0].type CORS is not supported"));
        assert_eq!(others[1].0, at(2));
        assert!(others[1].1.contains("no regular expression"), "{answer}");
        assert!(!others.iter().any(|(rule, _)| *rule == at(1)), "{answer}");
        let elsewhere = explained_with(&configuration, "GET", "http://a.test/shop", &[]);
        assert!(!elsewhere.to_string().contains("not accepted"), "{elsewhere}");
    }
}

#[test]
fn a_redirect_is_shown_with_its_location() {
    let effect = explained("GET", "http://a.test/old?q=a%20b", &[]).effect;
    let location = "https://a.test/old?q=a%20b".to_owned();
    assert_eq!(effect, Some(Effect::Redirect { status: 301, location }));
}

#[test]
fn what_is_not_found_says_why() {
    for (url, why) in [
        ("http://a.example/", r#"404: no listener on port 80 serves "a.example"; they serve *.test"#),
        ("http://a.test:81/", "no listener that is served has port 81; there are [80]"),
        ("https://a.test:80/", "port 80 speaks http (listener web of ns/gw)"),
    ] {
        assert_eq!(explained("GET", url, &[]).not_found.as_deref(), Some(why));
    }
}

#[test]
fn json_has_the_same_facts() {
    let json = serde_json::to_value(explained("GET", "http://a.test/shop", &["x-version: 2"])).unwrap();
    assert_eq!(json["rule"]["route"], "HTTPRoute ns/shop");
    assert_eq!(json["effect"]["backends"][0]["percent"], 75.0);
    assert_eq!(json["effect"]["backends"][0]["request"]["target"], "/new");
    assert_eq!(json["others"][0]["lost"], "method: wanted POST, request has GET");
}

#[test]
fn a_grpc_call_is_told_the_status_that_its_client_gets() {
    let call = |path: &str| {
        let answer = explained("POST", &format!("http://{path}"), &["content-type: application/grpc+proto"]);
        answer.to_string()
    };
    let unimplemented = "not found gRPC UNIMPLEMENTED: no listener on port 80 serves";
    assert!(call("a.example/s/M").contains(unimplemented), "{}", call("a.example/s/M"));
    let fails = explained("GET", "http://a.test/shop", &["x-version: 2", "content-type: application/grpc"]).to_string();
    assert!(fails.contains("no backend  gRPC UNAVAILABLE: "), "{fails}");
    let web =
        explained("GET", "http://a.test/shop", &["x-version: 2", "content-type: application/grpc-web"]).to_string();
    assert!(web.contains("no backend  500: "), "{web}");
}

/// A waypoint with a Service at 10.96.0.1 that has a route of its own, one of namespace `web`, and one at 10.96.0.2 without.
const MESH: &str = r#"
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, spec: {controllerName: pingway.dev/gateway-controller},
 metadata: {name: pingway, annotations: {ambient.istio.io/waypoint-inbound-binding: PROXY/15088}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint, namespace: shop}
spec:
  gatewayClassName: pingway
  listeners: [{name: mesh, port: 15088, protocol: istio.io/PROXY, allowedRoutes: {namespaces: {from: All}}}]
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop, labels: {istio.io/use-waypoint: waypoint}},
 spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: plain, namespace: shop, labels: {istio.io/use-waypoint: waypoint}},
 spec: {clusterIP: 10.96.0.2, ports: [{name: http, port: 80}, {name: tcp, port: 90}, {name: any, port: 91}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: own, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: cart}]
  rules: [{matches: [{path: {value: /own}}], backendRefs: [{name: cart, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: theirs, namespace: web}
spec:
  parentRefs: [{group: "", kind: Service, name: cart, namespace: shop}]
  rules: [{backendRefs: [{name: cart, namespace: shop, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {name: bytes, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: plain, port: 91}]
  rules: [{backendRefs: [{name: cart, port: 80, weight: 3}, {name: cart, port: 81}]}]
"#;

/// What a request finds that ztunnel hands over: where it is looked up, the route, and why none takes it.
fn handed_over(dialled: &str, identity: Option<&str>, path: &str) -> [Option<String>; 3] {
    let found = explained_in(MESH, dialled, identity, path);
    [found.listener.map(|listener| listener.name), found.rule.map(|rule| rule.route), found.not_found]
}

fn explained_in(manifests: &str, dialled: &str, identity: Option<&str>, path: &str) -> Explanation {
    let mut snapshot = Snapshot::default();
    for document in serde_yaml::Deserializer::from_str(manifests) {
        let value = serde::Deserialize::deserialize(document).expect("YAML");
        let Ok(Decoded::Item(item)) = decode(value) else { panic!("an object") };
        snapshot.apply([Change::Put(item)]);
    }
    let (options, mut memo) = (Options::default(), Memo::default());
    let tables = crate::compile::compile(&snapshot, &options, &mut memo).tables;
    let request = Request::parse("GET", &format!("http://whatever.test{path}"), &[]).expect("a request");
    let request = request.handed_over(dialled.parse().expect("an address"), identity).expect("an identity");
    find::explain(Configuration { tables: &tables, memo: &memo, snapshot: &snapshot, options: &options }, &request)
}

#[test]
fn what_ztunnel_hands_over_is_found_by_the_dialled_address_and_the_identity() {
    let some = |text: &str| Some(text.to_owned());
    let web = Some("spiffe://td/ns/web/sa/a");
    let [place, route, _] = handed_over("10.96.0.1:80", None, "/own");
    assert_eq!((place, route), (some("routes of shop/cart:80"), some("HTTPRoute shop/own")));
    let [_, route, why] = handed_over("10.96.0.1:80", Some("spiffe://td/ns/other/sa/a"), "/");
    assert_eq!(route, None);
    assert!(why.is_some_and(|why| why.contains("404")));
    let [place, route, _] = handed_over("10.96.0.1:80", web, "/");
    assert_eq!(
        (place, route),
        (some("consumer routes of namespace web of shop/cart:80"), some("HTTPRoute web/theirs"))
    );
    let [place, route, _] = handed_over("10.96.0.2:80", web, "/");
    assert_eq!((place, route), (some("no route, straight through to shop/plain:80"), some("Service shop/plain")));
    let [_, route, why] = handed_over("10.96.0.2:90", web, "/");
    assert_eq!((route, why.is_some_and(|why| why.ends_with("straight through to shop/plain:90"))), (None, true));
    let [_, _, why] = handed_over("10.96.0.2:91", web, "/");
    let shares = "by TCPRoute shop/bytes to shop/cart:80 (weight 3), nowhere (weight 1: ";
    assert!(why.as_ref().is_some_and(|why| why.contains(shares)), "{why:?}");
    let [_, _, why] = handed_over("10.96.0.3:80", web, "/");
    assert!(why.is_some_and(|why| why.contains("enrolled with no waypoint here")));
}

#[test]
fn an_identity_that_is_none_is_refused() {
    let request = Request::parse("GET", "http://a.test/", &[]).expect("a request");
    assert!(request.clone().handed_over("10.96.0.1:80".parse().expect("an address"), Some("web")).is_err());
    let tls = Request::parse("GET", "https://a.test/", &[]).expect("a request");
    assert!(tls.handed_over("10.96.0.1:80".parse().expect("an address"), None).is_err());
}

#[test]
fn what_policies_would_judge_is_told_as_it_is_answered_wherever_they_stand() {
    let policy = |target: &str| {
        format!(
            "{MESH}---\n{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: p, namespace: shop}}, spec: {{targetRefs: \
             [{target}]}}}}\n---\n{{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {{name: on, namespace: shop}}, spec: \
             {{parentRefs: [{{group: '', kind: Service, name: plain, port: 80}}], rules: [{{backendRefs: [{{name: cart, port: 80}}]}}]}}}}\n"
        )
    };
    let answer = |manifests: &str, dialled: &str| explained_in(manifests, dialled, None, "/").to_string();
    let told = "403: AuthorizationPolicy shop/p would judge it, and is not enforced";
    let of_cart = policy("{group: '', kind: Service, name: cart}");
    assert!(answer(&of_cart, "10.96.0.1:80").contains(&format!("answer    {told}")));
    let routed = answer(&of_cart, "10.96.0.2:80");
    assert!(
        routed.contains("route     HTTPRoute shop/on") && routed.contains(&format!("shop/cart:80  {told}")),
        "{routed}"
    );
    let of_all = policy("{group: gateway.networking.k8s.io, kind: Gateway, name: waypoint}");
    assert!(answer(&of_all, "10.96.0.2:80").contains(&format!("answer    {told}")));
}

#[test]
fn a_pod_by_its_own_address_is_told_and_so_is_a_loop() {
    let pods = MESH.replace(
        "{name: waypoint, namespace: shop}",
        "{name: waypoint, namespace: shop, labels: {istio.io/waypoint-for: all}}",
    ) + "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: shop, labels: {istio.io/use-waypoint: waypoint}}, spec: {}, status: \
           {phase: Running, podIPs: [{ip: 10.244.0.7}]}}\n";
    let found = explained_in(&pods, "10.244.0.7:8080", None, "/x?y");
    assert_eq!(found.rule.as_ref().map(|rule| rule.route.as_str()), Some("Pod /*"));
    assert!(found.to_string().contains("backend   100.0 %  shop/p:8080  10.244.0.7:8080"), "{found}");
    let found = explained_in(MESH, "10.244.0.7:8080", None, "/");
    assert!(found.not_found.is_some_and(|why| why.contains("enrolled with no waypoint here")));
    for (account, answers) in [("waypoint-pingway", true), ("waypoint", false)] {
        let identity = format!("spiffe://td/ns/shop/sa/{account}");
        for (manifests, dialled) in [(MESH, "10.96.0.1:80"), (&pods, "10.244.0.7:8080")] {
            let found = explained_in(manifests, dialled, Some(&identity), "/own").to_string();
            assert_eq!(found.contains("answer    508: shop/waypoint itself dialled it"), answers, "{found}");
        }
    }
}

#[test]
fn a_line_differs_by_how_it_ended_where_the_configuration_decides_that() {
    let endpoint = "---\n{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: cart, namespace: shop, labels: \
                    {kubernetes.io/service-name: cart}}, addressType: IPv4, ports: [{name: http, port: 80}], endpoints: [{addresses: \
                    [10.244.0.1]}]}\n";
    let policy = "---\n{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: p, namespace: shop}, spec: \
                  {targetRefs: [{group: '', kind: Service, name: cart}]}}\n";
    let [served, refused] = [endpoint, policy].map(|more| format!("{MESH}{more}"));
    let by_rule = r#""route": "HTTPRoute shop/own", "rule": "0", "#;
    let to_cart = r#""route": "HTTPRoute shop/own", "rule": "0", "backend": "shop/cart:80", "#;
    let compared = |manifests: &str, path: &str, dialled: &str, more: &str| {
        let line = format!(
            r#"{{"method": "GET", "host": "a.test", "path": "{path}", "dialled": "{dialled}", {more}"status": 200}}"#
        );
        let line = super::line::Line::read(&line).expect("a line");
        let now = explained_in(manifests, dialled, None, path);
        super::compare::compare(&line, &now).differs.join("; ")
    };
    let cart = "10.96.0.1:80";
    let no_endpoint = format!(r#"{to_cart}"reason": "no_endpoint", "#);
    assert_eq!(compared(MESH, "/own", cart, &no_endpoint), "");
    let differs = "it was answered with no_endpoint; now it would be forwarded";
    assert_eq!(compared(&served, "/own", cart, &no_endpoint), differs);
    assert_eq!(compared(&served, "/own", cart, to_cart), "");
    let differs = "it went to shop/cart:80; now that would be answered 503: no endpoints";
    assert_eq!(compared(MESH, "/own", cart, to_cart), differs);
    for (endpoint, differs) in [
        ("10.244.0.1:80", ""),
        ("10.244.0.9:80", "10.244.0.9:80 is now no endpoint of shop/cart:80 that takes requests"),
    ] {
        assert_eq!(compared(&served, "/own", cart, &format!(r#"{to_cart}"endpoint": "{endpoint}", "#)), differs);
    }
    let redirected = compared(&served, "/own", cart, by_rule);
    assert_eq!(redirected, "it was answered 200; now it would be forwarded");
    assert_eq!(compared(MESH, "/", cart, r#""reason": "no_route", "#), "");
    let differs = compared(&refused, "/own", cart, r#""reason": "no_route", "#);
    assert!(differs.starts_with("it was answered with no_route; now it would be answered 403: "), "{differs}");
    assert_eq!(compared(&refused, "/own", cart, r#""reason": "policy_not_enforced", "#), "");
    let differs = compared(MESH, "/", "10.96.0.9:80", r#""reason": "no_route", "#);
    assert!(differs.contains("enrolled with no waypoint here"), "{differs}");
    // What clients do is no configuration's.
    assert_eq!(compared(&served, "/own", cart, &format!(r#"{by_rule}"reason": "client_aborted", "#)), "");
}
