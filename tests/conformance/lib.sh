# Sourced by the commands: builds the suite once, and says where it is.
# shellcheck shell=bash disable=SC2034,SC2154

conformance=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$conformance/../.." && pwd)
# shellcheck source=../parts/lib.sh
. "$conformance/../parts/lib.sh"
suite=$tools/conformance-$(cd "$conformance" && cat go.mod go.sum conformance_test.go compare/*.go | sha256sum | cut -c1-12)

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
