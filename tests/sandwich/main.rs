//! The end-to-end proof of a waypoint: Pingway between clients and backends of a mesh, each in a network namespace of its own
//! behind a stand-in for ztunnel. See `README.md`. Run it by `tests/run.sh sandwich`, as root; words choose the lines that have
//! one of them in their name.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot be set up is to fail")]

mod apps;
mod clients;
mod lines;
mod manifests;
mod mesh;
mod namespace;
mod pod;
#[path = "../serve/support/mod.rs"]
mod support;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use world::World;

fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(prove(&chosen))
}

/// Whether what takes long is wanted.
fn is_full() -> bool {
    std::env::var("PINGWAY_SCALE").is_ok_and(|scale| scale == "full")
}

/// Proves one line after the other, and tells what came of it.
async fn prove(chosen: &[String]) -> ExitCode {
    let world = Arc::new(World::start().await);
    let (mut checks, mut failed) = (0, 0);
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|word| name.contains(word.as_str()));
    let lines = lines::all().into_iter().map(|(name, line)| (name.replace('_', " "), line));
    for (name, line) in lines.filter(|(name, _)| is_chosen(name)) {
        checks += 1;
        // A panic tells what did not hold, and where.
        match tokio::spawn(line(world.clone())).await {
            Ok(()) => println!("ok: {name}"),
            Err(_) => {
                failed += 1;
                println!("FAILED: {name}");
            }
        }
    }
    if failed > 0 {
        eprintln!("-- the waypoint's log:\n{}", world.proxy.log());
    }
    println!("{checks} checks, {failed} failed");
    if failed == 0 && checks > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
