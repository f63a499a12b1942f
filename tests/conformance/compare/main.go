// Compare says whether a report, a GatewayClass and the suite speak of the same features.
//
//	compare GATEWAYCLASS.json [REPORT.yaml]
//	compare --ordered REPORT.yaml      prints the report without its date, its profiles in the order of their names
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	report "sigs.k8s.io/gateway-api/conformance/apis/v1"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/features"
	"sigs.k8s.io/yaml"
)

var profiles = []suite.ConformanceProfile{
	suite.GatewayHTTPConformanceProfile,
	suite.GatewayGRPCConformanceProfile,
	suite.GatewayTLSConformanceProfile,
	suite.GatewayTCPConformanceProfile,
	suite.GatewayUDPConformanceProfile,
	suite.MeshHTTPConformanceProfile,
	suite.MeshGRPCConformanceProfile,
}

// names is a set of features as text.
type names = sets.Set[string]

func main() {
	if len(os.Args) == 3 && os.Args[1] == "--ordered" {
		printOrdered(os.Args[2])
		return
	}
	if len(os.Args) < 2 || len(os.Args) > 3 {
		stop(fmt.Errorf("usage: compare GATEWAYCLASS.json [REPORT.yaml], or compare --ordered REPORT.yaml"))
	}
	var class gateway.GatewayClass
	read(os.Args[1], json.Unmarshal, &class)
	problems := checkClass(class)
	if len(os.Args) == 3 {
		var done report.ConformanceReport
		read(os.Args[2], func(text []byte, into any) error { return yaml.Unmarshal(text, into) }, &done)
		problems = append(problems, checkReport(done, declared(class))...)
	}
	for _, problem := range problems {
		fmt.Println(problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
	fmt.Printf("%d features declared; the suite knows %d\n", len(class.Status.SupportedFeatures), known().Len())
}

// checkClass: the suite knows each declared feature, and they are in order, each once.
func checkClass(class gateway.GatewayClass) (problems []string) {
	var list []string
	for _, feature := range class.Status.SupportedFeatures {
		list = append(list, string(feature.Name))
	}
	if len(list) == 0 {
		problems = append(problems, "the GatewayClass declares no feature")
	}
	if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		problems = append(problems, "the GatewayClass's features are not in order, each once")
	}
	for _, name := range sets.List(declared(class).Difference(known())) {
		problems = append(problems, "declared, but the suite does not know it: "+name)
	}
	return problems
}

// checkReport: each profile reports exactly the declared ones of its extended features as supported, and has its core declared.
func checkReport(done report.ConformanceReport, declared names) (problems []string) {
	for _, reported := range done.ProfileReports {
		at := slices.IndexFunc(profiles, func(p suite.ConformanceProfile) bool { return string(p.Name) == reported.Name })
		if at < 0 {
			problems = append(problems, "the suite does not know the profile "+reported.Name)
			continue
		}
		core, extended := text(profiles[at].CoreFeatures), text(profiles[at].ExtendedFeatures)
		supported, unsupported := names{}, names{}
		if reported.Extended != nil {
			supported.Insert(reported.Extended.SupportedFeatures...)
			unsupported.Insert(reported.Extended.UnsupportedFeatures...)
		} else if extended.HasAny(declared.UnsortedList()...) {
			problems = append(problems, reported.Name+": extended features are declared, none is reported")
			continue
		} else {
			unsupported = extended
		}
		said := func(what string, which names) {
			for _, name := range sets.List(which) {
				problems = append(problems, fmt.Sprintf("%s: %s: %s", reported.Name, what, name))
			}
		}
		said("core, but not declared", core.Difference(declared))
		said("reported as supported, but not declared", supported.Difference(declared))
		said("declared, but not reported as supported", extended.Intersection(declared).Difference(supported))
		said("neither supported nor unsupported", extended.Difference(supported).Difference(unsupported))
	}
	return problems
}

func known() names { return text(features.SetsToNamesSet(features.AllFeatures)) }

func declared(class gateway.GatewayClass) names {
	found := names{}
	for _, feature := range class.Status.SupportedFeatures {
		found.Insert(string(feature.Name))
	}
	return found
}

func text(of sets.Set[features.FeatureName]) names {
	found := names{}
	for name := range of {
		found.Insert(string(name))
	}
	return found
}

func read(path string, parse func([]byte, any) error, into any) {
	content, err := os.ReadFile(path)
	if err == nil {
		err = parse(content, into)
	}
	if err != nil {
		stop(fmt.Errorf("%s: %w", path, err))
	}
}

func stop(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
