package hospital_test

import (
	"crypto/rand"
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

func TestAttack18_Downgrade(t *testing.T) {
	s := newScene(t, ecc.SuiteXWing)
	c := s.consent()
	ticket := s.w.Ticket(s.d, c.Consent, message.ModeRead)
	s.w.Suite = ecc.SuiteX25519
	weak := s.w.Doctor("dr-weak", "OUTPATIENT")
	key := peers.Must(ecc.GenerateKEM(ecc.SuiteX25519, rand.Reader))
	x := s.w.Visit(weak, s.h.Party.Cred, key.Public(), s.p.Cred, c, ticket)
	s.refused(s.sendM6(x), "M6 in suite 1")
	ask := s.p.Ask(t, s.h.Party.Cred, key.Public(), message.Question{Kind: message.AskReleases})
	_, err := s.h.Ask(t.Context(), ask.M)
	s.refused(err, "a question in suite 1")
	// Suite 2 outside, a suite 1 credential inside.
	s.w.Suite = ecc.SuiteXWing
	y := s.w.Visit(weak, s.h.Party.Cred, s.h.Prekey(t, s.w), s.p.Cred, c, ticket)
	s.refused(s.sendM6(y), "a credential of suite 1")
}

func TestAttack19_Write(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	all := []message.Grant{s.h.Grant(peers.Departments, peers.AllClasses())}
	writes := func(x *peers.Session) error {
		salted, d5 := x.D5(diagnosis)
		_, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
		return err
	}
	for name, to := range map[string]message.ID{"none": "", "another hospital": "mercy"} {
		c := s.p.Consent(peers.Terms{Doctor: s.d, Grants: all, WriteTo: to})
		s.refused(writes(s.openWith(c)), "write_to "+name)
	}
	x := s.open()
	x.CON = s.p.Consent(peers.Terms{Doctor: s.d, Grants: all, WriteTo: s.h.ID()})
	s.refused(writes(x), "another consent than that of M6")

	x = s.open()
	salted, _ := x.D5(diagnosis)
	_, foreign := x.D5([]byte(`{"resourceType":"Bundle","type":"collection"}`))
	_, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, foreign))
	s.refused(err, "Sig_D5 over another diagnosis")

	for name, bundle := range map[string]string{
		"no JSON": "nonsense", "no bundle": `{"resourceType":"Condition"}`, "empty": `{"resourceType":"Bundle","type":"collection"}`,
		"invalid": `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Condition","id":"x","wrong":1}}]}`,
		"unknown": `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Nonsense","id":"x"}}]}`,
	} {
		y := s.open()
		salted, d5 := y.D5([]byte(bundle))
		_, err := s.h.StoreDiagnosis(t.Context(), y.M11(salted, d5))
		wantKind(t, err, problem.KindInvalid, "a diagnosis: "+name)
	}
	if d, err := message.DecodeDiagnoses(s.ask(message.Question{Kind: message.AskDiagnoses})); err != nil || len(d) != 0 || s.receipts() != 0 {
		t.Errorf("%d diagnoses are stored, %v", len(d), err)
	}
}

func TestAttack20_SecondCredential(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	minted := s.w.PatientAs(s.p.Cred.Info.ID, 2)
	c := minted.Consent(peers.Terms{Doctor: s.d, WriteTo: s.h.ID(), Grants: []message.Grant{s.h.Grant(peers.Departments, peers.AllClasses())}})
	x := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
	x.P = minted.Cred
	if err := s.sendM6(x); err != nil {
		t.Fatal(err)
	}
	s.refused(s.asksM8(x), "M8 under a minted credential")
	// Her own credential beside the minted signatures.
	y := s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
	if err := s.sendM6(y); err != nil {
		t.Fatal(err)
	}
	s.refused(s.asksM8(y), "M8 with minted signatures")
	// The minted credential beside a consent that she did sign, also with one of her two
	// keys in it: only the pin tells the two apart.
	for name, p := range map[string]peers.Party{"both keys": minted.Party,
		"the KEM key": s.w.RegisterKeys(message.Patient, s.p.Cred.Info.ID, s.p.Cred.Info.Attribute, 2, s.p.Sign, minted.KEM)} {
		z := s.open()
		z.P = p.Cred
		s.refused(s.asksM8(z), "M8 under her consent, with another in "+name)
	}
	ask := minted.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRecord})
	_, err := s.h.Ask(t.Context(), ask.M)
	s.refused(err, "a question under a minted credential")
	enrol := minted.Enrol(t, s.h.Party.Cred, s.h.Prekey(t, s.w), "AAAA-BBBB-CCCC-DDDD")
	_, err = s.h.Enrol(t.Context(), enrol.M)
	s.refused(err, "enrolment of a minted credential without a code")
}

// In person, with a new code, she replaces her credential; the old one is nobody then.
func TestNewCredentialInPerson(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	old := s.open()
	renewed := s.w.PatientAs(s.p.Cred.Info.ID, 2)
	s.h.EnrolPatient(t, renewed, mrn)
	s.refused(s.asksM8(old), "M8 under the old credential")
	s.p = renewed
	if got, _ := s.release(s.open(), message.Filter{}); len(got) != 3 {
		t.Errorf("received %v", names(got))
	}
}

func TestAttack21_ForeignRevocation(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	stranger := s.w.NewPatient()
	s.load("MRN-2", []hospital.Resource{resource("Patient", "p2", "GENERAL", "DEMOGRAPHIC", 0)})
	s.h.EnrolPatient(t, stranger, "MRN-2")
	grants := []message.Grant{s.h.Grant([]message.Code{"GENERAL"}, peers.AllClasses())}
	x := s.openWith(s.p.Consent(peers.Terms{Doctor: s.d, Grants: grants, CID: [16]byte{7}}))

	q := stranger.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRevoke, Consent: x.CON.Consent.Hash()})
	if _, err := s.h.Ask(t.Context(), q.M); err != nil {
		t.Fatal(problem.Reason(err))
	}
	other := stranger.Consent(peers.Terms{Doctor: s.d, Grants: grants, CID: [16]byte{7}})
	q = stranger.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRevoke, Consent: other.Consent.Hash()})
	if _, err := s.h.Ask(t.Context(), q.M); err != nil {
		t.Fatal(problem.Reason(err))
	}
	if got, _ := s.release(x, message.Filter{}); len(got) != 1 {
		t.Errorf("received %v", names(got))
	}
	// A revocation that she did not sign is refused.
	thief := *s.p
	thief.Sign = stranger.Sign
	q = thief.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRevoke, Consent: x.CON.Consent.Hash()})
	_, err := s.h.Ask(t.Context(), q.M)
	s.refused(err, "a revocation signed by another")
}
