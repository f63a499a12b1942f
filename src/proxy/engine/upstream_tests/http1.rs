//! HTTP/1: framing of requests and responses, errors, cancellation.

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::super::{Cause, ConnectLimits, Processed, Speak, Upstream, UpstreamPool};
use super::scripts::{
    LIMITS, Scripted, body, fetch, get, head, look_at_sockets, read_head, read_text, reset, upload, write,
};
use crate::live::Endpoint;

/// What the endpoint reads of a request that is sent as told; it answers 200.
async fn seen(head: Box<pingora::http::RequestHeader>, pieces: &'static [&'static str], length: usize) -> String {
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = std::sync::Mutex::new(Some(tell));
    let server = Scripted::new(move |mut socket, _| {
        let tell = tell.lock().expect("a lock").take();
        async move {
            let text = read_head(&mut socket).await + &read_text(&mut socket, length).await;
            write(&mut socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            let _ = tell.expect("one connection").send(text);
        }
    })
    .await;
    let mut upstream = server.http1(&UpstreamPool::default()).await;
    upstream.send_head(head, pieces.is_empty()).await.expect("sent");
    for (i, piece) in pieces.iter().enumerate() {
        assert!(upstream.ready().await.expect("ready") >= piece.len());
        assert!(upstream.send_body(Bytes::from_static(piece.as_bytes()), i + 1 == pieces.len()).await.expect("sent"));
    }
    assert_eq!(upstream.head().await.expect("a head").status, 200);
    told.await.expect("a request")
}

#[tokio::test]
async fn a_body_without_a_length_goes_out_in_chunks() {
    let text = seen(head("POST", "/", &[]), &["abc", "", "d", ""], 19).await;
    assert!(text.contains("ransfer-Encoding: chunked\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn a_body_with_a_length_goes_out_as_it_is() {
    let text = seen(head("PUT", "/a?b", &[("Content-Length", "4")]), &["abc", "d"], 4).await;
    assert!(text.starts_with("PUT /a?b HTTP/1.1\r\n") && text.ends_with("\r\n\r\nabcd"), "{text}");
    assert!(!text.contains("ransfer-Encoding"), "{text}");
}

#[tokio::test]
async fn no_body_means_no_transfer_encoding() {
    let text = seen(head("GET", "/", &[("Transfer-Encoding", "chunked")]), &[], 0).await;
    assert!(
        !text.to_lowercase().contains("transfer-encoding") && !text.to_lowercase().contains("content-length"),
        "{text}"
    );
    let text = seen(head("POST", "/", &[]), &[], 0).await;
    assert!(text.contains("Content-Length: 0\r\n") && !text.to_lowercase().contains("transfer-encoding"), "{text}");
}

#[tokio::test]
async fn a_head_from_http2_becomes_http1() {
    let mut from_http2 = head("GET", "/", &[]);
    from_http2.remove_header("Host");
    from_http2.set_uri("https://shop.test:81/a?b=c".parse().expect("a URI"));
    from_http2.set_version(::http::Version::HTTP_2);
    let text = seen(from_http2, &[], 0).await;
    assert!(text.starts_with("GET /a?b=c HTTP/1.1\r\n") && text.contains("Host: shop.test:81\r\n"), "{text}");
}

#[tokio::test]
async fn informational_heads_come_one_by_one() {
    const ANSWER: &str = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n\
                          HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let server = Scripted::answering(ANSWER).await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(get(), true).await.expect("sent");
    let mut statuses = Vec::new();
    while !matches!(statuses.last(), Some(200..)) {
        statuses.push(upstream.head().await.expect("a head").status.as_u16());
    }
    assert_eq!(statuses, [100, 103, 200]);
    assert_eq!(body(&mut upstream).await.expect("a body"), b"ok");
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 1);
}

#[tokio::test]
async fn a_cut_response_is_never_complete() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let server = Scripted::answering_once(answer).await;
        let mut upstream = server.http1(&UpstreamPool::default()).await;
        upstream.send_head(get(), true).await.expect("sent");
        let end = loop {
            match upstream.head().await {
                Ok(head) if head.status.is_informational() => {}
                Ok(_) => break body(&mut upstream).await.expect_err(answer),
                Err(error) => break error,
            }
        };
        assert_eq!((end.cause, end.processed), (Cause::Truncated, Processed::Maybe), "{answer:?}");
        assert!(!upstream.body_done(), "{answer:?}");
        upstream.next_body().await.expect_err("broken for good");
    }
}

