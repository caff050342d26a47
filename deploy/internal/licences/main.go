// Command licences lists the licences of what CycloneDX files name, and fails if one is
// not on the list of those that the project may be shipped with:
//
//	licences FILE.cdx.json...
//
// It exits 1 for a component with another licence or with none.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// allowed are licences whose terms a release keeps by naming them: permissive ones, and
// MPL-2.0, which asks for the source of its own files alone (tools that build the pages).
var allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "Python-2.0", "Unlicense", "Zlib"}

// known are components whose licence the tools do not find, with what their own file says.
var known = map[string]string{
	"@medunion/ui":            "Apache-2.0",   // this project's own, LICENSE
	"std":                     "BSD-3-Clause", // Go's standard library
	"github.com/oasdiff/yaml": "MIT",          // beside it the licence of Go, for a part
}

// mistaken is what the tools take the three clauses of Go's own modules for, and of those
// that its authors keep elsewhere.
const mistaken = "BSD-Source-Code"

func clausesOfGo(name string) bool {
	return strings.HasPrefix(name, "golang.org/x/") || name == "filippo.io/hpke"
}

type licence struct {
	Expression string `json:"expression"`
	License    struct{ ID, Name string }
}

type component struct {
	Group, Name, Version string
	Licenses             []licence
	Evidence             struct{ Licenses []licence }
}

func (c component) name() string {
	if c.Group != "" {
		return c.Group + "/" + c.Name
	}
	return c.Name
}

// licences are the identifiers (SPDX) that a component is given under.
func (c component) licences() []string {
	var out []string
	for _, l := range append(c.Licenses, c.Evidence.Licenses...) {
		one := cmp.Or(l.License.ID, l.Expression, l.License.Name)
		if one == mistaken && clausesOfGo(c.name()) {
			one = "BSD-3-Clause"
		}
		out = append(out, one)
	}
	if k, ok := known[c.name()]; ok && len(out) == 0 {
		out = []string{k}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// refused says what keeps a component out, "" for nothing. An expression such as
// (MIT OR GPL-3.0) is a choice: one of its parts is enough.
func (c component) refused() string {
	all := c.licences()
	if len(all) == 0 {
		return "has no licence"
	}
	for _, l := range all {
		if !slices.ContainsFunc(strings.Split(strings.Trim(l, "()"), " OR "), func(one string) bool { return slices.Contains(allowed, one) }) {
			return "is under " + l
		}
	}
	return ""
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: licences FILE.cdx.json...")
		os.Exit(2)
	}
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run writes one line for each component of the files, sorted: licences, name, version.
func run(w io.Writer, files []string) error {
	lines := map[string]bool{}
	var errs []error
	for _, path := range files {
		list, err := read(path)
		if err != nil {
			return err
		}
		for _, c := range list {
			lines[fmt.Sprintf("%s\t%s\t%s", strings.Join(c.licences(), " AND "), c.name(), c.Version)] = true
			if why := c.refused(); why != "" {
				errs = append(errs, fmt.Errorf("%s: %s %s %s", path, c.name(), c.Version, why))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, l := range sorted(lines) {
		if _, err := fmt.Fprintln(w, l); err != nil {
			return err
		}
	}
	return nil
}

func sorted(set map[string]bool) []string {
	var out []string
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// read takes the components of one file; a file without any is not what it should be.
func read(path string) ([]component, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var bom struct {
		BOMFormat  string `json:"bomFormat"`
		Components []component
	}
	if err := json.Unmarshal(b, &bom); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if bom.BOMFormat != "CycloneDX" || len(bom.Components) == 0 {
		return nil, fmt.Errorf("%s: no list of components in CycloneDX", path)
	}
	return bom.Components, nil
}
