# Sourced by tests/parts/lifecycle.sh at full scale, with Pingway installed and nothing else: what routes take of the controller's memory
# does not add up as they come and go. PINGWAY_ROUTES and PINGWAY_ROUNDS scale it down.

routes=${PINGWAY_ROUTES:-10000} rounds=${PINGWAY_ROUNDS:-5}
k create namespace soak >/dev/null
gateway soak soak "$http"
k apply -f - >/dev/null <<'END'
apiVersion: v1
kind: Service
metadata: { name: none, namespace: soak }
spec: { ports: [{ port: 80 }] }
END
for ((i = 0; i < routes; i++)); do
    printf -- '---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: r%d, namespace: soak }\nspec: { parentRefs: [{ name: soak }], hostnames: [h%d.test], rules: [{ matches: [{ path: { value: /p%d } }], backendRefs: [{ name: none, port: 80 }] }] }\n' $i $i $i >>"$scratch/routes-$((i % 4))"
done
# Statuses are written in the order of names.
last=$(seq -f 'r%.0f' 0 $((routes - 1)) | LC_ALL=C sort | tail -n 1)
# resident: of each of the controller's pods, the kilobytes of memory that its process has, but for its binary's.
resident() {
    local uid
    for uid in $(k -n pingway-system get pods -o jsonpath='{.items[*].metadata.uid}'); do
        for process in $(grep -ls "${uid}" /proc/[0-9]*/cgroup); do
            tr '\0' '\n' <"${process%/cgroup}/cmdline" 2>/dev/null | sed -n 2p | grep -qx controller && awk '/^RssAnon/ { print $2 }' "${process%/cgroup}/status"
        done
    done
}
accepted() { k -n soak get httproute "$last" -o json | jq -r '.status.parents[]?.conditions[]? | .type + "=" + .status' | xargs; }
attached() { k -n soak get gateway soak -o json | jq '.status.listeners[0].attachedRoutes'; }
patience=90 becomes "a Gateway waits for routes" 0 attached
# What has just begun has less than what has worked once: that is printed, and later rounds are held to the first.
mapfile -t now < <(resident)
is "both replicas are seen" ${#now[@]} 2
echo "  before: ${now[*]} kB"
# settle: looks each second, until what is given back by and by is: until the most of them falls no longer.
settle() {
    local before
    mapfile -t now < <(resident)
    until before=$(most); sleep 1; mapfile -t now < <(resident); [ "$(most)" -ge "$before" ]; do :; done
}
most() { printf '%s\n' "${now[@]}" | sort -n | tail -n 1; }
for ((round = 1; round <= rounds; round++)); do
    for file in "$scratch"/routes-*; do k create -f "$file" >/dev/null & making+=($!); done
    wait "${making[@]}"
    making=()
    patience=600 becomes "$routes routes are attached" "$routes" attached
    patience=600 becomes "and accepted" "Accepted=True ResolvedRefs=True" accepted
    mapfile -t now < <(resident)
    echo "  round $round, with $routes routes: ${now[*]} kB"
    k delete --raw /apis/gateway.networking.k8s.io/v1/namespaces/soak/httproutes >/dev/null
    patience=600 becomes "and deleted" 0 attached
    settle
    echo "  round $round, without: ${now[*]} kB"
    [ "$round" -gt 1 ] || first=$(most)
done
is "memory is back after $rounds rounds: $first kB, then $(most) kB" "$(($(most) * 10 <= first * 11))" 1
k delete namespace soak --timeout=180s >/dev/null
