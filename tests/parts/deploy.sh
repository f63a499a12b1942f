# `kubectl apply -k deploy/` and the Helm chart give the same objects, values change what they say, and nonsense is refused.
. tests/parts/lib.sh
debian /usr/bin/python3 python3
python yaml python3-yaml
# Helm and kustomize, built once.
programs=$tools/deploy-$(cat tests/deploy/go/go.mod tests/deploy/go/go.sum | sha256sum | cut -c1-12)
if [ ! -d "$programs" ]; then
    command -v go >/dev/null || missing go "to build Helm and kustomize"
    rm -rf "$programs.partial"
    mkdir -p "$programs.partial"
    (
        cd tests/deploy/go
        GOTOOLCHAIN=auto GOFLAGS='' GOWORK=off CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$programs.partial/" tool
    )
    mv "$programs.partial" "$programs"
fi
export PATH="$programs:$PATH"
set +e
. tests/clients/lib.sh
# Helm looks at no cluster and keeps nothing.
export HOME=$scratch KUBECONFIG=/dev/null

chart() { helm template pingway deploy/helm --namespace pingway-system "$@" 2>"$scratch/said"; }
kustomize build deploy >"$scratch/kustomize.yaml" || bad "kustomize" ""
chart >"$scratch/helm.yaml" || bad "helm" "$(cat "$scratch/said")"
# Helm makes the namespace itself (--create-namespace).
same=$(tests/deploy/compare "$scratch/kustomize.yaml" "$scratch/helm.yaml" Namespace 2>&1)
is "kustomize and Helm give the same objects${same:+, but: $same}" $? 0
says "helm lint" "$(helm lint --strict --quiet deploy/helm 2>&1; echo "exit $?")" 'exit 0'

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
is "the image has Pingway's version, for kustomize" "$(sed -n 's/^ *image: //p' "$scratch/kustomize.yaml")" "localhost/pingway:$version"
is "and proxies get the same" "$(sed -n '/PINGWAY_IMAGE/{n;s/.*value: //p}' "$scratch/kustomize.yaml")" "localhost/pingway:$version"

narrow=$(chart --set 'secretNamespaces={shop,cart}')
says "Secrets of some namespaces: the controller is told" "$narrow" '--secret-namespaces=shop,cart'
is "and bound there, and there only" "$(grep -A3 'kind: .*Binding' <<<"$narrow" | grep -A1 'name: pingway-controller-secrets' | grep namespace: | xargs)" \
    "namespace: shop namespace: cart"
says "an image of another name" "$(chart --set image.repository=registry.example/pingway,image.tag=v9)" \
    ' image: registry.example/pingway:v9' 'PINGWAY_IMAGE, value: registry.example/pingway:v9'
bare=$(chart --set gatewayClass.create=false,podDisruptionBudget.enabled=false)
is "without a class and a budget" "$(grep -E "^kind: (GatewayClass|PodDisruptionBudget|Deployment)" <<<"$bare")" "kind: Deployment"
for nonsense in replicas=-1 replica=2 'secretNamespaces={A b}' image.pullPolicy=Sometimes log=null podDisruptionBudget.maxUnavailable=half; do
    chart --set "$nonsense" >/dev/null
    says "refused: $nonsense" "$(cat "$scratch/said")" 'schema'
done
finish
