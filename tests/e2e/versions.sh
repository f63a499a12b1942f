# Sourced by tests/parts/lifecycle.sh, with a cluster that has Pingway's image and no CRD: the Gateway API that is installed comes late,
# in parts, and in other versions, while Pingway runs. Leaves Pingway installed, with the CRDs of 1.7.0.

# lists: how often the API server was asked for lists of the kinds that Pingway watches, by anyone.
lists() {
    k get --raw /metrics | awk '/^apiserver_request_total\{.*group="gateway.networking.k8s.io".*verb="LIST"/ && /resource="(gatewayclasses|gateways|httproutes|grpcroutes|referencegrants)"/ { sum += $2 } END { print sum + 0 }'
}

# None is there: Pingway runs, and says what is missing.
k apply -k deploy/ >"$scratch/applied" 2>&1
refused=$(grep -vE '(created|configured|unchanged)$' "$scratch/applied")
says "without the Gateway API the class is refused" "$refused" '[Gg]ateway[Cc]lass'
is "and nothing else" "$(grep -vE 'GatewayClass|^ensure CRDs are installed first$' <<<"$refused")" ""
k -n pingway-system rollout status --timeout=120s deployment/pingway-controller >/dev/null || bad "the controller runs without the Gateway API" "$(k -n pingway-system get pods)"
missing() { k -n pingway-system logs -l app.kubernetes.io/component=controller --tail=-1 | grep -c "Gateway: .*install the CRDs of the Gateway API"; }
becomes "each replica says what to do" 2 missing

# Three kinds of an older version.
"$cluster/crds" v1.5.1 standard gatewayclasses gateways httproutes >/dev/null || bad "CRDs of 1.5.1 are applied" ""
k apply -f deploy/gatewayclass.yaml >/dev/null
becomes "a class that comes later is accepted" True class
k apply -f tests/e2e/controller.yaml >/dev/null || bad "the manifests are applied" ""
patience=90 becomes "with three kinds alone, a Gateway is programmed" True/Programmed condition waypoint Programmed
becomes "and its route served" true via

# The others.
"$cluster/crds" v1.5.1 standard >/dev/null || bad "the other CRDs of 1.5.1 are applied" ""
k apply -f tests/e2e/grpcroute.yaml >/dev/null || bad "a GRPCRoute is applied" ""
becomes "kinds that come later are taken" "Accepted=False ResolvedRefs=True" conditions grpcroute echo
"$cluster/crds" v1.5.1 experimental tcproutes >/dev/null || bad "the CRD of TCPRoute of 1.5.1 is applied" ""
k apply -f tests/e2e/tcproute.yaml >/dev/null || bad "a TCPRoute is applied" ""
patience=90 becomes "and a TCPRoute has its status, in a version that there is" "Accepted=False ResolvedRefs=True" conditions tcproute echo
becomes "the class tells the version" "CRDs of the Gateway API v1.5.1 are installed" class SupportedVersion message
is "which is supported" "$(class SupportedVersion status)/$(class SupportedVersion reason)" True/SupportedVersion
is "all of a class's conditions are of its generation" "$(k get gatewayclass pingway -o json | jq '.metadata.generation as $g | [.status.conditions[].observedGeneration == $g] | all')" true

# Upgraded underneath, and back, under load.
since=$(class SupportedVersion lastTransitionTime)
before=$(lists)
load versions
"$cluster/crds" v1.7.0 standard >/dev/null || bad "CRDs of 1.7.0 are applied" ""
becomes "CRDs are upgraded underneath" "CRDs of the Gateway API v1.7.0 are installed" class SupportedVersion message
is "and the condition has not turned" "$(class SupportedVersion lastTransitionTime)" "$since"
k -n shop patch tcproute echo --type=merge -p '{"spec":{"rules":[{"backendRefs":[{"name":"none","port":80}]}]}}' >/dev/null
becomes "what was TCPRoute v1alpha2 is v1" "Accepted=False ResolvedRefs=False" conditions tcproute echo
rewrites newer
becomes "edits are followed" newer via
becomes "by the controller too" true observed
"$cluster/crds" v1.5.1 standard >/dev/null || bad "CRDs of 1.5.1 are applied again" ""
# 1.5 has no TCPRoute in this channel: what 1.7 brought stays.
becomes "newer CRDs are replaced by older ones" "CRDs of the Gateway API v1.5.1 and v1.7.0 are installed" class SupportedVersion message
rewrites older
becomes "edits are followed still" older via
becomes "by the controller too " true observed
k annotate crd grpcroutes.gateway.networking.k8s.io gateway.networking.k8s.io/bundle-version=v1.99.0 --overwrite >/dev/null
becomes "a version that is not known is told" False/UnsupportedVersion eval 'echo "$(class SupportedVersion status)/$(class SupportedVersion reason)"'
says "with the CRD" "$(class SupportedVersion message)" 'grpcroutes.gateway.networking.k8s.io is of v1.99.0'
is "and the class is accepted all the same" "$(class)" True
"$cluster/crds" v1.7.0 standard >/dev/null
becomes "and mended" True class SupportedVersion
unloaded versions "while the Gateway API changes no request is lost"
asked=$(($(lists) - before))
# Two replicas, one proxy and Kubernetes' own watchers, of five kinds, after each of three changes.
is "and nothing is listed again and again ($asked lists)" "$((asked <= 75))" 1
is "nor was anything started again" "$(restarts)" 0
