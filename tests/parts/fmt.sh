. tests/parts/lib.sh
cargo fmt --version >/dev/null || missing rustfmt "rustup component add rustfmt"
cargo fmt --check
