// Package fhirbundle takes FHIR R4 Bundles apart and puts them together
// without touching a byte of the resources inside.
//
// A released record and a diagnosis are FHIR Bundles whose entries are the
// bytes that a hospital once imported. Their hashes are signed, so the bytes
// must survive: encoding/json would compact them, reorder them or rewrite their
// numbers. Decode therefore returns each resource as the slice of the input
// that it is, and Collection splices such slices into a new Bundle.
//
// The package reads strictly: invalid UTF-8, a name twice in one object, a
// lone surrogate, nesting beyond MaxDepth and trailing bytes are refused
// before anything is returned. What it says about bad input names byte
// offsets, entry numbers and rules, never content.
//
// It depends on the standard library alone, since the doctor's browser links
// it too. Whether a resource is valid FHIR is not decided here.
package fhirbundle
