# Docs without warnings, private items too: the code is meant to be read.
. tests/parts/lib.sh
RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --quiet --no-deps --document-private-items --lib
