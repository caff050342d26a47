package doctor_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/internal/peers"
	"medunion/ecc"
)

func refused(t testing.TB, what string, err error) {
	t.Helper()
	if problem.KindOf(err) != problem.KindRefused {
		t.Errorf("%s: got %v, want a refusal", what, err)
	}
}

// TestRegistrationReply: Cred_D must say what was asked, and d_D must fit.
func TestRegistrationReply(t *testing.T) {
	w := peers.NewWorld(t, ecc.SuiteX25519)
	d := peers.Must(doctor.New(w.Config(), w.Suite, peers.DoctorID))
	w.Ok(d.SetCertificate(w.Certify(d.Keys(), "Okafor")))
	req := peers.Must(d.Register(make([]byte, message.ChallengeSize)))
	other := peers.Must(ecc.GenerateSigningKey(w.Rand))
	edits := map[string]func(*message.Registration){
		"another ID":        func(r *message.Registration) { r.ID = "dr-evil" },
		"another role":      func(r *message.Registration) { r.Role = message.Hospital },
		"another attribute": func(r *message.Registration) { r.Attribute = make([]byte, 32) },
		"another key":       func(r *message.Registration) { r.Keys.Sign = other.Public() },
	}
	for name, edit := range edits {
		q := req
		edit(&q.Registration)
		refused(t, name, d.AcceptRegistration(w.Reply(q)))
	}
	bad := w.Reply(req)
	bad.D = peers.Must(ecc.GenerateScalar(w.Rand))
	refused(t, "a partial key that does not fit", d.AcceptRegistration(bad))
	bad = w.Reply(req)
	bad.Credential.Signature = make([]byte, 64)
	refused(t, "a forged credential", d.AcceptRegistration(bad))
	if _, err := d.Credential(); err == nil {
		t.Fatal("a refused reply left a registration")
	}
	w.Ok(d.AcceptRegistration(w.Reply(req)))
	if problem.KindOf(d.AcceptRegistration(w.Reply(req))) != problem.KindConflict {
		t.Error("x_D was kept after the registration")
	}
}

// TestRenewal: a doctor with a registration that holds renews it by both of its secrets, under the
// certificate of before or a new one; visits begun before go on, and only a later number is
// taken. One whose credential has ended registers as at first.
func TestRenewal(t *testing.T) {
	suites(t, func(t *testing.T, suite ecc.Suite) {
		w := peers.NewWorld(t, suite)
		w.Lives = map[uint64]time.Duration{1: 50 * 24 * time.Hour, 2: 90 * 24 * time.Hour}
		d := w.NewDoctor(peers.DoctorID)
		first := peers.Must(d.Credential())
		p := w.NewPatient(peers.PatientID)
		_, m2, err := d.AnswerM1(t.Context(), p.M1(d))
		w.Ok(err)

		w.Now = w.Now.Add(time.Minute)
		renew := func() message.RegistrationRequest {
			q := peers.Must(d.Register(make([]byte, message.ChallengeSize)))
			w.Ok(q.Verify())
			r := peers.Must(message.DecodeRenewal(q.Admission))
			w.Ok(r.Verify(w.Pins, q.Registration, w.Millis()))
			if !bytes.Equal(r.Certificate, d.Certificate()) || !q.Registration.Keys.Sign.Equal(first.Info.Keys.Sign) {
				t.Error("it renews by another certificate or with other keys")
			}
			return q
		}
		q := renew()
		same := q
		same.Admission = d.Certificate() // the registrar gives number 1 again
		refused(t, "a number that is in use", d.AcceptRegistration(w.Reply(same)))
		if c := peers.Must(d.Credential()); c.Hash() != first.Hash() {
			t.Fatal("a refused reply disturbed the registration")
		}
		w.Ok(d.AcceptRegistration(w.Reply(q)))
		second := peers.Must(d.Credential())
		if second.Info.Epoch != 2 || second.Hash() == first.Hash() {
			t.Errorf("number %d", second.Info.Epoch)
		}
		d = peers.Must(doctor.Load(w.Config(), d.Export()))
		w.Ok(d.AcceptRevocations(w.Cloud.Revocations()))
		p.ReceiveM2(m2) // of the credential of before
		if statement, fresh, err := d.Prekey(); err != nil || !fresh || peers.Must(message.DecodePrekey(statement.TBS)).Owner != second.Hash() {
			t.Errorf("the prekey is not the new credential's: %v", err)
		}

		w.Ok(d.SetCertificate(w.Certify(d.Keys(), "Okafor-Brandt")))
		w.Ok(d.AcceptRegistration(w.Reply(renew())))

		w.Now = w.Now.Add(2 * peers.CredentialLife)
		w.Ok(d.SetCertificate(w.Certify(d.Keys(), "Okafor")))
		q = peers.Must(d.Register(make([]byte, message.ChallengeSize)))
		if !bytes.Equal(q.Admission, d.Certificate()) {
			t.Error("a credential that has ended is renewed")
		}
	})
}

