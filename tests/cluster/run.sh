#!/usr/bin/env bash
# Becomes one component, within the node: run.sh NAME.
# shellcheck disable=SC2154
. "$(dirname "$0")/lib.sh"
cd "$state"
export TMPDIR=/run/node/tmp
unset KUBECONFIG

case $1 in
    containerd) exec containerd --config "$state/containerd.toml" ;;
    etcd) exec bin/etcd --data-dir=/run/node/etcd --unsafe-no-fsync --quota-backend-bytes=8589934592 \
        --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \
        --listen-peer-urls=http://127.0.0.1:2380 ;;
    kube-apiserver) exec bin/kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
        --advertise-address=10.250.0.1 --secure-port=6443 --service-cluster-ip-range=10.96.0.0/16 \
        --client-ca-file=ca.crt --tls-cert-file=apiserver.crt --tls-private-key-file=apiserver.key \
        --service-account-issuer=https://kubernetes.default.svc \
        --service-account-key-file=accounts.pub --service-account-signing-key-file=accounts.key \
        --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
        --kubelet-certificate-authority=ca.crt --kubelet-preferred-address-types=InternalIP \
        --kubelet-client-certificate=admin.crt --kubelet-client-key=admin.key ;;
    kube-controller-manager) exec bin/kube-controller-manager --kubeconfig=admin.kubeconfig --leader-elect=false \
        --use-service-account-credentials=true \
        --service-account-private-key-file=accounts.key --root-ca-file=ca.crt \
        --cluster-signing-cert-file=ca.crt --cluster-signing-key-file=ca.key \
        --kube-api-qps=500 --kube-api-burst=1000 ;;
    kube-scheduler) exec bin/kube-scheduler --kubeconfig=admin.kubeconfig --leader-elect=false \
        --kube-api-qps=500 --kube-api-burst=1000 ;;
    kubelet) exec bin/kubelet --config=kubelet.yaml --kubeconfig=kubelet.kubeconfig --hostname-override=node \
        --node-ip=10.250.0.1 --root-dir=/var/lib/kubelet ;;
    kube-proxy) exec bin/kube-proxy --config=kube-proxy.yaml ;;
    *) fail "no component named $1" ;;
esac
