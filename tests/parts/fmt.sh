. tests/parts/lib.sh
cargo fmt --check
