//! Controller: what `pingway controller` does in a cluster beside the proxies. It makes what Gateways run on, and writes what
//! compile finds of every object.
//!
//! Never here: verdicts of its own (compile's are written), and a request path.

pub mod provision;
