package main

import (
	"cmp"
	"fmt"
	"slices"

	report "sigs.k8s.io/gateway-api/conformance/apis/v1"
	"sigs.k8s.io/yaml"
)

// printOrdered prints a report so that two runs of the same outcome print the same: the suite writes its profiles in any order.
func printOrdered(path string) {
	var done report.ConformanceReport
	read(path, func(text []byte, into any) error { return yaml.UnmarshalStrict(text, into) }, &done)
	done.Date = ""
	slices.SortFunc(done.ProfileReports, func(a, b report.ProfileReport) int { return cmp.Compare(a.Name, b.Name) })
	slices.Sort(done.SucceededProvisionalTests)
	text, err := yaml.Marshal(done)
	if err != nil {
		stop(fmt.Errorf("%s: %w", path, err))
	}
	fmt.Print(string(text))
}
