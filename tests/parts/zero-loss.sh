# Nothing is lost while everything changes.
. tests/parts/lib.sh
build_binary
# Two thousand streams, and both ends of each but the proxy's are ours.
ulimit -n 16384 2>/dev/null || missing "16384 open files" "ulimit -Hn is $(ulimit -Hn)"
cargo test --test measure zero_loss -- --nocapture
