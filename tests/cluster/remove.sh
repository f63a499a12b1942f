# Sourced by `up` and `down`: takes away what a cluster, whole or half, has on the machine.
# shellcheck shell=bash disable=SC2154

# within SECONDS CMD ...: whether CMD succeeds in that time.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}

no_node() { ! node_pid >/dev/null; }

# cgroup_folders: where this cluster has its cgroups, in the one hierarchy or in each of the old kind.
cgroup_folders() {
    local top
    for top in /sys/fs/cgroup /sys/fs/cgroup/*; do
        [ ! -d "$top/$cgroup" ] || echo "$top/$cgroup"
    done
}

no_cgroups() {
    local folder
    for folder in $(cgroup_folders); do
        find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    [ -z "$(cgroup_folders)" ]
}

remove() {
    local pid
    if pid=$(node_pid); then
        # The first process of a PID namespace takes all others with it; mounts and links go with the last of them.
        kill -KILL "$pid"
        within 60 no_node || fail "the node (process $pid) does not end"
    fi
    within 60 no_cgroups || fail "cgroups are left: $(cgroup_folders | tr '\n' ' ')"
    rm -rf --one-file-system "$state"
}
