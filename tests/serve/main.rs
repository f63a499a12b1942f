//! The binary over real sockets.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot be set up is to fail")]

mod abort;
mod abort_upload;
mod ambiguous;
mod changes;
mod documented;
mod drain;
mod endpoints;
mod explain;
mod external_names;
mod filters;
mod grpc;
mod http1;
mod http2;
mod http2_flood;
mod http2_reset;
mod listeners;
mod mesh;
mod mesh_bytes;
mod mesh_entries;
mod mesh_loop;
mod mesh_metrics;
mod mesh_outbound;
mod mesh_pods;
mod misdirected;
mod quickstart;
mod references;
mod retry;
mod smoke;
mod support;
mod telemetry;
mod timeouts;
mod tls;
mod upgrade;
