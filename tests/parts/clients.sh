# The quickstart as real clients see it: curl, h2load, grpcurl, and Python's WebSocket client.
. tests/parts/lib.sh
debian curl curl
debian h2load nghttp2-client
python websockets python3-websockets
go_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl v1.9.3
[ -n "${PINGWAY_BIN:-}" ] || { cargo build --quiet && PINGWAY_BIN=$PWD/target/debug/pingway; }
set +e
. tests/clients/lib.sh
# Whatever python3 the PATH has first, the one of Debian has the package.
mkdir "$scratch/bin" && ln -s /usr/bin/python3 "$scratch/bin/python3" && PATH=$scratch/bin:$PATH

# A redirect names the HTTPS port, so that one is chosen here.
start "$PINGWAY_BIN" quickstart --port-map 8080=0 --port-map "8443=$(free_port)" --metrics 127.0.0.1:0 --admin 127.0.0.1:0 \
    --port-map 9101=0 --port-map 9102=0 --port-map 9103=0 --port-map 9104=0
quickstart=$last
next '^Ctrl-C'
printed=$lines
http=$(sed -nE 's/.* on (http:[^ ]*) and .*/\1/p' <<<"$printed")
https=$(sed -nE 's/.* and (https:[^ ]*)\. Try.*/\1/p' <<<"$printed")
sed -n 's/ *tls.crt: //p' config/quickstart/tls.yaml | base64 -d >"$scratch/ca.pem"

. tests/clients/printed.sh
. tests/clients/curl.sh
. tests/clients/load.sh
. tests/clients/grpc.sh
says "websockets: messages, large ones, pings and the close" "$(python3 tests/clients/websocket.py "${http/http/ws}/ws" 2>&1)" \
    'greeting .*' 'echo True 5' 'echo True 2$' 'echo True 1000000' '^pong' '^closed 1000'
says "websockets: over TLS" "$(SSL_CERT_FILE=$scratch/ca.pem python3 tests/clients/websocket.py "${https/http/ws}/ws" 2>&1)" \
    'echo True 1000000' '^closed 1000'

interrupt quickstart "$quickstart"
finish
