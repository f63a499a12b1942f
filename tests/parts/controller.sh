# Installs Pingway on a real Kubernetes as users do, and looks at what it then does for their Gateways.
. tests/e2e/lib.sh
cluster_up controller
image_in
"$cluster/crds" >/dev/null
. tests/e2e/gateway.sh
. tests/e2e/controller.sh
finish
