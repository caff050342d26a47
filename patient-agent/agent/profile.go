package agent

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"medunion/api/fhirbundle"
	"medunion/api/problem"
	"medunion/patient-agent/internal/keystore"
)

// Profile is what she says of herself: nobody vouches for it. The zero value says
// nothing.
type Profile struct {
	Name      string // up to 200 characters
	BirthDate string // YYYY-MM-DD, or ""
	Sex       string // female, male, other, unknown, or ""
}

const maxName = 200

var sexes = []string{"", "female", "male", "other", "unknown"}

func (p Profile) check(now time.Time) error {
	bad := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
	if utf8.RuneCountInString(p.Name) > maxName || strings.ContainsFunc(p.Name, bad) || strings.TrimSpace(p.Name) != p.Name {
		return problem.Invalid("The name is too long or holds what no name holds.").Coded("name-invalid")
	}
	if p.Name == "" && p != (Profile{}) {
		return problem.Invalid("A profile needs a name.").Coded("name-needed")
	}
	if born, err := time.Parse(time.DateOnly, p.BirthDate); p.BirthDate != "" && (err != nil || born.After(now) || born.Year() < 1850) {
		return problem.Invalid("The date of birth is no date of a person's birth.").Coded("birth-date-invalid")
	}
	if !slices.Contains(sexes, p.Sex) {
		return problem.Invalid("The sex is none of female, male, other, unknown.").Coded("sex-invalid")
	}
	return nil
}

// resource is the profile as a FHIR Patient.
func (p Profile) resource() (fhirbundle.Entry, error) {
	type name struct {
		Text string `json:"text"`
	}
	b, err := json.Marshal(struct {
		Type   string `json:"resourceType"`
		ID     string `json:"id"`
		Name   []name `json:"name"`
		Gender string `json:"gender,omitempty"`
		Birth  string `json:"birthDate,omitempty"`
	}{"Patient", "self-stated", []name{{p.Name}}, p.Sex, p.BirthDate})
	if err != nil {
		return fhirbundle.Entry{}, err
	}
	return fhirbundle.NewEntry("", b)
}

func profileIn(o *opened) (p Profile, err error) {
	err = o.store.View(func(c keystore.Content) error { p = Profile(c.Profile); return nil })
	return p, storeProblem(err)
}

// Profile returns what she says of herself.
func (a *Agent) Profile() (Profile, error) {
	o, err := a.opened()
	if err != nil {
		return Profile{}, err
	}
	return profileIn(o)
}

// SetProfile changes it.
func (a *Agent) SetProfile(p Profile) error {
	o, err := a.opened()
	if err != nil {
		return err
	}
	if err := p.check(a.cfg.Now()); err != nil {
		return err
	}
	return storeProblem(o.store.Update(func(c *keystore.Content) error { c.Profile = keystore.Profile(p); return nil }))
}
