# Sourced: starts and stops the components, and waits for what they bring about.
# shellcheck shell=bash disable=SC2154,SC2016

# start NAME ...: the components, as processes of the node.
start() {
    local name
    for name; do
        in_node bash -c 'setsid "$1/run.sh" "$3" >>"$2/log/$3.log" 2>&1 </dev/null 9>&- & echo $! >"$2/pid/$3"' \
            start "$here" "$state" "$name"
    done
}

# alive NAME: whether the component runs.
alive() { in_node bash -c 'kill -0 "$1"' alive "$(cat "$state/pid/$1")" 2>/dev/null; }

# stop NAME: ends it at once, as a crash would.
stop() {
    in_node bash -c 'kill -KILL "$1"' stop "$(cat "$state/pid/$1")" || fail "$1 does not run"
    await_end=$((SECONDS + 30))
    while alive "$1"; do
        [ $SECONDS -lt $await_end ] || fail "$1 does not end"
        sleep 0.05
    done
}

# broken NAME WORDS: ends the command with the component's last words.
broken() {
    echo "--- last lines of $1:" >&2
    tail -n 15 "$state/log/$1.log" >&2 || true
    [ ! -s "$state/log/await" ] || { echo "--- what was waited for said:"; tail -n 3 "$state/log/await"; } >&2
    fail "$1: $2"
}

# await NAME WHAT CMD ...: until CMD succeeds. The component is to blame when it does not.
await() {
    local name=$1 what=$2 end=$((SECONDS + ${PINGWAY_PATIENCE:-120}))
    shift 2
    until "$@" >"$state/log/await" 2>&1; do
        alive "$name" || broken "$name" "ended, waiting for $what"
        [ $SECONDS -lt $end ] || broken "$name" "waited too long for $what"
        sleep 0.1
    done
}
