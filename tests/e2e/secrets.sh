# Sourced by tests/parts/lifecycle.sh: the controller narrowed to the Secrets of some namespaces, as docs/installation.md says.

narrow=$scratch/narrow
mkdir -p "$narrow"
cp -r deploy "$narrow/deploy"
cat >"$narrow/kustomization.yaml" <<'END'
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [deploy, bindings.yaml]
patches:
- patch: |
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: { name: pingway-controller-secrets }
    $patch: delete
- target: { kind: Deployment, name: pingway-controller }
  patch: |
    - { op: add, path: /spec/template/spec/containers/0/args/-, value: "--secret-namespaces=shop" }
END
cat >"$narrow/bindings.yaml" <<'END'
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: pingway-controller-secrets, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: pingway-controller-secrets }
subjects: [{ kind: ServiceAccount, name: pingway-controller, namespace: pingway-system }]
END
k create namespace vault >/dev/null
for namespace in shop vault; do sed "s/namespace: .*/namespace: $namespace/; s/name: .*/name: web/" config/quickstart/tls.yaml | k apply -f - >/dev/null; done
k apply -f - >/dev/null <<'END'
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: gateways, namespace: vault }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: Gateway, namespace: shop }]
  to: [{ group: "", kind: Secret }]
END
k delete clusterrolebinding pingway-controller-secrets >/dev/null
k apply -k "$narrow" >/dev/null || bad "the narrowed installation is applied" ""
k -n pingway-system rollout status --timeout=120s deployment/pingway-controller >/dev/null || bad "the narrowed controller runs" "$(k -n pingway-system get pods)"
reads() { k auth can-i list secrets --namespace "$1" --as system:serviceaccount:pingway-system:pingway-controller 2>/dev/null; }
is "it may read Secrets where it is bound, and nowhere else" "$(reads shop) $(reads vault) $(reads pingway-system)" "yes no no"
gateway shop secrets 'listeners: [{ name: seen, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: web }] } },
    { name: unseen, port: 444, protocol: HTTPS, tls: { certificateRefs: [{ name: web, namespace: vault }] } }]'
refs() { json gateway secrets ".status.listeners[] | select(.name == \"$1\") | .conditions[] | select(.type == \"ResolvedRefs\") | .status + \"/\" + .reason"; }
patience=90 becomes "a certificate of a namespace that is listed resolves" True/ResolvedRefs refs seen
is "one of another does not" "$(refs unseen)" False/InvalidCertificateRef
says "and why is told" "$(json gateway secrets '.status.listeners[] | select(.name == "unseen") | .conditions[] | select(.type == "ResolvedRefs").message')" 'may not read Secrets of vault'
at=$(json service secrets-pingway .spec.clusterIP)
becomes "what resolves is served" 404 code -k "https://$at/"
# Whatever failed would be tried again within half a minute, without end.
before=$(controllers 'pingway_controller_writes_total[{].*failed')
is "nothing was written that was refused" "$before" 0
is "no right is handed out there" "$(k -n vault get roles,rolebindings -o name)" ""
is "and nothing was started again" "$(restarts)" 0
k -n shop delete gateway secrets >/dev/null

# All of them again.
k apply -k deploy/ >/dev/null
k -n shop delete rolebinding pingway-controller-secrets >/dev/null
k -n pingway-system rollout status --timeout=120s deployment/pingway-controller >/dev/null
k delete namespace vault --wait=false >/dev/null
