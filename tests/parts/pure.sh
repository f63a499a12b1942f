. tests/parts/lib.sh
cargo test --test pure
