# Sourced by tests/parts/controller.sh, after tests/e2e/gateway.sh, with a cluster that is up, the Gateway API's CRDs, and Pingway's image
# loaded.

# Install.
installed
becomes "its class is accepted" True class
is "features are declared, in order" "$(k get gatewayclass pingway -o json | jq '[.status.supportedFeatures[].name] | length > 30 and . == sort')" true

# What a mesh says of itself.
printf 'apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XMesh\nmetadata: { name: pingway }\nspec: { controllerName: pingway.dev/gateway-controller }\n' | k apply -f - >/dev/null || bad "the XMesh is applied" ""
mesh() { k get xmesh pingway -o json | jq -r '(.status.conditions[] | select(.type == "Accepted") | .status) + " " + ([.status.supportedFeatures[]?.name | select(startswith("Mesh"))] | length | tostring)'; }
becomes "an XMesh is accepted, and names what meshes have" "True 10" mesh
k delete xmesh pingway >/dev/null

# A waypoint's usual manifests, on a node of a zone.
k label node node topology.kubernetes.io/zone=west >/dev/null || bad "the node is labelled" ""
k apply -f tests/e2e/controller.yaml >/dev/null || bad "the manifests are applied" ""
patience=90 becomes "every condition of the waypoint comes true" "Accepted=True Conflicted=False Programmed=True ResolvedRefs=True" conditions gateway waypoint
becomes "and of its route" "Accepted=True ResolvedRefs=True" conditions httproute echo
is "its address is its Service's" "$(address)" "$(json service $made .spec.clusterIP)"
is "its Service has the listeners' ports, ztunnel's with them" "$(json service $made '[.spec.ports[] | .name + ":" + (.port|tostring)] | sort | join(" ")')" "http-80:80 tcp-15008:15008"
becomes "and serves" true via
says "the pods run with nothing that they need not" "$(k -n shop get pods -l pingway.dev/gateway=$made -o json)" '"readOnlyRootFilesystem": true' '"runAsNonRoot": true' '"type": "RuntimeDefault"' '"allowPrivilegeEscalation": false'
says "they know their node and zone" "$(k -n shop logs deployment/$made)" 'waypoint gateway=shop/waypoint node="node" zone="west"'

# Statuses are written when something changes, and not otherwise: of three changes one is in what a status says.
before=$(controllers pingway_controller_writes_total)
k -n shop annotate gateway waypoint e2e=1 >/dev/null
k -n shop annotate httproute echo e2e=1 >/dev/null
rewrites counted
becomes "an edit is observed" true observed
is "in one write, and what changes no status is none" "$(controllers pingway_controller_writes_total)" $((before + 1))

# Drift, and what is not ours.
k -n shop delete service $made --wait=false >/dev/null
ports() { json service $made ".spec.ports | length"; }
becomes "a Service that was deleted is made again, with its ports" 2 ports
k -n shop patch deployment $made --type=merge -p '{"spec":{"template":{"spec":{"containers":[{"name":"proxy","image":"nowhere.test/other:v1"}]}}}}' >/dev/null 2>&1
image() { json deployment $made '.spec.template.spec.containers[0].image'; }
becomes "an image that was changed is set again" "$(k -n pingway-system get deployment pingway-controller -o jsonpath='{.spec.template.spec.containers[0].image}')" image
k -n shop create configmap other-pingway --from-literal=a=b >/dev/null
sed 's/name: waypoint, namespace/name: other, namespace/' tests/e2e/controller.yaml | k apply -f - >/dev/null 2>&1
foreign() { k -n shop get events -o json | jq -r '[.items[] | select(.regarding.name? == "other" or .involvedObject.name? == "other") | .message // .note] | map(select(test("is not Pingway"))) | length > 0'; }
becomes "an object of another's is reported" true foreign
is "and left as it is" "$(json configmap other-pingway '.data.a + " " + ((.metadata.labels // {}) | length | tostring)')" "b 0"
k -n shop delete gateway other >/dev/null
k -n shop delete configmap other-pingway >/dev/null
gone() { k -n shop get deployment,service,serviceaccount,role,rolebinding -o name | grep -c other-pingway; }
becomes "with a Gateway goes what it ran on" 0 gone

# Another controller's words stay.
k -n shop patch httproute echo --subresource=status --type=json -p '[{"op":"add","path":"/status/parents/0","value":{"controllerName":"acme.test/c","parentRef":{"name":"acme"},"conditions":[{"type":"Accepted","status":"True","reason":"Accepted","message":"","lastTransitionTime":"2020-01-01T00:00:00Z"}]}}]' >/dev/null
rewrites edited
becomes "an edit is served" edited via
becomes "and observed" true observed
is "another controller's entry stays as it is" "$(json httproute echo '[.status.parents[] | select(.controllerName == "acme.test/c") | .conditions[0].lastTransitionTime] | unique | join(" ")')" 2020-01-01T00:00:00Z

