# The official conformance suite, unmodified and whole, against Pingway on a real Kubernetes, for Gateways and as a mesh. Its report
# must be the one that is kept, tests/conformance/reports, but for its date and the order of its profiles.
. tests/e2e/lib.sh
cluster_up conformance
image_in
"$cluster/crds" >/dev/null
installed
tests/conformance/mesh >"$scratch/mesh.log" 2>&1 &
mesh=$!
started+=("$mesh")
until [ "$(tail -n 1 "$scratch/mesh.log")" = ready ]; do
    kill -0 "$mesh" 2>/dev/null || { bad "a mesh is made" "$(cat "$scratch/mesh.log")"; finish; }
    sleep 0.1
done
ok "a mesh is made, with what stands in for ztunnel"
report=tests/conformance/reports/v1.7.0.yaml
tests/conformance/run --mesh --report "$scratch/report.yaml" >"$scratch/suite.log" 2>&1
code=$?
kill -0 "$mesh" 2>/dev/null || bad "what stands in for ztunnel lives" "$(tail "$scratch/mesh.log")"
cp "$scratch/report.yaml" target/test-logs/conformance-report.yaml 2>/dev/null
is "the official suite ends with 0" $code 0
[ $code = 0 ] || grep -E -- '--- FAIL' "$scratch/suite.log" | head -n 40
grep -E '^ +(result|Failed|Passed|Skipped|name|summary):' "$scratch/report.yaml"
awk -F'[( ]' '/^    --- PASS: TestConformance\/Mesh/ { n++; t += $NF } END { print "  of its tests, " n " are of meshes, and took " t " s" }' "$scratch/suite.log"
ordered() { tests/conformance/ordered "$1" 2>&1; }
says "its report is the one that is kept" "$(diff <(ordered "$report") <(ordered "$scratch/report.yaml") && echo same)" '^same$'
features() { tests/conformance/features --mesh pingway "$scratch/report.yaml" && echo same; }
says "what the class and the mesh declare is what the report and the suite know" "$(features 2>&1)" '^same$'
finish
