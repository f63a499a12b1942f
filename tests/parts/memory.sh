# Resident memory, and how many tables are alive.
. tests/parts/lib.sh
build_binary
cargo test --test measure memory -- --nocapture
