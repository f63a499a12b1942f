. tests/parts/lib.sh
cargo clippy --quiet --all-targets -- -D warnings
