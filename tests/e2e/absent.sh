# Sourced by tests/parts/lifecycle.sh: what goes while the controller is away is swept once it is back. Ends with no Gateway.

replicas() { k -n pingway-system scale deployment pingway-controller --replicas="$1" >/dev/null; }
away() { k -n pingway-system get pods -o name | wc -l; }
# Another namespace's routes, so that something of this Gateway's lies there; and a Gateway whose namespace goes with it.
k create namespace cart >/dev/null
k label namespace cart team=cart >/dev/null
k create namespace gone >/dev/null
k -n shop patch gateway waypoint --type=json -p '[{"op":"add","path":"/spec/listeners/0/allowedRoutes","value":{"namespaces":{"from":"Selector","selector":{"matchLabels":{"team":"cart"}}}}}]' >/dev/null
gateway gone g "$http"
elsewhere() { k get clusterrolebindings,rolebindings -A -l pingway.dev/gateway-namespace -o json | jq -r '[.items[].metadata | select(.namespace != .labels["pingway.dev/gateway-namespace"]) | .labels["pingway.dev/gateway-namespace"]] | group_by(.) | map(.[0] + ":" + (length | tostring)) | join(" ")'; }
# shop: a ClusterRoleBinding, and two RoleBindings in cart; gone: a ClusterRoleBinding.
becomes "Gateways have bindings elsewhere" "gone:1 shop:3" elsewhere
replicas 0
becomes "the controller is away" 0 away
k -n shop delete gateway waypoint >/dev/null
k delete namespace gone --timeout=120s >/dev/null || bad "a namespace with a Gateway goes without the controller" "$(k get namespace gone -o yaml)"
inside_shop() { k -n shop get deployment,service,serviceaccount,configmap,role,rolebinding -l pingway.dev/gateway -o name; }
patience=90 becomes "what belongs to a Gateway goes without the controller" "" inside_shop
is "what lies elsewhere does not" "$(elsewhere)" "gone:1 shop:3"
replicas 2
patience=90 becomes "and is swept once the controller is back" "" left
# A namespace that goes while the controller runs.
gateway cart c "$http"
patience=90 becomes "Gateways are provisioned again" cart:1 elsewhere
k delete namespace cart --timeout=120s >/dev/null || bad "a namespace with a Gateway goes" "$(k get namespace cart -o yaml)"
patience=90 becomes "with its namespace goes what a Gateway had elsewhere" "" left
