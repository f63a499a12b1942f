# Sourced by tests/parts/lifecycle.sh: what others make of a Gateway's objects is set back.

made_of() { json "$1" drifted-pingway "$2"; }
# drifts KIND TYPE PATCH: somebody else patches an object.
drifts() { k -n shop patch "$1" drifted-pingway --type="$2" -p "$3" >/dev/null || bad "a $1 can be changed" ""; }
k apply -f - >/dev/null <<'END'
apiVersion: pingway.dev/v1alpha1
kind: PingwayParameters
metadata: { name: drifted, namespace: shop }
spec: { service: { type: NodePort }, replicas: 2 }
END
two='listeners: [{ name: http, port: 80, protocol: HTTP }, { name: more, port: 81, protocol: HTTP }],
    infrastructure: { parametersRef: { group: pingway.dev, kind: PingwayParameters, name: drifted } }'
gateway shop drifted "$two"
patience=90 becomes "a Gateway is programmed" True/Programmed condition drifted Programmed
k -n shop rollout status --timeout=120s deployment/drifted-pingway >/dev/null || bad "its pods run" "$(k -n shop get pods)"

# A list that the API server merges by key: there, what is renamed stays beside what is ours.
ports() { made_of service '[.spec.ports[] | .name + ":" + (.port|tostring)] | sort | join(" ")'; }
ours=$(ports)
service=$(made_of service '.metadata.uid + " " + .spec.clusterIP')
node_port() { made_of service '.spec.ports[] | select(.port == 81).nodePort'; }
kept=$(node_port)
drifts service json '[{"op":"replace","path":"/spec/ports/0/port","value":8888}]'
becomes "a port of a Service that is changed is set back" "$ours" ports
drifts service json '[{"op":"add","path":"/spec/ports/-","value":{"name":"x","port":8888,"protocol":"TCP"}}]'
becomes "a port beside ours goes" "$ours" ports
is "and the others keep their node ports" "$(node_port)" "$kept"
drifts service merge '{"spec":{"ports":[{"name":"x","port":8888}]}}'
becomes "a list of ports that is replaced is set back" "$ours" ports
drifts service merge '{"spec":{"type":"LoadBalancer","loadBalancerSourceRanges":["10.0.0.0/8"]}}'
reached() { made_of service '.spec.type + " " + ((.spec.loadBalancerSourceRanges // []) | join(" "))'; }
becomes "a type with what goes with it is set back" "NodePort " reached
is "in one and the same Service" "$(made_of service '.metadata.uid + " " + .spec.clusterIP')" "$service"
# What was put in order otherwise than by an apply is not kept when it is wanted no more.
gateway shop drifted "${two/81/82}"
becomes "a listener's port follows it" "${ours/http-81:81/http-82:82}" ports

# The same in a Deployment.
containers() { made_of deployment '[.spec.template.spec.containers[] | .name + " " + ([.env[].name] | join(",")) + " " + ([.ports[].containerPort | tostring] | join(","))] | join(" ")'; }
container=$(containers)
drifts deployment json '[{"op":"replace","path":"/spec/template/spec/containers/0/name","value":"p"}]'
becomes "a container that is renamed is set back" "$container" containers
drifts deployment strategic '{"spec":{"template":{"spec":{"containers":[{"name":"proxy","env":[{"name":"POD_NAME","value":"x","valueFrom":null},{"name":"X","value":"y"}],"ports":[{"containerPort":15020,"$patch":"delete"},{"containerPort":9999,"name":"metrics"}]}]}}}}'
becomes "a container's variables and ports are set back" "$container" containers
is "with their values" "$(made_of deployment '.spec.template.spec.containers[0].env[0] | .value, .valueFrom.fieldRef.fieldPath')" $'null\nmetadata.name'
drifts deployment merge '{"spec":{"template":{"spec":{"volumes":[{"name":"x","emptyDir":{}}]}}}}'
drifts poddisruptionbudget merge '{"spec":{"minAvailable":1,"maxUnavailable":null}}'
budget() { made_of poddisruptionbudget '[.spec.minAvailable, .spec.maxUnavailable] | map(tostring) | join(" ")'; }
becomes "a budget is set back" "null 1" budget
is "what is set beside ours stays" "$(made_of deployment '.spec.template.spec.volumes[0].name')" x
managers() { k -n shop get "$1" drifted-pingway -o json --show-managed-fields | jq -r '[.metadata.managedFields[] | select(.manager == "pingway-controller").operation] | join(" ")'; }
# What was set by an update is applied right after, and owned by that alone one write later.
owned() { echo "$(managers service) $(managers deployment) $(managers poddisruptionbudget)"; }
becomes "all that is ours is applied" "Apply Apply Apply" owned

# Without its label an object is its Gateway's still.
k -n shop label deployment,service,configmap,serviceaccount drifted-pingway pingway.dev/gateway- >/dev/null
labelled() { k -n shop get deployment,service,configmap,serviceaccount -l pingway.dev/gateway=drifted-pingway -o name | wc -l; }
becomes "labels that were taken away are set again" 4 labelled
k -n shop patch deployment drifted-pingway --type=merge -p '{"metadata":{"labels":null},"spec":{"replicas":0}}' >/dev/null
scale() { made_of deployment '(.spec.replicas | tostring) + " " + .metadata.labels["pingway.dev/gateway"]'; }
becomes "and the number of pods of a Deployment that has none" "2 drifted-pingway" scale
is "nothing of it is told as refused" "$(json gateway drifted '[.status.conditions[].type] | sort | join(" ")')" "Accepted Programmed ResolvedRefs"
is "and the Gateway is programmed" "$(condition drifted Programmed)" True/Programmed

# What pods report is theirs to write again.
k -n shop delete configmap drifted-pingway >/dev/null
reports() { k -n shop get configmap drifted-pingway -o json 2>/dev/null | jq '.data // {} | length'; }
patience=90 becomes "a report that was deleted is written again by each pod" 2 reports
becomes "and the Gateway is programmed again" True/Programmed condition drifted Programmed
k -n shop delete gateway,pingwayparameters drifted >/dev/null
