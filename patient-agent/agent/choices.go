package agent

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/patient-agent/internal/signals"
	"medunion/patient-agent/patient"
)

// Defaults of a consent.
const (
	DefaultPurpose = message.Code("TREATMENT")
	DefaultUses    = 3
	DefaultLife    = 24 * time.Hour
)

// Request is what the patient decides for one visit. The zero value of a field is
// its default.
type Request struct {
	Link       string // the doctor's
	Passphrase []byte // for the consent; not kept. For StartVisit only
	Again      string // a visit that failed, instead of everything else; for PrepareApproval only

	Department message.Code // in which the doctor acts; his only one by default
	Purpose    message.Code // TREATMENT by default
	Expires    time.Time    // in 24 hours by default
	MaxUses    uint32       // searches; 3 by default

	// Grants are what each hospital may release. Nil is everything that she has but
	// what Withhold names; an empty list allows nothing.
	Grants   []message.Grant
	Withhold Withhold

	// WriteTo is where the diagnosis may be written. Nil is the doctor's own hospital
	// if she is enrolled there, else nowhere; "" is nowhere.
	WriteTo *message.ID

	Recordings []Recording // what she has measured
	Anonymous  bool        // leave the profile out
}

// Withhold names what is left out of everything, at every hospital.
type Withhold struct {
	Departments []message.Code
	Classes     []message.Code
}

func (w Withhold) empty() bool { return len(w.Departments) == 0 && len(w.Classes) == 0 }

// Recording is one file of measurements, FHIR (JSON) or CSV.
type Recording struct {
	Name string // of the file; ".csv" or ".json" at its end decides how it is read
	Data []byte

	// For CSV only.
	Kind  string        // "ecg", "ppg", "heart-rate", or "" to tell by the file
	Hz    string        // samples a second, or "" if the name tells it
	Start time.Time     // zero if unknown
	First time.Duration // only so much of the beginning; 0 for all
}

var kinds = map[string]signals.Kind{"": signals.Auto, "ecg": signals.ECG, "ppg": signals.PPG, "heart-rate": signals.HeartRate}

// measured builds M_SD, a FHIR Bundle, without entries if nothing was measured. What
// she says of herself comes first; it is left out if a recording says who she is.
func measured(recordings []Recording, profile Profile) ([]byte, error) {
	var entries []fhirbundle.Entry
	for _, r := range recordings {
		kind, known := kinds[r.Kind]
		if !known {
			return nil, problem.Invalid("The kind of recording is unknown.").Coded("signals-unusable")
		}
		e, err := signals.Load(r.Name, bytes.NewReader(r.Data), signals.Options{Kind: kind, Hz: r.Hz, Start: r.Start, First: r.First})
		if err != nil {
			return nil, signalsProblem(err)
		}
		entries = append(entries, e...)
	}
	named := slices.ContainsFunc(entries, func(e fhirbundle.Entry) bool { return e.Type == "Patient" })
	if profile.Name != "" && !named {
		self, err := profile.resource()
		if err != nil {
			return nil, problem.Internal(err)
		}
		entries = append([]fhirbundle.Entry{self}, entries...)
	}
	msd, err := signals.Bundle(entries)
	if err != nil {
		return nil, signalsProblem(err)
	}
	return msd, nil
}

// Preview is the measurements as they would be sent, without the profile.
func Preview(recordings []Recording) ([]byte, error) {
	return measured(recordings, Profile{})
}

// countObservations is how many recordings M_SD holds.
func countObservations(msd []byte) (n int) {
	b, err := fhirbundle.Decode(msd)
	if err != nil {
		return 0
	}
	for _, e := range b.Entries {
		if e.Type == "Observation" {
			n++
		}
	}
	return n
}

// signalsProblem shows the cause: it names lines and columns, and the caller owns
// the file.
func signalsProblem(err error) error {
	if errors.Is(err, signals.ErrTooLarge) {
		return problem.TooLarge().Because(err)
	}
	return problem.Invalid("The measurements are not usable: " + err.Error() + ".").Coded("signals-unusable").Because(err)
}

