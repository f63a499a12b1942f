//! Tests of the pure parts: golden cases, the route table against a slow reading of the specification, and the layers.
#![allow(clippy::expect_used, reason = "a test that cannot be set up is to fail")]

mod check;
mod compile_memo;
mod documents;
mod flags;
mod golden;
mod layers;
mod parameters;
mod print;
mod scale;
mod table_model;
