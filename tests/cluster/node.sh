#!/usr/bin/env bash
# The node's first process, started by `up` in new network, mount and PID namespaces. It makes the place that the components
# run in, then waits for what they leave behind. When it is killed, everything in the node is gone with it.
# shellcheck disable=SC2154
. "$(dirname "$0")/lib.sh"

# /proc is the machine's still: it tells our number there, by which the commands find the node.
read -r pid _ </proc/self/stat
echo "$pid $(born "$pid")" >"$state/node.new"
mv "$state/node.new" "$state/node"

# The machine's table of mounts, which would be in /run, is none of the node's business.
mount() { command mount --no-mtab "$@"; }

# What the node writes stays in memory: /run is new, and the folders that a node's software writes to are copied on write.
mount -t tmpfs -o mode=755 node /mnt
mkdir "/mnt/${state#/run/}"
mount --bind "$state" "/mnt/${state#/run/}"
mount --move /mnt /run
for dir in /etc /opt /var/lib /var/log; do
    mkdir -p "/run/node$dir/upper" "/run/node$dir/work"
    mount -t overlay -o "lowerdir=$dir,upperdir=/run/node$dir/upper,workdir=/run/node$dir/work" node "$dir"
done
# Containers' layers are overlays themselves, and those do not stand on an overlay. kubelet knows a file system in memory by where
# it is mounted: each of these is one of its own, mounted once.
for dir in /var/lib/containerd /var/lib/kubelet /run/node/sysctl; do
    mkdir -p "$dir"
    mount -t tmpfs -o mode=755 node "$dir"
done

mount -t proc proc /proc
# kubelet sets these for the whole machine, where they are not so already. Here it finds them so.
pin() {
    echo "$2" >"/run/node/sysctl/${1##*/}"
    mount --bind "/run/node/sysctl/${1##*/}" "/proc/sys/$1"
}
pin vm/overcommit_memory 1
pin vm/panic_on_oom 0
pin kernel/panic 10
pin kernel/panic_on_oops 1
pin kernel/keys/root_maxkeys 1000000
pin kernel/keys/root_maxbytes 25000000
mount --make-rshared /

# There is no way out. A bridge carries the node's address and the default route; an address of a Service that is not
# programmed dies there.
ip link set lo up
ip link add node0 type bridge
ip address add 10.250.0.1/16 dev node0
ip link set node0 up
ip route replace default dev node0
echo 1 >/proc/sys/net/ipv4/ip_forward

mkdir -p /etc/cni/net.d /run/node/tmp
rm -rf /etc/cni/net.d/*
cp "$here/cni.json" /etc/cni/net.d/10-pods.conflist
touch "$state/laid"

while :; do
    sleep infinity &
    wait $! || true
done
