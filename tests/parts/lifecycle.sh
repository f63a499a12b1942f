# What changes beneath Gateways while they serve, on a real Kubernetes: the Gateway API, Pingway itself, addresses, what others make of their
# objects, what the API server refuses, rights, limits, and who is there to see it.
. tests/e2e/lib.sh
cluster_up lifecycle
image_in
. tests/e2e/gateway.sh
. tests/e2e/versions.sh
. tests/e2e/upgrade.sh
. tests/e2e/addresses.sh
. tests/e2e/drift.sh
. tests/e2e/refused.sh
. tests/e2e/policies.sh
. tests/e2e/workers.sh
. tests/e2e/secrets.sh
. tests/e2e/absent.sh
[ "${PINGWAY_SCALE:-ci}" != full ] || . tests/e2e/memory.sh
. tests/e2e/class.sh
finish
