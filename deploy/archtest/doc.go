// Package archtest holds the tests of the project's own order: who may import
// whom, what a service's binary may link, and what stands at the top level. The
// rules are one table in rules_test.go; a package that no rule names fails, so a
// new one needs a decision.
package archtest
