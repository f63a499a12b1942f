//! The witness of a lookup: silent when serving, recording for `explain`.

use crate::table::listener::Host;
use crate::table::matches::LostBy;
use crate::table::rule::Entry;

/// Sees what lookup considers. Every method does nothing unless overridden.
pub trait Witness {
    /// An entry was tried and lost by this part of its match.
    fn lost(&mut self, _entry: &Entry, _by: LostBy) {}
    /// This entry takes the request.
    fn found(&mut self, _entry: &Entry) {}
    /// A listener was chosen.
    fn listener(&mut self, _name: &str) {}
    /// A host's rules were searched.
    fn host(&mut self, _host: &Host) {}
    /// A group of entries was searched: those of one exact path or prefix, or the regular expressions.
    fn node(&mut self) {}
}

/// The witness of the request path: compiles to nothing.
#[derive(Debug)]
pub struct Silent;
impl Witness for Silent {}
