//! Decoding: a JSON value to one object, or a named failure.
