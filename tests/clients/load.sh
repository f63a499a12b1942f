# h2load: many requests at once, none of which fails.

load() {
    local name=$1 requests=$2
    shift 2
    says "h2load: $name" "$(timeout 30 h2load -n "$requests" "$@" 2>&1)" \
        "$requests succeeded, 0 failed, 0 errored, 0 timeout" "status codes: $requests 2xx, 0 3xx, 0 4xx, 0 5xx"
}

load "HTTP/1.1, 50 connections" 2000 --h1 -c 50 "$http/"
load "HTTP/2, 10 connections of 20 streams" 2000 -c 10 -m 20 "$http/"
load "HTTP/2 over TLS" 1000 -c 5 -m 20 "$https/"
load "HTTP/1.1 over TLS" 500 --h1 -c 10 "$https/"
load "uploads over HTTP/2" 200 -c 4 -m 10 -d "$scratch/body" "$http/"
