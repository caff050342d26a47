package message_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

func verifyCON(w *world, c message.CON) error {
	return c.Verify(w.patient.cred, w.doctor.cred.Hash(), []string{"OUTPATIENT"}, now)
}

// There is one encoding of kv*: by department and hospital, each pair once.
func TestIndexKeysOfAConsentAreSorted(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	c := w.consent()
	sorted := c.IndexKeys
	for name, keys := range map[string][]message.SharedIndexKey{
		"by hospital":      {sorted[0], sorted[2], sorted[1]},
		"by department":    {sorted[2], sorted[0], sorted[1]},
		"twice":            {sorted[0], sorted[0]},
		"twice, other key": {sorted[0], {Department: sorted[0].Department, Hospital: sorted[0].Hospital, Key: message.Hash{1}}},
	} {
		c.IndexKeys = keys
		if _, err := message.DecodeCON(c.Encode()); !errors.Is(err, message.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.IndexKeys = message.SortIndexKeys([]message.SharedIndexKey{sorted[2], sorted[0], sorted[1]})
	if got, err := message.DecodeCON(c.Encode()); err != nil || len(got.IndexKeys) != 3 {
		t.Error(err)
	}
}

func TestAttack11_EditedConsentIsRefused(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	if err := verifyCON(w, w.consent()); err != nil {
		t.Fatal("an honest consent is refused:", err)
	}
	other := w.register(message.Patient, "ffff", w.patient.cred.Info.Attribute)
	edits := map[string]func(c *message.CON){
		"other doctor":        func(c *message.CON) { c.Consent.Doctor = message.Hash{1} },
		"other department":    func(c *message.CON) { c.Consent.Department = "SURGERY" },
		"longer":              func(c *message.CON) { c.Consent.Expires = c.Consent.Expires.Add(time.Hour) },
		"earlier":             func(c *message.CON) { c.Consent.NotBefore-- },
		"more uses":           func(c *message.CON) { c.Consent.MaxUses++ },
		"other purpose":       func(c *message.CON) { c.Consent.Purpose = "RESEARCH" },
		"one class more":      func(c *message.CON) { c.OpenH.Grants[0].Classes = []message.Code{"LAB", "MENTAL"} },
		"another hospital":    func(c *message.CON) { c.OpenH.Grants[0].Hospital = "evil" },
		"write elsewhere":     func(c *message.CON) { c.OpenH.WriteTo = "mercy" },
		"one locator less":    func(c *message.CON) { c.OpenC.Locators = c.OpenC.Locators[1:] },
		"authorizer missing":  func(c *message.CON) { c.Authorizers = c.Authorizers[1:] },
		"authorizers swapped": func(c *message.CON) { c.Authorizers[0], c.Authorizers[1] = c.Authorizers[1], c.Authorizers[0] },
		"foreign σ_P":         func(c *message.CON) { c.SigmaP = other.sign.Sign(message.TBSSigmaP(c.Consent)) },
		"σ_L as σ_P":          func(c *message.CON) { c.SigmaP = w.patient.sign.Sign(message.TBSSigmaL(c.Consent)) },
		"no verification":     func(c *message.CON) { c.Assertion.Proof = make([]byte, 64) },
		"wrong β_P":           func(c *message.CON) { c.Assertion = message.AssertPassphrase(other.sign, 1, c.Consent) },
		"other epoch":         func(c *message.CON) { c.Assertion.Epoch = 2 },
		"webauthn claimed":    func(c *message.CON) { c.Assertion.Kind = message.KindWebAuthn },
		"other patient":       func(c *message.CON) { c.OpenH.Patient = "ffff"; c.Consent.CommitH = c.OpenH.Commit() },
	}
	for name, edit := range edits {
		c := w.consent()
		edit(&c)
		if err := verifyCON(w, c); !errors.Is(err, message.ErrConsent) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAttack11_ConsentOutsideItsTimeIsRefused(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	c := w.consent().Consent
	for at, ok := range map[message.Millis]bool{c.NotBefore - 1: false, c.NotBefore: true, c.Expires - 1: true, c.Expires: false} {
		if err := c.CheckTime(at); (err == nil) != ok {
			t.Errorf("at %d: %v", at, err)
		}
	}
}

func TestAttack12_ForgedTicketIsRefused(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	c := w.consent()
	cD, hc := w.doctor.cred.Hash(), c.Consent.Hash()
	good := w.ticket(c)
	if _, err := message.OpenTicket(good, w.pins, cD, hc); err != nil {
		t.Fatal(err)
	}
	forged := message.Sign(w.doctor.sign, good.TBS)
	edited := message.Signed{TBS: bytes.Clone(good.TBS), Signature: good.Signature}
	edited.TBS[len(edited.TBS)-1]++
	for name, s := range map[string]message.Signed{"forged": forged, "edited": edited} {
		if _, err := message.OpenTicket(s, w.pins, cD, hc); err == nil {
			t.Error(name, "ticket accepted")
		}
	}
	if _, err := message.OpenTicket(good, w.pins, message.Hash{}, hc); err == nil {
		t.Error("ticket of another doctor accepted")
	}
	if _, err := message.OpenTicket(good, w.pins, cD, message.Hash{}); err == nil {
		t.Error("ticket of another consent accepted")
	}
}

func TestAttack2_ChangedHeaderDoesNotOpen(t *testing.T) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		w := newWorld(t, suite)
		s := must(message.Begin(w.rand, w.hospital.kem.Public(), "st-anna", w.header(message.TypeM6)))
		m := must(s.Seal([]byte("body")))
		if o, err := message.Open(m, w.hospital.kem, "st-anna"); err != nil || !bytes.Equal(o.Export, s.Export()) {
			t.Fatal("honest message does not open:", err)
		}
		for name, edit := range headerEdits {
			changed := m
			edit(&changed.Header)
			if _, err := message.Open(changed, w.hospital.kem, "st-anna"); err == nil {
				t.Errorf("%v: opened with %s changed", suite, name)
			}
		}
		if _, err := message.Open(m, w.hospital.kem, "mercy"); err == nil {
			t.Error("opened for another recipient")
		}
		if _, err := message.Open(m, w.doctor.kem, "st-anna"); err == nil {
			t.Error("opened under another key")
		}
	}
}

var headerEdits = map[string]func(*message.Header){
	"suite": func(h *message.Header) { h.Suite = 3 - h.Suite }, "type": func(h *message.Header) { h.Type = message.TypeM1 },
	"session": func(h *message.Header) { h.Session[0]++ }, "seq": func(h *message.Header) { h.Seq++ },
	"kid": func(h *message.Header) { h.To[0]++ }, "time": func(h *message.Header) { h.Time++ }, "nonce": func(h *message.Header) { h.Nonce[0]++ },
}

func TestAttack18_SuiteOfKeyAndHeaderMustAgree(t *testing.T) {
	w := newWorld(t, ecc.SuiteXWing)
	h := w.header(message.TypeM1)
	h.Suite = ecc.SuiteX25519
	if _, err := message.Begin(w.rand, w.doctor.kem.Public(), "dr-okafor", h); err == nil {
		t.Error("a suite 1 header was sealed to a suite 2 key")
	}
	m4 := bodies(w)["m04"]
	if _, err := message.DecodeM4(ecc.SuiteX25519, m4); err == nil {
		t.Error("suite 2 body read as suite 1")
	}
}

func TestAttack16_ForeignKeyForALocatorIsRefused(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	e, k := w.entry()
	if err := e.Verify(w.pins, k.Public(), now); err != nil {
		t.Fatal(err)
	}
	foreign := must(ecc.GenerateSigningKey(w.rand))
	if e.Verify(w.pins, foreign.Public(), now) == nil {
		t.Error("entry accepted under a foreign vk_L")
	}
	forged := e
	forged.SigIndex = w.doctor.sign.Sign(message.TBSIndex(e.Hospital.Hash(), e.Locator, k.Public(), e.Value, e.Time))
	late := e
	late.Time++
	for name, bad := range map[string]message.Entry{"forged Sig_idx": forged, "other time": late} {
		if bad.Verify(w.pins, k.Public(), now) == nil {
			t.Error(name, "accepted")
		}
	}
}

func TestIndexValueShowsNothingBySize(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	kv, full := message.Hash{1}, w.content()
	for _, c := range []message.IndexContent{{Hospital: "a"}, full} {
		v := must(message.SealIndex(w.rand, kv, message.Hash{2}, message.Hash{3}, c))
		if len(v) != message.IndexValueSize {
			t.Errorf("%d bytes", len(v))
		}
		got, err := message.OpenIndex(kv, message.Hash{2}, message.Hash{3}, v)
		if err != nil || got.Hospital != c.Hospital || len(got.Classes) != len(c.Classes) {
			t.Errorf("round trip: %+v %v", got, err)
		}
		if _, err := message.OpenIndex(kv, message.Hash{2}, message.Hash{4}, v); err == nil {
			t.Error("value moved to another hospital opens")
		}
	}
}

// Whatever the default code lists allow fits the fixed size.
func TestIndexValueHoldsAllDefaultClasses(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	c := message.IndexContent{Hospital: message.ID(bytes.Repeat([]byte("h"), 64)), Departments: []message.Code{"OUTPATIENT"}}
	for _, class := range message.DefaultClasses {
		c.Classes = append(c.Classes, message.Code(class))
	}
	c.Classes = message.SortCodes(c.Classes)
	if _, err := message.SealIndex(w.rand, message.Hash{1}, message.Hash{}, message.Hash{}, c); err != nil {
		t.Fatal(err)
	}
}

func TestAttack4_CredentialOfAnotherRoleIsRefused(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	if err := w.patient.cred.Verify(w.pins, message.Doctor, now); !errors.Is(err, message.ErrCredential) {
		t.Error("a patient passes as a doctor:", err)
	}
	// "ho"+"sp1" is not "hosp1": every field has its length in the hash.
	a := w.register(message.Hospital, "ho", []byte("sp1"))
	b := a.cred.Info
	b.ID, b.Attribute = "hosp", []byte("1")
	if forged := (message.Credential{Info: b, R: a.cred.R, Signature: a.cred.Signature}); forged.Verify(w.pins, message.Hospital, now) == nil {
		t.Error("concatenation shift accepted")
	}
	if bytes.Equal(a.cred.Info.Encode(), b.Encode()) {
		t.Error("two infos, one encoding")
	}
}

func TestAttack4_DoctorKeysMustBeThoseOfCertD(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	cert := w.certificate()
	verify := func([]byte, time.Time) (message.DoctorCertificate, error) { return cert, nil }
	if _, err := message.VerifyDoctor(w.pins, verify, w.doctor.cred, certD, now); err != nil {
		t.Fatal(err)
	}
	if _, err := message.VerifyDoctor(w.pins, verify, w.doctor.cred, []byte("another"), now); err == nil {
		t.Error("attr_D of another certificate accepted")
	}
	cert.SigningKey = w.patient.sign.Public()
	if _, err := message.VerifyDoctor(w.pins, verify, w.doctor.cred, certD, now); err == nil {
		t.Error("keys that the authority did not certify accepted")
	}
}

func TestAttack4_RegistrationNeedsBothProofs(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	good := registration(w)
	if err := good.Verify(); err != nil {
		t.Fatal(err)
	}
	noPossession, noSignature, moved := good, good, good
	noPossession.Possession = make([]byte, 64)
	noSignature.Signature = make([]byte, 64)
	moved.Registration.ID = "someone-else"
	for name, q := range map[string]message.RegistrationRequest{"possession": noPossession, "signature": noSignature, "moved": moved} {
		if q.Verify() == nil {
			t.Error("accepted without", name)
		}
	}
}

func TestSignedDocumentsAreChecked(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	list := message.Revocations{Issued: now, Revoked: message.SortHashes([]message.Hash{{9}, {1}})}
	s := message.Sign(w.cloud, list.Encode())
	got, err := message.OpenRevocations(s, w.pins, now)
	if err != nil || !got.Contains(message.Hash{9}) || got.Contains(message.Hash{2}) {
		t.Fatal(got, err)
	}
	if _, err := message.OpenRevocations(s, w.pins, now.Add(message.MaxRevocationAge)+1); !errors.Is(err, message.ErrExpired) {
		t.Error("an old list is used:", err)
	}
	if _, err := message.OpenRevocations(message.Sign(w.doctor.sign, list.Encode()), w.pins, now); err == nil {
		t.Error("a list signed by another is used")
	}
	d := message.Sign(w.cloud, message.Directory{Issued: now, Hospitals: []message.Credential{w.hospital.cred}}.Encode())
	if got, err := message.OpenDirectory(d, w.pins, now); err != nil || len(got.Hospitals) != 1 {
		t.Error(got, err)
	}
	if got, _ := message.OpenDirectory(d, w.pins, now.Add(48*time.Hour)); len(got.Hospitals) != 0 {
		t.Error("an expired hospital stays in the directory")
	}
	p := message.Sign(w.cloud, parameters(w).Encode())
	other := w.pins
	other.CloudID = "other"
	if _, err := message.OpenParameters(p, other, now); err == nil {
		t.Error("parameters of another cloud accepted")
	}
}

func TestPrekeyIsBoundToOwnerAndTime(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	p := message.Prekey{Suite: w.suite, Owner: w.doctor.cred.Hash(), Key: w.doctor.kem.Public(), NotBefore: now, NotAfter: now.Add(time.Hour)}
	s, key := message.Sign(w.doctor.sign, p.Encode()), w.doctor.sign.Public()
	if _, err := message.OpenPrekey(s, p.Owner, w.suite, key, now); err != nil {
		t.Fatal(err)
	}
	if _, err := message.OpenPrekey(s, w.hospital.cred.Hash(), w.suite, key, now); err == nil {
		t.Error("prekey of another owner")
	}
	if _, err := message.OpenPrekey(s, p.Owner, w.suite, w.hospital.sign.Public(), now); err == nil {
		t.Error("prekey signed by another")
	}
	if _, err := message.OpenPrekey(s, p.Owner, w.suite, key, p.NotAfter); !errors.Is(err, message.ErrExpired) {
		t.Error("expired prekey:", err)
	}
	p.NotAfter = now.Add(message.MaxPrekeyLife) + 1
	if _, err := message.DecodePrekey(p.Encode()); err == nil {
		t.Error("a prekey of more than a day decodes")
	}
}

func TestOnlyTheLastPageIsSigned(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	salted := must(message.Salted(w.rand, []byte("{}")))
	sig := make([]byte, 64)
	for name, m := range map[string]message.M9{
		"early signature": {Page: 1, Pages: 2, EMR: salted, SigHPC2: sig}, "no signature": {Page: 2, Pages: 2, EMR: salted},
		"page 0": {Page: 0, Pages: 2, EMR: salted}, "page 3 of 2": {Page: 3, Pages: 2, EMR: salted, SigHPC2: sig},
	} {
		if _, err := message.DecodeM9(m.Encode()); !errors.Is(err, message.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPinsFileRoundTrip(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	b := must(json.Marshal(w.pins))
	var got message.Pins
	if err := json.Unmarshal(b, &got); err != nil || !got.Equal(w.pins) {
		t.Fatal(got, err)
	}
	identity := bytes.Replace(b, must(json.Marshal(w.pins.First.PK.Bytes())), must(json.Marshal(make([]byte, 32))), 1)
	if err := json.Unmarshal(identity, &got); !errors.Is(err, message.ErrFormat) {
		t.Error("the identity as PK:", err)
	}
}
