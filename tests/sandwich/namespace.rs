//! A network namespace, which is a pod's or the network's between pods. A thread lives in it with a runtime of its own: what is
//! opened or started there is in the namespace. It has no name, so that nothing of it outlives the process.

use std::fs::File;
use std::future::Future;
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::support::within;

/// A namespace; ends with its drop.
pub(crate) struct Namespace {
    descriptor: File,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Namespace {
    /// Makes one, in which there is nothing but a loopback device that is up.
    pub(crate) fn new(word: &str) -> Self {
        let name = format!("pingway-sandwich-{}-{word}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]));
        let descriptor = File::open(format!("/run/netns/{name}")).expect("it was made");
        run(Command::new("ip").args(["netns", "del", &name]));
        let entered = descriptor.try_clone().expect("a descriptor");
        let (stop, stopped) = oneshot::channel::<()>();
        let (told, started) = mpsc::channel();
        let thread = std::thread::Builder::new().name(word.to_owned()).spawn(move || {
            move_into_link_name_space(entered.as_fd(), Some(LinkNameSpaceType::Network)).expect("root enters it");
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            told.send(runtime.handle().clone()).expect("it is waited for");
            let _ = runtime.block_on(stopped);
        });
        let runtime = started.recv().expect("it starts");
        let namespace = Self { descriptor, runtime, stop: Some(stop), thread: Some(thread.expect("a thread")) };
        namespace.ip("link set lo up");
        namespace
    }

    /// Where other processes find it.
    pub(crate) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.descriptor.as_raw_fd())
    }

    /// Runs a future there, to its end. What it panics with, the caller does.
    pub(crate) async fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        match self.runtime.spawn(future).await {
            Ok(value) => value,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Runs a future there, beside what the caller does.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(future);
    }

    /// Runs a program there, and answers what it printed.
    pub(crate) async fn output(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let output = within(program, self.run(async move { command.output().await })).await.expect("it runs");
        text(&output)
    }

    /// `ip` with these words, there.
    pub(crate) fn ip(&self, words: &str) {
        run(self.entered("ip").args(words.split_whitespace()));
    }

    /// nftables' rules, loaded there.
    pub(crate) fn nft(&self, rules: &str) {
        let mut child = self.entered("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft runs");
        std::io::Write::write_all(&mut child.stdin.take().expect("piped"), rules.as_bytes()).expect("it reads");
        assert!(child.wait().expect("a child").success(), "nft refuses:\n{rules}");
    }

    fn entered(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path())).arg(program);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", text(&output));
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}
