package cloud_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
)

// Eq. 2-10 for the three roles: Complete checks S_X P = R_X1 + e_X PK.
func TestRegistration(t *testing.T) {
	each(t, func(t *testing.T, w *world, s ecc.Suite) {
		p, d, h := w.patient(s), w.doctor(s, "SURGERY"), w.hospital(s)
		for i, x := range []*peers.Party{p, d, h} {
			a, err := x.Credential.ImplicitKey(w.Pins())
			w.ok(err)
			if !a.Equal(x.S.Public()) || x.Credential.Info.Epoch != 1 || x.Credential.Info.ID != x.ID {
				t.Errorf("party %d: the credential does not fit", i)
			}
		}
		lines, err := w.LogPage(t.Context(), 0, 1000)
		w.ok(err)
		if len(lines) != 3 || lines[1].Credential != d.Credential.Hash() || lines[1].Previous != lines[0].Hash() || lines[2].Previous != lines[1].Hash() {
			t.Errorf("the log does not chain the three credentials: %v", lines)
		}
	})
}

func TestDoctorsCredentialEndsWithTheCertificate(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	cert, err := w.config.VerifyCertificate(d.Certificate, w.now())
	w.ok(err)
	if got := d.Credential.Info.NotAfter.Time(); got.After(cert.Expires) {
		t.Errorf("the credential ends at %v, the certificate at %v", got, cert.Expires)
	}
}

func TestAttack4_ADoctorsRoleNeedsHerCertificate(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	other := peers.New(ecc.SuiteX25519, message.Doctor, "dr-other")
	w.certify(other, "L-other", "SURGERY")

	thief := peers.New(ecc.SuiteX25519, message.Doctor, "dr-thief")
	thief.Attribute = other.Attribute
	w.wants(problem.KindRefused, w.register(thief, other.Certificate, false)) // keys differ from Cert_D

	thief.KEM = other.KEM // and where only the signing key is the thief's
	w.wants(problem.KindRefused, w.register(thief, other.Certificate, false))
	thief.KEM, thief.Sign = peers.Must(ecc.GenerateKEM(ecc.SuiteX25519, rand.Reader)), other.Sign // or only the HPKE key
	w.wants(problem.KindRefused, w.register(thief, other.Certificate, false))

	patient := peers.New(ecc.SuiteX25519, message.Doctor, "dr-patient")
	patient.Attribute = other.Attribute
	w.wants(problem.KindRefused, w.register(patient, w.code(), false)) // a patient's code admits no doctor

	wrong := peers.New(ecc.SuiteX25519, message.Doctor, "dr-wrong")
	w.certify(wrong, "L-wrong", "SURGERY")
	wrong.Attribute = bytes.Repeat([]byte{1}, 32) // attr_D is not H(Cert_D)
	w.wants(problem.KindRefused, w.register(wrong, wrong.Certificate, false))

	same := peers.New(ecc.SuiteX25519, message.Doctor, d.ID) // her ID
	w.certify(same, "L-same", "SURGERY")
	w.wants(problem.KindConflict, w.register(same, same.Certificate, false))

	twice := peers.New(ecc.SuiteX25519, message.Doctor, "dr-twice") // her licence under another ID
	cert := peers.Must(w.config.VerifyCertificate(d.Certificate, w.now()))
	w.certify(twice, cert.Licence, "SURGERY")
	w.wants(problem.KindConflict, w.register(twice, twice.Certificate, false))

	late := peers.New(ecc.SuiteX25519, message.Doctor, "dr-late")
	w.certify(late, "L-late", "SURGERY")
	w.clock.advance(366 * 24 * time.Hour) // Cert_D has expired
	w.wants(problem.KindRefused, w.register(late, late.Certificate, false))
}

func TestAttack4_AHospitalNeedsTheOperator(t *testing.T) {
	w := newWorld(t)
	h := peers.New(ecc.SuiteX25519, message.Hospital, "hospital-x")
	h.Attribute = []byte("https://x.example.org")
	w.wants(problem.KindRefused, w.register(h, nil, false))
	w.wants(problem.KindRefused, w.register(h, w.code(), false))
	w.ok(w.register(h, nil, true))
	w.wants(problem.KindConflict, w.register(anew(h), nil, true))
}

