package auditexport

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"medunion/privatecloud/hospital"
)

// Filter says which events are exported; the zero Filter takes all. All of it must hold.
type Filter struct {
	From, To    time.Time // of the event: From itself is in, To is not
	Patient     string    // ID_P, or a record's name in hex
	Doctor      string    // licence, or c_D in hex
	Events      []string  // as the trail names them
	Outcome     string    // "success" or "failure"
	SinceNumber uint64    // the first number
}

// Check refuses what no event can match.
func (f Filter) Check() error {
	for _, e := range f.Events {
		if _, known := patterns[e]; !known {
			return fmt.Errorf("there is no event %q; there are: %s", e, strings.Join(Events(), ", "))
		}
	}
	if f.Outcome != "" && f.Outcome != "success" && f.Outcome != "failure" {
		return fmt.Errorf("an outcome is success or failure, not %q", f.Outcome)
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return fmt.Errorf("the time from which is not before the time until which")
	}
	return nil
}

// Events are the names of all events.
func Events() []string {
	out := make([]string, 0, len(patterns))
	for e := range patterns {
		out = append(out, e)
	}
	slices.Sort(out)
	return out
}

func (f Filter) takes(s Site, a hospital.Audited) bool {
	t := Recorded(a)
	switch {
	case a.Number < f.SinceNumber, t.Before(f.From), !f.To.IsZero() && !t.Before(f.To):
		return false
	case len(f.Events) > 0 && !slices.Contains(f.Events, a.What):
		return false
	case f.Outcome != "" && (f.Outcome == "failure") != (a.What == hospital.EventRefused):
		return false
	case f.Doctor != "" && f.Doctor != a.Licence && !strings.EqualFold(f.Doctor, hexOf(a.Doctor)):
		return false
	}
	return f.Patient == "" || f.Patient == string(a.Patient) || f.isRecord(s, a)
}

func (f Filter) isRecord(s Site, a hospital.Audited) bool {
	return a.Handle != hospital.Handle{} && len(f.Patient) == hex.EncodedLen(32) && strings.EqualFold(f.Patient, s.record(a))
}
