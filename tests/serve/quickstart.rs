//! `pingway quickstart`: each command that it prints works, and it ends at once.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running quickstart. Dropped, it is killed.
struct Quickstart {
    child: Child,
    printed: Vec<String>,
}

impl Drop for Quickstart {
    fn drop(&mut self) {
        // Ended already: fine as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingway"));
    command.args(["quickstart", "--metrics", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "2"]);
    let ports = [9101, 9102, 9103, 9104, 15008, 15088];
    command.args(ports.map(|port| format!("--port-map={port}=0"))).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Quickstart {
    /// Runs it, and waits until it has printed what to try.
    fn start() -> Self {
        let ports = [8080, 8443].map(|port| format!("--port-map={port}=0"));
        let mut child = command(&ports).spawn().expect("the binary runs");
        let stdout = child.stdout.take().expect("piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut this = Self { child, printed: Vec::new() };
        while !this.printed.iter().any(|line| line.starts_with("Ctrl-C")) {
            this.printed.push(lines.recv_timeout(PATIENCE).expect("it prints what to try"));
        }
        this
    }

    /// The printed command that contains all of these.
    fn printed(&self, parts: &[&str]) -> &str {
        let mut commands = self.printed.iter().filter_map(|line| line.strip_prefix("    "));
        commands.find(|line| parts.iter().all(|part| line.contains(part))).expect("it is printed")
    }

    /// Runs that command as it stands; answers what it says.
    fn run(&self, parts: &[&str]) -> String {
        let command = self.printed(parts);
        let Output { stdout, stderr, .. } =
            Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output().expect("sh runs");
        let said = String::from_utf8_lossy(&stdout).into_owned();
        assert!(!said.is_empty(), "{command} says nothing: {}", String::from_utf8_lossy(&stderr));
        said
    }

    fn http_address(&self) -> String {
        let (_, url) = self.printed(&["-m websockets"]).split_once("ws://").expect("a URL");
        url.strip_suffix("/ws").expect("its path").to_owned()
    }

    /// Ctrl-C; answers how it ended, and how long that took.
    fn interrupt(&mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill runs").success());
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return (status, start.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end");
    }
}

#[test]
fn each_printed_command_works() {
    let quickstart = Quickstart::start();
    let split = quickstart.run(&["uniq -c"]);
    let share = |backend: &str| -> u32 {
        let line = split.lines().find(|line| line.contains(backend)).unwrap_or_else(|| panic!("{backend} in {split}"));
        line.split_whitespace().next().and_then(|count| count.parse().ok()).expect("a count")
    };
    let (first, second) = (share("echo-v1"), share("echo-v2"));
    assert_eq!(first + second, 100, "{split}");
    assert!(first > second, "{split}");

    for (parts, said) in [
        (&["x-version: v2"][..], &["\"backend\": \"echo-v2\""][..]),
        (&["/old/page"], &["\"path\": \"/new/page?q=1\""]),
        (&["curl -sk https://"], &["\"backend\": \"echo-v", "\"x-forwarded-proto\": \"https\""]),
        (&["/secure"], &["HTTP/1.1 301", "HTTP/2 200", "\"path\": \"/secure\""]),
        (&["curl -si", "Echo/Say"], &["HTTP/2 200", "hello", "grpc-status: 0"]),
        (&["curl", "upgrade: websocket"], &["HTTP/1.1 101", "\"backend\": \"echo-ws\""]),
        (&["web/shopper"], &["\"backend\": \"echo-v1\""]),
        (&["canary/tester"], &["\"backend\": \"echo-v2\""]),
        (&["/metrics"], &["route_name=\"echo\",rule=\"asked-for\",status_class=\"2xx\",reason=\"\"} 1"]),
    ] {
        let text = quickstart.run(parts);
        for part in said {
            assert!(text.contains(part), "{part} in what {parts:?} says:\n{text}");
        }
    }
}

#[test]
fn tools_that_are_not_everywhere_are_named_with_the_files_that_they_need() {
    let quickstart = Quickstart::start();
    let grpcurl = quickstart.printed(&["grpcurl"]);
    let (_, proto) = grpcurl.split_once("-proto ").expect("a proto file");
    let proto = proto.split(' ').next().expect("a path");
    let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(proto)).expect(proto);
    assert!(text.contains("package pingway.quickstart") && text.contains("rpc Say"), "{text}");
}

#[tokio::test]
async fn a_websocket_echoes_and_ctrl_c_ends_it_all_at_once() {
    let mut quickstart = Quickstart::start();
    let address = quickstart.http_address();
    let stream = tokio::net::TcpStream::connect(&address).await.expect("a connection");
    let url = format!("ws://{address}/ws");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("an upgrade");
    let greeting = socket.next().await.expect("a greeting").expect("a message");
    assert!(greeting.to_text().expect("text").contains("echo-ws"));
    for text in ["one", "two"] {
        socket.send(Message::text(text)).await.expect("sent");
        assert_eq!(socket.next().await.expect("an echo").expect("a message"), Message::text(text));
    }
    // The WebSocket stays open; the drain delay of a server would be five seconds.
    let (status, took) = quickstart.interrupt();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn a_taken_port_is_one_message_with_the_port_and_the_flag_that_changes_it() {
    let taken = TcpListener::bind("[::]:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    for (arguments, flag) in [
        ([format!("--port-map=8080={port}"), "--port-map=8443=0".to_owned()], "--port-map 8080=PORT"),
        (["--port-map=8080=0".to_owned(), format!("--port-map=8443={port}")], "--port-map 8443=PORT"),
    ] {
        let output = command(&arguments).output().expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let names_both = said.contains(&format!("port {port} ")) && said.contains(flag);
        assert!(names_both && said.lines().count() == 1, "{said}");
        assert!(output.stdout.is_empty(), "nothing to try");
    }
}
