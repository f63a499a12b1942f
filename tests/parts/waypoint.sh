# `pingway proxy --gateway` against a real Kubernetes: what it sees with the rights of docs/scope.md, what it follows, and what it
# serves on with while the API server is away.
. tests/e2e/lib.sh
[ -n "${PINGWAY_BIN:-}" ] || { cargo build --quiet || exit 1; PINGWAY_BIN=$PWD/target/debug/pingway; }
cluster_up waypoint
"$cluster/crds" none >/dev/null
. tests/e2e/waypoint.sh
finish
