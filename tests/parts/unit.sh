. tests/parts/lib.sh
cargo test --lib --bins
