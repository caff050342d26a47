package fhir

import (
	"fmt"
	"regexp"
	"strings"
)

// resolver finds the item that a reference means.
type resolver struct {
	byURL        map[string]int // fullUrl
	byID         map[string]int // Type/id
	byIdentifier map[string]int // Type?identifier=system|value; ambiguous: -1
	bare         []bool         // items without a fullUrl
}

// newResolver refuses a bundle in which two items go by the same name.
func newResolver(items []item) (*resolver, error) {
	r := &resolver{
		byURL: map[string]int{}, byID: map[string]int{}, byIdentifier: map[string]int{},
		bare: make([]bool, len(items)),
	}
	for i, it := range items {
		key := it.Type + "/" + it.ID
		_, sameID := r.byID[key]
		_, sameURL := r.byURL[it.FullURL]
		if sameID || sameURL {
			return nil, fmt.Errorf("entry %d: %w", it.Index, ErrDuplicate)
		}
		r.byID[key] = i
		if r.bare[i] = it.FullURL == ""; !r.bare[i] {
			r.byURL[it.FullURL] = i
		}
		for _, identifier := range it.organization.Identifiers {
			r.identify(it.Type+"?identifier="+identifier.System+"|"+identifier.Code, i)
		}
	}
	return r, nil
}

func (r *resolver) identify(key string, i int) {
	if _, taken := r.byIdentifier[key]; taken {
		i = -1
	}
	r.byIdentifier[key] = i
}

var literalForm = regexp.MustCompile(`^[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}$`)

// find resolves urn:uuid:..., absolute URLs, Type/id (all also with
// /_history/version) and, for organizations, Type?identifier=system|value.
//
// An absolute URL means the entry with that fullUrl. It means an entry by type
// and id only where that entry has no fullUrl: with one, it would be another
// server's resource that happens to have the same id.
func (r *resolver) find(reference string) (int, bool) {
	reference, _, _ = strings.Cut(reference, "/_history/")
	if i, ok := r.byURL[reference]; ok {
		return i, true
	}
	if i, ok := r.byID[reference]; ok {
		return i, true
	}
	if i, ok := r.byIdentifier[reference]; ok && i >= 0 {
		return i, true
	}
	if literal, ok := lastTwo(reference); ok {
		i, found := r.byID[literal]
		return i, found && r.bare[i]
	}
	return 0, false
}

// lastTwo returns the Type/id at the end of an absolute URL.
func lastTwo(url string) (string, bool) {
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return "", false
	}
	parts := strings.Split(url, "/")
	literal := strings.Join(parts[len(parts)-2:], "/")
	return literal, literalForm.MatchString(literal)
}

// foreignPatient tells whether an unresolved reference means some patient, and
// under which name. A relative one is a patient of the receiving hospital.
func foreignPatient(reference string) (name string, relative, ok bool) {
	reference, _, _ = strings.Cut(reference, "/_history/")
	if strings.HasPrefix(reference, "Patient/") && literalForm.MatchString(reference) {
		return reference, true, true
	}
	literal, absolute := lastTwo(reference)
	return reference, false, absolute && strings.HasPrefix(literal, "Patient/")
}

// otherThanPatient tells whether an unresolved reference names a type, and
// that type is not Patient.
func otherThanPatient(reference string) bool {
	literal, ok := lastTwo(reference)
	if !ok {
		literal, _, _ = strings.Cut(reference, "/_history/")
	}
	name, _, isLiteral := strings.Cut(literal, "/")
	return isLiteral && literalForm.MatchString(literal) && name != "Patient"
}