func TestHospitalAddress(t *testing.T) {
	w := newWorld(t)
	for url, good := range map[string]bool{
		"https://emr.example.org": true, "https://emr.example.org:8443": true, "http://127.0.0.1:1234": true, "http://[::1]:1234": true,
		"http://localhost:80":    true,
		"http://emr.example.org": false, "http://10.0.0.1": false, "https://emr.example.org/": false, "https://emr.example.org/x": false,
		"https://u@emr.example.org": false, "https://emr.example.org?x": false, "https://emr.example.org#x": false, "ftp://emr.example.org": false,
		"emr.example.org": false, "https://": false, "HTTPS://emr.example.org": false, "https://EMR.example.org": false, "x": false,
		"http://localhost.example.org": false, "https://a b": false, "http://127.0.0.1@evil.example.org": false,
	} {
		h := peers.New(ecc.SuiteX25519, message.Hospital, peers.RandomID())
		h.Attribute = []byte(url)
		err := w.register(h, nil, true)
		if good {
			w.ok(err)
		} else if problem.KindOf(err) != problem.KindInvalid || err == nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// "ho" + "sp1" = "hosp1": the fields of Info do not run together, so a credential
// of one is not a credential of the other.
func TestAttack4_ConcatenationShift(t *testing.T) {
	w := newWorld(t)
	a := peers.New(ecc.SuiteX25519, message.Hospital, "ho")
	a.Attribute = []byte("https://sp1")
	w.ok(w.register(a, nil, true))
	shifted := a.Credential
	shifted.Info.ID, shifted.Info.Attribute = "hohttps", []byte("://sp1")
	if err := shifted.Verify(w.Pins(), message.Hospital, message.MillisOf(w.now())); err == nil {
		t.Error("the shifted credential verifies")
	}
	if s, err := shifted.ImplicitKey(w.Pins()); err == nil && s.Equal(a.S.Public()) {
		t.Error("the shifted identity has the same implicit key")
	}
	asPatient := a.Credential
	asPatient.Info.Role = message.Doctor
	if asPatient.Verify(w.Pins(), message.Doctor, message.MillisOf(w.now())) == nil {
		t.Error("a hospital's credential verifies as a doctor's")
	}
}

func TestAttack4_ProofsOfPossession(t *testing.T) {
	w := newWorld(t)
	p, other := peers.New(ecc.SuiteX25519, message.Patient, ""), peers.New(ecc.SuiteX25519, message.Patient, "")
	code := w.code()
	send := func(alter func(q *message.RegistrationRequest)) error {
		q := p.Request(peers.Must(w.Challenge()), code, nil)
		alter(&q)
		_, err := w.Register(t.Context(), q.Encode(), false)
		return err
	}
	w.wants(problem.KindRefused, send(func(q *message.RegistrationRequest) { q.Registration.X = other.X.Public() }))
	w.wants(problem.KindRefused, send(func(q *message.RegistrationRequest) { q.Registration.Keys = other.Keys() }))
	w.wants(problem.KindRefused, send(func(q *message.RegistrationRequest) { q.Possession = make([]byte, 64) }))
	w.wants(problem.KindRefused, send(func(q *message.RegistrationRequest) { // another's commitment under the own signature
		q.Registration.X = other.X.Public()
		q.Signature = p.Sign.Sign(q.Registration.Encode())
	}))
	w.wants(problem.KindRefused, send(func(q *message.RegistrationRequest) { q.Signature[5] ^= 1 }))
	w.ok(send(func(*message.RegistrationRequest) {})) // the code is as good as before
}

// Bad keys are refused before anything is computed with them.
func TestAttack4_WeakKeys(t *testing.T) {
	w := newWorld(t)
	p := peers.New(ecc.SuiteX25519, message.Patient, "")
	q := p.Request(peers.Must(w.Challenge()), w.code(), nil)
	raw := q.Encode()
	replace := func(old, with []byte) []byte {
		if bytes.Count(raw, old) != 1 {
			t.Fatal("the key is not where it is expected")
		}
		return bytes.Replace(raw, old, with, 1)
	}
	one := append([]byte{1}, make([]byte, 31)...) // order 1
	order4 := make([]byte, 32)                    // y = 0, order 4
	for name, bad := range map[string][]byte{
		"PUK of order 1":     replace(p.Sign.Public().Bytes(), one),
		"PUK of order 4":     replace(p.Sign.Public().Bytes(), order4),
		"HPKE key of zeros":  replace(p.KEM.Public().Bytes(), make([]byte, 32)),
		"X identity":         replace(p.X.Public().Bytes(), make([]byte, 32)),
		"X not canonical":    replace(p.X.Public().Bytes(), bytes.Repeat([]byte{0xff}, 32)),
		"trailing byte":      append(slices.Clone(raw), 0),
		"truncated":          raw[:len(raw)-1],
		"empty":              nil,
		"label of something": append([]byte("\x03xyz"), raw...),
	} {
		_, err := w.Register(t.Context(), bad, true)
		if err == nil || problem.KindOf(err) != problem.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAttack4_DuplicateIdentityBurnsNoCode(t *testing.T) {
	w := newWorld(t)
	first := w.patient(ecc.SuiteX25519)
	code := w.code()
	again := peers.New(ecc.SuiteX25519, message.Patient, first.ID)
	w.wants(problem.KindConflict, w.register(again, code, false))
	if lines := peers.Must(w.LogPage(t.Context(), 0, 1000)); len(lines) != 1 {
		t.Errorf("%d lines in the log of one registration", len(lines))
	}
	w.ok(w.register(peers.New(ecc.SuiteX25519, message.Patient, ""), code, false))
	w.wants(problem.KindRefused, w.register(peers.New(ecc.SuiteX25519, message.Patient, ""), code, false)) // used
}

func TestPatientAdmission(t *testing.T) {
	w := newWorld(t)
	w.wants(problem.KindRefused, w.register(peers.New(ecc.SuiteX25519, message.Patient, ""), []byte("AAAAA-AAAAA-AAAAA-AAAAA"), false))
	w.wants(problem.KindRefused, w.register(peers.New(ecc.SuiteX25519, message.Patient, ""), nil, true)) // an operator registers no patient
	w.wants(problem.KindInvalid, w.register(peers.New(ecc.SuiteX25519, message.Patient, "19700101-1234"), w.code(), false))
	odd := peers.New(ecc.SuiteX25519, message.Patient, "")
	odd.Attribute = []byte("no attribute")
	w.wants(problem.KindInvalid, w.register(odd, w.code(), false))

	code := w.code()
	w.clock.advance(15 * 24 * time.Hour)
	w.wants(problem.KindRefused, w.register(peers.New(ecc.SuiteX25519, message.Patient, ""), code, false))
}

// Of many requests with one code exactly one gets in.
func TestOneCodeInParallel(t *testing.T) {
	w := newWorld(t)
	code := w.code()
	const n = 20
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		q := peers.New(ecc.SuiteX25519, message.Patient, "").Request(peers.Must(w.Challenge()), code, nil)
		wg.Go(func() { _, errs[i] = w.Register(t.Context(), q.Encode(), false) })
	}
	wg.Wait()
	got := 0
	for _, err := range errs {
		if err == nil {
			got++
		} else if problem.KindOf(err) != problem.KindRefused {
			t.Errorf("%v (%s)", err, problem.Reason(err))
		}
	}
	if got != 1 {
		t.Errorf("%d registrations with one code", got)
	}
}

func TestAttack2_RegistrationChallenge(t *testing.T) {
	w := newWorld(t)
	code := w.code()
	p := peers.New(ecc.SuiteX25519, message.Patient, "")
	try := func(challenge []byte) error {
		_, err := w.Register(t.Context(), p.Request(challenge, code, nil).Encode(), false)
		return err
	}
	good := peers.Must(w.Challenge())

	forged := slices.Clone(good)
	forged[55] ^= 1
	w.wants(problem.KindRefused, try(forged))
	ahead := slices.Clone(good)
	binary.BigEndian.PutUint64(ahead, uint64(w.now().Add(3*time.Second).UnixMilli()))
	w.wants(problem.KindStale, try(ahead))
	moved := slices.Clone(good)
	binary.BigEndian.PutUint64(moved, uint64(w.now().Add(time.Second).UnixMilli()))
	w.wants(problem.KindRefused, try(moved))

	w.ok(try(good))
	q := peers.New(ecc.SuiteX25519, message.Patient, "")
	_, err := w.Register(t.Context(), q.Request(good, w.code(), nil).Encode(), false) // single use
	w.wants(problem.KindRefused, err)

	old := peers.Must(w.Challenge())
	w.clock.advance(31 * time.Second)
	w.wants(problem.KindStale, try(old))
}

func TestSuiteThatIsNotOffered(t *testing.T) {
	w := newWorld(t)
	w.config.Suites = []ecc.Suite{ecc.SuiteXWing}
	w.Cloud = newCloud(w)
	w.wants(problem.KindInvalid, w.register(peers.New(ecc.SuiteX25519, message.Patient, ""), w.code(), false))
	w.patient(ecc.SuiteXWing)
}

// Whatever is no point of the group is refused when it is read.
func TestAttack5_BadPoints(t *testing.T) {
	w := newWorld(t)
	p := peers.New(ecc.SuiteX25519, message.Patient, "")
	outer := peers.Must(ecc.Decode(ecc.LabelRegistrationRequest, p.Request(peers.Must(w.Challenge()), w.code(), nil).Encode(), 4))
	inner := peers.Must(ecc.Decode(ecc.LabelRegistration, outer[0], 7))
	if !bytes.Equal(inner[3], p.X.Public().Bytes()) {
		t.Fatal("X_X is not where it is expected")
	}
	p256 := append([]byte{2}, bytes.Repeat([]byte{0x6b}, 32)...)
	for name, bad := range map[string][]byte{
		"identity": make([]byte, 32), "not canonical": append(bytes.Repeat([]byte{0xff}, 31), 0x7f), "short": inner[3][:31],
		"empty": nil, "long": append(slices.Clone(inner[3]), 0), "of P-256": p256, "negative": append([]byte{1}, make([]byte, 31)...),
	} {
		fields := slices.Clone(inner)
		fields[3] = bad
		request := slices.Clone(outer)
		request[0] = ecc.Encode(ecc.LabelRegistration, fields...)
		_, err := w.Register(t.Context(), ecc.Encode(ecc.LabelRegistrationRequest, request...), false)
		if err == nil || problem.KindOf(err) != problem.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
