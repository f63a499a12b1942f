//! Tests of the pure parts: golden cases, the route table against a slow reading of the specification, and the layers.

mod documents;
mod layers;
