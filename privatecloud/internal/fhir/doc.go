// Package fhir is the hospital's wall for FHIR R4: it reads Bundles strictly,
// says of each resource whether it is valid, whose it is, which encounter
// placed it, of which day and category it is, and keeps its bytes as they came.
//
// What it refuses it reports by type, position and rule. Neither reports nor
// errors contain a value from a resource or the name of a file, since both
// name patients.
//
// The package stores nothing. The caller receives a Bundle and decides.
package fhir
