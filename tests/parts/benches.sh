# Benches: each runs once, so that it cannot rot; at full scale all of them are measured (docs/benchmarks.md keeps the figures).
. tests/parts/lib.sh
if [ "${PINGWAY_SCALE:-ci}" = full ]; then
    cargo bench --profile ci
else
    cargo test --bench route_table --bench configuration
fi
