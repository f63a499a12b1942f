//! Balancing: power of two choices over (requests in flight + 1) × peak-EWMA of the time to the response head.
