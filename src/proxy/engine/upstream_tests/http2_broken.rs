//! HTTP/2: endpoints that refuse, reset, go away or speak something else, frame by frame.

use bytes::Bytes;

use super::super::{Cause, ConnectLimits, Processed, Speak, UpstreamPool};
use super::frames::{
    CANCEL, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, RST_STREAM,
    STATUS_200,
};
use super::scripts::{LIMITS, Scripted, body, fetch, get, head, read_head, write};

/// `content-length: 5`, of HPACK: a static name, a literal value.
const LENGTH_5: &[u8] = &[0x0f, 0x0d, 0x01, b'5'];

#[tokio::test]
async fn a_reset_before_the_head_says_whether_the_request_was_processed() {
    for (code, cause, processed) in [
        (REFUSED_STREAM, Cause::Refused, Processed::No),
        (INTERNAL_ERROR, Cause::Unanswered, Processed::Maybe),
        (CANCEL, Cause::Unanswered, Processed::Maybe),
    ] {
        let server = Scripted::new(move |socket, _| async move {
            let mut frames = Frames::greet(socket, &[]).await;
            while let Some(stream) = frames.request().await {
                frames.rst_stream(stream, code).await;
            }
        })
        .await;
        let pool = UpstreamPool::default();
        for i in 0..2 {
            let mut upstream = server.http2(&pool).await;
            assert_eq!(upstream.reused(), i > 0);
            let error = fetch(&mut upstream, get()).await.expect_err("reset");
            assert_eq!((error.cause, error.processed), (cause, processed), "{code}: {error}");
            upstream.head().await.expect_err("broken for good");
        }
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_head_is_unanswered() {
    let server = Scripted::new(|socket, _| async move {
        Frames::greet(socket, &[]).await.request().await;
    })
    .await;
    let mut upstream = server.http2(&UpstreamPool::default()).await;
    let error = fetch(&mut upstream, get()).await.expect_err("closed");
    assert_eq!((error.cause, error.processed), (Cause::Unanswered, Processed::Maybe), "{error}");
}

#[tokio::test]
async fn a_body_that_is_cut_is_never_complete() {
    for end in ["reset", "reset without an error", "closed"] {
        let server = Scripted::new(move |socket, _| async move {
            let mut frames = Frames::greet(socket, &[]).await;
            let stream = frames.request().await.expect("a request");
            frames.send(HEADERS, END_HEADERS, stream, STATUS_200).await;
            frames.send(DATA, 0, stream, b"abc").await;
            match end {
                "reset" => frames.rst_stream(stream, INTERNAL_ERROR).await,
                "closed" => return,
                _ => frames.rst_stream(stream, NO_ERROR).await,
            }
            frames.request().await;
        })
        .await;
        let mut upstream = server.http2(&UpstreamPool::default()).await;
        let error = fetch(&mut upstream, get()).await.expect_err(end);
        assert_eq!((error.cause, error.processed), (Cause::Truncated, Processed::Maybe), "{end}: {error}");
        assert!(!upstream.body_done());
    }
}

#[tokio::test]
async fn a_body_that_does_not_meet_its_length_is_an_error() {
    let server = Scripted::new(|socket, _| async move {
        let mut frames = Frames::greet(socket, &[]).await;
        let stream = frames.request().await.expect("a request");
        frames.send(HEADERS, END_HEADERS, stream, &[STATUS_200, LENGTH_5].concat()).await;
        frames.send(DATA, END_STREAM, stream, b"abc").await;
        frames.request().await;
    })
    .await;
    let error = fetch(&mut server.http2(&UpstreamPool::default()).await, get()).await.expect_err("too short");
    assert_eq!(error.processed, Processed::Maybe);
}

#[tokio::test]
async fn lengths_that_conflict_are_refused() {
    let server = Scripted::new(|socket, _| async move {
        let mut frames = Frames::greet(socket, &[]).await;
        let stream = frames.request().await.expect("a request");
        let six = [0x0f, 0x0d, 0x01, b'6'];
        frames.send(HEADERS, END_HEADERS, stream, &[STATUS_200, LENGTH_5, &six].concat()).await;
        frames.request().await;
    })
    .await;
    let error = fetch(&mut server.http2(&UpstreamPool::default()).await, get()).await.expect_err("ambiguous");
    assert_eq!((error.cause, error.processed), (Cause::Protocol, Processed::Maybe), "{error}");
}

#[tokio::test]
async fn an_endpoint_that_stops_the_upload_after_its_whole_answer_has_answered() {
    let server = Scripted::new(|socket, _| async move {
        // No window: the upload is stuck from the start.
        let mut frames = Frames::greet(socket, &[(4, 0)]).await;
        let stream = frames.request().await.expect("a request");
        frames.answer(stream, b"enough").await;
        frames.rst_stream(stream, NO_ERROR).await;
        frames.request().await;
    })
    .await;
    let mut upstream = server.http2(&UpstreamPool::default()).await;
    upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
    assert_eq!(upstream.ready().await.expect("no more"), 0);
    assert!(!upstream.send_body(Bytes::from_static(b"a"), false).await.expect("no more"));
    assert_eq!(upstream.head().await.expect("a head").status, 200);
    assert_eq!(body(&mut upstream).await.expect("a body"), b"enough");
}

#[tokio::test]
async fn goaway_refuses_what_is_above_its_last_id_and_lets_the_others_finish() {
    let server = Scripted::new(|socket, number| async move {
        let mut frames = Frames::greet(socket, &[]).await;
        if number == 0 {
            let (first, second) = (frames.request().await.expect("one"), frames.request().await.expect("two"));
            frames.goaway(first, NO_ERROR).await;
            // The end of the refused stream makes it go on.
            frames.send(HEADERS, END_HEADERS, first, STATUS_200).await;
            assert!(second > first);
            frames.send(DATA, END_STREAM, first, b"finished").await;
            assert!(frames.request().await.is_none(), "no new stream after GOAWAY");
        }
        while let Some(stream) = frames.request().await {
            frames.answer(stream, b"new").await;
        }
    })
    .await;
    let pool = UpstreamPool::default();
    let (mut first, mut second) = (server.http2(&pool).await, server.http2(&pool).await);
    first.send_head(get(), true).await.expect("sent");
    second.send_head(get(), true).await.expect("sent");
    let error = second.head().await.expect_err("above the last id");
    assert_eq!((error.cause, error.processed), (Cause::Refused, Processed::No), "{error}");
    // The connection takes nothing new; the next request opens another.
    let mut third = server.http2(&pool).await;
    assert!(!third.reused());
    assert_eq!(fetch(&mut third, get()).await.expect("a response").1, b"new");
    assert_eq!(first.head().await.expect("a head").status, 200);
    assert_eq!(body(&mut first).await.expect("a body"), b"finished");
    assert_eq!(server.connections(), 2);
}

/// AGW#2712: who accepts and says nothing costs its time limit, and no more.
#[tokio::test]
async fn an_endpoint_without_settings_times_out_and_wedges_nothing() {
    let server = Scripted::new(|mut socket, number| async move {
        if number == 0 {
            read_head(&mut socket).await;
            return std::future::pending().await;
        }
        let mut frames = Frames::greet(socket, &[]).await;
        while let Some(stream) = frames.request().await {
            frames.answer(stream, b"ok").await;
        }
    })
    .await;
    let pool = UpstreamPool::default();
    let hasty = ConnectLimits { connect_timeout: std::time::Duration::from_millis(100) };
    let take = || pool.take(&server.endpoint, Speak::Http2, false, hasty);
    let (one, two) = tokio::join!(take(), take());
    for taken in [one, two] {
        let Err(error) = taken else { panic!("a stream before SETTINGS") };
        assert_eq!((error.cause, error.processed), (Cause::ConnectTimeout, Processed::No));
    }
    assert_eq!(server.connections(), 1);
    let mut upstream = pool.take(&server.endpoint, Speak::Http2, false, LIMITS).await.expect("a stream");
    assert_eq!(fetch(&mut upstream, get()).await.expect("a response").1, b"ok");
}

#[tokio::test]
async fn an_endpoint_that_speaks_http1_is_a_protocol_error() {
    let server = Scripted::new(|mut socket, _| async move {
        read_head(&mut socket).await;
        write(&mut socket, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let taken = UpstreamPool::default().take(&server.endpoint, Speak::Http2, false, LIMITS).await;
    let Err(error) = taken else { panic!("a stream") };
    assert_eq!(error.processed, Processed::No);
    assert!(matches!(error.cause, Cause::Protocol | Cause::Connect), "{error}");
}

/// pg#910
#[tokio::test]
async fn giving_up_resets_the_stream_at_once_though_the_window_is_shut() {
    for polled in [false, true] {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let server = Scripted::new(move |socket, _| {
            let tell = tell.clone();
            async move {
                let mut frames = Frames::greet(socket, &[(4, 0)]).await;
                let stream = frames.request().await.expect("a request");
                tell.send(None).expect("a test");
                let reset = frames.next_of(RST_STREAM).await.expect("a reset");
                assert_eq!(reset.stream, stream);
                tell.send(Some(reset.payload)).expect("a test");
                frames.request().await;
            }
        })
        .await;
        let pool = UpstreamPool::default();
        let mut upstream = server.http2(&pool).await;
        upstream.send_head(head("POST", "/", &[]), false).await.expect("sent");
        assert!(told.recv().await.expect("the request came").is_none());
        if polled {
            tokio::select! { biased;
                room = upstream.ready() => panic!("{room:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        drop(upstream);
        assert_eq!(told.recv().await.expect("a reset"), Some(CANCEL.to_be_bytes().to_vec()));
        assert_eq!(pool.counts(&server.endpoint).1, 1, "the connection lives");
    }
}

#[tokio::test]
async fn an_exchange_that_has_ended_is_not_reset() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::new(move |socket, _| {
        let tell = tell.clone();
        async move {
            let mut frames = Frames::greet(socket, &[]).await;
            while let Some(frame) = frames.next().await {
                tell.send(Some(frame.kind)).expect("a test");
                if frame.kind == HEADERS {
                    frames.answer(frame.stream, b"ok").await;
                }
            }
            tell.send(None).expect("a test");
        }
    })
    .await;
    let pool = UpstreamPool::default();
    for read_trailers in [true, false] {
        let mut upstream = server.http2(&pool).await;
        fetch(&mut upstream, get()).await.expect("a response");
        if read_trailers {
            upstream.trailers().await.expect("none");
        }
        upstream.finish().await;
    }
    // The connection ends with its pool.
    drop(pool);
    let mut kinds = Vec::new();
    while let Some(kind) = told.recv().await.expect("frames, and their end") {
        kinds.push(kind);
    }
    assert_eq!(kinds.iter().filter(|kind| **kind == HEADERS).count(), 2);
    assert!(!kinds.contains(&RST_STREAM), "{kinds:?}");
}
