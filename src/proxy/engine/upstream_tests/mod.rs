//! Exchanges with scripted endpoints.
