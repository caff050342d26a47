package fhir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"medunion/api/fhirbundle"
)

// Errors of a bundle that is refused as a whole. Parse returns them wrapped,
// or a *fhirbundle.SyntaxError, or an error that wraps fhirbundle.ErrFormat.
var (
	// ErrTooLarge: the bundle has more bytes, entries or patients than Limits allow.
	ErrTooLarge = errors.New("the bundle is too large")

	// ErrBundleType: only transaction and collection Bundles are imported. The
	// entries of a batch succeed or fail one by one, and those of the other
	// types are answers, messages and documents with rules of their own.
	ErrBundleType = errors.New("the bundle is neither a transaction nor a collection")

	// ErrMethod: a transaction may create (POST) and update (PUT); a record is
	// not deleted or patched by an import.
	ErrMethod = errors.New("the transaction does something else than POST and PUT")

	// ErrDuplicate: two entries have the same fullUrl, or the same type and id.
	ErrDuplicate = errors.New("two entries are the same resource")
)

// Limits bound one bundle.
type Limits struct {
	BundleBytes   int64 // of the whole text
	ResourceBytes int   // of one resource; larger ones are reported and left out
	Entries       int
	Patients      int
}

// DefaultLimits: a resource must fit into a page of a released record
// (fhirbundle.MaxPage), the rest keeps one import's memory and time bounded.
var DefaultLimits = Limits{
	BundleBytes:   64 << 20,
	ResourceBytes: 3 << 19, // 1.5 MiB
	Entries:       200_000,
	Patients:      1_000,
}

// Parse reads one FHIR R4 Bundle of type transaction or collection.
//
// It refuses the bundle as a whole, with an error, if it is not strict JSON
// (see fhirbundle.Check), exceeds the limits, has another type, or has a
// resource twice. Within a bundle it leaves out, and reports, each resource
// that is too large, of a type that is not stored, not valid by the R4 schema,
// or not one patient's. The report is complete in either case. Errors of r are
// returned as they are; every other error is free of content.
func Parse(r io.Reader, limits Limits) (Bundle, Report, error) {
	var report Report
	bundle, err := parse(r, limits, &report)
	if err != nil {
		refused := Report{Refused: 1, Bytes: report.Bytes}
		if refusal(err) {
			refused.problem(Problem{Entry: -1, Reason: err.Error()})
		} else {
			refused.problem(Problem{Entry: -1, Reason: "the bundle could not be read"})
		}
		return Bundle{}, refused, err
	}
	report.Bundles = 1
	report.Patients = len(bundle.Patients)
	return bundle, report, nil
}

// refusal tells errors about the bundle from those of its source.
func refusal(err error) bool {
	var syntax *fhirbundle.SyntaxError
	if errors.As(err, &syntax) {
		return true
	}
	for _, kind := range []error{fhirbundle.ErrFormat, ErrTooLarge, ErrBundleType, ErrMethod, ErrDuplicate} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func parse(r io.Reader, limits Limits, report *Report) (Bundle, error) {
	data, err := io.ReadAll(io.LimitReader(r, limits.BundleBytes+1))
	report.Bytes = int64(len(data))
	if err != nil {
		return Bundle{}, err
	}
	if int64(len(data)) > limits.BundleBytes {
		return Bundle{}, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limits.BundleBytes)
	}
	source, err := fhirbundle.Decode(data)
	if err != nil {
		return Bundle{}, err
	}
	if err := acceptable(source, limits); err != nil {
		return Bundle{}, err
	}
	items, err := examineAll(source.Entries, limits, report)
	if err != nil {
		return Bundle{}, err
	}
	bundle, err := place(items, limits, report)
	bundle.Type = source.Type
	return bundle, err
}

func acceptable(b fhirbundle.Bundle, limits Limits) error {
	if b.Type != "transaction" && b.Type != "collection" {
		return ErrBundleType
	}
	if len(b.Entries) > limits.Entries {
		return fmt.Errorf("%w: more than %d entries", ErrTooLarge, limits.Entries)
	}
	if b.Type != "transaction" {
		return nil
	}
	for i, e := range b.Entries {
		if e.Method != "POST" && e.Method != "PUT" {
			return fmt.Errorf("entry %d: %w", i, ErrMethod)
		}
	}
	return nil
}

