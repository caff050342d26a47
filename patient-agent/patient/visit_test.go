package patient_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/internal/peers"
	"medunion/patient-agent/patient"
)

var signals = []byte(`{"resourceType":"Bundle","type":"collection","entry":[]}`)

const finding = `{"resourceType":"Bundle","type":"collection"}`

// scene is a registered patient and a doctor.
type scene struct {
	*peers.World
	p  *patient.Patient
	uv ecc.SigningKey
	d  *peers.Doctor
}

func newScene(t *testing.T, suite ecc.Suite) *scene {
	s := &scene{World: peers.NewWorld(t, suite)}
	s.p, s.uv = s.NewPatient()
	s.d = s.NewDoctor(peers.DoctorID)
	return s
}

func (s *scene) revocations(revoked ...message.Hash) message.Revocations {
	return peers.Must(message.OpenRevocations(s.Cloud.Revocations(revoked...), s.Pins, s.Millis()))
}

// verified is the card of a doctor, verified.
func (s *scene) verified(d *peers.Doctor) patient.Doctor {
	s.T.Helper()
	v, err := s.p.VerifyCard(d.C, d.Card(), s.revocations())
	s.Ok(err)
	return v
}

func (s *scene) begin(d *peers.Doctor) (*patient.Visit, message.Message) {
	s.T.Helper()
	v, m1, err := s.p.Begin(s.verified(d))
	s.Ok(err)
	return v, m1
}

// answered is a visit in which M2 holds.
func (s *scene) answered() *patient.Visit {
	s.T.Helper()
	v, m1 := s.begin(s.d)
	s.Ok(v.ReceiveM2(peers.Must(s.d.M2(m1))))
	return v
}

func (s *scene) choices() patient.Choices {
	return patient.Choices{Department: "SURGERY", Purpose: "TREATMENT", Expires: s.Now.Add(24 * time.Hour), MaxUses: 3, WriteTo: peers.AnnaID,
		Grants: []message.Grant{
			{Hospital: peers.AnnaID, Departments: []message.Code{"SURGERY", "GENERAL"}, Classes: []message.Code{"VITAL", "LAB"}},
			{Hospital: peers.ElseID, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}}},
		MSD: signals}
}

// shared is a visit in which M3 has arrived and holds.
func (s *scene) shared() (*patient.Visit, patient.Given) {
	s.T.Helper()
	v := s.answered()
	given, m3, err := v.Share(s.choices(), s.uv)
	s.Ok(err)
	s.Ok(s.d.ReceiveM3(m3))
	return v, given
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	if problem.KindOf(err) != problem.KindRefused || err == nil {
		t.Errorf("%s: %v (%s)", what, err, problem.Reason(err))
	}
}

func eachSuite(t *testing.T, f func(t *testing.T, suite ecc.Suite)) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		t.Run(fmt.Sprintf("suite %d", suite), func(t *testing.T) { f(t, suite) })
	}
}

func TestWholeVisit(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite ecc.Suite) {
		s := newScene(t, suite)
		v, given := s.shared()
		if !bytes.Equal(peers.Must(message.Unsalted(s.d.M3.MSD)), signals) {
			t.Error("M_SD differs")
		}
		got := s.d.M3.CON
		if !bytes.Equal(got.Encode(), given.CON.Encode()) || got.Consent.Department != "SURGERY" || got.OpenH.WriteTo != peers.AnnaID ||
			got.Consent.MaxUses != 3 || len(got.OpenC.Locators) != 2 || len(got.IndexKeys) != 3 {
			t.Errorf("the consent differs from the choices: %+v", got.Consent)
		}
		if got.Consent.NotBefore >= s.Millis() {
			t.Error("the consent does not hold for a doctor whose clock is behind")
		}
		d, err := v.ReceiveM10(s.d.M10(finding, nil))
		s.Ok(err)
		if string(d.Content) != finding || d.Consent != got.Consent.Hash() || d.Certificate.Name != string(peers.DoctorID) {
			t.Errorf("diagnosis %+v", d)
		}
		e := v.Evidence()
		s.Ok(s.d.Cred.Info.Keys.Sign.Verify(e.TBSD1, e.SigD1))
		if len(e.TBSP1) == 0 || len(e.TBSP2) == 0 {
			t.Error("evidence of what the patient signed is missing")
		}
	})
}

func TestIdentityRoundTrip(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite ecc.Suite) {
		s := newScene(t, suite)
		fresh, _ := s.NewIdentity()
		for _, id := range []patient.Identity{fresh, s.p.Identity()} {
			again, err := patient.DecodeIdentity(id.Encode())
			s.Ok(err)
			if !bytes.Equal(again.Encode(), id.Encode()) {
				t.Error("differs after a round trip")
			}
			b := id.Encode()
			for _, bad := range [][]byte{nil, b[:len(b)-1], append(bytes.Clone(b), 0)} {
				if _, err := patient.DecodeIdentity(bad); err == nil {
					t.Error("decoded what is not an identity")
				}
			}
			if text := fmt.Sprintf("%v %+v %#v", id, id, id); strings.ReplaceAll(text, "[redacted]", "") != "  " {
				t.Errorf("prints as %s", text)
			}
		}
	})
}

