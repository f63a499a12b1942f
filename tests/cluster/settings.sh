# Sourced by `up`: the components' certificates, and the files that set them.
# shellcheck shell=bash disable=SC2154

# certificate NAME SUBJECT NAMES: a key and a certificate of the cluster's own authority.
certificate() {
    openssl req -x509 -CA ca.crt -CAkey ca.key -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
        -config <(printf '[req]\ndistinguished_name = dn\n[dn]\n') \
        -subj "$2" -addext "subjectAltName = $3" -keyout "$1.key" -out "$1.crt" 2>>log/openssl.log
}

# kubeconfig NAME USER: how that user reaches the API server, all in one file.
kubeconfig() {
    cat >"$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters:
- name: $cluster
  cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: $(base64 -w0 ca.crt)}
users:
- name: $2
  user: {client-certificate-data: $(base64 -w0 "$2.crt"), client-key-data: $(base64 -w0 "$2.key")}
contexts:
- name: $cluster
  context: {cluster: $cluster, user: $2}
current-context: $cluster
END
}

certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=cluster $cluster" \
        -keyout ca.key -out ca.crt 2>>log/openssl.log
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out accounts.key 2>>log/openssl.log
    openssl pkey -in accounts.key -pubout -out accounts.pub
    local api=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
    certificate apiserver /CN=kube-apiserver "$api,DNS:localhost,IP:127.0.0.1,IP:10.96.0.1,IP:10.250.0.1"
    certificate admin /O=system:masters/CN=admin DNS:admin
    certificate node /O=system:nodes/CN=system:node:node DNS:node,IP:10.250.0.1
    kubeconfig admin admin
    kubeconfig kubelet node
}

settings() {
    : >resolv.conf
    # Where oom_score_adj cannot be lowered, runc would fail without the first setting.
    cat >containerd.toml <<END
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "pingway.test/pause:v1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
END
    # The machine's own disk and kernel are no measure for a node that lives in memory: nothing is evicted for them.
    cat >kubelet.yaml <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: $state/ca.crt}}
authorization: {mode: AlwaysAllow}
tlsCertFile: $state/node.crt
tlsPrivateKeyFile: $state/node.key
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%}
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
resolvConf: $state/resolv.conf
maxPods: 500
END
    # Without the conntrack settings kube-proxy would end where those cannot be written, and take all Services with it.
    cat >kube-proxy.yaml <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $state/admin.kubeconfig}
mode: nftables
hostnameOverride: node
clusterCIDR: 10.244.0.0/16
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
END
}
