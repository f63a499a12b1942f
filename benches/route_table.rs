//! Lookup and one-route change at growing tables.
fn main() {}
