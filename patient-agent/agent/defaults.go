package agent

import (
	"context"
	"slices"

	"medunion/api/message"
	"medunion/patient-agent/internal/signals"
)

// Listed is a department or class with whether many people would rather withhold it.
type Listed struct {
	Code      message.Code
	Sensitive bool
}

// Defaults are the code lists that a consent may name.
type Defaults struct {
	Departments, Classes []Listed
	Purposes             []message.Code
}

// MaxSignals bounds a visit's measurements in bytes.
const MaxSignals = signals.MaxBytes

// purposes of a consent, the default first. The protocol leaves them open; these are
// what a patient is offered.
var purposes = []message.Code{DefaultPurpose, "SECONDOPINION", "EMERGENCY"}

// Sensitive codes: a page leaves the choice to her and points it out.
var (
	sensitiveDepartments = []message.Code{"OBSTETRICS", "PSYCHIATRY"}
	sensitiveClasses     = []message.Code{"GENETIC", "FAMILY", "SOCIAL", "FINANCIAL"}
)

// Defaults returns the lists of the signed parameters.
func (a *Agent) Defaults(ctx context.Context) (Defaults, error) {
	p, err := a.parameters(ctx)
	if err != nil {
		return Defaults{}, err
	}
	return Defaults{Departments: listed(p.Departments, sensitiveDepartments), Classes: listed(p.Classes, sensitiveClasses), Purposes: purposes}, nil
}

func listed(codes, sensitive []message.Code) []Listed {
	out := make([]Listed, len(codes))
	for i, c := range codes {
		out[i] = Listed{Code: c, Sensitive: slices.Contains(sensitive, c)}
	}
	return out
}
