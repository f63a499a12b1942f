# Instructions for a forwarded request, against a budget. Its figures are those of profile ci, at any scale.
. tests/parts/lib.sh
debian valgrind valgrind
export PINGWAY_SCALE=ci
build_binary
cargo test --test measure instructions -- --nocapture
