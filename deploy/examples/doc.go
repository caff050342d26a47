// Package examples shows how a program of its own speaks with each service: in Go, by the
// clients generated in api/openapi, and with curl, on the page api/doc/rest.md. All of it is
// run by this package's tests against a whole suite of real services.
//
// The examples find addresses and tokens in the environment, in the variables of the file
// that deploy/up writes and whose path it prints: what is copied from here into a program
// runs in a shell that has read this file.
package examples
