# The official conformance suite, unmodified and whole, against Pingway on a real Kubernetes. Its report must be the one that is
# kept, tests/conformance/reports, but for its date and the order of its profiles.
. tests/e2e/lib.sh
cluster_up conformance
image_in
"$cluster/crds" >/dev/null
installed
report=tests/conformance/reports/v1.7.0.yaml
tests/conformance/run --report "$scratch/report.yaml" >"$scratch/suite.log" 2>&1
code=$?
cp "$scratch/report.yaml" target/test-logs/conformance-report.yaml 2>/dev/null
is "the official suite ends with 0" $code 0
[ $code = 0 ] || grep -E -- '--- FAIL' "$scratch/suite.log" | head -n 40
grep -E '^ +(result|Failed|Passed|Skipped|name|summary):' "$scratch/report.yaml"
ordered() { tests/conformance/ordered "$1" 2>&1; }
says "its report is the one that is kept" "$(diff <(ordered "$report") <(ordered "$scratch/report.yaml") && echo same)" '^same$'
says "what the class declares is what the report and the suite know" "$(tests/conformance/features "$scratch/report.yaml" 2>&1)" 'features declared'
finish
