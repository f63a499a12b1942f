//! The proxy as a process of its own.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{Folder, client, until};

/// A running `pingway proxy`. Dropped, it is killed.
pub(crate) struct Proxy {
    child: Child,
    /// Lines of its log.
    log: Arc<Mutex<Vec<String>>>,
    /// Lines of its access log.
    access_log: Arc<Mutex<Vec<String>>>,
    /// Where metrics and health are.
    pub(crate) metrics: SocketAddr,
    /// Where the admin page is.
    pub(crate) admin: SocketAddr,
}

/// How the process ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its exit code; `None`: a signal ended it.
    pub(crate) code: Option<i32>,
}

impl Proxy {
    /// Serves a folder, and waits until it is ready. Listener ports 80, 443, 8080 and 8443 are opened as ports of the
    /// system's choice.
    pub(crate) async fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &[]).await
    }

    /// The same, with further arguments.
    pub(crate) async fn start_with(folder: &Folder, arguments: &[&str]) -> Self {
        let proxy = Self::spawn(folder, arguments).await;
        until("ready", async || {
            (client::get(proxy.metrics, "localhost", "/readyz").await?.status == 200).then_some(())
        })
        .await;
        proxy
    }

    /// The same, without waiting for more than its pages.
    pub(crate) async fn spawn(folder: &Folder, arguments: &[&str]) -> Self {
        Self::spawn_by(Command::new(binary()), folder, 2, arguments).await
    }

    /// The same, by a command that ends with the binary, and with this many workers.
    pub(crate) async fn spawn_by(mut command: Command, folder: &Folder, workers: u16, arguments: &[&str]) -> Self {
        command.arg("proxy").arg("--manifests").arg(folder.path());
        command.args(["--admin", "127.0.0.1:0", "--workers", &workers.to_string()]);
        if !arguments.contains(&"--metrics") {
            command.args(["--metrics", "127.0.0.1:0"]);
        }
        command.args(["80", "443", "8080", "8443"].map(|port| format!("--port-map={port}=0")));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let access_log = lines(child.stdout.take().expect("piped"));
        let log = lines(child.stderr.take().expect("piped"));
        let (metrics, admin) = until("its pages", async || pages(&log)).await;
        Self { child, log, access_log, metrics, admin }
    }

    /// Where a listener's port is bound, on loopback; waits until it is.
    pub(crate) async fn address(&self, port: u16) -> SocketAddr {
        until(&format!("port {port} bound"), async || {
            let listeners = self.json("/listeners").await?;
            let mut sockets =
                listeners.as_array()?.iter().flat_map(|listener| listener["sockets"].as_array()).flatten();
            let bound = sockets.find(|socket| socket["port"] == port && !socket["bound"].is_null())?["bound"].clone();
            let bound: SocketAddr = bound.as_str()?.parse().ok()?;
            Some(if bound.ip().is_unspecified() { ([127, 0, 0, 1], bound.port()).into() } else { bound })
        })
        .await
    }

    /// A page of the admin port, as JSON.
    pub(crate) async fn json(&self, path: &str) -> Option<Value> {
        let answer = client::get(self.admin, "localhost", path).await?;
        (answer.status == 200).then(|| serde_json::from_slice(&answer.body).ok()).flatten()
    }

    /// All metrics, in Prometheus' text format.
    pub(crate) async fn metrics_text(&self) -> String {
        let page = async || client::get(self.metrics, "localhost", "/metrics").await;
        until("metrics", async || page().await.filter(|answer| answer.status == 200)).await.text()
    }

    /// The value of one metric with exactly these labels (as they are exported, in order); `None`: it is not there.
    pub(crate) async fn metric(&self, series: &str) -> Option<f64> {
        let text = self.metrics_text().await;
        text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").join("\n")
    }

    /// The access log so far, a line each.
    pub(crate) fn access_log(&self) -> Vec<Value> {
        let lines = self.access_log.lock().expect("no panic");
        lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Waits until the log has a line with this text.
    pub(crate) async fn logged(&self, text: &str) -> String {
        let line = async || self.log.lock().expect("no panic").iter().find(|line| line.contains(text)).cloned();
        until(&format!("a log line with {text:?} in:\n{}", self.log()), line).await
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process's resident memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a field");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal, like `-INT`.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(status.success(), "kill {signal}");
    }

    /// Waits until the process has ended by itself.
    pub(crate) async fn ended(mut self) -> Ended {
        let child = Mutex::new(&mut self.child);
        let ended = async || child.lock().expect("no panic").try_wait().expect("a child");
        let status = until("the end of the process", ended).await;
        Ended { code: status.code() }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("-- the proxy's log:\n{}", self.log());
        }
    }
}

/// The binary under test: what `PINGWAY_BIN` names, or what Cargo built with the tests.
pub(crate) fn binary() -> OsString {
    std::env::var_os("PINGWAY_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_pingway").into())
}

/// Collects lines as they come.
fn lines(from: impl std::io::Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let collected = lines.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            collected.lock().expect("no panic").push(line);
        }
    });
    lines
}

/// The addresses of metrics and admin page, once they are logged.
fn pages(log: &Mutex<Vec<String>>) -> Option<(SocketAddr, SocketAddr)> {
    let log = log.lock().expect("no panic");
    let line = log.iter().find(|line| line.contains("metrics=") && line.contains("admin="))?;
    let field = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse().ok());
    Some((field("metrics=")?, field("admin=")?))
}
