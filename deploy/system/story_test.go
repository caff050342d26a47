package system_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	"medunion/deploy/local/authority"
	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
	doctor "medunion/doctor-portal/agent"
	"medunion/ecc"
	patient "medunion/patient-agent/agent"
)

// known is what the canary's process tells its parent at its end.
type known struct {
	Canaries []string // what a patient, a record or a doctor says: nowhere readable
	Patient  string   // ID_P: nowhere readable
	Logs     []string // what stands in keys and stores by design, but never in logs or metrics
	Hashes   []string // the same, in hex: c_P, locators, sids
}

// story is one patient and what she does in a suite, with strings that occur nowhere else.
type story struct {
	s       *suite.Suite
	doctor  *doctor.Agent
	store   string // her agent's
	log     *slog.Logger
	words   words
	agent   *patient.Agent
	pass    []byte
	sids    *sidCatcher
	known   known
	visited []string                    // the doctor's names of the visits
	midway  func(context.Context) error // called when the doctor has the record; may be nil
}

// play takes the steps until one fails.
func (c *story) play(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// importRecord gives both hospitals their part of the record.
func (c *story) importRecord(ctx context.Context) error {
	src, err := source.Read(fstest.MapFS{"canary.json": {Data: c.words.bundle()}}, 2)
	if err != nil {
		return err
	}
	if len(src.Notes) > 0 || len(src.Files[0].Hospitals) != 2 {
		return fmt.Errorf("the canary's bundle is not all hers at two hospitals: %v", src.Notes)
	}
	return visit.Import(ctx, c.s, src)
}

// logs adds what must not be in logs and metrics.
func (c *story) logs(secrets ...string) { c.known.Logs = append(c.known.Logs, secrets...) }

func (c *story) hashes(h ...[]byte) {
	for _, b := range h {
		c.known.Hashes = append(c.known.Hashes, fmt.Sprintf("%x", b))
	}
}

// startPatient makes her agent with a transport that notes the session ids.
func (c *story) startPatient(ctx context.Context) error {
	verify, err := c.s.Authorized()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.store), 0o700); err != nil {
		return err
	}
	c.agent, err = patient.New(patient.Config{Store: c.store, Suite: ecc.SuiteX25519, Cost: cheap, Cloud: c.s.Cloud, Pins: c.s.Pins(),
		VerifyCertificate: verify, Authority: authority.DefaultName, HTTP: c.sids, Logger: c.log})
	if err != nil {
		return err
	}
	code, err := c.s.PatientCode(ctx)
	if err != nil {
		return err
	}
	c.pass = []byte(c.words.passphrase)
	var id patient.Identity
	err = patiently(ctx, func() (err error) { id, err = c.agent.Register(ctx, code, c.pass); return err })
	c.logs(code, c.words.passphrase)
	c.hashes(id.Credential[:])
	c.known.Patient = string(id.ID)
	return err
}

// enrol links her at both hospitals, after an attempt with a wrong code.
func (c *story) enrol(ctx context.Context) error {
	if _, err := c.agent.Enrol(ctx, c.s.Hospitals[0].ID, "0000-0000-0000"); err == nil {
		return errors.New("a wrong desk code enrols")
	}
	for _, h := range c.s.Hospitals {
		code, err := h.DeskCode(ctx, c.words.mrn)
		if err != nil {
			return err
		}
		c.logs(code)
		if err := patiently(ctx, func() error { _, err := c.agent.Enrol(ctx, h.ID, code); return err }); err != nil {
			return err
		}
	}
	return eventually(ctx, func() (yes bool, err error) {
		var known patient.Hospitals
		err = patiently(ctx, func() (err error) { known, err = c.agent.Hospitals(ctx); return err })
		return !slices.ContainsFunc(known.Hospitals, func(h patient.Hospital) bool { return len(h.Departments) == 0 }), err
	})
}

// eventually polls until yes, an error or half a minute has passed.
func eventually(ctx context.Context, f func() (bool, error)) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(30 * time.Millisecond) {
		yes, err := f()
		switch {
		case err != nil || yes:
			return err
		case time.Now().After(end) || ctx.Err() != nil:
			return errors.New("it does not happen")
		}
	}
}

// visit runs M1 to M12 with measurements that name her.
func (c *story) visit(ctx context.Context) error {
	card, err := c.doctor.Card()
	if err != nil {
		return err
	}
	before := len(c.doctor.Visits())
	var id string
	err = patiently(ctx, func() (err error) {
		id, err = c.agent.StartVisit(ctx, patient.Request{Link: card.Link, Passphrase: c.pass, MaxUses: 20,
			Recordings: []patient.Recording{{Name: "home.json", Data: c.words.signals()}}})
		return err
	})
	if err != nil {
		return err
	}
	at, err := c.callIn(ctx, before)
	if err != nil {
		return err
	}
	if err := c.fetch(ctx, at); err != nil {
		return err
	}
	if c.midway != nil {
		if err := c.midway(ctx); err != nil {
			return err
		}
	}
	if err := c.diagnose(ctx, at); err != nil {
		return err
	}
	if _, err = c.agent.Wait(ctx, id, patient.Shared); err != nil {
		return err
	}
	return c.noteEvidence(at)
}