func TestRegistrationRefuses(t *testing.T) {
	w := peers.NewWorld(t, ecc.SuiteX25519)
	other := peers.NewWorld(t, ecc.SuiteX25519)
	id, _ := w.NewIdentity()
	stranger, _ := w.NewIdentity()
	p := peers.Must(patient.New(w.Config(), id))
	if _, err := p.RequestRegistration(make([]byte, 55), "CODE"); problem.KindOf(err) != problem.KindInvalid {
		t.Errorf("short challenge: %v", err)
	}
	q := peers.Must(p.RequestRegistration(make([]byte, message.ChallengeSize), "CODE"))
	strange := peers.Must(peers.Must(patient.New(w.Config(), stranger)).RequestRegistration(make([]byte, message.ChallengeSize), "CODE"))
	edits := map[string]func() message.RegistrationReply{
		"another registrar": func() message.RegistrationReply { return other.Reply(q) },
		"another's identity": func() message.RegistrationReply {
			return w.Reply(strange)
		},
		"another role": func() message.RegistrationReply { r := q; r.Registration.Role = message.Doctor; return w.Reply(r) },
		"another β_P": func() message.RegistrationReply {
			r := q
			r.Registration.Attribute = strange.Registration.Attribute
			return w.Reply(r)
		},
		"another key": func() message.RegistrationReply {
			r := q
			r.Registration.Keys = strange.Registration.Keys
			return w.Reply(r)
		},
		"a partial key that does not fit (Eq. 4)": func() message.RegistrationReply {
			r := w.Reply(q)
			r.D = w.Reply(q).D
			return r
		},
		"an edited signature": func() message.RegistrationReply {
			r := w.Reply(q)
			r.Credential.Signature = bytes.Clone(r.Credential.Signature)
			r.Credential.Signature[3] ^= 1
			return r
		},
	}
	for what, edit := range edits {
		refused(t, what, p.AcceptRegistration(edit()))
	}
	if p.Registered() {
		t.Error("registered by a reply that was refused")
	}
	w.Ok(p.AcceptRegistration(w.Reply(q)))
	if err := p.AcceptRegistration(w.Reply(q)); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("registered twice: %v", err)
	}
}

