//! Servers of other makes, behind the waypoint.

use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::apps::{NGHTTPD, PYTHON};
use crate::clients::Answer;
use crate::manifests::OTHERS;
use crate::support::{Folder, until};
use crate::world::World;

super::lines![pythons_server_of_http_1_0_is_served, nghttpd_is_served];

const LETTERS: &str = "what is in the file\n";

/// Starts a program in `two`.
async fn start(world: &World, program: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    world.two.run(async move { command.spawn() }).await.expect("it starts")
}

/// Waits until its file is served.
async fn file(world: &World, arguments: &[&str]) -> Answer {
    let served = async || Some(Answer::of(&world.web, arguments).await).filter(|answer| answer.status() == 200);
    until("the file is served", served).await
}

async fn pythons_server_of_http_1_0_is_served(world: &World) {
    let folder = Folder::of(&[("file", LETTERS.to_owned())]);
    let port = PYTHON.to_string();
    let path = folder.path().display().to_string();
    let _server = start(world, "/usr/bin/python3", &["-m", "http.server", "-d", &path, "--bind", "::", &port]).await;
    let answer = file(world, &[&OTHERS.url("/file")]).await;
    assert!(answer.text.starts_with("HTTP/1.1 200") && answer.text.ends_with(LETTERS), "{}", answer.text);
    assert!(answer.field("server").starts_with("SimpleHTTP"), "{}", answer.text);
    assert_eq!(Answer::of(&world.web, &["-I", &OTHERS.url("/file")]).await.status(), 200);
    assert_eq!(Answer::of(&world.web, &[&OTHERS.url("/absent")]).await.status(), 404);
}

async fn nghttpd_is_served(world: &World) {
    let folder = Folder::of(&[("file", LETTERS.to_owned())]);
    let port = NGHTTPD.to_string();
    let path = folder.path().display().to_string();
    let _server = start(world, "nghttpd", &["--no-tls", "-d", &path, &port]).await;
    let url = format!("http://{}/file", OTHERS.v4(84));
    for flags in [&[][..], &["--http2-prior-knowledge"]] {
        let answer = file(world, &[flags, &[&url]].concat()).await;
        assert!(answer.text.ends_with(LETTERS) && answer.field("server").contains("nghttp"), "{}", answer.text);
    }
    let printed = world.web.output("h2load", &["-n", "500", "-c", "5", "-m", "10", &url]).await;
    assert!(printed.contains("500 succeeded, 0 failed, 0 errored") && printed.contains("500 2xx"), "{printed}");
}
