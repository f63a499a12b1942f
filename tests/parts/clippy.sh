. tests/parts/lib.sh
cargo clippy --version >/dev/null || missing clippy "rustup component add clippy"
cargo clippy --quiet --all-targets -- -D warnings
# Run by name only, and so none of all targets.
cargo clippy --quiet --test measure --test sandwich -- -D warnings
