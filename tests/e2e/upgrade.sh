# Sourced by tests/parts/lifecycle.sh, with Pingway installed and the Gateway shop/waypoint served: from one version to the next under
# load. Before the first release, "the next" is the same image under another tag.

previous=$(git describe --tags --abbrev=0 2>/dev/null)
if [ -n "$previous" ]; then
    echo "  from $previous to what is here"
    image_of "$previous"
    k delete -k deploy/ --timeout=120s >/dev/null
    k apply -k "$scratch/$previous/deploy" >/dev/null
    k -n pingway-system rollout status --timeout=120s deployment/pingway-controller >/dev/null || bad "$previous runs" "$(k -n pingway-system get pods)"
    next=$PWD/deploy
else
    echo "  no release yet: from the image here to the same one under the tag next"
    next=$scratch/next
    cp -r deploy "$next"
    sed -i 's/^  newTag: .*/  newTag: next/' "$next/kustomization.yaml"
fi
patience=90 becomes "before the upgrade the Gateway is programmed" True/Programmed condition waypoint Programmed
becomes "and serves" older via
proxy_image() { json deployment $made '.spec.template.spec.containers[0].image'; }
wanted=$(k kustomize "$next" | sed -n '/PINGWAY_IMAGE/{n;s/.*value: //p}')
is "the images differ" "$([ "$(proxy_image)" != "$wanted" ] && echo "$wanted")" "$wanted"

# Everything that the API server tells meanwhile.
k -n shop get gateway waypoint --watch -o json >"$scratch/gateways" 2>/dev/null &
started+=($!)
k -n shop get deployment $made --watch -o json >"$scratch/deployments" 2>/dev/null &
started+=($!)
load upgrade
k apply -k "$next" >/dev/null || bad "the next version is applied" ""
k -n pingway-system rollout status --timeout=120s deployment/pingway-controller >/dev/null || bad "the next controller runs" "$(k -n pingway-system get pods)"
becomes "its controller rolls the waypoint to its own image" "$wanted" proxy_image
k -n shop rollout status --timeout=120s deployment/$made >/dev/null || bad "the waypoint is rolled" "$(k -n shop get pods)"
proxies() { k -n shop get pods -l pingway.dev/gateway=$made -o json | jq -r '[.items[] | select(.metadata.deletionTimestamp == null).spec.containers[0].image] | unique | join(" ")'; }
becomes "and no proxy of the old one stays" "$wanted" proxies
rewrites upgraded
becomes "the next version follows edits" upgraded via
becomes "and observes them" true observed
unloaded upgrade "an upgrade loses no request"
said() { jq -r '.status.conditions[]? | select(.type == "Programmed").status' "$scratch/gateways" | sort -u | xargs; }
is "Programmed was true throughout" "$(said)" True
available() { jq -r '.status.availableReplicas // 0' "$scratch/deployments" | sort -n | head -n 1; }
is "and there was a proxy throughout" "$(available)" 1
is "nothing was started again" "$(restarts)" 0

# What is to come goes by the version here.
k apply -k deploy/ >/dev/null
k -n pingway-system rollout status --timeout=120s deployment/pingway-controller >/dev/null
