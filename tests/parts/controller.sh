# Installs Pingway on a real Kubernetes as users do, and looks at what it then does for their Gateways.
. tests/parts/lib.sh
[ "$(id -u)" = 0 ] || missing "a test cluster" "root, to make network namespaces"
debian curl curl
debian jq jq
cluster=tests/cluster
export PINGWAY_CLUSTER=controller
set +e
. tests/clients/lib.sh
. tests/e2e/lib.sh
cluster_up
image_in
"$cluster/crds" >/dev/null
. tests/e2e/controller.sh
finish
