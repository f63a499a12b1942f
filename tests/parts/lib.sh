# Sourced by the parts: finds or installs a tool, or says plainly what is missing.

set -euo pipefail

tools=${PINGWAY_TOOLS:-${XDG_CACHE_HOME:-${HOME:-$PWD/target}/.cache}/pingway/tools}
export PATH="$tools/bin:$PATH"

# missing TOOL HOW: ends the part as "not run".
missing() { echo "missing: $1 ($2)"; exit 77; }

# debian TOOL PACKAGE: the tool, from Debian's packages where that can be done.
debian() {
    command -v "$1" >/dev/null || apt_package "$2"
    command -v "$1" >/dev/null || missing "$1" "install the package $2"
}

# python MODULE PACKAGE: the same for a module of the system's own Python.
python() {
    /usr/bin/python3 -c "import $1" 2>/dev/null || apt_package "$2"
    /usr/bin/python3 -c "import $1" 2>/dev/null || missing "Python's $1" "install the package $2"
}

# apt_package PACKAGE: installs it, as root on Debian.
apt_package() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    apt-get install -y "$1" >/dev/null 2>&1 || { apt-get update && apt-get install -y "$1"; } >/dev/null || true
}

# rust_tool TOOL CRATE VERSION: the tool of that version, built once.
rust_tool() {
    [ -x "$tools/$2-$3/bin/$1" ] || cargo install --quiet --locked --root "$tools/$2-$3" "$2" --version "$3" || missing "$1" "cargo install $2"
    export PATH="$tools/$2-$3/bin:$PATH"
}

# go_tool TOOL PACKAGE VERSION: likewise, with Go.
go_tool() {
    if [ ! -x "$tools/$1-$3/$1" ]; then
        command -v go >/dev/null || missing "$1" "Go, to build $2"
        GOBIN="$tools/$1-$3" go install "$2@$3" || missing "$1" "go install $2"
    fi
    export PATH="$tools/$1-$3:$PATH"
}

# The binary that image, cluster and measuring parts share: thin LTO, or fat LTO at full scale.
profile() { [ "${PINGWAY_SCALE:-ci}" = full ] && echo soak || echo ci; }
build_binary() {
    PINGWAY_BIN=$(deploy/image/binary "$(profile)" 2>target/test-logs/binary.log) || { cat target/test-logs/binary.log; exit 1; }
    export PINGWAY_BIN
}

# What every part needs.
command -v cargo >/dev/null || missing cargo "install Rust, by https://rustup.rs"
debian cc build-essential
debian cmake cmake
