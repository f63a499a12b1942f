# grpcurl: unary and streaming calls, and the status that the proxy itself answers with.

call() {
    local address=$1 authority=$2 messages=$3 method=$4
    shift 4
    timeout 20 grpcurl -authority "$authority" -proto config/quickstart/echo.proto -d "$messages" "$@" "$address" \
        "pingway.quickstart.Echo/$method" 2>&1
}
address=${http#http://}

says "grpcurl: unary" "$(call "$address" grpc.localhost '{"text":"one"}' Say -plaintext)" '"text": "one"'
streamed=$(call "$address" grpc.localhost '{"text":"one"}{"text":"two"}{"text":"three"}' Chat -plaintext -v)
says "grpcurl: streaming both ways" "$streamed" '"one"' '"two"' '"three"' 'Sent 3 requests and received 3 responses'
large=$(head -c 1000000 /dev/zero | tr '\0' x)
is "grpcurl: a message of 1 MB" "$(timeout 20 grpcurl -plaintext -authority grpc.localhost -proto config/quickstart/echo.proto -d @ \
    "$address" pingway.quickstart.Echo/Say <<<"{\"text\":\"$large\"}" | tr -cd x | wc -c)" 1000001
says "grpcurl: no route is Unimplemented, with the word and the request's id" \
    "$(timeout 20 grpcurl -plaintext -authority grpc.localhost -proto tests/clients/other.proto -d '{}' "$address" pingway.tests.Nobody/Say 2>&1)" \
    'Code: Unimplemented' 'Message: no_route; request id [0-9a-f]{32}'

coproc SILENT { /usr/bin/python3 tests/clients/silent.py; }
IFS= read -r silent <&"${SILENT[0]}"
mkdir "$scratch/failing"
sed "s/SILENT/$silent/" tests/clients/failing.yaml >"$scratch/failing/all.yaml"
start "$PINGWAY_BIN" proxy --manifests "$scratch/failing" --port-map 80=0 --metrics 127.0.0.1:0 --admin 127.0.0.1:0 --drain-delay 0 --log info
failing=$last
next 'listening.*port=80'
edge=localhost:$(sed -nE 's/.*address=[^ ]*:([0-9]+).*/\1/p' <<<"$lines" | tail -n 1)
says "grpcurl: an endpoint that refuses is Unavailable" "$(call "$edge" refused.test '{}' Say -plaintext)" \
    'Code: Unavailable' 'Message: connect_failed; request id [0-9a-f]{32}'
says "grpcurl: a limit that passes is DeadlineExceeded" "$(call "$edge" silent.test '{}' Say -plaintext)" \
    'Code: DeadlineExceeded' 'Message: request_timeout; request id [0-9a-f]{32}'
interrupt "the proxy of a folder" "$failing"
eval "exec ${SILENT[1]}>&-"
