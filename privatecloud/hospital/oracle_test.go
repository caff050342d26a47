package hospital_test

import (
	"context"
	"sync/atomic"
	"testing"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

// askedAbout counts how often the hospital looks whether somebody is enrolled.
type askedAbout struct {
	hospital.Enrolments
	n *atomic.Int64
}

func (a askedAbout) EnrolmentOf(ctx context.Context, who message.Hash) (hospital.Enrolment, error) {
	a.n.Add(1)
	return a.Enrolments.EnrolmentOf(ctx, who)
}

// Who holds a patient's credential, but not her signature, is refused by the same work
// whether she is enrolled or not.
func TestRefusalsDoNotTellWhoIsEnrolled(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	var looked atomic.Int64
	s.h = s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Enrolments = askedAbout{c.Enrolments, &looked} })
	forger := s.w.NewPatient()
	forger.KLoc = s.p.KLoc
	for name, victim := range map[string]message.Credential{"enrolled": s.p.Cred, "not enrolled": s.w.NewPatient().Cred} {
		forger.Cred = victim // beside keys of his own
		q := forger.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskReleases})
		_, err := s.h.Ask(t.Context(), q.M)
		s.refused(err, name+": question")
		c := forger.Consent(peers.Terms{Doctor: s.d, Grants: []message.Grant{s.h.Grant([]message.Code{"GENERAL"}, peers.AllClasses())}})
		x := s.h.Open(t, s.w, s.d, forger, c, message.ModeRead)
		_, err = s.h.Release(t.Context(), x.M8(message.Filter{}))
		s.refused(err, name+": M8")
	}
	if n := looked.Load(); n != 0 {
		t.Errorf("%d look-ups before a signature held", n)
	}
}