#[tokio::test]
async fn a_response_that_ends_with_its_connection_ends_cleanly_by_fin_and_not_by_reset() {
    for resets in [false, true] {
        let server = Scripted::new(move |mut socket, _| async move {
            read_head(&mut socket).await;
            write(&mut socket, "HTTP/1.1 200 OK\r\n\r\nabc").await;
            if resets {
                read_head(&mut socket).await;
                reset(socket);
            }
        })
        .await;
        let mut upstream = server.http1(&UpstreamPool::default()).await;
        upstream.send_head(head("POST", "/", &[("Content-Length", "4")]), false).await.expect("sent");
        upstream.head().await.expect("a head");
        assert_eq!(upstream.next_body().await.expect("a piece").expect("a piece"), "abc");
        // Its end of head makes the script go on.
        let _ = upstream.send_body(Bytes::from_static(b"\r\n\r\n"), true).await;
        match upstream.next_body().await {
            Ok(None) => assert!(!resets),
            Err(error) => assert!(resets && error.cause == Cause::Truncated, "{error}"),
            Ok(Some(piece)) => panic!("{piece:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_not_http_or_ambiguous_is_refused() {
    for answer in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n",
    ] {
        let server = Scripted::answering(answer).await;
        let pool = UpstreamPool::default();
        let mut upstream = server.http1(&pool).await;
        let error = fetch(&mut upstream, get()).await.expect_err(answer);
        assert_eq!((error.cause, error.processed), (Cause::Protocol, Processed::Maybe), "{answer:?}");
        upstream.finish().await;
        assert_eq!(pool.counts(&server.endpoint).0, 0, "{answer:?}");
    }
    let same = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc";
    let server = Scripted::answering(same).await;
    assert_eq!(fetch(&mut server.http1(&UpstreamPool::default()).await, get()).await.expect("a body").1, b"abc");
}

#[tokio::test]
async fn closed_before_a_byte_is_unanswered() {
    let server = Scripted::answering_once("").await;
    let mut upstream = server.http1(&UpstreamPool::default()).await;
    let error = fetch(&mut upstream, get()).await.expect_err("closed");
    assert_eq!((error.cause, error.processed), (Cause::Unanswered, Processed::Maybe));
    assert!(!upstream.reused());
}

#[tokio::test]
async fn no_connection_means_nothing_was_processed() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback").local_addr().expect("bound");
    let endpoint = std::sync::Arc::new(Endpoint::new(free));
    let pool = UpstreamPool::default();
    for speak in [Speak::Http1, Speak::Http2] {
        let Err(error) = pool.take(&endpoint, speak, false, LIMITS).await else { panic!("connected") };
        assert_eq!((error.cause, error.processed), (Cause::Connect, Processed::No));
    }
}

#[tokio::test]
async fn a_connect_that_hangs_times_out() {
    // A queue of one that is full: further SYNs are dropped.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("loopback");
    socket.listen(0).expect("listening");
    let address = socket.local_addr().expect("bound").as_socket().expect("an address");
    let endpoint = std::sync::Arc::new(Endpoint::new(address));
    let limits = ConnectLimits { connect_timeout: std::time::Duration::from_millis(100) };
    let pool = UpstreamPool::default();
    let mut held: Vec<Upstream> = Vec::new();
    let error = loop {
        assert!(held.len() < 10, "the queue never fills");
        match pool.take(&endpoint, Speak::Http1, true, limits).await {
            Ok(upstream) => held.push(upstream),
            Err(error) => break error,
        }
    };
    assert_eq!((error.cause, error.processed), (Cause::ConnectTimeout, Processed::No));
}

#[tokio::test]
async fn reading_survives_cancellation_at_every_byte() {
    const ANSWER: &str =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0a\r\n0123456789\r\n0\r\nT: u\r\n\r\n";
    let server = Scripted::new(|mut socket, _| async move {
        while !read_head(&mut socket).await.is_empty() {
            for byte in ANSWER.bytes() {
                let _ = socket.write_all(&[byte]).await;
                look_at_sockets().await;
            }
        }
    })
    .await;
    let pool = UpstreamPool::default();
    let mut upstream = server.http1(&pool).await;
    upstream.send_head(get(), true).await.expect("sent");
    let mut cancelled = 0;
    let head = loop {
        tokio::select! { biased;
            head = upstream.head() => break head.expect("a head"),
            () = tokio::task::yield_now() => cancelled += 1,
        }
    };
    assert_eq!(head.status, 200);
    let mut all = Vec::new();
    loop {
        tokio::select! { biased;
            piece = upstream.next_body() => match piece.expect("a piece") {
                Some(piece) => all.extend_from_slice(&piece),
                None => break,
            },
            () = tokio::task::yield_now() => cancelled += 1,
        }
    }
    assert_eq!(all, b"x0123456789");
    assert!(cancelled > ANSWER.len(), "{cancelled}");
    upstream.finish().await;
    assert_eq!(pool.counts(&server.endpoint).0, 1);
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let server = Scripted::new(|mut socket, _| async move {
        read_head(&mut socket).await;
        let text = read_text(&mut socket, 3_000_000).await;
        assert!(text.bytes().all(|byte| byte == b'x'));
        write(&mut socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let mut upstream = server.http1(&UpstreamPool::default()).await;
    upstream.send_head(head("POST", "/", &[("Content-Length", "3000000")]), false).await.expect("sent");
    assert!(upload(&mut upstream, Bytes::from(vec![b'x'; 3_000_000])).await);
    assert_eq!(upstream.head().await.expect("a head").status, 200);
}
