# Sourced by parts with a cluster: the cluster, Pingway in it, and conditions that are waited for.

. tests/parts/lib.sh
[ "$(id -u)" = 0 ] || missing "a test cluster" "root, to make network namespaces"
debian curl curl
debian jq jq
cluster=tests/cluster
set +e
. tests/clients/lib.sh

k() { "$cluster/kubectl" "$@"; }
inside() { "$cluster/exec" "$@"; }
code() { inside curl -sS -m 10 -o /dev/null -w '%{http_code}' "$@" 2>/dev/null; }

# becomes NAME WANT COMMAND ...: the command prints this, within a minute (or $patience seconds). What took long is told: machines differ.
becomes() {
    local name=$1 want=$2 have since=$SECONDS
    shift 2
    until have=$("$@"); [ "$have" = "$want" ]; do
        [ $((SECONDS - since)) -lt ${patience:-60} ] || { bad "$name: not $want" "$have"; return 1; }
        sleep 0.1
    done
    ok "$name"
    [ $((SECONDS - since)) -lt 10 ] || echo "  after $((SECONDS - since)) s"
}

# cluster_up NAME: a cluster of this part's own, which ends with it.
cluster_up() {
    export PINGWAY_CLUSTER=$1
    trap 'kill "${started[@]}" 2>/dev/null; "$cluster/down"; rm -rf "$scratch"' EXIT
    "$cluster/up" || { bad "the cluster comes up" ""; finish; }
}

# image_in: Pingway's image, in the cluster, under its version and under the tag next.
image_in() {
    local version
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
    deploy/image/build --profile "$(profile)" --name "localhost/pingway:$version" --name localhost/pingway:next --out "$scratch/image.tar" >"$scratch/image.log" 2>&1 ||
        { bad "the image is built" "$(tail "$scratch/image.log")"; finish; }
    "$cluster/load" "$scratch/image.tar" >/dev/null || { bad "the image is loaded" ""; finish; }
}

# image_of TAG: the image of a release, in the cluster as localhost/pingway:previous; its deploy/, with that image, is in $scratch/TAG.
image_of() {
    local at=$scratch/$1
    mkdir -p "$at"
    git archive "$1" | tar -x -C "$at" || { bad "the sources of $1" ""; finish; }
    (cd "$at" && deploy/image/build --profile "$(profile)" --name localhost/pingway:previous --out "$scratch/previous.tar") >"$scratch/image.log" 2>&1 ||
        { bad "the image of $1 is built" "$(tail "$scratch/image.log")"; finish; }
    sed -i 's/^  newTag: .*/  newTag: previous/' "$at/deploy/kustomization.yaml"
    "$cluster/load" "$scratch/previous.tar" >/dev/null || { bad "the image of $1 is loaded" ""; finish; }
}

# installed: Pingway runs, as docs/installation.md says.
installed() {
    k apply -k deploy/ >"$scratch/applied" 2>&1 || { bad "deploy/ is applied" "$(cat "$scratch/applied")"; finish; }
    k -n pingway-system rollout status --timeout=120s deployment/pingway-controller >/dev/null || {
        bad "the controller runs" "$(k -n pingway-system get pods; k -n pingway-system logs --tail=20 deployment/pingway-controller)"
        finish
    }
    ok "Pingway is installed"
}
