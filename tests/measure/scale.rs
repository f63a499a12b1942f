//! How much is measured: `PINGWAY_SCALE` is `ci` (the default) or `full`.

/// `in_ci`, or `full` at full scale. Fails where no optimised binary was named: what Cargo builds with the tests says
/// nothing about what is released.
pub(crate) fn scaled(in_ci: usize, full: usize) -> usize {
    assert!(std::env::var_os("PINGWAY_BIN").is_some(), "PINGWAY_BIN names no binary: run this by tests/run.sh");
    match std::env::var("PINGWAY_SCALE").as_deref() {
        Err(_) | Ok("ci") => in_ci,
        Ok("full") => full,
        Ok(other) => panic!("PINGWAY_SCALE is ci or full, not {other}"),
    }
}