# The leader goes.
first=$(leader)
k -n pingway-system delete pod "$first" --wait=false >/dev/null
lead_passes() { [ -n "$(leader)" ] && [ "$(leader)" != "$first" ] && echo passed; }
becomes "the lead passes" passed lead_passes
rewrites later
becomes "and the one that leads writes" true observed
becomes "what is served goes on" later via

# Rollouts under load.
load waypoint
k -n shop rollout restart deployment/$made >/dev/null
k -n shop rollout status --timeout=120s deployment/$made >/dev/null
k -n shop rollout restart deployment/echo >/dev/null
k -n shop rollout status --timeout=120s deployment/echo >/dev/null
is "no rollout takes Programmed back" "$(condition waypoint Programmed)" True/Programmed
unloaded waypoint "rollouts of waypoint and backends lose no request"

# A Gateway deleted and made again at once has objects of its own.
k -n shop delete gateway waypoint --wait=true >/dev/null
k apply -f tests/e2e/controller.yaml >/dev/null
uid() { json gateway waypoint .metadata.uid; }
owners() { k -n shop get deployment,service,serviceaccount,configmap,role,rolebinding -l pingway.dev/gateway=$made -o json | jq -r '[.items[] | .metadata.ownerReferences[].uid] | unique | join(" ")'; }
becomes "a Gateway made anew owns what it runs on" "$(uid)" owners
patience=90 becomes "and is programmed" True/Programmed condition waypoint Programmed
becomes "and serves" true via

# A certificate, and who may see it.
sed 's/namespace: .*/namespace: shop/; s/name: .*/name: web/' config/quickstart/tls.yaml | k apply -f - >/dev/null
k -n shop create secret generic other --from-literal=a=b >/dev/null
tls='[{"op":"add","path":"/spec/listeners/-","value":{"name":"tls","port":443,"protocol":"HTTPS","tls":{"certificateRefs":[{"name":"web"}]}}}]'
k -n shop patch gateway waypoint --type=json -p "$tls" >/dev/null
secure() { code -k "https://$(address)/"; }
becomes "an HTTPS listener is served with its Secret" 404 secure
becomes "and a Gateway that is edited stays programmed" True/Programmed condition waypoint Programmed
# kubectl asks of no kind that is not installed.
istio=(authorizationpolicies.security serviceentries.networking workloadentries.networking)
{
    istio_crd security.istio.io AuthorizationPolicy authorizationpolicies authorizationpolicy
    istio_crd networking.istio.io ServiceEntry serviceentries serviceentry
    istio_crd networking.istio.io WorkloadEntry workloadentries workloadentry
} | k apply -f - >/dev/null
for crd in "${istio[@]}"; do
    k wait --for=condition=Established "crd/$crd.istio.io" >/dev/null || bad "the CRD $crd is there" ""
done
. tests/e2e/access.sh
access pingway-system/pingway-controller
access shop/$made
k delete crd "${istio[@]/%/.istio.io}" >/dev/null
k -n shop delete secret web >/dev/null
resolved() { json gateway waypoint '.status.listeners[] | select(.name == "tls") | .conditions[] | select(.type == "ResolvedRefs") | .status + "/" + .reason'; }
becomes "a Secret that is deleted is missed in the status" False/InvalidCertificateRef resolved
is "the other listeners are unaffected" "$(via)" true

# Parameters.
parameters() { printf 'apiVersion: pingway.dev/v1alpha1\nkind: PingwayParameters\nmetadata: { name: edge, namespace: shop }\nspec: %s\n' "$1" | k apply -f - 2>&1; }
says "parameters that are nonsense are refused" "$(parameters '{ replicas: 0 }')$(parameters '{ replicas: 2, autoscaling: {} }')" 'spec.replicas' 'autoscaling'
k -n shop patch gateway waypoint --type=merge -p '{"spec":{"infrastructure":{"parametersRef":{"group":"pingway.dev","kind":"PingwayParameters","name":"edge"}}}}' >/dev/null
becomes "parameters that are not there are told" False/InvalidParameters condition waypoint Accepted
is "and what runs stays" "$(via)" true
parameters '{ replicas: 2, accessLog: {} }' >/dev/null
replicas() { json deployment $made .status.readyReplicas; }
becomes "parameters are followed" 2 replicas
becomes "and the Gateway is accepted" True/Accepted condition waypoint Accepted
parameters '{ autoscaling: { minReplicas: 2, maxReplicas: 4 } }' >/dev/null
scaled() { k -n shop get hpa $made -o json 2>/dev/null | jq -r '[.spec.minReplicas, .spec.maxReplicas] | join("-")'; }
becomes "an autoscaler is made" 2-4 scaled
k -n shop patch gateway waypoint --type=json -p '[{"op":"remove","path":"/spec/infrastructure"}]' >/dev/null
becomes "and is gone with the parameters" "" scaled

