# Sourced by the commands: builds the suite and its backend once, and says where they are.
# shellcheck shell=bash disable=SC2034,SC2154

conformance=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$conformance/../.." && pwd)
# shellcheck source=../parts/lib.sh
. "$conformance/../parts/lib.sh"
suite=$tools/conformance-$(cd "$conformance" && cat go.mod go.sum conformance_test.go compare/*.go | sha256sum | cut -c1-12)
echo_advanced=$tools/echo-advanced-$(cat "$conformance/echo-advanced/go.mod" "$conformance/echo-advanced/go.sum" | sha256sum | cut -c1-12)

# build_suite: the suite and the comparer, into the cache.
build_suite() {
    [ ! -d "$suite" ] || return 0
    command -v go >/dev/null || missing go "to build the suite"
    echo "building the conformance suite (once)"
    rm -rf "$suite.partial"
    mkdir -p "$suite.partial"
    (
        cd "$conformance"
        export GOTOOLCHAIN=auto GOFLAGS='' GOWORK=off CGO_ENABLED=0
        go test -c -trimpath -ldflags '-s -w' -o "$suite.partial/conformance.test" .
        go build -trimpath -ldflags '-s -w' -o "$suite.partial/compare" ./compare
    )
    mv "$suite.partial" "$suite"
}

# build_echo_advanced: the image of the mesh tests' backend and client, which is Istio's, into the cache.
build_echo_advanced() {
    local to=$echo_advanced.partial
    [ ! -d "$echo_advanced" ] || return 0
    command -v go >/dev/null || missing go "to build the mesh tests' backend"
    debian openssl openssl
    echo "building echo-advanced (once)"
    rm -rf "$to"
    mkdir -p "$to"
    (
        cd "$conformance/echo-advanced"
        GOTOOLCHAIN=auto GOFLAGS='' GOWORK=off CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$to/" tool
    )
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=echo -addext subjectAltName=DNS:echo \
        -keyout "$to/key.pem" -out "$to/cert.pem" 2>/dev/null
    "$root/tests/cluster/image" --out "$to/image.tar" --name registry.k8s.io/gateway-api/conformance/echo-advanced:v0.1.0 \
        --file "/usr/local/bin/server=$to/server" --file "/usr/local/bin/client=$to/client" \
        --file "/cert.crt=$to/cert.pem,644" --file "/cert.key=$to/key.pem,644" --user 1338:1338 --entrypoint /usr/local/bin/server
    rm "$to/server" "$to/client"
    mv "$to" "$echo_advanced"
}
