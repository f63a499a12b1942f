# Every command that quickstart prints, run as printed. One that is not known here fails.

while IFS= read -r command; do
    name="as printed: ${command:0:60}"
    run() { sh -c "$command" 2>&1 </dev/null | tr -d '\0'; }
    case $command in
        *'uniq -c'*) says "$name" "$(run)" '^ +[5-9][0-9] .*echo-v1' '^ +[0-9]+ .*echo-v2' ;;
        *x-version*) says "$name" "$(run)" '"backend": "echo-v2"' ;;
        */old/page*) says "$name" "$(run)" '"path": "/new/page\?q=1"' ;;
        *-sk*) says "$name" "$(run)" '"backend": "echo-v' '"x-forwarded-proto": "https"' ;;
        */secure) says "$name" "$(run)" '^HTTP/1.1 301' '^HTTP/2 200' '"path": "/secure"' ;;
        grpcurl*) says "$name" "$(run)" '"text": "hello"' ;;
        *Echo/Say) says "$name" "$(run)" '^HTTP/2 200' 'hello' 'grpc-status: 0' ;;
        *websockets*)
            # Someone types: a line, and the end once it has come back.
            coproc TYPED { sh -c "$command" 2>&1; }
            came=
            echo hello >&"${TYPED[1]}"
            while IFS= read -r -t 10 line; do
                came+=$line$'\n'
                case $line in *'< hello'*) break ;; esac
            done <&"${TYPED[0]}"
            eval "exec ${TYPED[1]}>&-"
            wait "$TYPED_PID"
            says "$name" "$came" 'Connected to ws:' '< hello'
            ;;
        *'upgrade: websocket'*) says "$name" "$(run)" '^HTTP/1.1 101' '"backend": "echo-ws"' ;;
        *web/shopper*) says "$name" "$(run)" '"backend": "echo-v1"' ;;
        *canary/tester*) says "$name" "$(run)" '"backend": "echo-v2"' ;;
        */metrics*) says "$name" "$(run)" 'route_name="echo",rule="asked-for",status_class="2xx",reason=""} 1' ;;
        *) bad "$name" "no check for it in tests/clients/printed.sh" ;;
    esac
done < <(sed -n 's/^    //p' <<<"$printed")
is "as printed: all twelve of them" "$(sed -n 's/^    //p' <<<"$printed" | wc -l)" 12
page=$(sed -nE 's/^What is served, and what is wrong: (.*)/\1/p' <<<"$printed")
says "as printed: the admin page" "$(curl -s "$page")" '<html' 'quickstart' 'echo-v1'
