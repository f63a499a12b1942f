//! Endpoints of HTTP/2 that reset without an error: a request to stop the upload, once the response is whole (RFC 9113, 8.1),
//! and a cut before that.

use std::sync::Arc;

use h2::Reason;
use http::{Request, Response};
use tokio::sync::Notify;

use crate::support::h2_wire::{H2Client, h2_backend, read, send};
use crate::support::{Backend, Edge, TO_A, within};

async fn edge(backend: &Backend) -> Edge {
    Edge::with_rules(&[("a", Some("kubernetes.io/h2c"), &[backend.address])], TO_A).await
}

/// Answers without reading the upload: a head and a piece, and after the word a reset with NO_ERROR.
async fn cutting(content_length: Option<&'static str>) -> (Backend, Arc<Notify>) {
    let word = Arc::new(Notify::new());
    let heard = word.clone();
    let backend = h2_backend(65_535, move |(request, mut respond)| {
        let heard = heard.clone();
        async move {
            let mut head = Response::new(());
            if let Some(length) = content_length {
                head.headers_mut().insert("content-length", length.parse().unwrap());
            }
            let mut body = respond.send_response(head, false).unwrap();
            send(&mut body, "hello", false).await;
            heard.notified().await;
            body.send_reset(Reason::NO_ERROR);
            drop(request);
        }
    })
    .await;
    (backend, word)
}

#[tokio::test]
async fn a_reset_without_an_error_before_the_end_cuts_the_response() {
    for length in [None, Some("10"), Some("5")] {
        let (backend, word) = cutting(length).await;
        let edge = edge(&backend).await;
        let mut raw = edge.connect().await;
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
        raw.read_until_any(&["hello", "hello\r\n"]).await;
        word.notify_one();
        let rest = raw.read_to_close().await.unwrap_or_default();
        assert!(!rest.contains("0\r\n\r\n"), "{length:?}: looks complete: {rest:?}");

        let mut client = H2Client::connect(edge.address).await;
        let (response, mut upload) = client.open(Request::post("http://a/").body(()).unwrap(), false).await;
        assert!(send(&mut upload, "half", false).await);
        let mut body = within("a head", response).await.unwrap().into_body();
        assert_eq!(within("a piece", body.data()).await.unwrap().unwrap(), "hello");
        word.notify_one();
        let end = within("the end", body.data()).await;
        assert!(end.as_ref().is_some_and(|end| end.is_err()), "{length:?}: looks complete: {end:?}");
        edge.ended_with("upstream_truncated", 2).await;
    }
}

#[tokio::test]
async fn a_reset_without_an_error_after_the_end_leaves_the_response_whole() {
    // Who drops a stream whose response is whole, and whose request is not, resets it with NO_ERROR.
    let backend = h2_backend(65_535, |(_, mut respond)| async move {
        let mut body = respond.send_response(Response::new(()), false).unwrap();
        send(&mut body, "enough", true).await;
    })
    .await;
    let edge = edge(&backend).await;
    for _ in 0..20 {
        let mut raw = edge.connect().await;
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
        let all = raw.read_until("0\r\n\r\n").await;
        assert!(all.starts_with("HTTP/1.1 200 ") && all.contains("enough"), "{all}");

        let mut client = H2Client::connect(edge.address).await;
        let (response, _upload) = client.open(Request::post("http://a/").body(()).unwrap(), false).await;
        let came = read(response).await.expect("a response");
        assert_eq!((came.head.status().as_u16(), &*came.body), (200, &b"enough"[..]));
        assert!(came.reset.is_none_or(|reset| reset == Reason::NO_ERROR), "{came:?}");
    }
    edge.ended_with("", 40).await;
}