// TestCertificateOfAnother: Cert_D must certify the doctor's own keys.
func TestCertificateOfAnother(t *testing.T) {
	w := peers.NewWorld(t, ecc.SuiteX25519)
	a, b := peers.Must(doctor.New(w.Config(), w.Suite, "a")), peers.Must(doctor.New(w.Config(), w.Suite, "b"))
	refused(t, "another's certificate", a.SetCertificate(w.Certify(b.Keys(), "b")))
	refused(t, "no certificate", a.SetCertificate([]byte("nonsense")))
	if a.Certificate() != nil {
		t.Error("a refused certificate was kept")
	}
}

// TestExportLoad: the identity survives a restart at every stage, byte for byte.
func TestExportLoad(t *testing.T) {
	suites(t, func(t *testing.T, suite ecc.Suite) {
		w := peers.NewWorld(t, suite)
		reload := func(d *doctor.Doctor) *doctor.Doctor {
			t.Helper()
			b := d.Export()
			again, err := doctor.Load(w.Config(), b)
			w.Ok(err)
			if !bytes.Equal(again.Export(), b) {
				t.Fatal("the identity changed by loading it")
			}
			w.Ok(again.AcceptRevocations(w.Cloud.Revocations()))
			return again
		}
		d := reload(peers.Must(doctor.New(w.Config(), suite, peers.DoctorID)))
		w.Ok(d.SetCertificate(w.Certify(d.Keys(), "Okafor")))
		d = reload(d)
		req := peers.Must(d.Register(make([]byte, message.ChallengeSize)))
		d = reload(d) // x_D must survive: the reply may come after a restart
		w.Ok(d.AcceptRegistration(w.Reply(req)))
		d = reload(d)
		p := w.NewPatient(peers.PatientID)
		m1 := p.M1(d)
		d = reload(d) // the prekey must survive: the patient has used it
		_, m2, err := d.AnswerM1(context.Background(), m1)
		w.Ok(err)
		p.ReceiveM2(m2)

		// A new certificate that is not registered yet does not disturb the one in use.
		w.Now = w.Now.Add(time.Minute)
		w.Ok(d.SetCertificate(w.Certify(d.Keys(), "Okafor-Brandt")))
		d = reload(d)
		if _, _, err := d.Prekey(); err != nil {
			t.Fatalf("the registration in use was lost: %v", err)
		}
	})
}

func TestLoadRefusesOtherBytes(t *testing.T) {
	w := peers.NewWorld(t, ecc.SuiteX25519)
	d := w.NewDoctor(peers.DoctorID)
	b := d.Export()
	for _, bad := range [][]byte{nil, {0}, b[:len(b)-1], append(bytes.Clone(b), 0)} {
		if _, err := doctor.Load(w.Config(), bad); problem.KindOf(err) != problem.KindInvalid {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
	// Parts of two identities do not make one.
	f := peers.Must(ecc.Decode(ecc.LabelDoctorIdentity, b, 10))
	g := peers.Must(ecc.Decode(ecc.LabelDoctorIdentity, w.NewDoctor("dr-else").Export(), 10))
	f[8] = g[8]
	_, err := doctor.Load(w.Config(), ecc.Encode(ecc.LabelDoctorIdentity, f...))
	refused(t, "a foreign S_D", err)
}

func FuzzLoad(f *testing.F) {
	w := peers.NewWorld(f, ecc.SuiteX25519)
	f.Add(w.NewDoctor(peers.DoctorID).Export())
	f.Add(peers.Must(doctor.New(w.Config(), w.Suite, peers.DoctorID)).Export())
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := doctor.Load(w.Config(), b)
		if err == nil && !bytes.Equal(d.Export(), b) {
			t.Error("two encodings of one identity")
		}
	})
}

