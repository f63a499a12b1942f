# Sourced by tests/parts/lifecycle.sh: a Gateway that asks for addresses, and for others later.

address_of() { json gateway addressed '[.status.addresses[]? | select(.type == "IPAddress").value] | join(" ")'; }
service_of() { json service addressed-pingway '.spec.clusterIP'; }
asks() { k -n shop patch gateway addressed --type=merge -p "{\"spec\":{\"addresses\":$1}}" >/dev/null; }
served() { code -H 'host: none.test' "http://$1/"; }
gateway shop addressed "addresses: [{ type: IPAddress, value: 10.96.77.1 }], $http"
patience=90 becomes "an address that is asked for is assigned" 10.96.77.1 address_of
becomes "and served" 404 served 10.96.77.1
asks '[{"type":"IPAddress","value":"10.96.77.2"}]'
becomes "another is assigned in its place" 10.96.77.2 address_of
is "by a Service of its own" "$(json service addressed-pingway '.metadata.ownerReferences[0].kind + " " + .spec.clusterIP')" "Gateway 10.96.77.2"
becomes "and served" 404 served 10.96.77.2
becomes "the Gateway is programmed" True/Programmed condition addressed Programmed
uid=$(json service addressed-pingway .metadata.uid)
asks '[{"type":"IPAddress","value":"192.0.2.1"}]'
becomes "one that can't be had is refused" False/AddressNotUsable condition addressed Programmed
is "and the Service that is there stays" "$(json service addressed-pingway .metadata.uid) $(service_of)" "$uid 10.96.77.2"
is "and serves" "$(served 10.96.77.2)" 404
taken=$(k -n shop get service echo -o jsonpath='{.spec.clusterIP}')
asks "[{\"type\":\"IPAddress\",\"value\":\"$taken\"}]"
told() { json gateway addressed '.status.conditions[] | select(.type == "Programmed").message' | grep -c "$taken"; }
becomes "nor one that another Service has" 1 told
is "the Service stays then too" "$(json service addressed-pingway .metadata.uid)" "$uid"
asks null
becomes "without a wish it keeps what it has" True/Programmed condition addressed Programmed
is "with the address" "$(address_of) $(json service addressed-pingway .metadata.uid)" "10.96.77.2 $uid"
k -n shop delete gateway addressed >/dev/null
