# Bans, licences and sources of everything that is linked in. (Advisories need a database from the network.)
. tests/parts/lib.sh
rust_tool cargo-deny cargo-deny 0.20.2
cargo deny --all-features check bans licenses sources
