# Sourced by `up`: builds each part once, into the cache.
# shellcheck shell=bash disable=SC2154

kubernetes=v1.36.3

# built PART: the part's folder in the cache, by the text that it is made from.
built() {
    local sum
    sum=$(cd "$here" && find "go/$1" build.sh image -type f -print0 | sort -z | xargs -0 cat | sha256sum)
    echo "$tools/cluster-$1-${sum:0:12}"
}

# packages: what comes from Debian.
packages() {
    debian containerd containerd
    debian runc runc
    debian nft nftables
    debian iptables iptables
    debian conntrack conntrack
    debian openssl openssl
    debian ip iproute2
    debian nsenter util-linux
    debian python3 python3
    debian /usr/lib/cni/ptp containernetworking-plugins
    command -v go >/dev/null || missing go "to build Kubernetes"
}

# part NAME: builds into a folder that gets its name when it is whole.
part() {
    local to begun=$SECONDS
    to=$(built "$1")
    [ -d "$to" ] && return
    echo "building $1 (once)"
    rm -rf "$to.partial"
    mkdir -p "$to.partial"
    (cd "$here/go/$1" && "build_$1" "$to.partial") || fail "building $1 failed"
    mv "$to.partial" "$to"
    echo "built $1 in $((SECONDS - begun)) s"
}

# compile FOLDER LDFLAGS PACKAGE ...: static programs.
compile() {
    local to=$1 flags=$2
    shift 2
    GOTOOLCHAIN=auto GOFLAGS='' GOWORK=off CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w $flags" -o "$to/" "$@"
}

# CoreDNS and etcd are built with Kubernetes, as they share most of what they are made of with it.
build_kubernetes() {
    local v=k8s.io/component-base/version minor=${kubernetes#v1.}
    compile "$1" "-X $v.gitVersion=$kubernetes -X $v.gitMajor=1 -X $v.gitMinor=${minor%.*}" ./coredns ./etcd tool
    "$here/image" --out "$1/image.tar" --name pingway.test/coredns:v1 --file "/coredns=$1/coredns" --entrypoint /coredns
}

build_pause() {
    compile "$1" "" .
    "$here/image" --out "$1/image.tar" --name pingway.test/pause:v1 --file "/pause=$1/pause" --entrypoint /pause
}

build_client() {
    compile "$1" "" .
    "$here/image" --out "$1/image.tar" --name pingway.test/client:v1 --file "/client=$1/client" --entrypoint /client
}

# The backend of the official suite, under the names that its manifests ask for.
build_echo() {
    local name=registry.k8s.io/gateway-api/conformance/echo-basic
    compile "$1" "" tool
    "$here/image" --out "$1/image.tar" --name "$name:v0.1.0" --name "$name:v0.2.0" \
        --file "/echo-basic=$1/echo-basic" --entrypoint /echo-basic
}

# build: everything; the first to come builds, the others wait.
build() {
    packages
    (
        lock build
        for name in pause client echo kubernetes; do part "$name"; done
    )
}
