package visit

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"medunion/api/message"
)

// Message is one line of the visit's log.
type Message struct {
	Name      string  `json:"name"`
	Equations string  `json:"equations"`
	From      string  `json:"from"`
	To        string  `json:"to"`
	Bytes     int     `json:"bytes"`
	Millis    float64 `json:"millis"` // to make it, or to wait for it
}

// Diagnosis is what became of the diagnosis.
type Diagnosis struct {
	StoredAt        message.ID `json:"storedAt"`
	Indexed         bool       `json:"indexed"`
	PatientVerified bool       `json:"patientVerified"`
	InSecondVisit   bool       `json:"inSecondVisit"`
}

// PatientFile names the patient by her file, and by nothing else.
type PatientFile struct {
	File string `json:"file"`
}

// Report is the outcome of a visit; its JSON is the command's whole output.
type Report struct {
	Messages   []Message      `json:"messages"`
	Patient    PatientFile    `json:"patient"`
	Withheld   Withheld       `json:"withheld"`
	Resources  Resources      `json:"resources"`
	ByHospital map[string]int `json:"byHospital"` // received, by ID_HPC
	ByType     map[string]int `json:"byType"`     // received, by FHIR type
	Diagnosis  Diagnosis      `json:"diagnosis"`
	OK         bool           `json:"ok"`
}

// judge sets OK: everything held.
func (r *Report) judge() {
	d := r.Diagnosis
	r.OK = r.Resources.Holds() && d.StoredAt != "" && d.Indexed && d.PatientVerified && d.InSecondVisit
}

// JSON writes exactly one object.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

var parties = map[message.Role]string{message.Patient: "patient", message.Doctor: "doctor",
	message.Hospital: "hospital", message.PublicCloud: "public cloud"}

func line(s message.Sent) Message {
	return Message{Name: string(s.Type), Equations: s.Type.Equations(), From: parties[s.From], To: parties[s.To],
		Bytes: s.Bytes, Millis: float64(s.Took.Round(10*time.Microsecond).Microseconds()) / 1000}
}

// Text writes the report for people.
func (r Report) Text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "message\tequations\tfrom\tto\tbytes\tms")
	for _, m := range r.Messages {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%.1f\n", m.Name, m.Equations, m.From, m.To, m.Bytes, m.Millis)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return r.summary(w)
}

func (r Report) summary(w io.Writer) error {
	fmt.Fprintf(w, "\npatient    %s\n", r.Patient.File)
	fmt.Fprintf(w, "withheld   class %s, department %s\n", r.Withheld.Class, or(string(r.Withheld.Department), "none"))
	n := r.Resources
	fmt.Fprintf(w, "resources  %d stored, %d allowed, %d received, %d mismatched, %d leaked (compared with the source files)\n",
		n.Stored, n.Allowed, n.Received, n.Mismatched, n.Leaked)
	counts(w, "hospitals ", r.ByHospital)
	counts(w, "types     ", r.ByType)
	d := r.Diagnosis
	fmt.Fprintf(w, "diagnosis  stored at %s, indexed %s, verified by the patient %s, in the second visit %s\n",
		or(string(d.StoredAt), "no hospital"), yes(d.Indexed), yes(d.PatientVerified), yes(d.InSecondVisit))
	_, err := fmt.Fprintf(w, "all held   %s\n", yes(r.OK))
	return err
}

func counts(w io.Writer, title string, m map[string]int) {
	fmt.Fprint(w, title)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(w, " %s %d", k, m[k])
	}
	fmt.Fprintln(w)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
