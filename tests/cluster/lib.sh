# Sourced by the commands: names and places, a lock, and how to reach into the node.
# shellcheck shell=bash disable=SC2034,SC2154

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../parts/lib.sh
. "$here/../parts/lib.sh"

cluster=${PINGWAY_CLUSTER:-pingway}
state=/run/pingway-cluster-$cluster # this cluster's files on the machine; `down` removes them
discovered=$state/kubectl # what kubectl keeps of which kinds are served: clusters have one address, one after the other
cgroup=pingway-cluster-$cluster

# fail WORDS: ends the command with the reason.
fail() { echo "cluster $cluster: $*" >&2; exit 1; }

[[ $cluster =~ ^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$ ]] || fail "PINGWAY_CLUSTER must be a short DNS label"

# born PID: when that process started. A number that is used again has another birth.
born() { awk '{ print $22 }' "/proc/$1/stat" 2>/dev/null; }

# node_pid: the process that holds the node's namespaces, if it lives.
node_pid() {
    local pid birth
    { read -r pid birth <"$state/node"; } 2>/dev/null || return 1
    [ "$(born "$pid")" = "$birth" ] && echo "$pid"
}

# into_network CMD ...: becomes CMD within the node's network, with this machine's files and processes.
into_network() {
    local pid
    pid=$(node_pid) || fail "is not up (tests/cluster/up)"
    exec nsenter --target "$pid" --net -- env KUBECONFIG="$state/admin.kubeconfig" KUBECACHEDIR="$discovered" PATH="$state/bin:$PATH" "$@"
}

# in_network CMD ...: runs CMD there.
in_network() { (into_network "$@"); }

# in_node CMD ...: within the node: its network, its mounts, its processes.
in_node() {
    local pid
    pid=$(node_pid) || fail "is not up (tests/cluster/up)"
    nsenter --target "$pid" --net --mount --pid -- "$@"
}

# kube ARGS ...: kubectl of the cluster's own version.
kube() { in_network kubectl "$@"; }

# lock NAME: holds that lock until this command ends.
lock() {
    mkdir -p "$tools"
    exec 9>"$tools/cluster-$1.lock"
    flock --nonblock 9 || { echo "cluster $cluster: another command is at work ($1): waiting"; flock 9; }
}
