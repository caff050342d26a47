package visit

import (
	"bytes"
	"slices"
)

// Resource is one resource that the doctor received, byte for byte.
type Resource struct {
	Hospital int
	Type, ID string
	Raw      []byte
}

// Resources is the comparison with the source files. A resource that two hospitals
// hold counts at each.
type Resources struct {
	Stored     int `json:"stored"`     // of the patient, at all hospitals, by the source files and earlier diagnoses
	Allowed    int `json:"allowed"`    // of them by her consent
	Received   int `json:"received"`   // by the doctor
	Mismatched int `json:"mismatched"` // received, allowed, and with other bytes than the file has
	Leaked     int `json:"leaked"`     // received and not allowed, or in no file
}

// Holds reports whether exactly what was allowed arrived, unchanged.
func (r Resources) Holds() bool {
	return r.Allowed > 0 && r.Received == r.Allowed && r.Mismatched == 0 && r.Leaked == 0
}

type place struct {
	hospital int
	key      string
}

// Compare holds what was received against the source, and against the diagnoses that
// earlier visits wrote into the record, as the patient holds them signed. Receiving
// one resource twice from one hospital counts as a leak: it was not there to be had.
func Compare(p Plan, diagnoses, received []Resource) Resources {
	allowed := map[place][]byte{}
	r := Resources{Received: len(received), Stored: len(diagnoses)}
	for _, i := range p.File.Items {
		for _, h := range i.Hospitals {
			r.Stored++
			if p.Allows(i) {
				allowed[place{h, i.Key()}] = i.Raw
			}
		}
	}
	for _, d := range diagnoses {
		allowed[place{d.Hospital, d.Type + "/" + d.ID}] = d.Raw
	}
	r.Allowed = len(allowed)
	for _, got := range received {
		at := place{got.Hospital, got.Type + "/" + got.ID}
		want, ok := allowed[at]
		switch {
		case !ok:
			r.Leaked++
		case !bytes.Equal(want, got.Raw):
			r.Mismatched++
		}
		delete(allowed, at)
	}
	return r
}

// Added returns what the second visit brought beyond the first: the diagnosis, if
// it is in the record.
func Added(first, second []Resource) []Resource {
	return slices.DeleteFunc(slices.Clone(second), func(r Resource) bool {
		return slices.ContainsFunc(first, func(o Resource) bool {
			return o.Hospital == r.Hospital && o.Type == r.Type && o.ID == r.ID && bytes.Equal(o.Raw, r.Raw)
		})
	})
}
