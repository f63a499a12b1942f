# Sourced by tests/parts/lifecycle.sh: Istio's policies, whose CRDs come after Pingway: told of, and what they would judge refused.

policy() { printf 'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: %s, namespace: %s }\nspec: { targetRefs: [{ group: gateway.networking.k8s.io, kind: %s, name: %s }] }\n' "$1" "$2" "$3" "$4" | k apply -f - >/dev/null || bad "the policy is applied" ""; }
told() { json gateway waypoint '.status.conditions[] | select(.type == "pingway.dev/PoliciesEnforced") | .status + ": " + .message'; }
waypoint_code() { code -H "host: $host" "http://$(address)/"; }

is "without Istio nothing is said of policies" "$(told)" ""
is "and nothing is missed" "$(controllers pingway_configuration_problems)" 0
becomes "what is served is served" 200 waypoint_code
{ istio_crd security.istio.io AuthorizationPolicy authorizationpolicies authorizationpolicy; istio_crd networking.istio.io DestinationRule destinationrules destinationrule; } | k apply -f - >/dev/null
k wait --for=condition=Established crd/authorizationpolicies.security.istio.io >/dev/null || bad "the CRD is there" ""
policy nobody shop Gateway waypoint
patience=90 becomes "a policy of which CRDs came later is told of on the Gateway" "False: AuthorizationPolicy shop/nobody is not enforced: whatever comes is refused (403)" told
patience=90 becomes "and what it would judge is refused" 403 waypoint_code
is "by what word is said, too" "$(inside curl -sS -H "host: $host" "http://$(address)/")" policy_not_enforced
events() { k -n shop get events -o json | jq -r '[.items[] | select((.regarding // .involvedObject).kind == "AuthorizationPolicy") | .reason + " on " + (.regarding // .involvedObject).name] | unique | join(" ")'; }
becomes "an Event on the policy says so" "PolicyNotEnforced on nobody" events
is "the Gateway is programmed all the same" "$(condition waypoint Programmed)" True/Programmed
k -n shop delete authorizationpolicy nobody >/dev/null
becomes "without it requests pass" 200 waypoint_code
becomes "and the condition goes" "" told

# A class's policies are in the root namespace.
k create namespace istio-system >/dev/null
policy all shop GatewayClass pingway
policy all istio-system GatewayClass pingway
patience=90 becomes "one for the class counts where it is in the root namespace" "False: AuthorizationPolicy istio-system/all is not enforced: whatever comes is refused (403)" told
patience=90 becomes "for its pods, too" 403 waypoint_code
printf 'apiVersion: pingway.dev/v1alpha1\nkind: PingwayParameters\nmetadata: { name: lenient, namespace: shop }\nspec: { unenforcedPolicies: Warn }\n' | k apply -f - >/dev/null
k -n shop patch gateway waypoint --type=merge -p '{"spec":{"infrastructure":{"parametersRef":{"group":"pingway.dev","kind":"PingwayParameters","name":"lenient"}}}}' >/dev/null
patience=90 becomes "parameters let it pass" 200 waypoint_code
says "and it is told of still" "$(told)" 'whatever comes passes without it'
k -n shop patch gateway waypoint --type=json -p '[{"op":"remove","path":"/spec/infrastructure"}]' >/dev/null
k -n shop delete pingwayparameters lenient >/dev/null
k delete namespace istio-system >/dev/null
k -n shop delete authorizationpolicy all >/dev/null
k delete crd authorizationpolicies.security.istio.io destinationrules.networking.istio.io >/dev/null
becomes "with its CRD goes what was said" "" told
patience=90 becomes "and what was refused" 200 waypoint_code
