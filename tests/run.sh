#!/usr/bin/env bash
# Every check and test of Pingway.
#
#   tests/run.sh            all parts; what this machine lacks is said, with the reason
#   tests/run.sh NAME ...   only these parts
#   tests/run.sh --ci       all parts, nothing skipped: a missing tool is a failure
#   tests/run.sh --soak     all parts at full scale (PINGWAY_SCALE=full), fat LTO
#   tests/run.sh --list     the parts
#
# As root on Debian it installs what it needs; elsewhere it says what is missing.
set -uo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never

parts=(fmt clippy docs deny unit pure serve)
strict=0 chosen=()
export PINGWAY_SCALE=${PINGWAY_SCALE:-ci}
for arg in "$@"; do
    case $arg in
        --ci) strict=1 ;;
        --soak) PINGWAY_SCALE=full ;;
        --list) printf '%s\n' "${parts[@]}"; exit 0 ;;
        -*) sed -n '2,11p' "$0"; exit 2 ;;
        *) [ -f "tests/parts/$arg.sh" ] || { echo "no part named $arg; tests/run.sh --list names them"; exit 2; }
           chosen+=("$arg") ;;
    esac
done
[ ${#chosen[@]} -gt 0 ] && parts=("${chosen[@]}")

started=$SECONDS
limit=$((85 * 60))
log=target/test-logs
mkdir -p "$log"
passed=() failed=() missing=() left=()

for part in "${parts[@]}"; do
    if [ $strict = 1 ] && [ $((SECONDS - started)) -ge $limit ]; then left+=("$part"); continue; fi
    echo "== $part"
    begun=$SECONDS
    # A part that lacks a tool exits with 77 and says which one.
    if [ $strict = 1 ]; then
        timeout $((limit - (SECONDS - started))) bash "tests/parts/$part.sh" 2>&1 | tee "$log/$part.log"
    else
        bash "tests/parts/$part.sh" 2>&1 | tee "$log/$part.log"
    fi
    code=${PIPESTATUS[0]}
    echo "-- $part: exit $code, $((SECONDS - begun)) s"
    case $code in
        0) passed+=("$part") ;;
        77) if [ $strict = 1 ]; then failed+=("$part"); else missing+=("$part"); fi ;;
        *) failed+=("$part") ;;
    esac
done

echo
echo "== summary after $((SECONDS - started)) s"
for part in "${parts[@]}"; do
    grep -hE '^(test result:|advisories|bans |[0-9]+ passed, [0-9]+ failed)' "$log/$part.log" 2>/dev/null | sed "s/^/$part: /"
done
for part in "${missing[@]}"; do echo "not run: $part: $(grep -h '^missing:' "$log/$part.log" | tail -n 1)"; done
[ ${#left[@]} -eq 0 ] || echo "out of time, not run: ${left[*]}"
[ ${#failed[@]} -eq 0 ] || echo "failed: ${failed[*]}"
echo "${#passed[@]} passed, $((${#failed[@]} + ${#left[@]})) failed, ${#missing[@]} skipped"
[ $((${#failed[@]} + ${#left[@]})) -eq 0 ]
