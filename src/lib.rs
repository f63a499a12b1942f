//! Pingway: a Bring-Your-Own waypoint for Istio ambient mesh that implements the Kubernetes Gateway API.
//!
//! ```text
//! manifest folder ──► Snapshot ──► compile() ─┬─► RouteTable ─► link ─► Serving ─ ArcSwap ─► request path ─► endpoint
//!        ▲               ▲          (pure)    │                  ▲
//!        │         observed facts             │           live backends ◄── endpoints() (pure) ◄── EndpointSlices
//!      source       (bound ports)             └─► Statuses ─► `check` prints them, the admin page shows them
//! ```
//!
//! Imports go one way: `api ← snapshot ← source`; `{api, snapshot, table, status} ← compile`; `api ← table ← live ← proxy`.
//! `pipeline` and `cli` wire; `telemetry` is a leaf; `admin` reads `live`. `tests/layers.rs` holds these arrows.

pub mod admin;
pub mod api;
pub mod cli;
pub mod compile;
pub mod controller;
pub mod live;
pub mod pipeline;
pub mod proxy;
pub mod quickstart;
pub mod settings;
pub mod shared_map;
pub mod shutdown;
pub mod snapshot;
pub mod source;
pub mod status;
pub mod table;
pub mod telemetry;
pub mod waypoint;
