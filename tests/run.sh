#!/usr/bin/env bash
# Every check and test of Pingway.
#
#   tests/run.sh            all parts; what this machine lacks is said, with the reason
#   tests/run.sh NAME ...   only these parts
#   tests/run.sh --ci       all parts, nothing skipped: a missing tool is a failure
#   tests/run.sh --soak     all parts at full scale (PINGWAY_SCALE=full), fat LTO
#   tests/run.sh --list     the parts, and those that are run by name only
#
# As root on Debian it installs what it needs; elsewhere it says what is missing. Ctrl-C ends all of it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
export CARGO_TERM_COLOR=never

# Those behind callgrind build a Kubernetes, istiod, or Helm, once.
parts=(fmt clippy docs deny unit pure serve clients benches zero-loss memory sandwich callgrind waypoint
    controller lifecycle istio conformance deploy)
# Run by name only: what it measures is worth little on a busy machine.
named=(control-plane)
strict=0 chosen=()
export PINGWAY_SCALE=${PINGWAY_SCALE:-ci}
usage() { sed -n '2,10s/^# \{0,1\}//p' tests/run.sh; }
for arg in "$@"; do
    case $arg in
        --ci) strict=1 ;;
        --soak) PINGWAY_SCALE=full ;;
        --list) printf '%s\n' "${parts[@]}" "${named[@]/%/ (by name only)}"; exit 0 ;;
        -h | --help) usage; exit 0 ;;
        -*) echo "unknown flag $arg"; usage; exit 2 ;;
        *) [[ " ${parts[*]} ${named[*]} " = *" $arg "* ]] || { echo "no part named $arg; tests/run.sh --list names them"; exit 2; }
           chosen+=("$arg") ;;
    esac
done
[ ${#chosen[@]} -gt 0 ] && parts=("${chosen[@]}")

started=$SECONDS
# CI ends what takes 90 minutes; five before that we end it ourselves, and say what was left.
limit=${PINGWAY_TEST_SECONDS:-$((85 * 60))}
log=target/test-logs
mkdir -p "$log" && [ -w "$log" ] || { echo "$PWD/$log cannot be written to: use a copy of your own"; exit 2; }
passed=() failed=() missing=() left=()

# A part and all that it starts are one process group, so that they end together.
set -m
job=
end() { [ -z "$job" ] || kill "-$1" -- "-$job" 2>/dev/null; }
stop() {
    trap '' INT TERM HUP
    exec 2>/dev/null
    echo; echo "stopped in $part"
    end TERM
    for _ in {1..50}; do end 0 || break; sleep 0.1; done
    end KILL
    exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'stop 129' HUP

for part in "${parts[@]}"; do
    seconds=$((limit - (SECONDS - started)))
    within=()
    if [ $strict = 1 ]; then
        [ $seconds -gt 0 ] || { left+=("$part"); continue; }
        within=(timeout --kill-after=20 "$seconds")
    fi
    echo "== $part"
    begun=$SECONDS
    "${within[@]}" bash -c 'set -o pipefail; bash "tests/parts/$1.sh" </dev/null 2>&1 | tee "$2"' run "$part" "$log/$part.log" &
    job=$!
    wait $job
    code=$?
    end KILL
    job=
    echo "-- $part: exit $code, $((SECONDS - begun)) s"
    # A part that lacks a tool exits with 77 and says which one.
    case $code in
        0) passed+=("$part") ;;
        77) if [ $strict = 1 ]; then failed+=("$part"); else missing+=("$part"); fi ;;
        124) failed+=("$part"); echo "missing: time" >>"$log/$part.log" ;;
        *) failed+=("$part") ;;
    esac
done

# What a part says is missing, or else WORD.
why() { grep -ah '^missing:' "$log/$1.log" | tail -n 1 | grep . || echo "$2"; }

# What failed within a part, again: a log may be read from its end.
for part in "${failed[@]}"; do
    grep -ahE -A 4 '^(FAILED: |---- .* stdout ----|error(\[|:)|thread .* panicked)' "$log/$part.log" | head -n 60 | sed "s/^/$part: /"
done

echo
echo "== summary after $((SECONDS - started)) s"
for part in "${passed[@]}" "${failed[@]}" "${missing[@]}"; do
    grep -ahE '^(test result:|advisories|bans |[0-9]+ (passed|checks), [0-9]+ failed)' "$log/$part.log" | sed "s/^/$part: /"
done
for part in "${missing[@]}"; do echo "not run: $part: $(why "$part" "no reason given")"; done
for part in "${failed[@]}"; do echo "failed: $part: $(why "$part" "see $log/$part.log")"; done
[ ${#left[@]} -eq 0 ] || echo "out of time, not run: ${left[*]}"
echo "${#passed[@]} passed, $((${#failed[@]} + ${#left[@]})) failed, ${#missing[@]} skipped"
[ $((${#failed[@]} + ${#left[@]})) -eq 0 ]
