//! Measures the binary that `PINGWAY_BIN` names: what it loses, what memory it takes, what a request costs. Run it by
//! `tests/run.sh zero-loss memory callgrind`, which build the binary; docs/benchmarks.md has what came of it.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot be set up is to fail")]

mod instructions;
mod memory;
mod process;
mod scale;
#[path = "../serve/support/mod.rs"]
mod support;
mod zero_loss;