// TestPrekeys: offered for a day less the age of an M1, renewed after 12 hours,
// erased after 24.
func TestPrekeys(t *testing.T) {
	w := peers.NewWorld(t, ecc.SuiteX25519)
	d := w.NewDoctor(peers.DoctorID)
	cred := peers.Must(d.Credential())
	one, fresh, err := d.Prekey()
	w.Ok(err)
	if _, again, _ := d.Prekey(); !fresh || again {
		t.Fatal("a prekey is new once")
	}
	start := w.Now
	w.Now = start.Add(doctor.PrekeyRotation)
	two, fresh, err := d.Prekey()
	w.Ok(err)
	if !fresh || bytes.Equal(one.TBS, two.TBS) {
		t.Fatal("the prekey was not rotated")
	}
	pre, err := message.OpenPrekey(one, cred.Hash(), w.Suite, cred.Info.Keys.Sign, w.Millis())
	w.Ok(err)

	p := w.NewPatient(peers.PatientID)
	w.Now = pre.NotAfter.Time().Add(-time.Second) // the last moment at which a patient may use it
	m1 := p.M1To(cred, one, nil)
	w.Now = w.Now.Add(doctor.MaxM1Age)
	w.Ok(d.AcceptRevocations(w.Cloud.Revocations()))
	if _, _, err := d.AnswerM1(context.Background(), m1); err != nil {
		t.Fatalf("an M1 under the last moment of a prekey was lost: %v", problem.Reason(err))
	}
	w.Now = start.Add(doctor.PrekeyLife)
	w.Ok(d.AcceptRevocations(w.Cloud.Revocations()))
	_, _, err = d.AnswerM1(context.Background(), w.NewPatient("aa").M1To(cred, one, nil))
	refused(t, "an erased prekey", err)
}

func TestRevocations(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	m1 := s.p.M1(s.d)
	old := s.Cloud.Revocations()
	s.Now = s.Now.Add(time.Minute)
	s.Ok(s.d.AcceptRevocations(s.Cloud.Revocations(s.p.C, s.anna.C)))
	_, _, err := s.d.AnswerM1(context.Background(), m1)
	refused(t, "a revoked patient", err)
	refused(t, "an older list", s.d.AcceptRevocations(old))
	s.Ok(s.d.AcceptRevocations(s.Cloud.Revocations(s.anna.C)))
	v := s.opened()
	if _, found := s.searched(v, message.ModeRead); len(found) != 0 {
		t.Error("a revoked hospital was found")
	}
	s.Now = s.Now.Add(message.MaxRevocationAge + time.Minute)
	if _, _, err := s.d.AnswerM1(context.Background(), s.p.M1(s.d)); problem.KindOf(err) != problem.KindUnavailable {
		t.Errorf("no list that is new enough: %v", err)
	}
}

// TestExpiredCertificate: whose licence has run out neither answers nor is heard.
func TestExpiredCertificate(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	m1 := s.p.M1(s.d)
	s.Now = s.Now.Add(peers.CertificateLife)
	d, err := doctor.Load(s.Config(), s.d.Export())
	s.Ok(err)
	_, _, err = d.AnswerM1(context.Background(), m1)
	refused(t, "an expired certificate", err)
}

func TestCardAndLogin(t *testing.T) {
	w := peers.NewWorld(t, ecc.SuiteX25519)
	d := w.NewDoctor(peers.DoctorID)
	cred := peers.Must(d.Credential())
	c := cred.Hash()
	if link := peers.Must(d.Card("https://portal.example/")); link != "https://portal.example/visit#"+hex.EncodeToString(c[:]) {
		t.Errorf("card %q", link)
	}
	sig := peers.Must(d.SignLogin([]byte("challenge"), "https://portal.example"))
	key := cred.Info.Keys.Sign
	if key.Verify(message.TBSPortalLogin([]byte("challenge"), c, "https://portal.example"), sig) != nil {
		t.Error("the login does not verify")
	}
	if key.Verify(message.TBSPortalLogin([]byte("challenge"), c, "https://evil.example"), sig) == nil {
		t.Error("the login verifies for another portal")
	}
}

func TestCertificateRequest(t *testing.T) {
	w := peers.NewWorld(t, ecc.SuiteX25519)
	d := peers.Must(doctor.New(w.Config(), w.Suite, peers.DoctorID))
	q, sig := d.RequestCertificate(message.CertificateRequest{Authority: "board", Licence: "L-1", Name: "Okafor", Departments: []string{"GENERAL"}})
	if !q.Keys.Sign.Equal(d.Keys().Sign) || q.Keys.Sign.Verify(q.TBS(), sig) != nil {
		t.Error("the request is not signed by the key in it")
	}
}

// TestRedaction: nothing that the role hands out prints its secrets.
func TestRedaction(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.opened()
	q, _ := s.searched(v, message.ModeRead)
	h := s.session(q)
	r := s.released(h, `{"canary":"Zebrafinch"}`)
	g := peers.Must(v.Diagnose([]byte(`{"canary":"Zebrafinch"}`)))
	e := v.Evidence()
	secrets := [][]byte{[]byte("Zebrafinch"), s.d.Export()[40:72], []byte(peers.PatientID)}
	for _, x := range []any{s.d, v, q, h, r, *r, g, e, &e} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "x", x)
		js, _ := json.Marshal(x)
		out := fmt.Sprintf("%v %+v %#v %s %x %d", x, x, x, x, x, x) + log.String() + string(js)
		for _, secret := range secrets {
			if strings.Contains(out, string(secret)) || strings.Contains(out, hex.EncodeToString(secret)) {
				t.Errorf("%T prints a secret", x)
			}
		}
	}
}
