# Installs Pingway on a real Kubernetes as users do, and what it then does for their Gateways.
. tests/parts/lib.sh
[ "$(id -u)" = 0 ] || missing "a test cluster" "root, to make network namespaces"
debian curl curl
debian jq jq
cluster=tests/cluster
export PINGWAY_CLUSTER=controller
set +e
. tests/clients/lib.sh
. tests/e2e/lib.sh
trap 'kill "${started[@]}" 2>/dev/null; "$cluster/down"; rm -rf "$scratch"' EXIT
"$cluster/up" || { bad "the cluster comes up" ""; finish; }
deploy/image/build --profile "${PINGWAY_IMAGE_PROFILE:-ci}" --out "$scratch/image.tar" >"$scratch/image.log" 2>&1 || { bad "the image is built" "$(tail "$scratch/image.log")"; finish; }
"$cluster/load" "$scratch/image.tar" >/dev/null || { bad "the image is loaded" ""; finish; }
"$cluster/crds" >/dev/null
. tests/e2e/controller.sh
finish
