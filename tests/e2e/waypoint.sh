# Sourced by tests/parts/waypoint.sh, with a cluster that is up and has no CRDs of the Gateway API.

host=echo.shop.svc.cluster.local
answer() { inside curl -sS -m 10 -o /dev/null -D - -H "host: $host" "$@" 2>&1; }
problems() { inside curl -sS -m 10 http://127.0.0.1:15020/metrics | sed -n 's/^pingway_configuration_problems //p'; }
header() { answer "http://127.0.0.1:8088${1:-/}" | tr -d '\r' | sed -n 's/^traversed-waypoint: //p'; }

# The pod's ServiceAccount, by a kubeconfig of its own.
k create namespace shop >/dev/null
k -n shop create serviceaccount waypoint >/dev/null
k config view --raw --minify --flatten >"$scratch/kubeconfig"
token=$(k -n shop create token waypoint)
inside kubectl --kubeconfig "$scratch/kubeconfig" config set-credentials waypoint --token "$token" >/dev/null
inside kubectl --kubeconfig "$scratch/kubeconfig" config set-context --current --user waypoint >/dev/null

start "$cluster/exec" env KUBECONFIG="$scratch/kubeconfig" "$PINGWAY_BIN" proxy --gateway shop/waypoint --own-addresses 10.250.0.1 \
    --node node --zone west --drain-delay 0 --drain-deadline 2s
proxy=$last
# Rights before CRDs: the API server tells of the first that is missing.
next 'docs/scope.md'
ok "a missing right is told, with where to read on"
is "not ready before it has all that it needs" "$(code http://127.0.0.1:15020/readyz)" 503
"$cluster/crds" >/dev/null || bad "the CRDs are applied" ""
k apply -f deploy/proxy-roles.yaml -f tests/e2e/waypoint.yaml >/dev/null || bad "the manifests are applied" ""
k -n shop wait --for=condition=Available --timeout=60s deployment/echo >/dev/null || bad "echo runs" "$(k -n shop get pods)"

becomes "CRDs and rights that come later are taken without a restart" 200 code http://127.0.0.1:15020/readyz
becomes "the waypoint's manifests are served as they are" true header
becomes "nothing is wrong" 0 problems
is "a host that no listener has" "$(code -H 'host: other.test' http://127.0.0.1:8088/)" 404
says "ztunnel's port is left alone" "$(inside ss -Hltn 'sport = :15008'; echo none)" '^none$'

edit='[{"op":"replace","path":"/spec/rules/0/filters/0/responseHeaderModifier/add/0/value","value":"edited"}]'
k -n shop patch httproute echo --type=json -p "$edit" >/dev/null
becomes "an edit is followed" edited header
. tests/e2e/mesh.sh

k -n shop scale deployment echo --replicas=0 >/dev/null
becomes "without endpoints" 503 code -H "host: $host" http://127.0.0.1:8088/
k -n shop scale deployment echo --replicas=2 >/dev/null
becomes "with endpoints again" 200 code -H "host: $host" http://127.0.0.1:8088/
k -n shop wait --for=condition=Available --timeout=60s deployment/echo >/dev/null

# Near endpoints, by slices that no controller writes: one pod on the proxy's node, in its zone, the other elsewhere.
k apply -f tests/e2e/near.yaml >/dev/null || bad "the manifests of near endpoints are applied" ""
mapfile -t pods < <(k -n shop get pods -l app=echo -o json |
    jq -r '.items[] | select(.metadata.deletionTimestamp == null) | .metadata.name + " " + .status.podIP')
# end POD NODE [FIELDS]: an endpoint. slice END ...: what the Service has.
end() { echo "{addresses: [${1#* }], nodeName: $2${3:+, $3}}"; }
slice() {
    local IFS=, ends
    ends=$*
    k apply -f - >/dev/null <<END || bad "the slice is applied" "$*"
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: near, namespace: shop, labels: {kubernetes.io/service-name: near}}
addressType: IPv4
ports: [{port: 3000}]
endpoints: [$ends]
END
}
west='hints: {forZones: [{name: west}]}' east='hints: {forZones: [{name: east}]}' not_ready='conditions: {ready: false}'
# Who answers a dozen requests.
near() {
    for _ in {1..12}; do inside curl -sS -m 10 -H "host: $host" http://127.0.0.1:8088/near; done 2>/dev/null | jq -r '.pod // "none"' 2>/dev/null |
        sort -u | paste -sd ' '
}
near_code() { code -H "host: $host" http://127.0.0.1:8088/near; }
near_problem() { inside curl -sS http://127.0.0.1:15000/problems | jq -r '.warnings[]' | grep -c "$1"; }
a=${pods[0]} b=${pods[1]}
slice "$(end "$a" node "$west")" "$(end "$b" far "$east")"
becomes "hints for the zone" "${a% *}" near
slice "$(end "$a" node "$east")" "$(end "$b" far "$west")"
becomes "are followed as they change" "${b% *}" near
slice "$(end "$a" node "$east")" "$(end "$b" far "$west, $not_ready")"
becomes "to one far away where none nearby is ready" "${a% *}" near
k -n shop patch service near -p '{"spec":{"internalTrafficPolicy":"Local","sessionAffinity":"ClientIP"}}' >/dev/null
slice "$(end "$a" far "$west")" "$(end "$b" node "$east")"
becomes "internalTrafficPolicy: Local keeps to the node" "${b% *}" near
is "session affinity is named" "$(near_problem sessionAffinity)" 1
slice "$(end "$a" far "$west")" "$(end "$b" other "$east")"
becomes "though none is there" 503 near_code
is "which is told" "$(near_problem 'no endpoint of node node')" 1
slice "$(end "$a" node)" "$(end "own 10.250.0.1" node)"
becomes "an endpoint at the pod's own address is told" 1 near_problem 'is never dialled'
becomes "and never dialled" "${a% *}" near
k delete -f tests/e2e/near.yaml >/dev/null
is "and nothing of that is a problem" "$(problems)" 0

# A rollout of the backend, and the API server away: not one request may fail.
k -n shop rollout restart deployment/echo >/dev/null
says "a rollout of the backend loses no request" "$("$cluster/client" -host "$host" -count=3000 http://127.0.0.1:8088/ 2>&1; echo "exit $?")" 'exit 0'
k -n shop rollout status deployment/echo --timeout=60s >/dev/null
"$cluster/component" stop kube-apiserver
says "while the API server is away requests are served" "$("$cluster/client" -host "$host" -count=1000 http://127.0.0.1:8088/ 2>&1; echo "exit $?")" 'exit 0'
is_wrong() { [ "$(problems)" -gt 0 ] && echo told; }
becomes "that it is away is told" told is_wrong
"$cluster/component" start kube-apiserver
becomes "once it is back nothing is wrong" 0 problems
edit=${edit/edited/again}
until k -n shop patch httproute echo --type=json -p "$edit" >/dev/null 2>&1 || [ $SECONDS -gt 600 ]; do sleep 0.2; done
becomes "and edits are followed" again header

# The scope grows with what the listener allows; a right that is not there yet is waited for.
allow='[{"op":"add","path":"/spec/listeners/0/allowedRoutes","value":{"namespaces":{"from":"Selector","selector":{"matchLabels":{"team":"cart"}}}}}]'
k apply -f tests/e2e/elsewhere.yaml >/dev/null
is "a route of a namespace that the listener does not take" "$(code -H "host: $host" http://127.0.0.1:8088/cart)" 200
k -n shop patch gateway waypoint --type=json -p "$allow" >/dev/null
becomes "namespaces that it takes by selector need rights" told is_wrong
for part in namespace pods; do
    k -n cart create rolebinding "waypoint-$part" --clusterrole="pingway-proxy-$part" --serviceaccount=shop:waypoint >/dev/null
done
becomes "which once given are used" 302 code -H "host: $host" http://127.0.0.1:8088/cart
becomes "with nothing wrong" 0 problems

# A certificate: the one Secret that the listener names.
k -n shop create secret generic other --from-literal=a=b >/dev/null
can() { inside kubectl --kubeconfig "$scratch/kubeconfig" auth can-i "$@" 2>/dev/null; }
is "the pod may read the Secret that is named" "$(can get secret/web -n shop)" yes
is "and no other" "$(can get secret/other -n shop)" no
is "nor Secrets elsewhere" "$(can list secrets -A)" no
sed 's/namespace: .*/namespace: shop/; s/name: .*/name: web/' config/quickstart/tls.yaml | k apply -f - >/dev/null
tls='[{"op":"add","path":"/spec/listeners/-","value":{"name":"tls","port":8448,"protocol":"HTTPS","tls":{"certificateRefs":[{"name":"web"}]}}}]'
k -n shop patch gateway waypoint --type=json -p "$tls" >/dev/null
becomes "an HTTPS listener comes with its Secret" 404 code -k https://127.0.0.1:8448/

kill -TERM "$proxy"
wait "$proxy"
is "SIGTERM ends it with exit code 0" $? 0
