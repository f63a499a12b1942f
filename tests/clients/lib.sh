# Sourced by parts that drive the binary from outside: checks that count, and the processes that they need.

passed=0 failed=0 started=()
scratch=$(mktemp -d)
trap 'kill "${started[@]}" 2>/dev/null; rm -rf "$scratch"' EXIT

# ok NAME: a check that held. bad NAME TEXT: one that did not, and what came instead.
ok() { passed=$((passed + 1)); echo "ok: $1"; }
bad() { failed=$((failed + 1)); echo "FAILED: $1"; head -n 40 <<<"$2" | sed 's/^/    /'; }

# is NAME HAVE WANT
is() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: not $3" "$2"; fi; }

# says NAME TEXT PATTERN ...: the text has each of these extended regular expressions.
says() {
    local name=$1 text=$2 pattern
    shift 2
    for pattern in "$@"; do
        grep -aqE -- "$pattern" <<<"$text" || { bad "$name: no $pattern" "$text"; return; }
    done
    ok "$name"
}

# start COMMAND ...: runs it in the background; its output is read by `next`. $last is its id.
start() {
    local pipe=$scratch/pipe
    mkfifo "$pipe"
    "$@" >"$pipe" 2>&1 &
    last=$!
    started+=("$last")
    exec {output}<"$pipe"
    rm "$pipe"
}

# next PATTERN: reads the output of what was started last up to a line with this; the lines are then in $lines.
next() {
    local line
    lines=
    while IFS= read -r -t 30 line <&"$output"; do
        lines+=$line$'\n'
        grep -qE -- "$1" <<<"$line" && return
    done
    bad "started: no $1" "$lines"
    finish
}

# interrupt NAME ID: Ctrl-C ends it with 0, and soon.
interrupt() {
    local begun=$SECONDS code=0
    kill -INT "$2"
    wait "$2" || code=$?
    is "$1: Ctrl-C ends it with exit code 0" "$code" 0
    is "$1: and soon" "$((SECONDS - begun < 10))" 1
}

# A port that is free now.
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }

# finish: the count, and the part's exit code.
finish() {
    echo "$passed passed, $failed failed"
    exit $((failed > 0))
}
