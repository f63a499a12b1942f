# Sourced by tests/parts/lifecycle.sh: what the API server refuses on a Gateway that serves is told, what serves goes on, and Events name all that fails.

# asks SPEC: of the Gateway's parameters.
asks() { printf 'apiVersion: pingway.dev/v1alpha1\nkind: PingwayParameters\nmetadata: { name: refused, namespace: shop }\nspec: %s\n' "$1" | k apply -f - >/dev/null || bad "parameters are taken: $1" ""; }
asks '{}'
gateway shop refused "$http, infrastructure: { parametersRef: { group: pingway.dev, kind: PingwayParameters, name: refused } }"
patience=90 becomes "a Gateway is programmed" True/Programmed condition refused Programmed
at=$(json service refused-pingway .spec.clusterIP)
refused() { condition refused pingway.dev/Provisioned; }
is "nothing is refused" "$(refused)" ""
reason() { json gateway refused '.status.conditions[] | select(.type == "pingway.dev/Provisioned").message' | grep -c -- "$1"; }
warned() { k -n shop get events -o json | jq --arg uid "$(json gateway refused .metadata.uid)" --arg words "$1" '[.items[] | select(.involvedObject.uid == $uid and .type == "Warning" and .reason == "NotApplied" and (.message | contains($words)))] | length > 0'; }
# told NAME SPEC WORDS: parameters of which something is refused; the API server's words are in the status and in an Event.
told() {
    asks "$2"
    becomes "$1 is told" 1 reason "$3"
    becomes "and in an Event" true warned "$3"
    is "the Gateway stays programmed" "$(condition refused Programmed)" True/Programmed
    asks '{}'
    becomes "what is mended is not refused any more" "" refused
}
told "a label that is none" '{ placement: { nodeSelector: { a: "b c" } } }' 'nodeSelector'
told "a request above its limit" '{ resources: { requests: { cpu: 2 }, limits: { cpu: 1 } } }' 'must be less than or equal to cpu limit'
told "a field that is not known" '{ podTemplate: { spec: { nonsense: true } } }' 'nonsense'
told "a container without a name" '{ podTemplate: { spec: { containers: [{}] } } }' 'name'
balancer() { asks "{ service: { type: LoadBalancer, loadBalancerClass: acme.test/$1 } }"; json service refused-pingway .spec.loadBalancerClass; }
becomes "a class of load balancers is followed" acme.test/a balancer a
told "another, which a Service can't have then," '{ service: { type: LoadBalancer, loadBalancerClass: acme.test/b } }' 'loadBalancerClass: Invalid value'
# What lies elsewhere is known by its label alone.
binding=pingway-proxy-cluster:shop:refused:pingway
k label clusterrolebinding $binding pingway.dev/gateway- >/dev/null
becomes "a binding elsewhere that lost its label is told as another's" 1 reason "ClusterRoleBinding $binding is there already"
k delete clusterrolebinding $binding >/dev/null
bound() { k get clusterrolebinding $binding -o json 2>/dev/null | jq -r '.metadata.labels["pingway.dev/gateway"]'; }
patience=90 becomes "and made again once it is deleted" refused-pingway bound
becomes "then nothing is refused" "" refused
is "all the while it serves" "$(code -H 'host: none.test' "http://$at/")" 404
is "by the pod that it had" "$(k -n shop get pods -l pingway.dev/gateway=refused-pingway -o name | wc -l)" 1

# Who takes the lead tells it too, and takes nothing back before.
asks '{ placement: { nodeSelector: { a: "b c" } } }'
becomes "what is refused is told" False/NotApplied refused
changed() { json gateway refused '[.status.conditions[] | select(.type == "pingway.dev/Provisioned" or .type == "Programmed") | .status + " " + .lastTransitionTime] | join(" ")'; }
since=$(changed)
first=$(leader)
k -n pingway-system delete pod "$first" --wait=false >/dev/null
passed() { [ -n "$(leader)" ] && [ "$(leader)" != "$first" ] && echo passed; }
becomes "the lead passes" passed passed
k -n shop annotate gateway refused e2e=1 >/dev/null
# A new generation, by which the new leader's writes are known.
k -n shop patch gateway refused --type=json -p '[{"op":"add","path":"/spec/listeners/-","value":{"name":"late","port":81,"protocol":"HTTP"}}]' >/dev/null
new() { json gateway refused '.metadata.generation as $g | [.status.conditions[].observedGeneration == $g] | all'; }
becomes "the next leader writes" true new
is "it is told without a break, and the Gateway is programmed without one" "$(changed)" "$since"
port() { json service refused-pingway '[.spec.ports[].port] | index(81) != null'; }
becomes "what is not refused follows at once" true port

# Another's object stands where one is to be.
k -n shop create configmap blocked-pingway --from-literal=a=b >/dev/null
k -n shop create serviceaccount blocked-pingway >/dev/null
gateway shop blocked "$http"
blocked() { json gateway blocked '.status.conditions[] | select(.type == "pingway.dev/Provisioned").message'; }
both() { blocked | grep -c 'ConfigMap shop/blocked-pingway is there already.*ServiceAccount shop/blocked-pingway is there already'; }
becomes "all that stands in the way is named" 1 both
k -n shop delete gateway blocked refused >/dev/null
k -n shop delete configmap,serviceaccount blocked-pingway >/dev/null
k -n shop delete pingwayparameters refused >/dev/null

# An Event names every listener that fails, also one that fails later.
missing_secret() { printf '{ name: %s, port: 443, protocol: HTTPS, hostname: %s.test, tls: { certificateRefs: [{ name: %s }] } }' "$1" "$1" "$1"; }
gateway shop faulty "listeners: [$(missing_secret a), $(missing_secret b)]"
notes() { k -n shop get events -o json | jq -r --arg uid "$(json gateway faulty .metadata.uid)" '[.items[] | select(.involvedObject.uid == $uid and .reason == "InvalidCertificateRef").message]'; }
names() { notes | jq -r --arg names "$1" '[.[] | [scan("listener ([a-z])")[0]] | unique | join("")] | index($names) != null'; }
becomes "an Event names the listeners that fail" true names ab
gateway shop faulty "listeners: [$(missing_secret a), $(missing_secret b), $(missing_secret c)]"
becomes "and another one that fails later" true names abc
k -n shop delete gateway faulty >/dev/null
