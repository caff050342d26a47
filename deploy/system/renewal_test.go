package system_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/deploy/local/authority"
	"medunion/deploy/local/suite"
	"medunion/ecc"
	patient "medunion/patient-agent/agent"
)

// A patient is enrolled, visits, renews her credential while her doctor is at work, and
// visits again: nobody at a desk, and the consent of before holds until the doctor is done.
// A copy of her device from before the renewal is refused at her hospitals from then on.
func TestRenewal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, played := twoHospitals(t, dir, "dr-renewal")
	played(c.importRecord, c.startPatient, c.enrol)
	copied := filepath.Join(dir, "copy")
	ok(t, os.WriteFile(copied, must(os.ReadFile(c.store)), 0o600))
	c.midway = c.renewMidway
	played(c.visit)
	c.midway = nil
	played(c.visit, c.questions)
	c.refusedAt(t, copied)
	ok(t, c.agent.Close())
	ok(t, c.agent.Unlock(c.pass)) // what was told before the renewal is still in the store, and still continues
	if r, err := c.agent.Releases(t.Context()); err != nil || !r.Complete || len(r.Hospitals[0].Releases) < 4 {
		t.Errorf("releases: %+v, %v", r, err)
	}
	id := must(c.agent.Identity())
	ok(t, c.agent.Close())
	c.renewsByCommand(t, dir, id)
}

// twoHospitals is a story in a suite of its own, and what plays its steps.
func twoHospitals(t *testing.T, dir string, id message.ID) (c *story, played func(...func(context.Context) error)) {
	t.Helper()
	s, err := suite.Start(t.Context(), suite.Options{Dir: filepath.Join(dir, "state"), Suite: ecc.SuiteX25519, Hospitals: 2, Logger: slog.New(slog.DiscardHandler)})
	ok(t, err)
	t.Cleanup(func() { ok(t, s.Close()) })
	c = &story{s: s, words: newWords(), sids: &sidCatcher{}, log: slog.New(slog.DiscardHandler), store: filepath.Join(dir, "hers", "store")}
	c.doctor, err = s.StartDoctor(t.Context(), suite.DoctorProfile{ID: id, Name: c.words.doctor, Departments: []message.Code{"OUTPATIENT"},
		Affiliation: s.Hospitals[0].ID})
	ok(t, err)
	return c, func(steps ...func(context.Context) error) {
		t.Helper()
		if err := c.play(t.Context(), steps...); err != nil {
			t.Fatal(problem.Reason(err))
		}
	}
}

// renewsByCommand runs the program: what does not end soon is left alone, unless she says so.
func (c *story) renewsByCommand(t *testing.T, dir string, before patient.Identity) {
	t.Helper()
	program, pass := filepath.Join(dir, "patient-agent"), filepath.Join(dir, "passphrase")
	if out, err := exec.Command("go", "build", "-o", program, "medunion/patient-agent").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ok(t, os.WriteFile(pass, c.pass, 0o600))
	pins, jwks := c.s.Files()
	renew := func(args ...string) (shown struct{ ID, Credential string }) {
		t.Helper()
		cmd := exec.Command(program, append([]string{"renew", "--json", "--store=" + c.store, "--passphrase-file=" + pass, "--cloud=" + c.s.Cloud,
			"--pins=" + pins, "--authority=" + authority.DefaultName, "--authority-jwks=" + jwks}, args...)...)
		cmd.Stderr = os.Stderr
		ok(t, json.Unmarshal(must(cmd.Output()), &shown))
		return shown
	}
	if same := renew(); same.Credential != hex.EncodeToString(before.Credential[:]) || same.ID != string(before.ID) {
		t.Errorf("renewed what does not end soon: %+v", same)
	}
	if next := renew("--now"); next.Credential == hex.EncodeToString(before.Credential[:]) || next.ID != string(before.ID) {
		t.Errorf("not renewed: %+v", next)
	}
	if again := renew(); again.Credential == hex.EncodeToString(before.Credential[:]) {
		t.Error("the new credential was not kept")
	}
}

// renewMidway renews, shows the new credential at both hospitals, which then pin it, and lets
// the doctor fetch the records once more under the consent and the credential that she has.
func (c *story) renewMidway(ctx context.Context) error {
	before, err := c.agent.Identity()
	if err != nil {
		return err
	}
	var after patient.Identity
	if err := patiently(ctx, func() (err error) { after, err = c.agent.Renew(ctx, false); return err }); err != nil {
		return err
	}
	if after.ID != before.ID || after.Credential == before.Credential {
		return fmt.Errorf("renewed %+v to %+v", before, after)
	}
	first, err := c.releases(ctx)
	if err != nil {
		return err
	}
	if err := c.search(ctx, c.visited[len(c.visited)-1]); err != nil {
		return err
	}
	second, err := c.releases(ctx)
	if err == nil && second < first+2 {
		err = fmt.Errorf("%d releases after the renewal, %d before: the consent of before does not hold", second, first)
	}
	return err
}

// releases counts those of both hospitals, as she is told.
func (c *story) releases(ctx context.Context) (n int, err error) {
	var r patient.Releases
	err = eventually(ctx, func() (bool, error) { r, err = c.agent.Releases(ctx); return r.Complete, err })
	for _, h := range r.Hospitals {
		n += len(h.Releases)
	}
	return n, err
}

// refusedAt expects hospitals to answer nothing to a copy of the device.
func (c *story) refusedAt(t *testing.T, store string) {
	t.Helper()
	verify, err := c.s.Authorized()
	ok(t, err)
	old, err := patient.New(patient.Config{Store: store, Suite: ecc.SuiteX25519, Cost: cheap, Cloud: c.s.Cloud, Pins: c.s.Pins(),
		VerifyCertificate: verify, Authority: authority.DefaultName})
	ok(t, err)
	ok(t, old.Unlock(c.pass))
	t.Cleanup(func() { ok(t, old.Close()) })
	r, err := old.Releases(t.Context())
	ok(t, err)
	for _, h := range r.Hospitals {
		if h.Answered || len(h.Warnings) != 1 {
			t.Errorf("%s answered the old credential: %+v", h.Hospital, h)
		}
	}
	for _, h := range c.s.Hospitals {
		if _, err := old.Record(t.Context(), h.ID); problem.KindOf(err) != problem.KindRefused {
			t.Errorf("%s, asked for the record by the old credential: %v", h.ID, err)
		}
	}
}