// choose turns a request into what the consent will say.
func (a *Agent) choose(ctx context.Context, o *opened, d patient.Doctor, r Request) (c patient.Choices, err error) {
	var self Profile
	if !r.Anonymous {
		if self, err = profileIn(o); err != nil {
			return c, err
		}
	}
	if c.MSD, err = measured(r.Recordings, self); err != nil {
		return c, err
	}
	if c.Department, err = department(d, r.Department); err != nil {
		return c, err
	}
	c.Purpose, c.Expires, c.MaxUses = r.Purpose, r.Expires, r.MaxUses
	if c.Purpose == "" {
		c.Purpose = DefaultPurpose
	}
	if c.Expires.IsZero() {
		c.Expires = a.cfg.Now().Add(DefaultLife)
	}
	if c.MaxUses == 0 {
		c.MaxUses = DefaultUses
	}
	mine, err := enrolled(o)
	if err != nil {
		return c, err
	}
	if c.WriteTo, err = writeTo(d, r.WriteTo, mine); err != nil {
		return c, err
	}
	c.Grants, err = a.grants(ctx, o, r, mine)
	return c, err
}

func department(d patient.Doctor, wanted message.Code) (message.Code, error) {
	has := codes(d.Certificate.Departments)
	switch {
	case wanted == "" && len(has) == 1:
		return has[0], nil
	case wanted == "":
		return "", problem.Invalid("The doctor acts in several departments; name one.").Coded("department-needed")
	case !slices.Contains(has, wanted):
		return "", problem.Invalid("The doctor does not act in that department.").Coded("department-wrong")
	}
	return wanted, nil
}

func writeTo(d patient.Doctor, wanted *message.ID, mine []message.ID) (message.ID, error) {
	if wanted == nil {
		home := message.ID(d.Certificate.Affiliation)
		if !slices.Contains(mine, home) {
			home = ""
		}
		return home, nil
	}
	if *wanted != "" && !slices.Contains(mine, *wanted) {
		return "", problem.Invalid("The diagnosis cannot be written at a hospital where you are not enrolled.").Coded("write-not-enrolled")
	}
	return *wanted, nil
}

// grants checks the grants named, or makes those of everything but what is withheld.
// A code that the parameters do not know is refused: a slip of the pen must not
// share what was to be withheld.
func (a *Agent) grants(ctx context.Context, o *opened, r Request, mine []message.ID) ([]message.Grant, error) {
	p, err := a.parameters(ctx)
	if err != nil {
		return nil, err
	}
	if r.Grants == nil {
		if !within(r.Withhold.Departments, p.Departments) || !within(r.Withhold.Classes, p.Classes) {
			return nil, problem.Invalid("What is to be withheld names a department or class that does not exist.").Coded("choice-unknown")
		}
		return a.everythingBut(ctx, o, r.Withhold)
	}
	if !r.Withhold.empty() {
		return nil, problem.Invalid("Name either grants or what to withhold, not both.").Coded("choice-unknown")
	}
	for _, g := range r.Grants {
		if !slices.Contains(mine, g.Hospital) {
			return nil, problem.Invalid("A grant names a hospital where you are not enrolled.").Coded("grant-not-enrolled")
		}
		if !within(g.Departments, p.Departments) || !within(g.Classes, p.Classes) {
			return nil, problem.Invalid("A grant names a department or class that does not exist.").Coded("choice-unknown")
		}
	}
	return r.Grants, nil
}

func within(named, known []message.Code) bool {
	return !slices.ContainsFunc(named, func(c message.Code) bool { return !slices.Contains(known, c) })
}

// everythingBut grants, at each hospital of hers, all departments and classes that
// its index entries name, less those withheld.
func (a *Agent) everythingBut(ctx context.Context, o *opened, w Withhold) ([]message.Grant, error) {
	all, err := a.hospitals(ctx, o)
	if err != nil {
		return nil, err
	}
	grants := []message.Grant{}
	for _, h := range all.Hospitals {
		g := message.Grant{Hospital: h.ID, Departments: without(h.Departments, w.Departments), Classes: without(h.Classes, w.Classes)}
		if h.Enrolled && len(g.Departments) > 0 && len(g.Classes) > 0 {
			grants = append(grants, g)
		}
	}
	return grants, nil
}

func without(all, withheld []message.Code) []message.Code {
	return slices.DeleteFunc(slices.Clone(all), func(c message.Code) bool { return slices.Contains(withheld, c) })
}