# The scope follows the listeners: rights come and go with it.
k create namespace cart >/dev/null
k label namespace cart team=cart >/dev/null
bound() { k get rolebinding -n cart -l pingway.dev/gateway-namespace=shop -o json | jq -r '[.items[].roleRef.name] | sort | join(" ")'; }
k apply -f tests/e2e/elsewhere.yaml >/dev/null || bad "a route of another namespace is applied" ""
allow() { k -n shop patch gateway waypoint --type=json -p "[{\"op\":\"replace\",\"path\":\"/spec/listeners/0/allowedRoutes/namespaces\",\"value\":$1}]" >/dev/null; }
allow '{"from":"Selector","selector":{"matchLabels":{"team":"cart"}}}'
becomes "a namespace that a listener takes is bound" "pingway-proxy-namespace pingway-proxy-pods" bound
cart() { code -H "host: $host" "http://$(address)/cart"; }
becomes "and its routes are served" 302 cart
allow '{"from":"Same"}'
becomes "a namespace that none takes any more is not bound" "" bound
becomes "nor are its routes served" 200 cart
k delete namespace cart --wait=false >/dev/null

# The API server is away, under load.
load away
"$cluster/component" stop kube-apiserver
# So long, a minute at full scale.
sleep "$([ "${PINGWAY_SCALE:-ci}" = full ] && echo 60 || echo 10)"
"$cluster/component" start kube-apiserver
until k get namespace shop >/dev/null 2>&1 || [ $SECONDS -gt 1200 ]; do sleep 0.2; done
unloaded away "while the API server is away no request is lost"
until rewrites back 2>/dev/null || [ $SECONDS -gt 1200 ]; do sleep 0.2; done
becomes "and edits are followed again" back via
becomes "by the controller too" true observed

# Many Gateways.
gateways=20
[ "${PINGWAY_SCALE:-ci}" = full ] && gateways=200
k create namespace many >/dev/null
begun=$SECONDS
# By default each asks for a twentieth of a processor, of which the node has few.
{
    printf 'apiVersion: pingway.dev/v1alpha1\nkind: PingwayParameters\nmetadata: { name: small, namespace: many }\nspec: { resources: { requests: { cpu: 1m, memory: 16Mi } } }\n'
    for ((i = 1; i <= gateways; i++)); do
        printf -- '---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: g%d, namespace: many }\nspec: { gatewayClassName: pingway, listeners: [{ name: a, port: 80, protocol: HTTP }], infrastructure: { parametersRef: { group: pingway.dev, kind: PingwayParameters, name: small } } }\n' "$i"
    done
} | k apply -f - >/dev/null
programmed() { k -n many get gateways -o json | jq '[.items[].status.conditions[]? | select(.type == "Programmed" and .status == "True")] | length'; }
# What limits it: objects that are not made, pods that are not placed or started, or words of replicas that do not come through.
count() { printf '    %s: %s\n' "$1" "$(k -n many get "$2" -o json | jq "[.items[] | select($3)] | length")"; }
limits() {
    local ready='.status.conditions[]? | .type == "Ready" and .status == "True"'
    count "Services" services true
    count "Deployments" deployments true
    count "Gateways of which something is refused" gateways '.status.conditions[]? | .type == "pingway.dev/Provisioned"'
    count "pods that no node has" pods '.spec.nodeName == null'
    count "pods Pending on a node" pods '.spec.nodeName != null and .status.phase == "Pending"'
    count "pods Running and not Ready" pods ".status.phase == \"Running\" and ([$ready] | any | not)"
    count "pods Ready" pods "$ready"
    count "replicas that report" configmaps '(.data // {}) | keys | any(startswith("pod."))'
    count "Gateways with an address" gateways '.status.addresses | length > 0'
}
# A node of two processors starts a pod in some seconds.
patience=$((60 + gateways * 6)) becomes "$gateways Gateways are programmed" "$gateways" programmed || limits
echo "  after $((SECONDS - begun)) s"

# Uninstall.
k delete namespace many shop --timeout=180s >/dev/null || bad "namespaces with Gateways can be deleted" "$(k get namespaces)"
becomes "with Gateways goes all that they ran on" "" left
k delete -k deploy/ --timeout=120s >/dev/null || bad "deploy/ is deleted" ""
traces() { k get clusterrole,clusterrolebinding,gatewayclass,crd -o name | grep -i pingway; k get namespace pingway-system -o name 2>/dev/null; }
becomes "and nothing of the installation is left" "" traces
