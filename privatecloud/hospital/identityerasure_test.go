package hospital_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/internal/peers"
)

// An erasure that waits while the credential is renewed, or is ordered before all is republished, leaves nothing in the
// index under either credential; its receipt verifies under the credential that it names.
func TestRenewalErasure(t *testing.T) {
	for name, before := range map[string]bool{"before": true, "after": false} {
		t.Run(name, func(t *testing.T) {
			r := newRenewal(t, ecc.SuiteX25519)
			r.rotate()
			r.publish()
			by := r.new
			if before {
				by = r.old
				r.eraseAs(by)
				r.promote()
			} else {
				r.promote()
				r.eraseAs(by)
			}
			if left := r.remains(); left.Erasures != 1 {
				t.Errorf("remains: %s", left)
			}
			r.finish()
			for _, under := range r.seen(nil) {
				if len(under) != 0 {
					t.Error("a department is still found")
				}
			}
			r.w.Clock.Move(2 * time.Minute)
			r.finish()
			if left := r.remains(); left.Erasures+left.Enrolments != 0 {
				t.Errorf("remains: %s", left)
			}
		})
	}
}

func (r *renewal) eraseAs(by peers.Party) {
	r.t.Helper()
	signed, err := r.h.Erase(context.WithoutCancel(r.t.Context()), mrn, order)
	if err != nil {
		r.t.Fatal(problem.Reason(err))
	}
	e := peers.Must(message.DecodeErasure(signed.TBS))
	c, ok := r.h.Credential(e.Hospital)
	if _, err := message.VerifyErasure(r.w.Pins, c, signed); !ok || err != nil || e.Hospital != by.Cred.Hash() {
		r.t.Errorf("the receipt: %v", err)
	}
}

// Whoever enrols or asks is answered under the credential that she came to; when she enrols anew in the middle of
// a renewal her entries of before are still emptied.
func TestRenewalEnrolment(t *testing.T) {
	r := newRenewal(t, ecc.SuiteX25519)
	r.rotate()
	r.publish()
	r.promote()
	r.as(r.new).h.EnrolPatient(t, r.p, mrn)
	for _, p := range []peers.Party{r.old, r.new} {
		x := r.p.Ask(t, p.Cred, r.as(p).h.Prekey(t, r.w), message.Question{Kind: message.AskReleases})
		m, err := r.h.Ask(t.Context(), x.M)
		if err != nil {
			t.Fatal(problem.Reason(err))
		}
		x.Answer(t, m)
	}
	r.work(r.h)
	if left := r.remains(); left.Enrolments != 0 {
		t.Errorf("remains: %s", left)
	}
	for _, under := range r.seen(nil) {
		if !slices.Equal(keysOf(under), []message.Hash{r.new.Cred.Hash()}) {
			t.Errorf("a department stands under %d credentials", len(under))
		}
	}
}

func keysOf(m map[message.Hash]message.IndexContent) (out []message.Hash) {
	for k := range m {
		out = append(out, k)
	}
	return out
}
