# Sourced by end-to-end tests, beside tests/clients/lib.sh: the cluster, and conditions that are waited for.

k() { "$cluster/kubectl" "$@"; }
inside() { "$cluster/exec" "$@"; }
code() { inside curl -sS -m 10 -o /dev/null -w '%{http_code}' "$@" 2>/dev/null; }

# becomes NAME WANT COMMAND ...: the command prints this, within half a minute (or $patience seconds).
becomes() {
    local name=$1 want=$2 have end=$((SECONDS + ${patience:-30}))
    shift 2
    until have=$("$@"); [ "$have" = "$want" ]; do
        [ $SECONDS -lt $end ] || { bad "$name: not $want" "$have"; return 1; }
        sleep 0.1
    done
    ok "$name"
}
