# The control plane's measures (benches/control-plane), with bounds that a busy machine keeps too; at full scale the figures of
# docs/control-plane-benchmarks.md.
. tests/e2e/lib.sh
cluster_up ctlplane
image_in
"$cluster/crds" >/dev/null
installed

limits=(median 250 max 3000 all 20)
few=(--steps 300 --present-routes 0 --idle 0 --routes 100 --changes 30 --foreign 500,1000)
[ "${PINGWAY_SCALE:-ci}" = full ] && few=() limits=(median 100 max 1000 all 20)
figures=target/control-plane.json
benches/control-plane/run.sh --class pingway --controller pingway-system/app.kubernetes.io/component=controller --json "$figures" "${few[@]}" ||
    { bad "the measures are taken" ""; finish; }
# holds NAME EXPRESSION: of the figures, and of {median, max, all}.
holds() {
    local have
    have=$(jq -c --argjson limit "$(printf '%s\n' "${limits[@]}" | jq -Rn '[inputs] | [range(0; length; 2) as $i | { (.[$i]): (.[$i + 1] | tonumber) }] | add')" \
        ".measures | $2" "$figures")
    is "$1" "$have" true
}
holds "every route is served, without an error on the way" '[.propagation, .scale.propagation // empty] | all(.never_served == 0 and .errors == 0)'
holds "soon" '[.propagation, .scale.propagation // empty] | all(.from_write_sent_ms | .median < $limit.median and .max < $limit.max)'
holds "a route that changes under load costs no request" '.change | .errors == 0 and .requests > 100'
holds "each route's status is written once, the Gateway's now and then" \
    '.scale.steps | map(.filling | select(.)) | all(.route_status_writes == .routes and .gateway_status_writes < 5 + 3 * (.writing_s + .attached_after_s))'
holds "foreign objects cost a proxy nothing that does not see them" '.foreign.own_namespace.memory_mib_growth < 1'
holds "and little one that does" '.foreign.all_namespaces.memory_mib_growth < $limit.all'
finish
