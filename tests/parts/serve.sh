. tests/parts/lib.sh
cargo test --test serve
