//! What a waypoint sends out, where ztunnel accepts before it dials: an endpoint that is not there is one that closes.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::mesh::{ENROLLED, answer, header, service_route, start};
use crate::support::h2_frames::{END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, RST_STREAM, SETTINGS};
use crate::support::{Backend, Proxy, field, read_head, until, write};

/// Service `a` at 10.96.0.1, enrolled: port 80 (`http`) and 50 (`grpc`), at these endpoints.
fn service(endpoints: &[SocketAddr]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: a, labels: {{{ENROLLED}}}}}\nspec: {{clusterIP: 10.96.0.1, ports: \
         [{{name: http, port: 80}}, {{name: grpc, port: 50}}, {{name: tcp, port: 82}}]}}\n"
    );
    for (i, endpoint) in endpoints.iter().enumerate() {
        let (ip, port) = (endpoint.ip(), endpoint.port());
        let _ = write!(
            text,
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {{name: a-{i}, labels: \
             {{kubernetes.io/service-name: a}}}}\nports: [{{name: http, port: {port}}}, {{name: grpc, port: {port}}}, {{name: tcp, \
             port: {port}}}]\nendpoints: [{{addresses: ['{ip}'], conditions: {{ready: true}}}}]\n"
        );
    }
    text
}

fn request(method: &str, port: u16) -> Vec<u8> {
    let request = format!("{method} / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
    [header(&format!("10.96.0.1:{port}")), request.into_bytes()].concat()
}

/// An endpoint that does as it likes with each connection, and counts them.
async fn counted<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> (Backend, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let backend = Backend::raw(move |stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        serve(stream)
    })
    .await;
    (backend, count)
}

/// An endpoint that is not there, seen through ztunnel: it takes a request, and closes.
async fn dead() -> (Backend, Arc<AtomicUsize>) {
    counted(|mut stream| async move {
        read_head(&mut stream).await;
    })
    .await
}

async fn last_line(proxy: &Proxy, count: usize) -> Value {
    let lines = until("as many lines", async || Some(proxy.access_log()).filter(|lines| lines.len() == count)).await;
    lines.last().unwrap().clone()
}