func TestUnregisteredDoesNothing(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	id, _ := s.NewIdentity()
	p := peers.Must(patient.New(s.Config(), id))
	h := s.NewHospital(peers.AnnaID, "http://127.0.0.1:1")
	hv := peers.Must(p.VerifyHospital(h.Cred, h.Prekey(), s.revocations()))
	d := peers.Must(p.VerifyCard(s.d.C, s.d.Card(), s.revocations()))
	_, _, e1 := p.Begin(d)
	_, _, e2 := p.Enrol(hv, "DESKCODE", []message.Code{"GENERAL"})
	_, _, e3 := p.AskHospital(hv, message.Question{Kind: message.AskRecord})
	for _, err := range []error{e1, e2, e3} {
		if !errors.Is(err, patient.ErrNotRegistered) {
			t.Error(err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	if _, err := patient.New(patient.Config{}, s.p.Identity()); err == nil {
		t.Error("made without a configuration")
	}
	if _, err := patient.New(s.Config(), patient.Identity{}); err == nil {
		t.Error("made without an identity")
	}
}

func TestCardRefuses(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	other := s.NewDoctor("dr-else")
	hospital := s.NewHospital(peers.AnnaID, "http://127.0.0.1:1")
	cases := map[string]func() (message.Hash, patient.Card, message.Revocations){
		"another doctor than the link's": func() (message.Hash, patient.Card, message.Revocations) {
			return s.d.C, other.Card(), s.revocations()
		},
		"revoked": func() (message.Hash, patient.Card, message.Revocations) {
			return s.d.C, s.d.Card(), s.revocations(s.d.C)
		},
		"another's certificate": func() (message.Hash, patient.Card, message.Revocations) {
			c := s.d.Card()
			c.Certificate = other.Certificate
			return s.d.C, c, s.revocations()
		},
		"a certificate of nobody": func() (message.Hash, patient.Card, message.Revocations) {
			c := s.d.Card()
			c.Certificate = []byte("x")
			return s.d.C, c, s.revocations()
		},
		"another's prekey": func() (message.Hash, patient.Card, message.Revocations) {
			c := s.d.Card()
			c.Prekey = other.Prekey()
			return s.d.C, c, s.revocations()
		},
		"a hospital's credential": func() (message.Hash, patient.Card, message.Revocations) {
			c := s.d.Card()
			c.Credential = hospital.Cred
			return hospital.C, c, s.revocations()
		},
		"an old prekey": func() (message.Hash, patient.Card, message.Revocations) {
			c, v := s.d.Card(), s.revocations()
			s.Now = s.Now.Add(2 * time.Hour)
			return s.d.C, c, v
		},
	}
	for what, make := range cases {
		was := s.Now
		meant, card, revoked := make()
		_, err := s.p.VerifyCard(meant, card, revoked)
		refused(t, what, err)
		s.Now = was
	}
	s.verified(s.d)
}

func TestChoicesRefused(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	d := s.verified(s.d)
	edits := map[string]func(*patient.Choices){
		"foreign department": func(c *patient.Choices) { c.Department = "OBSTETRICS" },
		"no purpose":         func(c *patient.Choices) { c.Purpose = "" },
		"expired":            func(c *patient.Choices) { c.Expires = s.Now },
		"no use":             func(c *patient.Choices) { c.MaxUses = 0 },
		"write to nonsense":  func(c *patient.Choices) { c.WriteTo = "St. Anna!" },
		"twice one hospital": func(c *patient.Choices) { c.Grants = append(c.Grants, c.Grants[0]) },
		"no department":      func(c *patient.Choices) { c.Grants[0].Departments = nil },
		"no class":           func(c *patient.Choices) { c.Grants[1].Classes = nil },
		"bad class":          func(c *patient.Choices) { c.Grants[1].Classes = []message.Code{"lab"} },
		"too many": func(c *patient.Choices) {
			for i := range 65 {
				c.Grants = append(c.Grants, message.Grant{Hospital: message.ID(fmt.Sprintf("h-%d", i)), Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}})
			}
		},
	}
	for what, edit := range edits {
		c := s.choices()
		edit(&c)
		if err := s.p.CheckChoices(d, c); problem.KindOf(err) != problem.KindInvalid || err == nil {
			t.Errorf("%s: %v", what, err)
		}
		v := s.answered()
		if _, _, err := v.Share(c, s.uv); err == nil {
			t.Errorf("%s: shared", what)
		}
	}
}

// TestNothingGranted: a visit without any record is a consent without locators.
func TestNothingGranted(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.choices()
	c.Grants, c.WriteTo = nil, ""
	v := s.answered()
	_, m3, err := v.Share(c, s.uv)
	s.Ok(err)
	s.Ok(s.d.ReceiveM3(m3))
	if con := s.d.M3.CON; len(con.OpenC.Locators)+len(con.IndexKeys)+len(con.OpenH.Grants) != 0 {
		t.Errorf("something was granted: %+v", con)
	}
}

func TestStepsOutOfOrder(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v, m1 := s.begin(s.d)
	if _, _, err := v.Share(s.choices(), s.uv); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("shared before M2: %v", err)
	}
	if _, err := v.ReceiveM10(m1); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("M10 before M3: %v", err)
	}
	m2 := peers.Must(s.d.M2(m1))
	s.Ok(v.ReceiveM2(m2))
	_, m3, err := v.Share(s.choices(), s.uv)
	s.Ok(err)
	s.Ok(s.d.ReceiveM3(m3))
	if _, _, err := v.Share(s.choices(), s.uv); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("shared twice: %v", err)
	}
	s.Now = s.Now.Add(31 * time.Minute)
	if _, err := v.ReceiveM10(s.d.M10(finding, nil)); !errors.Is(err, patient.ErrOrder) {
		t.Errorf("M10 after the session's life: %v", err)
	}
}

func TestLateConsent(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.answered()
	s.Now = s.Now.Add(31 * time.Minute)
	if _, _, err := v.Share(s.choices(), s.uv); !errors.Is(err, patient.ErrOrder) {
		t.Error(err)
	}
}

// TestStamp: what is sent follows a server's clock, what is accepted the device's.
func TestStamp(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	cfg := s.Config()
	cfg.Stamp = func() time.Time { return s.Now.Add(-4 * time.Minute) }
	s.p = peers.Must(patient.New(cfg, s.p.Identity()))
	v, m1 := s.begin(s.d)
	if want := message.MillisOf(s.Now.Add(-4 * time.Minute)); m1.Header.Time != want {
		t.Errorf("T is %d, want %d", m1.Header.Time, want)
	}
	s.Ok(v.ReceiveM2(peers.Must(s.d.M2(m1))))
}

func TestOversizedMeasurements(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.choices()
	c.MSD = make([]byte, 4<<20)
	if _, _, err := s.answered().Share(c, s.uv); problem.KindOf(err) != problem.KindTooLarge {
		t.Error(err)
	}
}
