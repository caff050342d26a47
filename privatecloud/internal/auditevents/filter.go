package auditevents

import (
	"encoding/hex"
	"slices"
	"strings"

	audit "medunion/api/auditexport"
	"medunion/privatecloud/hospital"
)

// Filter says which events are exported; the zero Filter takes all. All of it must hold.
type Filter struct {
	audit.Filter
	Patient string // ID_P, or a record's name in hex
	Doctor  string // licence, or c_D in hex
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
	if !f.Filter.Takes(entry(a)) || f.Doctor != "" && f.Doctor != a.Licence && !strings.EqualFold(f.Doctor, audit.Hex(a.Doctor)) {
		return false
	}
	return f.Patient == "" || f.Patient == string(a.Patient) || f.isRecord(s, a)
}

func (f Filter) isRecord(s Site, a hospital.Audited) bool {
	return a.Handle != hospital.Handle{} && len(f.Patient) == hex.EncodedLen(32) && strings.EqualFold(f.Patient, s.record(a))
}