#[tokio::test]
async fn what_was_closed_unanswered_is_tried_three_times_where_the_method_is_idempotent() {
    let route = service_route("default", "", "{path: {value: /}}");
    let asking = route.clone() + "    retry: {attempts: 1}\n";
    for (route, tries_of_post) in [(None, 1), (Some(route), 1), (Some(asking.clone()), 2)] {
        let dead = [dead().await, dead().await, dead().await, dead().await];
        let tries_of_get = if route.as_ref() == Some(&asking) { 2 } else { 3 };
        let addresses: Vec<_> = dead.iter().map(|(backend, _)| backend.address).collect();
        let mut files = vec![("a.yaml", service(&addresses))];
        files.extend(route.map(|route| ("r.yaml", route)));
        let (_folder, proxy, address) = start(&files).await;
        let requests =
            [("GET", tries_of_get), ("PUT", tries_of_get), ("DELETE", tries_of_get), ("POST", tries_of_post)];
        for (i, (method, tries)) in requests.into_iter().enumerate() {
            let text = answer(address, &request(method, 80)).await;
            assert!(text.starts_with("HTTP/1.1 502 "), "{method}: {text}");
            assert_eq!(field(&text, "x-pingway-reason"), Some("upstream_closed"), "{method}");
            assert_eq!(last_line(&proxy, i + 1).await["attempts"], tries, "{method}");
            let counts: Vec<_> = dead.iter().map(|(_, count)| count.swap(0, Ordering::Relaxed)).collect();
            assert_eq!(counts.iter().sum::<usize>(), tries, "{method}");
            assert!(counts.iter().all(|count| *count <= 1), "{method}, each on another endpoint: {counts:?}");
        }
        let failed = (3 * tries_of_get + tries_of_post) as f64;
        let counted = proxy.metric("pingway_upstream_errors_total{reason=\"upstream_closed\"}").await;
        assert_eq!(counted, Some(failed));
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_seen_by_no_client_that_gets() {
    let (dead, count) = dead().await;
    let live = Backend::named("live").await;
    let (_folder, proxy, address) = start(&[("a.yaml", service(&[dead.address, live.address]))]).await;
    until("it was asked", async || {
        let text = answer(address, &request("GET", 80)).await;
        assert!(text.ends_with("live"), "{text}");
        (count.load(Ordering::Relaxed) > 0).then_some(())
    })
    .await;
    // It counts as slow from then on, and draws no requests.
    for _ in 0..20 {
        assert!(answer(address, &request("POST", 80)).await.ends_with("live"));
    }
    assert_eq!(count.load(Ordering::Relaxed), 1);
    assert_eq!(proxy.metric("pingway_upstream_errors_total{reason=\"upstream_closed\"}").await, Some(1.0));
}

#[tokio::test]
async fn a_response_that_breaks_off_is_sent_once_and_told_by_its_own_word() {
    for (response, head_goes_on) in
        [("HTTP/1.1 200 OK\r\ncontent-le", false), ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", true)]
    {
        let (cutting, count) = counted(move |mut stream| async move {
            read_head(&mut stream).await;
            write(&mut stream, response).await;
        })
        .await;
        let live = Backend::named("live").await;
        let (_folder, proxy, address) = start(&[("a.yaml", service(&[cutting.address, live.address]))]).await;
        let lines = AtomicUsize::new(0);
        let text = until("it was asked", async || {
            lines.fetch_add(1, Ordering::Relaxed);
            let text = answer(address, &request("GET", 80)).await;
            (!text.ends_with("live")).then_some(text)
        })
        .await;
        let line = last_line(&proxy, lines.into_inner()).await;
        assert_eq!((&line["reason"], &line["attempts"]), (&"upstream_truncated".into(), &1.into()), "{text}");
        assert_eq!(line["status"], if head_goes_on { 200 } else { 502 });
        until("both are known", async || answer(address, &request("GET", 80)).await.ends_with("live").then_some(()))
            .await;
        // It counts as slow from then on, however fast it broke off.
        let before = count.load(Ordering::Relaxed);
        for _ in 0..20 {
            assert!(answer(address, &request("GET", 80)).await.ends_with("live"));
        }
        assert_eq!(count.load(Ordering::Relaxed), before);
        let told = proxy.metric("pingway_upstream_errors_total{reason=\"upstream_truncated\"}").await;
        assert_eq!(told, Some(before as f64));
    }
}

/// Takes HTTP/2's preface.
async fn greeted(mut stream: TcpStream) -> Frames {
    let mut preface = [0; 24];
    let _ = stream.read_exact(&mut preface).await;
    Frames(stream)
}

/// An endpoint of HTTP/2 that answers the first stream of each connection by a function.
async fn http2<F>(refuse: impl Fn(Frames, Frame) -> F + Clone + Send + 'static) -> (Backend, Arc<AtomicUsize>)
where
    F: Future<Output = Frames> + Send + 'static,
{
    counted(move |stream| {
        let refuse = refuse.clone();
        async move {
            let mut frames = greeted(stream).await;
            frames.send(SETTINGS, 0, 0, &[]).await;
            while let Some(frame) = frames.next().await {
                if frame.kind == HEADERS {
                    frames = refuse(frames, frame).await;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_stream_that_was_refused_is_tried_three_times_whatever_the_method() {
    for goaway in [false, true] {
        let refuse = move |mut frames: Frames, asked: Frame| async move {
            match goaway {
                // None of its streams was taken; NO_ERROR.
                true => frames.send(GOAWAY, 0, 0, &[0; 8]).await,
                // REFUSED_STREAM
                false => frames.send(RST_STREAM, 0, asked.stream, &[0, 0, 0, 7]).await,
            }
            frames
        };
        let refusing = [http2(refuse).await, http2(refuse).await, http2(refuse).await, http2(refuse).await];
        let addresses: Vec<_> = refusing.iter().map(|(backend, _)| backend.address).collect();
        let (_folder, proxy, address) = start(&[("a.yaml", service(&addresses))]).await;
        let text = answer(address, &request("POST", 50)).await;
        assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
        assert_eq!(field(&text, "x-pingway-reason"), Some("upstream_refused"));
        assert_eq!(last_line(&proxy, 1).await["attempts"], 3);
        let asked: usize = refusing.iter().map(|(_, count)| count.load(Ordering::Relaxed)).sum();
        assert_eq!(asked, 3, "each on another endpoint");
        assert_eq!(proxy.metric("pingway_upstream_errors_total{reason=\"upstream_refused\"}").await, Some(3.0));
    }
}

#[tokio::test]
async fn nothing_is_sent_before_settings_so_a_post_to_an_endpoint_that_is_not_there_goes_elsewhere() {
    for reset in [false, true] {
        let carried = Arc::new(AtomicUsize::new(0));
        let asked = carried.clone();
        let (closing, count) = counted(move |stream| {
            let asked = asked.clone();
            async move {
                let mut frames = greeted(stream).await;
                // SETTINGS of the client, and what else it sends before ours. Then it closes without any.
                if let Ok(Some(frame)) = tokio::time::timeout(std::time::Duration::from_millis(50), async {
                    loop {
                        match frames.next().await {
                            Some(frame) if frame.kind == HEADERS => return Some(frame),
                            Some(_) => {}
                            None => return None,
                        }
                    }
                })
                .await
                {
                    asked.fetch_add(usize::from(frame.kind == HEADERS), Ordering::Relaxed);
                }
                if reset {
                    let _ = socket2::SockRef::from(&frames.0).set_linger(Some(std::time::Duration::ZERO));
                }
            }
        })
        .await;
        let (live, _) = http2(|mut frames: Frames, asked: Frame| async move {
            // `:status: 200` by its index.
            frames.send(HEADERS, END_HEADERS | END_STREAM, asked.stream, &[0x88]).await;
            frames
        })
        .await;
        let (_folder, proxy, address) = start(&[("a.yaml", service(&[closing.address, live.address]))]).await;
        until("it was dialled", async || {
            let text = answer(address, &request("POST", 50)).await;
            assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
            (count.load(Ordering::Relaxed) > 0).then_some(())
        })
        .await;
        assert_eq!(carried.load(Ordering::Relaxed), 0, "requests before SETTINGS");
        assert_eq!(proxy.metric("pingway_upstream_errors_total{reason=\"connect_failed\"}").await, Some(1.0));
    }
}

#[tokio::test]
async fn tcp_that_is_closed_before_anything_was_said_goes_to_another_endpoint() {
    for reset in [false, true] {
        // Not there, seen through ztunnel: it accepts, and closes.
        let (closing, count) = counted(move |stream| async move {
            if reset {
                let _ = socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO));
            }
        })
        .await;
        let live = Backend::raw(|mut stream| async move { write(&mut stream, "hello").await }).await;
        let (folder, proxy, address) = start(&[("a.yaml", service(&[closing.address, live.address]))]).await;
        until("it was dialled", async || {
            assert_eq!(answer(address, &header("10.96.0.1:82")).await, "hello");
            (count.load(Ordering::Relaxed) > 0).then_some(())
        })
        .await;
        // A reset can come before the connection is seen to be made.
        let mut told = 0.0;
        for reason in ["upstream_closed", "connect_failed"] {
            told += proxy.metric(&format!("pingway_upstream_errors_total{{reason=\"{reason}\"}}")).await.unwrap();
        }
        assert_eq!(told, count.swap(0, Ordering::Relaxed) as f64);
        // Alone, it is dialled once for each client, who gets the end as it came.
        folder.write("a.yaml", &service(&[closing.address]));
        until("it is alone", async || answer(address, &header("10.96.0.1:82")).await.is_empty().then_some(())).await;
        let before = count.swap(0, Ordering::Relaxed);
        assert!(before > 0);
        assert_eq!(answer(address, &header("10.96.0.1:82")).await, "");
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn tcp_of_which_bytes_were_sent_is_not_sent_elsewhere() {
    let silent = || {
        counted(|mut stream| async move {
            let _ = stream.read(&mut [0; 16]).await;
        })
    };
    let ((one, first), (other, second)) = (silent().await, silent().await);
    let (_folder, _proxy, address) = start(&[("a.yaml", service(&[one.address, other.address]))]).await;
    assert_eq!(answer(address, &[header("10.96.0.1:82"), b"SET x 1".to_vec()].concat()).await, "");
    assert_eq!(first.load(Ordering::Relaxed) + second.load(Ordering::Relaxed), 1);
}