// diagnose runs M10 to M12. What fails on a busy machine is sent again.
func (c *story) diagnose(ctx context.Context, id string) error {
	return eventually(ctx, func() (bool, error) {
		r, err := c.doctor.SendFinding(ctx, id, doctor.Finding{Text: c.words.finding, Note: c.words.note})
		return len(r.Failures) == 0 && r.Stored != nil && r.Indexed != nil, err
	})
}

func (c *story) callIn(ctx context.Context, before int) (id string, err error) {
	err = eventually(ctx, func() (bool, error) {
		v := c.doctor.Visits()
		if len(v) <= before || v[len(v)-1].State != doctoragent.Waiting {
			return false, nil
		}
		id = v[len(v)-1].ID
		return true, nil
	})
	if err != nil {
		return "", err
	}
	c.visited = append(c.visited, id)
	_, err = c.doctor.OpenVisit(id)
	return id, err
}

// fetch reads the record from both hospitals; all the strings must have travelled.
func (c *story) fetch(ctx context.Context, id string) error {
	if err := c.search(ctx, id); err != nil {
		return err
	}
	records, err := c.doctor.Records(id)
	if err != nil {
		return err
	}
	msd, err := c.doctor.Signals(id)
	if err != nil {
		return err
	}
	text := string(msd)
	for _, r := range records {
		text += string(r.Data)
	}
	for _, w := range append(c.words.inRecord(), c.words.inSignals()...) {
		if !strings.Contains(text, w) && !strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(w))) {
			return fmt.Errorf("the doctor did not receive %q: the test tests nothing", w)
		}
	}
	return nil
}

// search runs M4 to M9 until both hospitals have sent all that they may.
func (c *story) search(ctx context.Context, id string) error {
	return eventually(ctx, func() (bool, error) {
		if _, err := c.doctor.FetchRecords(id, message.Filter{}); err != nil {
			return false, err
		}
		var v doctoragent.Visit
		err := eventually(ctx, func() (_ bool, err error) {
			v, err = c.doctor.Visit(id)
			return err == nil && v.Search != nil && v.Search.State != doctoragent.SearchStateRunning, err
		})
		failed := slices.ContainsFunc(v.Hospitals, func(h doctoragent.HospitalProgress) bool { return h.State != doctoragent.HospitalProgressStateVerified })
		return err == nil && v.Search.State == doctoragent.SearchStateDone && !failed && len(v.Hospitals) == 2, err
	})
}

// noteEvidence takes locators and session ids from what the doctor keeps.
func (c *story) noteEvidence(id string) error {
	e, err := c.doctor.Evidence(id)
	if err != nil {
		return err
	}
	for _, l := range e.Consent.OpenC.Locators {
		c.hashes(l[:])
	}
	hc := e.Consent.Consent.Hash()
	c.hashes(hc[:])
	for _, s := range e.Statements {
		f, err := ecc.DecodeList(ecc.Label(s.Name), s.TBS, 64)
		if err != nil {
			continue
		}
		if h, err := message.DecodeHeader(f[0]); err == nil {
			c.hashes(h.Session[:])
		}
	}
	return nil
}

// questions asks everything that a patient may, reads what came back, and revokes.
func (c *story) questions(ctx context.Context) error {
	err := eventually(ctx, func() (bool, error) {
		list, unanswered, err := c.agent.Diagnoses(ctx)
		return len(unanswered) == 0 && len(list) == len(c.visited) && strings.Contains(string(list[0].Content), c.words.note), err
	})
	if err != nil {
		return err
	}
	if err := eventually(ctx, func() (bool, error) { r, err := c.agent.Releases(ctx); return r.Complete, err }); err != nil {
		return err
	}
	for _, h := range c.s.Hospitals {
		var record []byte
		err := patiently(ctx, func() (err error) { record, err = c.agent.Record(ctx, h.ID); return err })
		if err != nil || !strings.Contains(string(record), c.words.family) {
			return fmt.Errorf("record: %v", err)
		}
	}
	return c.revoke(ctx)
}

// revoke asks for the uses of the consents and revokes them.
func (c *story) revoke(ctx context.Context) error {
	consents, err := c.agent.Consents()
	if err != nil || len(consents) != len(c.visited) {
		return fmt.Errorf("%d consents, %v", len(consents), err)
	}
	for _, x := range consents {
		err := patiently(ctx, func() error {
			uses, err := c.agent.Uses(ctx, x.Hash)
			if err == nil && len(uses) == 0 {
				err = errors.New("a search was not counted")
			}
			return err
		})
		if err != nil {
			return err
		}
		if err := eventually(ctx, func() (bool, error) { r, err := c.agent.Revoke(ctx, x.Hash); return r.Complete, err }); err != nil {
			return err
		}
	}
	return nil
}
