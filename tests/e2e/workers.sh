# Sourced by tests/parts/lifecycle.sh: a proxy has as many workers as its cgroup gives it processors.

workers() {
    local pod
    pod=$(k -n shop get pods -l pingway.dev/gateway=limited-pingway -o json | jq -r '[.items[] | select(.metadata.deletionTimestamp == null and (.status.conditions[]? | select(.type == "Ready").status == "True"))
        | select(.spec.containers[0].resources.limits.cpu == $cpu)] | .[0].status.podIP // empty' --arg cpu "$1")
    [ -z "$pod" ] || inside curl -sS "http://$pod:15020/metrics" | sed -n 's/^pingway_workers //p'
}
limited() { printf 'apiVersion: pingway.dev/v1alpha1\nkind: PingwayParameters\nmetadata: { name: limited, namespace: shop }\nspec: { resources: { requests: { cpu: 10m }, limits: { cpu: "%s" } } }\n' "$1" | k apply -f - >/dev/null; }
limited 500m
gateway shop limited "infrastructure: { parametersRef: { group: pingway.dev, kind: PingwayParameters, name: limited } }, $http"
processors=$(inside nproc)
patience=90 becomes "half a processor gives one worker" 1 workers 500m
limited 1500m
patience=90 becomes "one and a half give one" 1 workers 1500m
limited 2
patience=90 becomes "two give two, of $processors" $((processors < 2 ? processors : 2)) workers 2
k -n shop delete gateway limited >/dev/null
k -n shop delete pingwayparameters limited >/dev/null
