package scale_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/replay/redistest"
)

// renewal is the operator's command, as a program of its own.
func (w *world) renewal(ctx context.Context, more ...string) *exec.Cmd {
	w.t.Helper()
	var args []string
	for _, a := range append(w.hospitalArgs(0)[1:], w.redis...) { // without "serve"
		if !strings.HasPrefix(a, "--init-keys") {
			args = append(args, a)
		}
	}
	return exec.CommandContext(ctx, program(w.t, programs[hospitalName]), append(append([]string{"keys", "renew", "--yes"}, args...), more...)...)
}

// number is that of the hospital's credential in the public cloud's directory, as the patient's agent sees it.
func (w *world) number(ctx context.Context) uint64 {
	w.t.Helper()
	var body struct{ Signed string }
	ok(w.t, w.call(ctx, http.MethodGet, w.url(cloudService)+"/v1/directory", "", "", nil, &body))
	signed := must(message.DecodeSigned(must(base64.RawURLEncoding.DecodeString(body.Signed))))
	d, err := message.OpenDirectory(signed, w.pins, message.MillisOf(time.Now()))
	ok(w.t, err)
	if len(d.Hospitals) != 1 {
		w.t.Fatalf("the directory shows the hospital %d times", len(d.Hospitals))
	}
	return d.Hospitals[0].Info.Epoch
}

// The hospital renews its credential between the messages of a visit, with two instances behind the balancer: the visit
// ends, the next one goes under the new credential, and the patient and her doctor see one hospital. The
// command is killed on its way, and goes on when it is given again.
func TestRenewalInMidVisit(t *testing.T) {
	heavy(t)
	ctx := t.Context()
	w := newWorld(t, "--redis-addrs="+redistest.Start(t).Addr())
	p := w.join(ctx)
	ok(t, p.visit(ctx))
	if n := w.number(ctx); n != 1 {
		t.Fatalf("number %d", n)
	}
	var renewed error
	p.when(message.TypeM7, func() {
		out, err := w.interrupted(ctx)
		if err == nil {
			out, err = w.renewal(ctx, "--wait=1m").CombinedOutput()
		}
		if err != nil {
			renewed = fmt.Errorf("%w: %s", err, out)
		}
		t.Logf("%s", out)
	})
	ok(t, p.visit(ctx))
	ok(t, renewed)
	ok(t, eventually(ctx, "the directory has the new credential", func() (bool, error) { return w.number(ctx) > 1, nil }))
	ok(t, p.visit(ctx))
	ok(t, p.once(ctx))
	known, err := p.patient.Hospitals(ctx)
	ok(t, reason(err))
	if len(known.Hospitals) != 1 || known.Ignored != 0 || len(known.Hospitals[0].Holdings) != len(known.Hospitals[0].Departments) {
		t.Errorf("she sees %d hospitals, %d holdings in %d departments, %d ignored", len(known.Hospitals), len(known.Hospitals[0].Holdings), len(known.Hospitals[0].Departments), known.Ignored)
	}
}

// interrupted gives the command and kills it as soon as it has changed the key file: the new keys are drawn, and
// the public cloud has heard of them or not.
func (w *world) interrupted(ctx context.Context) (out []byte, err error) {
	path := w.path("hospital.keys")
	before, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cmd := w.renewal(ctx)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	changed := before
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && bytes.Equal(before, changed); time.Sleep(time.Millisecond) {
		if changed, err = os.ReadFile(path); err != nil {
			break
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if bytes.Equal(before, changed) {
		err = errors.Join(err, errors.New("the command has drawn no keys"))
	}
	return nil, err
}
