#!/usr/bin/env bash
# Measures a GatewayClass from the control plane's side: run.sh --class NAME [--json FILE] [FLAGS]; --help tells all.
#
# The cluster is the one that KUBECONFIG names, or else the test cluster (tests/cluster). Requests go to pods by their addresses: where
# this machine does not reach those, --exec "CMD ..." (the first flag) says what to run the measuring under, `ssh NODE` say.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

under=("$here/../../tests/cluster/exec")
if [ "${1:-}" = --exec ]; then
    read -ra under <<<"$2"
    shift 2
elif [[ " $* " = *" --help "* ]]; then
    under=()
fi
exec "${under[@]}" python3 -B "$here" "$@"
