//go:build js && wasm

package main

import (
	"context"
	"encoding/json"
	"errors"
	"syscall/js"

	"medunion/api/problem"
	"medunion/api/strictjson"
	"medunion/doctor-portal/practice"
)

// doctor is short for the receiver of the methods below.
type doctor = *practice.Practice

// method decodes its arguments and calls.
type method func(p doctor, args []json.RawMessage) (any, error)

// methods are those of the page's interface (doctor-portal/web/src/bridge/practice.d.ts).
var methods = map[string]method{
	"status":             none(doctor.Status),
	"create":             act(doctor.Create),
	"unlock":             act(doctor.Unlock),
	"addOpener":          act(doctor.AddOpener),
	"removeOpener":       act(doctor.RemoveOpener),
	"lock":               none(func(p doctor) (any, error) { p.Lock(); return nil, nil }),
	"exportStore":        one(doctor.ExportStore),
	"importStore":        act(doctor.ImportStore),
	"doctor":             none(doctor.Doctor),
	"requestCertificate": one(doctor.RequestCertificate),
	"setCertificate":     act(doctor.SetCertificate),
	"register":           none(func(p doctor) (any, error) { return nil, p.Register(background) }),
	"card":               none(doctor.Card),
	"directory":          none(waiting(doctor.Directory)),
	"departments":        none(waiting(doctor.Departments)),
	"classes":            none(waiting(doctor.Classes)),
	"visits":             none(doctor.Visits),
	"visit":              one(doctor.Visit),
	"open":               one(doctor.Open),
	"close":              one(doctor.Close),
	"signals":            one(doctor.Signals),
	"fetch":              two(func(p doctor, id string, f practice.Filter) (any, error) { return nil, p.Fetch(id, f) }),
	"cancel":             act(doctor.Cancel),
	"records":            two(doctor.Records),
	"preview":            two(doctor.Preview),
	"sign": two(func(p doctor, id, bundle string) (practice.Diagnosis, error) {
		return p.Sign(background, id, bundle)
	}),
	"resend":        one(func(p doctor, id string) (practice.Diagnosis, error) { return p.Resend(background, id) }),
	"evidence":      one(doctor.Evidence),
	"evidenceFile":  one(doctor.EvidenceFile),
	"earlierVisits": none(doctor.EarlierVisits),
}

func none[R any](f func(doctor) (R, error)) method {
	return func(p doctor, args []json.RawMessage) (any, error) {
		if err := decode(args); err != nil {
			return nil, err
		}
		return f(p)
	}
}

func one[A, R any](f func(doctor, A) (R, error)) method {
	return func(p doctor, args []json.RawMessage) (any, error) {
		var a A
		if err := decode(args, &a); err != nil {
			return nil, err
		}
		return f(p, a)
	}
}

func two[A, B, R any](f func(doctor, A, B) (R, error)) method {
	return func(p doctor, args []json.RawMessage) (any, error) {
		var a A
		var b B
		if err := decode(args, &a, &b); err != nil {
			return nil, err
		}
		return f(p, a, b)
	}
}

// act is one without a result.
func act[A any](f func(doctor, A) error) method {
	return one(func(p doctor, a A) (any, error) { return nil, f(p, a) })
}

func waiting[R any](f func(doctor, context.Context) (R, error)) func(doctor) (R, error) {
	return func(p doctor) (R, error) { return f(p, background) }
}

// decode reads the arguments strictly. One that is left out at the end is empty.
func decode(args []json.RawMessage, into ...any) error {
	if len(args) > len(into) {
		return problem.Invalid("The call has too many arguments.")
	}
	for i, a := range args {
		if err := strictjson.Decode(a, into[i]); err != nil {
			return problem.Invalid("An argument of the call does not fit the interface.").Because(err)
		}
	}
	return nil
}

// run makes one call. Its result is a JSON text, bytes, or both.
func run(p doctor, name string, args []byte) (value, data js.Value, err error) {
	m, known := methods[name]
	if !known {
		return value, data, problem.Invalid("There is no such call.")
	}
	var list []json.RawMessage
	if err := json.Unmarshal(args, &list); err != nil {
		return value, data, problem.Invalid("The arguments are no JSON list.").Because(err)
	}
	result, err := m(p, list)
	if err != nil {
		return value, data, err
	}
	switch r := result.(type) {
	case nil:
		return js.Null(), js.Null(), nil
	case []byte:
		return js.Null(), bytes(r), nil
	case practice.Records:
		resources := r.Data
		r.Data = nil
		return js.ValueOf(text(r)), bytes(resources), nil
	}
	return js.ValueOf(text(result)), js.Null(), nil
}

// problemOf is what the page is told of an error; failures of the browser's own storage
// have a code of this bridge.
func problemOf(err error) practice.Problem {
	if s := (*storageError)(nil); errors.As(err, &s) {
		return practice.Problem{Kind: "unavailable", Code: "storage", Detail: "This browser could not read or write the key store (" + s.name + ")."}
	}
	return practice.ProblemOf(err)
}
