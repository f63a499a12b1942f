# `pingway proxy --gateway` against a real Kubernetes: what it sees with the rights of docs/scope.md, what it follows, and what it
# serves on with while the API server is away.
. tests/parts/lib.sh
[ "$(id -u)" = 0 ] || missing "a test cluster" "root, to make network namespaces"
debian curl curl
[ -n "${PINGWAY_BIN:-}" ] || { cargo build --quiet && PINGWAY_BIN=$PWD/target/debug/pingway; }
cluster=tests/cluster
export PINGWAY_CLUSTER=waypoint
set +e
. tests/clients/lib.sh
trap 'kill "${started[@]}" 2>/dev/null; "$cluster/down"; rm -rf "$scratch"' EXIT
"$cluster/up" || { bad "the cluster comes up" ""; finish; }
"$cluster/crds" none >/dev/null
. tests/e2e/waypoint.sh
finish
