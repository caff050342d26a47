package fhir

import (
	"fmt"
	"slices"

	"medunion/api/message"
)

// Classifier gives a resource its record class by the table of the public
// parameters. The zero value knows no rule: all is message.ClassOther.
type Classifier struct {
	rules []message.ClassRule
}

// NewClassifier takes the table and the list of classes from the public
// parameters and refuses a rule whose class is not in the list.
func NewClassifier(rules []message.ClassRule, classes []string) (Classifier, error) {
	for i, r := range rules {
		if !slices.Contains(classes, r.Class) {
			return Classifier{}, fmt.Errorf("class rule %d: %q is not a record class", i, r.Class)
		}
	}
	if !slices.Contains(classes, message.ClassOther) {
		return Classifier{}, fmt.Errorf("the record classes lack %q", message.ClassOther)
	}
	return Classifier{rules: slices.Clone(rules)}, nil
}

// Class returns the record class of an entry.
func (c Classifier) Class(e Entry) string {
	return message.ClassOf(c.rules, e.Type, e.Categories)
}
