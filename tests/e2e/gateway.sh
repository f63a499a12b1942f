# Sourced by parts with a cluster: the Gateway shop/waypoint of tests/e2e/controller.yaml, what its status says, and requests to it.

# gateway NAMESPACE NAME SPEC: makes a Gateway of class pingway; SPEC in YAML, in flow style, without the braces.
gateway() {
    printf 'apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: %s, namespace: %s }\nspec: { gatewayClassName: pingway, %s }\n' "$2" "$1" "$3" |
        k apply -f - >/dev/null
}
# One listener, for Gateways of which nothing else is asked.
http='listeners: [{ name: http, port: 80, protocol: HTTP }]'
host=echo.shop.svc.cluster.local
made=waypoint-pingway
json() { k -n shop get "$1" "$2" -o json 2>/dev/null | jq -r "$3" 2>/dev/null; }
# Every condition of a Gateway with its listeners, or of a route, as TYPE=STATUS.
conditions() {
    json "$1" "$2" '[.status.conditions, .status.listeners[]?.conditions, .status.parents[]?.conditions] | flatten
        | map(select(. != null) | .type + "=" + .status) | unique | join(" ")'
}
condition() { json gateway "$1" ".status.conditions[] | select(.type == \"$2\") | .status + \"/\" + .reason"; }
class() { k get gatewayclass pingway -o json | jq -r ".status.conditions[]? | select(.type == \"${1:-Accepted}\").${2:-status}"; }
address() { json gateway waypoint '.status.addresses[0].value'; }
via() {
    inside curl -sS -m 10 -o /dev/null -D - -H "host: $host" "http://$(address)${1:-/}" 2>/dev/null | tr -d '\r' |
        sed -n 's/^traversed-waypoint: //p'
}
leader() { k -n pingway-system get lease pingway-controller -o jsonpath='{.spec.holderIdentity}' 2>/dev/null; }
rewrites() { k -n shop patch httproute echo --type=json -p "[{\"op\":\"replace\",\"path\":\"/spec/rules/0/filters/0/responseHeaderModifier/add/0/value\",\"value\":\"$1\"}]" >/dev/null; }
observed() { json httproute echo '.metadata.generation as $g | [.status.parents[] | select(.controllerName == "pingway.dev/gateway-controller") | .conditions[].observedGeneration == $g] | all'; }
# How often containers of Pingway, and of what is in shop, have been started again.
restarts() { for namespace in pingway-system shop; do k -n $namespace get pods -o json; done | jq -s '[.[].items[].status.containerStatuses[]?.restartCount] | add // 0'; }
# Of each of the controller's pods: a metric's sum.
controllers() {
    for pod in $(k -n pingway-system get pods -o name); do
        inside curl -sS "http://$(k -n pingway-system get "$pod" -o jsonpath='{.status.podIP}'):15020/metrics"
    done | awk -v name="^$1" '$0 ~ name { sum += $2 } END { print sum + 0 }'
}
# left: what Gateways ran on, and is still there.
left() { k get deployment,service,serviceaccount,configmap,role,rolebinding,hpa,pdb,pod -A -l pingway.dev/gateway-namespace -o name 2>/dev/null; k get clusterrolebinding -l pingway.dev/gateway-namespace -o name; }
# load FILE, and later unloaded FILE NAME: requests to the waypoint's Service meanwhile; not one may fail.
load() {
    local url
    url=http://$(address)/
    "$cluster/client" -host "$host" -connections 8 -rate 200 "$url" >"$scratch/$1" 2>&1 &
    loading=$!
    started+=("$loading")
}
unloaded() {
    kill -INT "$loading"
    wait "$loading"
    is "$2" "$(jq -c '[.failed, .retried]' <"$scratch/$1" || cat "$scratch/$1")" '[0,0]'
    echo "  $(jq -c '{requests, median_ms, p99_ms, slowest_ms}' <"$scratch/$1")"
}
# istio_crd GROUP KIND PLURAL SINGULAR: a stand-in for one of Istio's CRDs, which takes whatever it says.
istio_crd() {
    cat <<CRD
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: $3.$1 }
spec:
  group: $1
  scope: Namespaced
  names: { kind: $2, plural: $3, singular: $4 }
  versions:
  - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }
---
CRD
}
