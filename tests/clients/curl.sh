# curl: HTTP/1.1, HTTP/2 and TLS, and what uploads, HEAD and redirects need.

head -c 3000000 /dev/urandom >"$scratch/body"
answer() { curl -sS -m 20 -D - "$@" 2>&1; }

says "curl: HTTP/1.1" "$(answer "$http/a?b=c")" '^HTTP/1.1 200' '"protocol": "HTTP/1.1"' '"path": "/a\?b=c"' '"x-forwarded-proto": "http"'
says "curl: HTTP/1.0" "$(answer -0 "$http/")" '^HTTP/1.1 200' '^Connection: close' '"backend": "echo-v'
says "curl: HTTP/2 with prior knowledge" "$(answer --http2-prior-knowledge "$http/a")" '^HTTP/2 200' '"path": "/a"'
is "curl: HTTP/2 is not begun by Upgrade" "$(curl -sS -m 20 --http2 -o /dev/null -w '%{http_version} %{http_code}' "$http/")" "1.1 200"
says "curl: two requests on one connection" "$(curl -sSv -m 20 "$http/1" "$http/2" 2>&1)" 'Re-using existing connection'

trusted=(--cacert "$scratch/ca.pem" --resolve "localhost:${https##*:}:127.0.0.1")
says "curl: TLS that is verified, HTTP/2 by ALPN" "$(answer "${trusted[@]}" "$https/")" '^HTTP/2 200' '"x-forwarded-proto": "https"' '"host": "localhost:'
says "curl: TLS, HTTP/1.1" "$(answer "${trusted[@]}" --http1.1 "$https/")" '^HTTP/1.1 200' '"x-forwarded-proto": "https"'
says "curl: TLS that nobody has signed is refused" "$(answer "$https/")" 'SSL certificate problem'
for version in 1.2 1.3; do
    is "curl: TLS $version" "$(curl -sS -m 20 "${trusted[@]}" "--tlsv$version" --tls-max "$version" -o /dev/null -w '%{http_code}' "$https/")" 200
done

for flags in --http1.1 --http2-prior-knowledge; do
    says "curl $flags: HEAD" "$(answer "$flags" -I "$http/")" '^HTTP/[0-9.]+ 200' '^[Cc]ontent-[Ll]ength: [1-9]'
    says "curl $flags: upload of 3 MB" "$(answer "$flags" -H expect: --data-binary "@$scratch/body" "$http/")" ' 200' '"body_bytes": 3000000'
    says "curl $flags: upload without a length" "$(answer "$flags" -H expect: -T - "$http/" <"$scratch/body")" ' 200' '"method": "PUT"' '"body_bytes": 3000000'
    is "curl $flags: no route" "$(curl -sS -m 20 "$flags" -H 'host: grpc.localhost' -w ' %{http_code}' "$http/")" "no_route 404"
done
expecting=$(curl -sSv -m 20 -H 'expect: 100-continue' --data-binary "@$scratch/body" "$http/1" --next -sS "$http/2" 2>&1)
says "curl: an upload that waits for 100 Continue, and a request after it on the same connection" "$expecting" \
    '^< HTTP/1.1 100 Continue' '"body_bytes": 3000000' 'Re-using existing connection' '"path": "/2"'

says "curl: a redirect is followed to TLS" "$(answer -L --cacert "$scratch/ca.pem" "$http/secure/x?y=z")" \
    '^HTTP/1.1 301' "^[Ll]ocation: $https/secure/x\?y=z" '^HTTP/2 200' '"path": "/secure/x\?y=z"'
says "curl: a path that has no safe normal form" "$(answer --path-as-is "$http/a%2f..%2fb")" '^HTTP/1.1 400' 'bad_request'
says "curl: dots are taken out" "$(answer --path-as-is "$http/a/../b")" '"path": "/b"'