// item is an entry under examination, with what its tree says about others.
type item struct {
	Entry
	owners       []string     // references to whose it is
	references   []string     // references to anything
	visit        *Visit       // of an Encounter
	organization Organization // of an Organization
}

func examineAll(entries []fhirbundle.Entry, limits Limits, report *Report) ([]item, error) {
	items := make([]item, 0, len(entries))
	for i, e := range entries {
		report.found(e.Type)
		it, outcome, problem, err := examine(e, limits)
		if err != nil {
			return nil, err
		}
		if problem != nil {
			problem.Entry = i
			report.refuse(e.Type, outcome, *problem)
			continue
		}
		it.Index = i
		items = append(items, it)
	}
	return items, nil
}

// ErrResource: a resource is not valid, of a type that is not stored, or too large.
var ErrResource = errors.New("the resource cannot be stored")

// Resource reads one resource that stands by itself: valid FHIR R4, with its date and
// categories. Whose it is, and where, is not asked. Errors wrap ErrResource.
func Resource(e fhirbundle.Entry, limits Limits) (Entry, error) {
	it, _, problem, err := examine(e, limits)
	if err != nil {
		return Entry{}, err
	}
	if problem != nil {
		return Entry{}, fmt.Errorf("%w: %s", ErrResource, problem.Reason)
	}
	return it.Entry, nil
}

// examine returns either a valid item or the problem with it.
func examine(e fhirbundle.Entry, limits Limits) (item, Outcome, *Problem, error) {
	if len(e.Resource) > limits.ResourceBytes {
		return item{}, TooLarge, &Problem{Reason: fmt.Sprintf("more than %d bytes", limits.ResourceBytes)}, nil
	}
	node, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Resource))
	if err != nil {
		return item{}, Invalid, &Problem{Reason: "the JSON cannot be decoded"}, nil
	}
	tree := asObject(node)
	f, known, err := validate(e.Type, tree)
	switch {
	case err != nil:
		return item{}, 0, nil, err
	case !known:
		return item{}, Unknown, &Problem{Reason: "resources of this type are not stored"}, nil
	case f != nil:
		return item{}, Invalid, &Problem{Pointer: f.Pointer, Reason: "not valid by the R4 schema (" + f.Rule + ")"}, nil
	}
	id := identity(e)
	if id == "" {
		return item{}, Invalid, &Problem{Pointer: "/id", Reason: "neither an id nor a fullUrl of the form urn:uuid"}, nil
	}
	return describe(e, id, tree), 0, nil, nil
}

const uuidURN = "urn:uuid:"

var idForm = regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)

// identity is the resource's id or, in a transaction that leaves ids to the
// server, the UUID by which the bundle refers to it.
func identity(e fhirbundle.Entry) string {
	if e.ID != "" {
		return e.ID
	}
	id, ok := strings.CutPrefix(e.FullURL, uuidURN)
	if !ok || !idForm.MatchString(id) {
		return ""
	}
	return id
}

func describe(e fhirbundle.Entry, id string, tree object) item {
	it := item{
		Entry: Entry{
			Type: e.Type, ID: id, FullURL: e.FullURL, Raw: e.Resource,
			Encounter:  tree.encounter(),
			Date:       tree.date(),
			Categories: tree.categories(),
		},
		owners:     tree.owners(e.Type),
		references: references(map[string]any(tree)),
	}
	switch e.Type {
	case "Encounter":
		it.visit = visit(tree)
		it.Encounter = "Encounter/" + id
	case "Organization":
		it.organization = Organization{Identifiers: tree.identifiers()}
		if name := tree.text("name"); name != "" {
			it.organization.Names = []string{name}
		}
	}
	return it
}

func visit(tree object) *Visit {
	v := &Visit{
		ServiceType: tree.child("serviceType").concept(),
		Class:       tree.child("class").coding(),
	}
	for _, t := range tree.list("type") {
		v.Types = append(v.Types, t.concept())
	}
	provider := tree.child("serviceProvider")
	v.Organization.Reference = provider.text("reference")
	if display := provider.text("display"); display != "" {
		v.Organization.Names = []string{display}
	}
	v.Organization.Identifiers = provider.identifiers()
	return v
}
