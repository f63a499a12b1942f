# Sourced by tests/parts/lifecycle.sh, last: a class, and then all of deploy/, goes while a Gateway serves. Pingway is installed, and goes.

k apply -f tests/e2e/controller.yaml >/dev/null || bad "the manifests are applied" ""
patience=90 becomes "a Gateway is programmed" True/Programmed condition waypoint Programmed
becomes "and serves" true via
pods() { k -n shop get pods -l pingway.dev/gateway=$made -o json | jq -r '[.items[] | .metadata.uid] | sort | join(" ")'; }
written() { json gateway waypoint .status; json httproute echo .status.parents; }
pod=$(pods) said=$(written)

load class
k delete gatewayclass pingway >/dev/null
told() { k -n shop logs deployment/$made | grep -c 'GatewayClass pingway: it is gone'; }
becomes "a class that goes is told by the pod" 1 told
is "statuses stay" "$(written)" "$said"
rewrites without
becomes "which follows edits on" without via
k -n pingway-system rollout restart deployment/pingway-controller >/dev/null
k -n pingway-system rollout status --timeout=120s deployment/pingway-controller >/dev/null
leads() { [ "$(controllers pingway_controller_leads)" -ge 1 ] && echo yes; }
patience=90 becomes "a new controller leads" yes leads
is "statuses stay after it, too" "$(written)" "$said"
k apply -k deploy/ >/dev/null 2>&1
becomes "a class that comes is taken" True class
becomes "and its Gateway observed" true observed
is "nothing was deleted meanwhile" "$(pods)" "$pod"
unloaded class "while a class is missing no request is lost"

load uninstalled
k delete -k deploy/ --timeout=120s >/dev/null || bad "deploy/ is deleted" ""
becomes "the pod serves on without the installation" without via
is "with what it ran on" "$(pods)" "$pod"
unloaded uninstalled "while Pingway is uninstalled no request is lost"
