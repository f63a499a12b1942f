//! The normal form of a request's path: one form for matching and for the backend.
