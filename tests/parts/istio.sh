# Pingway's waypoints as the real istiod sees them, on a real Kubernetes: what it binds to them and what not, and how it has ztunnel hand over.
. tests/e2e/lib.sh
. tests/e2e/gateway.sh
[ -n "${PINGWAY_BIN:-}" ] || build_binary
cluster_up istio
image_in
"$cluster/crds" >/dev/null
installed
tests/istio/istiod >"$scratch/ready" 2>"$scratch/istiod.log" &
istiod=$!
started+=("$istiod")
until [ "$(tail -n 1 "$scratch/ready")" = ready ]; do
    kill -0 "$istiod" 2>/dev/null || { bad "istiod serves" "$(tail -n 20 "$scratch/ready" "$scratch/istiod.log")"; finish; }
    sleep 0.2
done
ok "istiod serves"
k apply -f tests/istio/mesh.yaml >/dev/null
for gateway in shop/waypoint cart/old; do
    k -n ${gateway%/*} wait --for=condition=Programmed --timeout=120s gateway/${gateway#*/} >/dev/null || bad "$gateway is programmed" ""
done
# bound NAMESPACE SERVICE: what istiod says of it.
bound() { k -n "$1" get service "$2" -o json | jq -r '[.status.conditions[]? | select(.type == "istio.io/WaypointBound") | .status + "/" + .reason] | join(" ")'; }
# view KIND FILTER: out of what istiod tells ztunnel.
view() { inside curl -sS -m 10 http://127.0.0.1:8080/debug/ambientz 2>/dev/null | jq -rc "[.$1[] | $2] | sort | join(\" \")" 2>/dev/null; }
# waypoint_of SERVICE: the name by which it finds the waypoint of a Service.
waypoint_of() { view services "select(.name == \"$1\") | .waypoint.hostname.hostname"; }
# enrolled: what the waypoint itself serves, as its admin page has it.
enrolled() {
    local to pod names
    pod=$(k -n shop get pods -l gateway.networking.k8s.io/gateway-name=waypoint -o jsonpath='{.items[0].metadata.name}')
    inside kubectl -n shop port-forward "pod/$pod" 15999:15000 >"$scratch/forward" 2>&1 &
    to=$!
    until grep -q Forwarding "$scratch/forward" || ! kill -0 $to; do sleep 0.1; done
    names=$(inside curl -sS -m 5 http://127.0.0.1:15999/mesh)
    kill $to
    wait $to 2>/dev/null
    jq -r '[.[].services[].backend | split(":")[0]] | unique | join(" ")' <<<"$names"
}
listed() { json gateway waypoint '[.status.addresses[].type] | join(" ")'; }
name=waypoint-pingway.shop.svc.cluster.local

becomes "a Service is bound by its namespace's label" True/WaypointAccepted bound shop echo
becomes "istiod finds the waypoint by its Service's name" "$name" waypoint_of echo
is "a Service that opts out is not bound" "$(bound shop aside) $(view services 'select(.name == "aside").waypoint')" " "
is "nor is the waypoint's own" "$(bound shop waypoint-pingway) $(view services 'select(.name == "waypoint-pingway").waypoint')" " "
becomes "its pods are handed connections on port 15088, with the header" "15088 PROXY" \
    view workloads 'select(.workloadName == "waypoint-pingway").applicationTunnel | (.port | tostring), .protocol'
becomes "a Service of another namespace is not let in" False/AttachmentDenied bound cart afar
is "nor by a canary" "$(view services 'select(.name == "canary").weightedWaypoints[]?')" ""
k -n shop patch gateway waypoint --type=json -p \
    '[{"op":"add","path":"/spec/listeners/-","value":{"name":"mesh","port":15088,"protocol":"istio.io/PROXY","allowedRoutes":{"namespaces":{"from":"All"}}}}]' >/dev/null
becomes "until a listener on 15088 lets it in" True/WaypointAccepted bound cart afar
becomes "by the same name" "$name" waypoint_of afar
becomes "and the canary gets its share" "80 old-pingway.cart.svc.cluster.local 20 $name" \
    view services 'select(.name == "canary").weightedWaypoints | map((.weight | tostring) + " " + .destination.hostname.hostname) | join(" ")'
becomes "all this Pingway calls enrolled, too" "cart/afar cart/canary shop/echo" enrolled
# Routes whose parent is a Service: every kind has its status. istiod speaks of those that are no waypoint's of another's.
judges() { json "$1" echo '[.status.parents[].controllerName] | sort | join(" ")'; }
k apply -f tests/istio/routes.yaml >/dev/null || bad "routes are applied" ""
for kind in httproute grpcroute tlsroute tcproute; do
    becomes "a $kind at an enrolled Service is accepted" "Accepted=True ResolvedRefs=True" conditions $kind echo
    is "by Pingway alone" "$(judges $kind)" pingway.dev/gateway-controller
done
# What a user asks of it.
pod=$(k -n shop get pods -l gateway.networking.k8s.io/gateway-name=waypoint -o jsonpath='{.items[0].metadata.name}')
vip=$(k -n shop get service echo -o jsonpath='{.spec.clusterIP}')
explained() { inside "$PINGWAY_BIN" explain "$@" 2>&1; }
says "explain tells what a pod that runs does with a request" "$(explained "pod:shop/$pod" GET http://echo/ --dialled "$vip:80")" \
    '^listener +routes of shop/echo:80 of Gateway shop/waypoint' '^route +HTTPRoute shop/echo' '503: no endpoints'
says "and with bytes" "$(explained "pod:shop/$pod" GET http://echo/ --dialled "$vip:443")" 'by TLSRoute shop/echo to shop/echo:443'
says "and that there is no such pod" "$(explained pod:shop/nobody GET http://echo/ || echo "exit code $?")" 'there is no Pod shop/nobody' 'exit code 3'
says "status tells what is enrolled and what istiod bound" "$(inside "$PINGWAY_BIN" status --namespace shop)" \
    "^  replica +$pod serves generation" '^  enrolled +Service shop/echo: served, bound True/WaypointAccepted$' '^  opted out +Service shop/aside$'
k -n shop label service echo istio.io/use-waypoint=none >/dev/null
becomes "by istiod once it opts out" istio.io/gateway-controller judges tcproute
k -n shop label service echo istio.io/use-waypoint- >/dev/null
becomes "and by Pingway once it is back" pingway.dev/gateway-controller judges tcproute
is "the IP address comes first in the Gateway's status" "$(listed)" "IPAddress Hostname"
k -n shop delete pod -l gateway.networking.k8s.io/gateway-name=waypoint --grace-period=0 --force >/dev/null 2>&1
is "they stay while it has no pod" "$(listed)" "IPAddress Hostname"
is "and so does the binding" "$(bound shop echo)" True/WaypointAccepted
finish
