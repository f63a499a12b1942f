//! What is told of the traffic: metrics, access log, admin page.

use bytes::Bytes;
use http::Request;

use crate::support::{Backend, Edge, Ended, TO_A, client, http_route, until};

const NAMED: &str = "- name: checkout\n  matches: [{path: {value: /pay}}]\n  backendRefs: [{name: a, port: 80}]";

/// The part of a series that names the first rule of the route.
const OF_RULE: &str = "route_kind=\"HTTPRoute\",route_namespace=\"default\",route_name=\"r\",rule=\"0\"";

async fn edge(backend: &Backend, rules: &str, arguments: &[&str]) -> Edge {
    Edge::with_arguments(&[("a", None, &[backend.address])], rules, arguments).await
}

#[tokio::test]
async fn a_rules_counters_outlive_its_edits_and_go_with_it() {
    let backend = Backend::named("a").await;
    let edge = edge(&backend, TO_A, &[]).await;
    let get = async || client::get(edge.address, "any.test", "/").await.expect("an answer").status;
    assert_eq!(get().await, 200);
    let requests = format!("pingway_requests_total{{{},status_class=\"2xx\",reason=\"\"}}", OF_RULE);
    until("one request", async || edge.proxy.metric(&requests).await.filter(|count| *count == 1.0)).await;

    let generation = edge.proxy.metric("pingway_configuration_generation").await.expect("a generation");
    let edited = "- filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-new, value: v}]}}]\n  \
                  backendRefs: [{name: a, port: 80}]";
    edge.folder.write("route.yaml", &http_route("r", &[], edited));
    until("the edit is served", async || {
        edge.proxy.metric("pingway_configuration_generation").await.filter(|now| *now > generation)
    })
    .await;
    assert_eq!(get().await, 200);
    until("both requests", async || edge.proxy.metric(&requests).await.filter(|count| *count == 2.0)).await;

    edge.folder.remove("route.yaml");
    until("its series are gone", async || (!edge.proxy.metrics_text().await.contains(OF_RULE)).then_some(())).await;
}

#[tokio::test]
async fn a_redirect_has_a_request_id_as_every_answer_has() {
    let backend = Backend::named("a").await;
    let rules = "- filters: [{type: RequestRedirect, requestRedirect: {hostname: b.test}}]";
    let edge = edge(&backend, rules, &["--access-log"]).await;
    let answer = client::get(edge.address, "a.test", "/").await.expect("an answer");
    assert_eq!(answer.status, 302);
    let line = until("a line", async || edge.proxy.access_log().first().cloned()).await;
    assert_eq!(line["request_id"], answer.header("x-request-id"));
    assert_eq!(answer.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn an_access_log_line_tells_rule_backend_endpoint_and_trace() {
    let backend = Backend::named("a").await;
    let edge = edge(&backend, NAMED, &["--access-log", "--access-log-filter", "status>=200"]).await;
    let request = Request::get("/pay?x=1")
        .header("host", "shop.test")
        .header("user-agent", "tests")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .body(Bytes::new())
        .expect("a request");
    assert_eq!(client::send(edge.address, request).await.expect("an answer").status, 200);
    let line = until("a line", async || edge.proxy.access_log().first().cloned()).await;
    for (field, expected) in [
        ("method", "GET"),
        ("host", "shop.test"),
        ("path", "/pay?x=1"),
        ("protocol", "HTTP/1.1"),
        ("rule", "checkout"),
        ("backend", "default/a:80"),
        ("endpoint", &backend.address.to_string()),
        ("user_agent", "tests"),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ] {
        assert_eq!(line[field], expected, "{field} in {line}");
    }
    assert_eq!(line["status"], 200);
    assert_eq!(line["attempts"], 1);
    assert!(line["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
    let seen = backend.take_seen();
    let passed_on = seen[0].head.headers["traceparent"].to_str().expect("text");
    assert_eq!(passed_on, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_eq!(line["request_id"], seen[0].head.headers["x-request-id"].to_str().expect("text"));
}

#[tokio::test]
async fn the_last_lines_of_the_access_log_are_written_at_the_end() {
    let backend = Backend::named("a").await;
    let edge = edge(&backend, TO_A, &["--access-log", "--drain-delay", "0"]).await;
    for _ in 0..20 {
        assert_eq!(client::get(edge.address, "any.test", "/").await.expect("an answer").status, 200);
    }
    edge.proxy.terminate();
    until("all lines", async || (edge.proxy.access_log().len() == 20).then_some(())).await;
    assert_eq!(edge.proxy.ended().await, Ended { code: Some(0) });
}

#[tokio::test]
async fn the_log_level_changes_by_the_admin_page() {
    let backend = Backend::named("a").await;
    let edge = edge(&backend, TO_A, &[]).await;
    let put = async |filter: &'static str| {
        let request = Request::put("/log").header("host", "localhost").body(Bytes::from(filter)).expect("a request");
        client::send(edge.proxy.admin, request).await.expect("an answer")
    };
    assert_eq!(edge.proxy.json("/log").await.expect("JSON")["filter"], "info");
    let wrong = put("pingway=loud").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("pingway=loud"), "{}", wrong.text());
    assert_eq!(put("error").await.status, 200);
    assert_eq!(edge.proxy.json("/log").await.expect("JSON")["filter"], "error");
    edge.folder.write("broken.yaml", "kind: [");
    until("the problem is shown", async || {
        let problems = edge.proxy.json("/problems").await?;
        problems["problems"]
            .as_array()?
            .iter()
            .any(|line| line.as_str().is_some_and(|l| l.contains("broken.yaml")))
            .then_some(())
    })
    .await;
    assert!(edge.proxy.metric("pingway_configuration_problems").await.is_some_and(|count| count >= 1.0));
    assert!(!edge.proxy.log().contains("broken.yaml"), "warnings are off");
    let page = client::get(edge.proxy.admin, "localhost", "/").await.expect("the page").text();
    assert!(page.contains("broken.yaml"), "{page}");
}

#[tokio::test]
async fn a_request_that_no_rule_takes_has_its_word_everywhere() {
    let backend = Backend::named("a").await;
    let edge = edge(&backend, NAMED, &["--access-log", "--access-log-filter", "errors"]).await;
    assert_eq!(client::get(edge.address, "any.test", "/pay").await.expect("an answer").status, 200);
    let answer = client::get(edge.address, "any.test", "/elsewhere").await.expect("an answer");
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("no_route"), "{}", answer.text());
    let unrouted = "pingway_requests_total{route_kind=\"\",route_namespace=\"\",route_name=\"\",rule=\"\",\
                    status_class=\"4xx\",reason=\"no_route\"}";
    until("it is counted", async || edge.proxy.metric(unrouted).await.filter(|count| *count == 1.0)).await;
    let line = until("its line", async || edge.proxy.access_log().first().cloned()).await;
    assert_eq!(line["reason"], "no_route");
    assert_eq!(line.get("route"), None);
    assert_eq!(edge.proxy.access_log().len(), 1, "the filter takes errors only");
}
