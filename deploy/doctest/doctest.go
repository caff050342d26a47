// Package doctest holds the tests of the project's documents in api/doc: what they
// name exists, and what can be derived from the code is derived from it. After a change
// of a message or of the attack tests, "go test ./deploy/doctest -update" writes the
// derived tables anew.
package doctest
