package practice

import (
	"cmp"
	"slices"

	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// EarlierVisits returns the visits of earlier sessions whose evidence is kept, the newest
// first. Evidence and EvidenceFile take their ids. The first call of a session opens each
// file; one that does not open stands last, with the reason.
func (p *Practice) EarlierVisits() ([]EarlierVisit, error) {
	s, err := p.session()
	if err != nil {
		return nil, err
	}
	ids, err := s.store.EvidenceIDs()
	if err != nil {
		return nil, err
	}
	out := []EarlierVisit{}
	for _, id := range ids {
		if s.find(func(v *visit) bool { return v.id == id }) != nil {
			continue
		}
		v, err := s.earlierVisit(id)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b EarlierVisit) int { return cmp.Or(cmp.Compare(b.Since, a.Since), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// earlierVisit opens the evidence once: it no longer changes.
func (s *session) earlierVisit(id string) (EarlierVisit, error) {
	s.mu.Lock()
	known, ok := s.earlier[id]
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	v := EarlierVisit{ID: id, Hospitals: []string{}}
	e, err := s.kept(id)
	switch kind := problem.KindOf(err); {
	case err == nil:
		v.read(e)
	case kind == problem.KindRefused || kind == problem.KindInvalid:
		v.Reason = &reasonUnreadable
	default:
		return v, err
	}
	s.mu.Lock()
	s.earlier[id] = v
	s.mu.Unlock()
	return v, nil
}

func (v *EarlierVisit) read(e doctor.Evidence) {
	v.Since, v.Patient = int64(e.Consent.Consent.NotBefore), string(e.Patient.Info.ID)
	for _, h := range e.Hospitals {
		v.Hospitals = append(v.Hospitals, string(h.Info.ID))
	}
	slices.Sort(v.Hospitals)
	v.Diagnosed = slices.ContainsFunc(e.Statements, func(s doctor.Statement) bool { return s.Name == "Sig_D5" })
}

// kept opens the evidence of a visit of an earlier session.
func (s *session) kept(id string) (doctor.Evidence, error) {
	b, err := s.store.Evidence(id)
	if err != nil {
		return doctor.Evidence{}, err
	}
	return doctor.DecodeEvidence(b)
}
