# Sourced by tests/e2e/waypoint.sh: what ztunnel would hand over to the waypoint that runs.

handed() { inside tests/e2e/hand-over "$@" 2>&1; }
handed_status() { handed "$@" | head -n 1; }
refused() { inside curl -sS http://127.0.0.1:15020/metrics | sed -n "s/^pingway_inbound_connections_refused_total{why=\"$1\"} //p"; }

is "it listens on loopback only" "$(inside ss -Hltn 'sport = :15088' | awk '{ print $4 }')" 127.0.0.1:15088
vip=$(k -n shop get service echo -o jsonpath='{.spec.clusterIP}')
is "a Service that is not enrolled is closed" "$(handed "$vip:80" "$host")" ""
is "and counted" "$(refused not_served)" 1
k label namespace shop istio.io/use-waypoint=waypoint >/dev/null
becomes "enrolled by its namespace, it is served by its ClusterIP" "HTTP/1.1 200 OK" handed_status "$vip:80" whatever.test
k -n shop label service echo istio.io/use-waypoint=none >/dev/null
becomes "until it opts out" "" handed_status "$vip:80" whatever.test
k -n shop label service echo istio.io/use-waypoint- >/dev/null
becomes "and back" "HTTP/1.1 200 OK" handed_status "$vip:80" whatever.test
# Bytes: a Service without endpoints of its own, whose TCPRoute leads to another.
k apply -f tests/e2e/bytes.yaml >/dev/null || bad "a TCPRoute is applied" ""
bytes=$(k -n shop get service bytes -o jsonpath='{.spec.clusterIP}')
becomes "bytes go by the TCPRoute of the Service that was dialled" "HTTP/1.1 200 OK" handed_status "$bytes:90" whatever.test
k -n shop delete tcproute bytes >/dev/null
becomes "and nowhere without it" "" handed_status "$bytes:90" whatever.test
is "a port that the Service has not" "$(handed "$vip:81" "$host")" ""
says "a listener of the waypoint's own" "$(handed 10.250.0.1:8088 "$host")" '^traversed-waypoint: edited$'
says "its metrics, for who scrapes within the mesh" "$(handed 10.250.0.1:15020 10.250.0.1:15020 /metrics)" '^pingway_build_info'
is "never its admin page" "$(handed 10.250.0.1:15000 localhost)" ""
for hostile in 127.0.0.1:15000 127.0.0.1:15088 169.254.169.254:80 10.250.0.1:6443; do
    is "no open relay: $hostile" "$(handed "$hostile" "$host")" ""
done
