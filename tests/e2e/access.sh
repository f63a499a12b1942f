# Sourced by parts with a cluster, after tests/clients/lib.sh, with `k` for its kubectl.

# access NAMESPACE/ACCOUNT: that account may do what tests/e2e/access.tsv says, and nothing of what it denies.
access() {
    local account verb resource namespace name may have count=0 wrong=
    while IFS=$'\t' read -r account verb resource namespace name may; do
        [ "$account" = "$1" ] || continue
        count=$((count + 1))
        local asked=("$verb" "${resource%%/*}") where=(--namespace "$namespace")
        [ "$name" = - ] || asked[1]+=/$name
        [ "$resource" = "${resource#*/}" ] || asked+=(--subresource "${resource#*/}")
        case $namespace in
            '*') where=(--all-namespaces) ;;
            -) where=() ;;
        esac
        have=$(k auth can-i "${asked[@]}" "${where[@]}" --as "system:serviceaccount:${account/\//:}" 2>/dev/null)
        [ "$have" = "$may" ] || wrong+="$verb $resource $namespace $name: ${have:-no answer}, not $may"$'\n'
    done <tests/e2e/access.tsv
    [ "$count" -gt 0 ] || wrong="no line for $1"
    if [ -z "$wrong" ]; then ok "what $1 may do ($count questions)"; else bad "what $1 may do" "$wrong"; fi
}
