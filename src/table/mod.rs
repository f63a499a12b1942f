//! The route table: plain, immutable data that says what is served.
//!
//! Compile makes a table, link binds it to what lives longer, lookup finds the rule of a request in it. A table can be
//! compared and printed. Matchers and filters live their whole life here: their translation from the API, and
//! what they do to a request.
//!
//! Never here: live things (endpoints, pools, counters), Pingora, I/O, clocks.

pub mod backend;
pub mod filter;
pub mod hostname;
pub mod hosts;
pub mod listener;
pub mod lookup;
pub mod matches;
pub mod mesh;
pub mod path;
pub mod policy;
pub mod request;
pub mod rule;
pub mod timeouts;

use std::sync::Arc;

use crate::api::ObjectName;
use listener::Listener;
use mesh::{Mesh, Routes};
use policy::Denied;

/// What one Gateway serves.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteTable {
    /// The Gateway.
    pub gateway: ObjectName,
    /// Its accepted listeners, in the spec's order.
    pub listeners: Vec<Arc<Listener>>,
    /// What it serves as a waypoint; `None`: nothing, for ztunnel hands nothing over to it.
    pub mesh: Option<Arc<Mesh>>,
    /// The routes of Services that are enrolled with any waypoint.
    pub service_routes: Arc<Routes>,
    /// What it refuses because of Istio's policies; `None`: nothing.
    pub denied: Option<Arc<Denied>>,
}
