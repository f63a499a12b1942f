//! What to try, printed once the quickstart serves. Each command works as it stands; a test runs them.

use std::fmt::Write as _;

/// Where the quickstart's listeners really are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Of the HTTP listeners.
    pub http: u16,
    /// Of the HTTPS listener.
    pub https: u16,
    /// Where ztunnel's part is played.
    pub ztunnel: u16,
    /// Of metrics and health.
    pub metrics: u16,
    /// Of the admin page, if it is open.
    pub admin: Option<u16>,
}

/// The commands, each under what it shows.
fn commands(ports: Ports) -> Vec<(&'static str, String)> {
    let Ports { http, https, ztunnel, metrics, .. } = ports;
    let from = |identity: &str| format!("curl -s -p -x localhost:{ztunnel} -U {identity}: http://10.96.0.1/");
    vec![
        ("Nine of ten requests go to echo-v1, one to echo-v2:", {
            format!("for i in $(seq 100); do curl -s localhost:{http}/ | grep backend; done | sort | uniq -c")
        }),
        ("A header asks for version 2:", format!("curl -s -H 'x-version: v2' localhost:{http}/")),
        (
            "The path is rewritten, /old/page to /new/page:",
            format!("curl -s 'localhost:{http}/old/page?q=1' | grep path"),
        ),
        ("HTTPS, with an example certificate:", format!("curl -sk https://localhost:{https}/")),
        ("A redirect to HTTPS:", format!("curl -sikL localhost:{http}/secure")),
        ("A gRPC call, with grpcurl (in a copy of the repository):", {
            format!(
                "grpcurl -plaintext -authority grpc.localhost -proto config/quickstart/echo.proto -d '{{\"text\":\"hello\"}}' \
                 localhost:{http} pingway.quickstart.Echo/Say"
            )
        }),
        ("The same with curl alone: one message in, one back, and grpc-status after it:", {
            format!(
                "printf '\\000\\000\\000\\000\\007\\012\\005hello' | curl -si --http2-prior-knowledge -H 'host: grpc.localhost' \
                 -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @- --output - \
                 localhost:{http}/pingway.quickstart.Echo/Say"
            )
        }),
        (
            "A WebSocket, with Python's websockets (Debian: python3-websockets): what you type comes back:",
            format!("python3 -m websockets ws://localhost:{http}/ws"),
        ),
        ("The same with curl alone: it shows the 101 and the greeting:", {
            format!(
                "curl -si -N --http1.1 --max-time 1 -H 'connection: upgrade' -H 'upgrade: websocket' \
                 -H 'sec-websocket-version: 13' -H 'sec-websocket-key: c2F5aW5nIGhlbGxvIQ==' --output - localhost:{http}/ws"
            )
        }),
        ("As a waypoint in a mesh: web/shopper dials Service echo-v1 by its address, and comes straight through:", {
            from("web/shopper")
        }),
        ("A client of namespace canary meets the route of its namespace, to echo-v2:", from("canary/tester")),
        ("Metrics:", format!("curl -s localhost:{metrics}/metrics | grep pingway_requests_total")),
    ]
}

/// What to try, to be printed.
pub fn what_to_try(ports: Ports) -> String {
    let mut text = format!(
        "Pingway serves config/quickstart on http://localhost:{} and https://localhost:{}. Try, in another terminal:\n",
        ports.http, ports.https
    );
    for (title, command) in commands(ports) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {title}\n    {command}\n");
    }
    if let Some(admin) = ports.admin {
        let _ = write!(text, "\nWhat is served, and what is wrong: http://localhost:{admin}/\n");
    }
    text.push_str("Ctrl-C ends it.\n");
    text
}
