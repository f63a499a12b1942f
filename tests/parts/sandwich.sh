# Pingway as a waypoint between clients and backends of a mesh, each behind a stand-in for ztunnel in a network namespace of its own.
. tests/parts/lib.sh
[ "$(id -u)" = 0 ] || missing root "network namespaces are made"
debian ip iproute2
debian nft nftables
debian nsenter util-linux
debian curl curl
debian h2load nghttp2-client
debian nghttpd nghttp2-server
debian /usr/bin/python3 python3
ulimit -n 16384 2>/dev/null || missing "16384 open files" "ulimit -Hn is $(ulimit -Hn)"
[ -n "${PINGWAY_BIN:-}" ] || build_binary
cargo test --quiet --test sandwich
