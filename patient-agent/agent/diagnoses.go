package agent

import (
	"cmp"
	"context"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// Diagnosis is what a doctor has signed, verified.
type Diagnosis struct {
	ID           message.Hash // H(Sig_D5)
	Doctor       string
	Licence      string
	Consent      message.Hash
	ConsentKnown bool // the consent is one that she gave to this doctor
	Time         time.Time
	FromVisit    bool // it came in a visit, from the doctor directly
	StoredAt     []Stored
	Content      []byte // FHIR Bundle
}

// Stored is a record that holds a diagnosis.
type Stored = keystore.Stored

// Unanswered is a hospital that could not be asked or whose answer did not hold.
type Unanswered struct {
	Hospital message.ID
	Reason
}

// Diagnoses asks every hospital where she is enrolled for the diagnoses in her
// record, adds what is new to those of her visits, and returns all, newest first.
// One diagnosis that came by several ways is one.
func (a *Agent) Diagnoses(ctx context.Context) ([]Diagnosis, []Unanswered, error) {
	o, err := a.registered()
	if err != nil {
		return nil, nil, err
	}
	mine, err := enrolled(o)
	if err != nil {
		return nil, nil, err
	}
	unanswered := []Unanswered{}
	for _, id := range mine {
		if err := a.fetchDiagnoses(ctx, o, id); err != nil {
			unanswered = append(unanswered, Unanswered{Hospital: id, Reason: says(err)})
		}
	}
	out := []Diagnosis{}
	err = o.store.View(func(c keystore.Content) error {
		for _, d := range c.Diagnoses {
			out = append(out, diagnosis(c, d))
		}
		return nil
	})
	slices.SortFunc(out, func(x, y Diagnosis) int {
		return cmp.Or(y.Time.Compare(x.Time), slices.Compare(x.ID[:], y.ID[:]))
	})
	return out, unanswered, storeProblem(err)
}

// fetchDiagnoses verifies what one hospital's record holds. If one of its diagnoses
// does not hold, those that do are kept, and the hospital is reported.
func (a *Agent) fetchDiagnoses(ctx context.Context, o *opened, id message.ID) error {
	h, err := a.hospital(ctx, o, id)
	if err != nil {
		return err
	}
	var found []keystore.Diagnosis
	var bad error
	err = a.collectHospital(ctx, o, h, message.AskDiagnoses, 0, func(answer patient.Answered) (next uint64, err error) {
		list, err := message.DecodeDiagnoses(answer.Content)
		for _, w := range list {
			next = max(next, w.Record+1)
			d, err := o.role().OpenWritten(w)
			if err != nil {
				bad = err
				continue
			}
			kept := keptDiagnosis(d)
			kept.StoredAt = []Stored{{Hospital: id, Record: w.Record}}
			found = append(found, kept)
		}
		return next, err
	})
	if err != nil {
		return err
	}
	if err := a.keepNew(o, found); err != nil {
		return storeProblem(err)
	}
	return bad
}

// keepNew stores diagnoses, and writes nothing if all are known. A visit that had lost
// its diagnosis has found it.
func (a *Agent) keepNew(o *opened, found []keystore.Diagnosis) error {
	merge := func(c *keystore.Content) (news bool) {
		for _, d := range found {
			news = mergeDiagnosis(c, d) || news
			news = a.foundFor(c, d) || news
		}
		return news
	}
	news := false
	err := o.store.View(func(c keystore.Content) error { news = merge(&c); return nil })
	if err != nil || !news {
		return err
	}
	err = o.store.Update(func(c *keystore.Content) error { merge(c); return nil })
	a.changes.broadcast(Visits)
	return err
}

// foundFor gives a diagnosis from a record to the visit that ended without one.
func (a *Agent) foundFor(c *keystore.Content, d keystore.Diagnosis) bool {
	for i := range c.Visits {
		v := &c.Visits[i]
		if v.State == Failed && v.Diagnosis == nil && v.Consent != nil && *v.Consent == d.Consent && gaveTo(*c, d.Consent, d.Doctor) {
			set(v, Diagnosed, codeFromTheRecord, a.cfg.Now())
			v.Diagnosis, v.Again = &d.Hash, nil
			return true
		}
	}
	return false
}

func keptDiagnosis(d patient.Diagnosis) keystore.Diagnosis {
	return keystore.Diagnosis{Hash: ecc.Sum(d.SigD5.Encode()), Doctor: d.Doctor.Encode(), Name: d.Certificate.Name, Licence: d.Certificate.Licence,
		Consent: d.Consent, Time: d.Time, Salted: d.Salted, SigD5: keystore.Statement{TBS: d.SigD5.TBS, Signature: d.SigD5.Signature}}
}

// mergeDiagnosis adds a diagnosis, or where it came from to the one known by
// H(Sig_D5). It reports whether anything was new.
func mergeDiagnosis(c *keystore.Content, d keystore.Diagnosis) bool {
	known := c.Diagnosis(d.Hash)
	if known == nil {
		c.Diagnoses = append(c.Diagnoses, d)
		return true
	}
	news := d.FromVisit && !known.FromVisit
	known.FromVisit = known.FromVisit || d.FromVisit
	for _, s := range d.StoredAt {
		if !slices.Contains(known.StoredAt, s) {
			known.StoredAt, news = append(known.StoredAt, s), true
		}
	}
	return news
}

func diagnosis(c keystore.Content, d keystore.Diagnosis) Diagnosis {
	content, err := message.Unsalted(d.Salted)
	if err != nil {
		content = nil // cannot be: it was verified when it came
	}
	return Diagnosis{ID: d.Hash, Doctor: d.Name, Licence: d.Licence, Consent: d.Consent, ConsentKnown: gaveTo(c, d.Consent, d.Doctor),
		Time: d.Time.Time(), FromVisit: d.FromVisit, StoredAt: d.StoredAt, Content: content}
}

// gaveTo reports whether she gave the consent to the doctor of the credential.
func gaveTo(c keystore.Content, consent message.Hash, credential []byte) bool {
	k := c.Consent(consent)
	return k != nil && string(k.Doctor) == string(credential)
}

// Diagnosis returns one diagnosis that is known, without asking anybody.
func (a *Agent) Diagnosis(id message.Hash) (Diagnosis, error) {
	o, err := a.registered()
	if err != nil {
		return Diagnosis{}, err
	}
	var out Diagnosis
	err = o.store.View(func(c keystore.Content) error {
		d := c.Diagnosis(id)
		if d == nil {
			return problem.NotFound("There is no such diagnosis.").Coded("no-diagnosis-known")
		}
		out = diagnosis(c, *d)
		return nil
	})
	return out, storeProblem(err)
}
