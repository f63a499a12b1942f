// Compare says whether a report, a GatewayClass, an XMesh and the suite speak of the same features.
//
//	compare GATEWAYCLASS.json [XMESH.json] [REPORT.yaml]
//	compare --ordered REPORT.yaml      prints the report without its date, its profiles in the order of their names
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	report "sigs.k8s.io/gateway-api/conformance/apis/v1"
	"sigs.k8s.io/gateway-api/conformance/tests"
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

// object is a GatewayClass or an XMesh: both declare features in the same way.
type object struct {
	Kind   string
	Status struct {
		SupportedFeatures []struct{ Name string }
	}
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "--ordered" {
		printOrdered(os.Args[2])
		return
	}
	var problems []string
	declared := map[string]names{}
	var done report.ConformanceReport
	for _, path := range os.Args[1:] {
		if strings.HasSuffix(path, ".yaml") {
			read(path, func(text []byte, into any) error { return yaml.Unmarshal(text, into) }, &done)
			continue
		}
		var one object
		read(path, json.Unmarshal, &one)
		list := one.list()
		problems = append(problems, check(one.Kind, list)...)
		declared[one.Kind] = names{}.Insert(list...)
		fmt.Printf("%s: %d features declared; the suite knows %d\n", one.Kind, len(list), known().Len())
	}
	if len(declared) == 0 {
		stop(fmt.Errorf("usage: compare GATEWAYCLASS.json [XMESH.json] [REPORT.yaml], or compare --ordered REPORT.yaml"))
	}
	problems = append(problems, checkReport(done, declared)...)
	for _, problem := range problems {
		fmt.Println(problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

func (of object) list() (list []string) {
	for _, feature := range of.Status.SupportedFeatures {
		list = append(list, feature.Name)
	}
	return list
}

// check: the suite knows each declared feature, and they are in order, each once.
func check(kind string, list []string) (problems []string) {
	if len(list) == 0 {
		problems = append(problems, "the "+kind+" declares no feature")
	}
	if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		problems = append(problems, "the "+kind+"'s features are not in order, each once")
	}
	for _, name := range sets.List(names{}.Insert(list...).Difference(known())) {
		problems = append(problems, "the "+kind+" declares what the suite does not know: "+name)
	}
	return problems
}

// checkReport: each profile reports exactly the declared ones of its extended features as supported, and has its core declared: by
// the XMesh for profiles of meshes, by the GatewayClass for the others.
func checkReport(done report.ConformanceReport, objects map[string]names) (problems []string) {
	for _, reported := range done.ProfileReports {
		at := slices.IndexFunc(profiles, func(p suite.ConformanceProfile) bool { return string(p.Name) == reported.Name })
		if at < 0 {
			problems = append(problems, "the suite does not know the profile "+reported.Name)
			continue
		}
		kind := "GatewayClass"
		if strings.HasPrefix(reported.Name, "MESH-") {
			kind = "XMesh"
		}
		declared := objects[kind]
		core, extended := text(profiles[at].CoreFeatures), text(profiles[at].ExtendedFeatures)
		supported, unsupported := names{}, names{}
		if reported.Extended != nil {
			supported.Insert(reported.Extended.SupportedFeatures...)
			unsupported.Insert(reported.Extended.UnsupportedFeatures...)
		} else if hasExtendedTests(core, extended) && extended.HasAny(declared.UnsortedList()...) {
			problems = append(problems, reported.Name+": extended features are declared, none is reported")
			continue
		} else {
			supported, unsupported = extended.Intersection(declared), extended.Difference(declared)
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

// hasExtendedTests: whether the suite has a test that counts as an extended one of a profile; it reports no extended features otherwise.
func hasExtendedTests(core, extended names) bool {
	return slices.ContainsFunc(tests.ConformanceTests, func(test suite.ConformanceTest) bool {
		asks := text(sets.New(test.Features...))
		return asks.HasAny(extended.UnsortedList()...) && core.Union(extended).IsSuperset(asks)
	})
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
