package visit

import (
	"context"
	"fmt"
	"time"

	"medunion/api/message"
	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	patient "medunion/patient-agent/agent"
)

// Import gives every hospital its part of every patient's record.
func Import(ctx context.Context, s *suite.Suite, src source.Source) error {
	for _, f := range src.Files {
		for h, hospital := range s.Hospitals {
			b := f.Bundle(h)
			if b == nil {
				continue
			}
			r, err := hospital.Import(ctx, b)
			if err != nil {
				return fmt.Errorf("import at %s: %w", hospital.ID, err)
			}
			if t := r.Total; t.Stored+t.Updated+t.Unchanged != len(f.At(h)) {
				return fmt.Errorf("import at %s: %d of %d resources are in the record", hospital.ID, t.Stored+t.Updated+t.Unchanged, len(f.At(h)))
			}
		}
	}
	return nil
}

// The people of the demonstration: ID_D, and the patient's local name.
const (
	DoctorID    = "dr-okafor"
	PatientName = "patient"
)

// Join makes the people of the plan: a doctor of her hospital, and the patient,
// registered and enrolled where her records are.
func Join(ctx context.Context, s *suite.Suite, p Plan, log *Log) (*Parties, error) {
	d, err := s.StartDoctor(ctx, suite.DoctorProfile{ID: DoctorID, Name: "Maya Okafor", Departments: []message.Code{p.Department},
		Affiliation: s.Hospitals[p.Home].ID})
	if err != nil {
		return nil, err
	}
	a, pass, err := s.StartPatient(ctx, PatientName)
	if err != nil {
		return nil, err
	}
	parties := &Parties{Suite: s, Doctor: d, Patient: a, Passphrase: pass, Log: log}
	return parties, parties.enrol(ctx, p)
}

// enrol links the patient at each of her hospitals with a desk code, once, and waits
// until the hospitals' index entries are found.
func (p *Parties) enrol(ctx context.Context, plan Plan) error {
	mrn, err := MRN(plan.File.Patient().Raw)
	if err != nil {
		return err
	}
	known, err := p.Patient.Hospitals(ctx)
	if err != nil {
		return err
	}
	for _, n := range plan.File.Hospitals {
		h := p.Suite.Hospitals[n]
		if isEnrolled(known, h.ID) {
			continue
		}
		code, err := h.DeskCode(ctx, mrn)
		if err != nil {
			return fmt.Errorf("desk code at %s: %w", h.ID, err)
		}
		if _, err := p.Patient.Enrol(ctx, h.ID, code); err != nil {
			return fmt.Errorf("enrolment at %s: %w", h.ID, err)
		}
	}
	return p.AwaitIndex(ctx, plan)
}

func isEnrolled(known patient.Hospitals, id message.ID) bool {
	for _, h := range known.Hospitals {
		if h.ID == id {
			return h.Enrolled
		}
	}
	return false
}

// AwaitIndex waits until the index names every department that each of her hospitals
// holds: hospitals publish after the enrolment.
func (p *Parties) AwaitIndex(ctx context.Context, plan Plan) error {
	return suite.WaitFor(ctx, 60*time.Second, askEvery, "the index entries", func() (bool, error) {
		known, err := p.Patient.Hospitals(ctx)
		if err != nil {
			return false, err
		}
		for _, n := range plan.File.Hospitals {
			if !holds(known, p.Suite.Hospitals[n].ID, source.File{Items: plan.File.At(n)}) {
				return false, nil
			}
		}
		return true, nil
	})
}

func holds(known patient.Hospitals, id message.ID, want source.File) bool {
	for _, h := range known.Hospitals {
		if h.ID == id {
			return len(message.SortCodes(append(want.Departments(), h.Departments...))) == len(h.Departments)
		}
	}
	return false
}

// How often an agent of this process is looked at, which costs microseconds, and how
// often the index, which costs a question for each department.
const (
	lookEvery = 5 * time.Millisecond
	askEvery  = 50 * time.Millisecond
)
