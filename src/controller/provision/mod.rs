//! Provision: a Gateway in, the objects that it runs on out.
//!
//! Same input, same objects, so that applying them again changes nothing. Never here: I/O, clock, randomness, a client.

mod name;

pub use name::{label_value, longest, object_name};
