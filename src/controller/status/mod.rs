//! Statuses, written: what compile says, next to what the API server has.
//!
//! Promises: an object's conditions are one write, made only where something differs; a condition that stays as it is keeps
//! its transition time; no verdict on an older generation is written over one on a newer; entries and conditions of other
//! controllers stay as they are.
//!
//! Never here: verdicts.

mod complaint;
mod merge;
mod patch;
mod writer;

pub(super) use complaint::Complaint;
pub(super) use patch::tell;
pub(super) use writer::{Writer, Wrote, reporter};
