package agent_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/peers"
	"medunion/patient-agent/patient"
)

// short is the life of a credential that is to be renewed at once.
const short = 10 * time.Minute

// m0s counts the registrations and renewals that were sent.
func (u *union) m0s() (n int) {
	u.do(func() {
		for _, m := range u.trace {
			if m.Type == message.TypeM0 && m.From == message.Patient {
				n++
			}
		}
	})
	return n
}

func registrations(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/v1/registrations") }

// shown is the number of the credential that a hospital was shown last.
func (u *union) shown(a *agent.Agent) uint64 {
	u.t.Helper()
	u.ok(errOf(a.Releases(ctx)))
	return u.anna.last.Info.Epoch
}

func number(a *agent.Agent) (n uint64) {
	id := peers.Must(patient.DecodeIdentity(a.Store().Identity))
	return id.Credential.Info.Epoch
}

// What ends soon is renewed at the next unlock, without a word and once; hospitals are asked
// with the new credential, and a visit goes as before. What does not end soon is left alone.
func TestRenewsItself(t *testing.T) {
	u := newUnion(t)
	u.w.Life = short
	a := u.enrolled()
	before := peers.Must(a.Identity())
	u.ok(a.Lock())
	u.do(func() { u.w.Life = 365 * 24 * time.Hour; u.reply = u.diagnose })
	a.StayRenewed()
	u.ok(a.Unlock(secret))
	u.eventually("renewed", func() bool { return number(a) == 2 })
	id := peers.Must(a.Identity())
	if id.ID != before.ID || id.Credential == before.Credential || time.Until(id.NotAfter) < 360*24*time.Hour || id.Renewal != "" {
		t.Errorf("%+v", id)
	}
	if u.shown(a) != 2 {
		t.Error("the hospital was shown the old credential")
	}
	u.until(a, peers.Must(a.StartVisit(ctx, u.request())), agent.Diagnosed)
	if len(a.Store().Former) != 1 || peers.Must(message.DecodeCredential(a.Store().Former[0])).Hash() != before.Credential {
		t.Error("the old credential is lost, which earlier evidence names")
	}
	sent := u.m0s()
	u.ok(a.Lock())
	u.ok(a.Unlock(secret))
	u.ok(errOf(a.RenewAt(ctx))) // the look at the unlock has been made, or is under way
	u.ok(a.Lock())
	if n := u.m0s(); n != sent {
		t.Errorf("renewed again: %d M0, %d before", n, sent)
	}
	if log := u.log.String(); strings.Contains(log, "renew") {
		t.Errorf("it is in the log: %s", log)
	}
}

// Not beside a visit; and a visit that goes on while she renews ends as it began.
func TestRenewalAndVisits(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	if !a.MayRenew() {
		t.Error("not without a visit either")
	}
	id := peers.Must(a.StartVisit(ctx, u.request()))
	u.until(a, id, agent.Shared)
	if a.MayRenew() {
		t.Error("beside a visit")
	}
	u.ok(errOf(a.Renew(ctx, false)))
	u.do(func() { u.diagnose(u.d) })
	u.until(a, id, agent.Diagnosed)
	u.eventually("free again", a.MayRenew)
	if number(a) != 2 || u.shown(a) != 2 {
		t.Error("not renewed")
	}
}

// An answer that is lost costs a number and nothing else, also over a restart: she goes on
// under the old credential, and her next attempt knows that the number was hers.
func TestRenewalAnswerLost(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	u.do(func() { u.lose = registrations })
	for range 2 {
		_, err := a.Renew(ctx, false)
		kind(t, "a lost answer", err, problem.KindUnavailable)
	}
	if number(a) != 1 || u.shown(a) != 1 {
		t.Error("another credential than the old one")
	}
	u.ok(a.Close())
	a = u.agent()
	u.ok(a.Unlock(secret))
	u.do(func() { u.lose = nil; u.reply = u.diagnose })
	u.until(a, peers.Must(a.StartVisit(ctx, u.request())), agent.Diagnosed)
	u.ok(errOf(a.Renew(ctx, false)))
	if number(a) != 4 || u.shown(a) != 4 || len(a.Store().Former) != 1 {
		t.Errorf("number %d", number(a))
	}
	// A public cloud that cannot be reached is none of her attempts.
	u.do(func() { u.fail = func(r *http.Request) int { return 503 } })
	_, err := a.Renew(ctx, false)
	kind(t, "no public cloud", err, problem.KindUnavailable)
	if peers.Must(patient.DecodeIdentity(a.Store().Identity)).Attempts != 0 {
		t.Error("an attempt was counted that nobody heard of")
	}
}

// A new credential that cannot be stored is none: she goes on under the old one.
func TestRenewalNotDurable(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	file, aside := u.cfg.Store, u.cfg.Store+".aside"
	u.do(func() {
		u.fail = func(r *http.Request) int {
			if registrations(r) { // the draft is stored; from here on the disk fails
				u.ok(errors.Join(os.Rename(file, aside), os.MkdirAll(filepath.Join(file, "x"), 0o700)))
			}
			return 0
		}
	})
	if _, err := a.Renew(ctx, false); err == nil {
		t.Fatal("renewed without a disk")
	}
	if number(a) != 1 || u.shown(a) != 1 {
		t.Error("another credential than the old one")
	}
	u.do(func() { u.fail = nil })
	u.ok(errors.Join(os.RemoveAll(file), os.Rename(aside, file)))
	u.ok(a.Close())
	a = u.agent()
	u.ok(a.Unlock(secret))
	u.ok(errOf(a.Renew(ctx, false)))
	if number(a) != 3 {
		t.Errorf("number %d", number(a))
	}
}

// A number that is not hers: she is told, and stays told, nothing is accepted, and no more
// is asked for until she says that she has brought back an older copy of her store.
func TestRenewedElsewhere(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	id := peers.Must(a.Identity())
	u.do(func() { u.registered[id.ID]++ })
	for range 2 {
		if _, err := a.Renew(ctx, false); !errors.Is(err, patient.ErrRenewedElsewhere) {
			t.Fatalf("%v: %s", err, problem.Reason(err))
		}
		if got := peers.Must(a.Identity()); got.Credential != id.Credential || got.Renewal != "elsewhere" {
			t.Errorf("%+v", got)
		}
		u.ok(a.Lock())
		u.ok(a.Unlock(secret))
	}
	if n := u.m0s(); n != 2 {
		t.Errorf("%d M0: numbers are used up for nothing", n)
	}
	if got := peers.Must(a.Renew(ctx, true)); got.Renewal != "" || number(a) != 4 {
		t.Errorf("%+v, number %d", got, number(a))
	}
}

// She is told that renewals fail once the end is near, and when it has come; then nothing
// more is asked for. A success says nothing.
func TestRenewalFails(t *testing.T) {
	u, offset := sleeper(t)
	u.w.Life = 2 * time.Minute
	a := u.enrolled()
	u.do(func() {
		u.fail = func(r *http.Request) int {
			if registrations(r) {
				return 503
			}
			return 0
		}
	})
	told := func(want string) func() bool {
		return func() bool { return peers.Must(a.Identity()).Renewal == want }
	}
	if !told("")() {
		t.Error("told before anything failed")
	}
	u.ok(a.Lock())
	a.StayRenewed()
	u.ok(a.Unlock(secret))
	u.eventually("told that it fails", told("late"))
	offset.Store(int64(time.Hour))
	u.eventually("told that it has ended", told("ended"))
	sent := u.m0s()
	_, err := a.Renew(ctx, false)
	kind(t, "a credential that has ended", err, problem.KindConflict)
	if u.m0s() != sent {
		t.Error("asked for all the same")
	}
	offset.Store(0)
	u.do(func() { u.fail = nil; u.w.Life = 365 * 24 * time.Hour })
	u.ok(errOf(a.Renew(ctx, false)))
	if !told("")() {
		t.Error("still told")
	}
	id := peers.Must(a.Identity()).ID
	u.ok(a.Close())
	if log := u.log.String(); !strings.Contains(log, "credential not renewed") || strings.Contains(log, string(id)) {
		t.Errorf("log %s", log)
	}
}
