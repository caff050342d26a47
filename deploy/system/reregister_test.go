package system_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/deploy/internal/runbook"
)

// A hospital that was revoked by mistake is registered anew at the public cloud, which serves meanwhile: the patient is
// enrolled as she was, and her next visit, from M1 to M12 at two hospitals, goes as the one before; so do her questions,
// which tell of both.
func TestReregistration(t *testing.T) {
	t.Parallel()
	c, played := twoHospitals(t, t.TempDir(), "dr-anew")
	s := c.s
	played(c.importRecord, c.startPatient, c.enrol, c.visit)
	h := s.Hospitals[0]
	old := inDirectory(t, s.Cloud, s.Pins(), h.ID)
	if err := h.Reregister(t.Context()); err == nil {
		t.Fatal("registered anew while it serves")
	}
	ok(t, h.Stop())
	if err := h.Reregister(t.Context()); err == nil {
		t.Fatal("registered anew while its credential is good")
	}
	ok(t, ask(t.Context(), http.MethodPost, s.Cloud+"/v1/operator/revocations", must(s.OperatorToken()), map[string]string{"credential": hexed(old.Hash())}, nil))
	ok(t, h.Reregister(t.Context()))
	ok(t, h.Start(t.Context()))
	anew := inDirectory(t, s.Cloud, s.Pins(), h.ID)
	if anew.Info.Epoch != old.Info.Epoch+1 || anew.Info.Keys.Sign.Equal(old.Info.Keys.Sign) {
		t.Errorf("number %d after %d", anew.Info.Epoch, old.Info.Epoch)
	}
	played(c.visit, c.questions)
}

// inDirectory is what the public cloud's directory has of a hospital, at the latest when a list that was signed before is over.
func inDirectory(t *testing.T, cloud string, pins message.Pins, id message.ID) (c message.Credential) {
	t.Helper()
	err := eventually(t.Context(), func() (bool, error) {
		d, err := message.OpenDirectory(signedAt(t, cloud+"/v1/directory"), pins, message.MillisOf(time.Now()))
		for _, h := range d.Hospitals {
			if h.Info.ID == id {
				c = h
			}
		}
		return c.Info.ID == id, err
	})
	ok(t, err)
	return c
}

// stop ends a process as its operator does.
func (p *process) stop() {
	p.t.Helper()
	ok(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.awaitEnd(30 * time.Second)
}

// The page about a hospital that is registered anew, as it stands there, after the public cloud's root was stolen: the hospital's
// binary meets a public cloud with other keys and an empty database. A patient of before is nobody there until she has registered and
// the desk has enrolled her again; then she reads her record.
func TestReregisterRunbook(t *testing.T) {
	heavy(t)
	t.Parallel()
	b := newBinaries(t)
	b.build("publiccloud")
	b.build("privatecloud")
	v, _ := b.start()
	services := v.(both)
	h, ctx := b.at.Hospitals[0], t.Context()
	must(importBundle(ctx, h, map[string][]byte{"Patient/" + bookMRN: patientResource(bookMRN)}))
	before := must(join(ctx, b.at, h, bookMRN))
	ok(t, before.agent.Close())
	services.other.stop()
	services.one.stop()

	ok(t, os.Rename(b.path("pins"), b.path("pins.stolen")))
	b.at.Pins = message.Pins{}
	common := []string{"--dev", "--passphrase-file=" + b.path("passphrase"), "--mongo-uri=" + b.at.Mongo, "--redis-addrs=" + b.at.Redis,
		"--authority=" + b.at.Authority, "--authority-jwks=" + b.path("authority.jwks"), "--operators=operators", "--operators-jwks=" + b.path("operators.jwks")}
	cloud := run(t, exec.Command(b.path("publiccloud"), append([]string{"--init-keys", "--listen=" + host(b.at.Cloud), "--keys=" + b.path("cloud.anew.keys"),
		"--database=publiccloud_anew"}, common...)...))
	b.ready(cloud, b.at.Cloud)
	b.pin(cloud)
	hospital := []string{"serve", "--id=" + string(h.ID), "--listen=" + host(h.URL), "--admin-listen=" + host(h.Admin),
		"--keys=" + b.path("hospital.keys"), "--cloud=" + b.at.Cloud, "--pins=" + b.path("pins")}
	refused := run(t, exec.Command(b.path("privatecloud"), append(hospital, common...)...))
	refused.awaitEnd(time.Minute)
	if said := string(refused.read(refused.stderr)); !strings.Contains(said, "keys reregister") {
		t.Errorf("it does not say what to do: %s", said)
	}

	data := filepath.Join(b.dir, "data")
	ok(t, os.Mkdir(data, 0o700))
	b.file("registration.token", []byte(b.at.Operator))
	runbook.Test(t, "../doc/reregister-hospital.md", runbook.Options{Least: 7, Env: []string{"PATH=" + b.dir + ":" + os.Getenv("PATH"), "DATA=" + data,
		"OPERATOR_TOKEN=" + b.path("registration.token"), "HEALTH=" + h.URL, "PRIVATECLOUD_DEV=true", "PRIVATECLOUD_ID=" + string(h.ID),
		"PRIVATECLOUD_KEYS=" + b.path("hospital.keys"), "PRIVATECLOUD_PASSPHRASE_FILE=" + b.path("passphrase"), "PRIVATECLOUD_LISTEN=" + host(h.URL),
		"PRIVATECLOUD_ADMIN_LISTEN=" + host(h.Admin), "PRIVATECLOUD_CLOUD=" + b.at.Cloud, "PRIVATECLOUD_PINS=" + b.path("pins"), "PRIVATECLOUD_MONGO_URI=" + b.at.Mongo,
		"PRIVATECLOUD_REDIS_ADDRS=" + b.at.Redis, "PRIVATECLOUD_AUTHORITY=" + b.at.Authority, "PRIVATECLOUD_AUTHORITY_JWKS=" + b.path("authority.jwks"),
		"PRIVATECLOUD_OPERATORS=operators", "PRIVATECLOUD_OPERATORS_JWKS=" + b.path("operators.jwks")}})

	b.ready(run(t, exec.Command(b.path("privatecloud"), append(hospital, common...)...)), h.URL)
	ok(t, before.meet(b.at))
	if _, err := before.agent.Record(ctx, h.ID); err == nil {
		t.Error("a patient of the stolen root reads a record")
	}
	ok(t, before.agent.Close())
	after := must(join(ctx, b.at, h, bookMRN))
	var record []byte
	ok(t, patiently(ctx, func() (err error) { record, err = after.agent.Record(ctx, h.ID); return err }))
	if !strings.Contains(string(record), bookMRN) {
		t.Errorf("another record: %s", record)
	}
	ok(t, after.agent.Close())
}
