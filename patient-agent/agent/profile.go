package agent

import (
	"cmp"
	"encoding/json"
	"regexp"
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
	BirthDate string // YYYY-MM-DD, or ""; of a file's Patient also YYYY or YYYY-MM
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

// selfIn is what M_SD, as it would be sent, says of who she is: her profile, or a Patient
// that a file of hers holds, as far as it can be read; nil if there is no Patient in it.
func selfIn(msd []byte) *Profile {
	b, err := fhirbundle.Decode(msd)
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(b.Entries, func(e fhirbundle.Entry) bool { return e.Type == "Patient" })
	if i < 0 {
		return nil
	}
	var r map[string]json.RawMessage
	_ = json.Unmarshal(b.Entries[i].Resource, &r) // what is of another form reads as nothing
	p := Profile{Name: nameIn(r["name"]), BirthDate: read[string](r["birthDate"]), Sex: read[string](r["gender"])}
	if runes := []rune(p.Name); len(runes) > maxName {
		p.Name = string(runes[:maxName])
	}
	if !fhirDate.MatchString(p.BirthDate) {
		p.BirthDate = ""
	}
	if !slices.Contains(sexes, p.Sex) {
		p.Sex = ""
	}
	return &p
}

// fhirDate is a date of FHIR R4, of which a file may say the year alone.
var fhirDate = regexp.MustCompile(`^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$`)

type humanName struct {
	Use    string   `json:"use"`
	Text   string   `json:"text"`
	Given  []string `json:"given"`
	Family string   `json:"family"`
}

// nameIn chooses among names as the doctor's page does: the official one, else the first.
func nameIn(names json.RawMessage) string {
	list := read[[]humanName](names)
	if len(list) == 0 {
		return ""
	}
	n := list[max(0, slices.IndexFunc(list, func(n humanName) bool { return n.Use == "official" }))]
	return cmp.Or(n.Text, strings.TrimSpace(strings.Join(append(n.Given, n.Family), " ")))
}

// read is the value of a member, or the zero value if it is absent or of another form.
func read[T any](raw json.RawMessage) (v T) {
	if json.Unmarshal(raw, &v) != nil {
		var none T
		return none
	}
	return v
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
