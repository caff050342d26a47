package doctor_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
)

// scene is a union with one doctor, one patient, one hospital with an entry.
type scene struct {
	*world
	d    *doctor.Doctor
	p    *patient
	anna *hospital
}

func newScene(t testing.TB, suite ecc.Suite) *scene {
	w := newWorld(t, suite)
	s := &scene{world: w, d: w.newDoctor(doctorID), p: w.newPatient(patientID), anna: w.newHospital(annaID)}
	w.cloud.entries = []message.Entry{s.anna.entry(s.p)}
	return s
}

// answered runs M1 and M2.
func (s *scene) answered() *doctor.Visit {
	s.t.Helper()
	v, m2, err := s.d.AnswerM1(context.Background(), s.p.m1(s.d))
	s.ok(err)
	s.p.receiveM2(m2)
	return v
}

// opened runs M1-M3.
func (s *scene) opened() *doctor.Visit {
	s.t.Helper()
	v := s.answered()
	s.ok(v.ReceiveM3(s.p.m3(s.p.consent(nil))))
	return v
}

// searched runs M4 and M5.
func (s *scene) searched(v *doctor.Visit, mode message.Mode) (*doctor.Search, []doctor.Found) {
	s.t.Helper()
	q, m4, err := v.BeginSearch(mode, s.cloud.prekey())
	s.ok(err)
	found, err := q.ReceiveM5(s.cloud.m5(m4))
	s.ok(err)
	return q, found
}

// session runs M6 and M7.
func (s *scene) session(q *doctor.Search) *doctor.Session {
	s.t.Helper()
	h, m6, err := q.BeginSession(s.anna.cred, s.anna.prekey())
	s.ok(err)
	s.ok(h.ReceiveM7(s.anna.m7(m6)))
	return h
}

// released runs M8 and M9.
func (s *scene) released(h *doctor.Session, contents ...string) *doctor.Release {
	s.t.Helper()
	m8, err := h.M8(message.Filter{})
	s.ok(err)
	var r *doctor.Release
	for _, m9 := range s.anna.m9(m8, contents...) {
		_, r, err = h.ReceiveM9(m9)
		s.ok(err)
	}
	return r
}

func suites(t *testing.T, test func(*testing.T, ecc.Suite)) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		t.Run(suite.String(), func(t *testing.T) { test(t, suite) })
	}
}

const diagnosis = `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Condition"}}]}`

func TestWholeVisit(t *testing.T) {
	suites(t, func(t *testing.T, suite ecc.Suite) {
		s := newScene(t, suite)
		v := s.opened()
		if got := must(v.Signals()); !bytes.Equal(got, signals) {
			t.Fatalf("signals changed on the way: %q", got)
		}
		q, found := s.searched(v, message.ModeRead)
		if len(found) != 1 || found[0].Hospital.Info.ID != annaID || fmt.Sprint(found[0].Departments, found[0].Classes) != "[GENERAL] [LAB]" {
			t.Fatalf("found %v", found)
		}
		h := s.session(q)
		r := s.released(h, `{"page": 1}`, `{"page" :2}`)
		if r == nil || len(r.Pages) != 2 || string(r.Pages[1]) != `{"page" :2}` {
			t.Fatal("the release is not what the hospital sent")
		}
		g := must(v.Diagnose([]byte(diagnosis)))
		s.checkM10(v, r)
		s.storeAndIndex(v, h, g)
		s.checkEvidence(v)
	})
}

// checkM10 opens the diagnosis as the patient does (Eq. 50).
func (s *scene) checkM10(v *doctor.Visit, releases ...*doctor.Release) {
	s.t.Helper()
	m10 := must(v.M10())
	if again := must(v.M10()); !bytes.Equal(again.Encode(), m10.Encode()) {
		s.t.Fatal("M10 made twice differs: two plaintexts under one nonce")
	}
	if m10.Header.Seq != 2 || m10.Header.To != message.PeerID(s.p.c) || m10.Header.Session != s.p.session {
		s.t.Fatal("header of M10")
	}
	body := must(message.DecodeM10(must(message.OpenSession(s.p.in, m10))))
	d5, err := message.OpenD5(body.SigD5, s.p.doctor, patientID, s.p.con.Consent.Hash(), body.Diagnosis)
	s.ok(err)
	if len(d5.EMR) != len(releases) || d5.EMR[0] != releases[0].Hash {
		s.t.Fatal("Sig_D5 does not name the release")
	}
	if string(must(message.Unsalted(body.Diagnosis))) != diagnosis {
		s.t.Fatal("the diagnosis changed on the way")
	}
}

// storeAndIndex runs M11 and M12.
func (s *scene) storeAndIndex(v *doctor.Visit, h *doctor.Session, g *doctor.Diagnosis) {
	s.t.Helper()
	m11, err := h.M11(g)
	s.ok(err)
	stored, err := h.ReceiveStored(s.anna.stored(m11, s.anna.entry(s.p)))
	s.ok(err)
	if stored.Record != 7 || stored.Hospital != annaID || !stored.Indexable() {
		s.t.Fatalf("stored %+v", stored)
	}
	i, m12, err := v.BeginIndexing(stored, s.cloud.prekey())
	s.ok(err)
	_, err = i.ReceiveIndexed(s.cloud.indexed(m12))
	s.ok(err)
}

// checkEvidence verifies every statement under the key of its signer.
func (s *scene) checkEvidence(v *doctor.Visit) {
	s.t.Helper()
	e := must(doctor.DecodeEvidence(v.Evidence().Encode()))
	keys := map[message.Hash]ecc.VerifyKey{s.p.c: s.p.sign.Public(), e.Doctor.Hash(): e.Doctor.Info.Keys.Sign,
		s.anna.c: s.anna.sign.Public(), message.CloudHash(s.pins.PUKC): s.pins.PUKC}
	var names []string
	for _, st := range e.Statements {
		names = append(names, st.Name)
		if err := keys[st.Signer].Verify(st.TBS, st.Signature); err != nil {
			s.t.Errorf("%s does not verify", st.Name)
		}
	}
	want := "Sig_P1 Sig_D1 Sig_P2 Sig_D2 Sig_C Sig_D3 Sig_HPC1 Sig_HPC2 Sig_D5 Sig_HPC3 Sig_D7 Sig_C2"
	if got := strings.Join(names, " "); got != want {
		s.t.Errorf("evidence holds\n%s, want\n%s", got, want)
	}
	if !bytes.Equal(e.Encode(), v.Evidence().Encode()) {
		s.t.Error("evidence is not canonical")
	}
	kv := message.IndexKey(s.p.kLoc, "GENERAL", annaID)
	if bytes.Contains(e.Encode(), kv[:]) {
		s.t.Error("the evidence holds kv")
	}
}

// TestWriteModeSession: no session with the home hospital is open.
func TestWriteModeSession(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.cloud.entries = nil // a patient without entries
	v := s.opened()
	if _, found := s.searched(v, message.ModeRead); len(found) != 0 {
		t.Fatal("found without an entry")
	}
	g := must(v.Diagnose([]byte(diagnosis)))
	q, _ := s.searched(v, message.ModeWrite)
	h := s.session(q)
	if _, err := h.M8(message.Filter{}); problem.KindOf(err) != problem.KindRefused {
		t.Fatal("a ticket to write was used to read")
	}
	s.storeAndIndex(v, h, g)
}

// TestStoredWithoutEntry: the home hospital's department is not among L*, or the
// entry is of a foreign locator; both are left to the hospital's publisher.
func TestStoredWithoutEntry(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.opened()
	q, _ := s.searched(v, message.ModeRead)
	h := s.session(q)
	m11 := must(h.M11(must(v.Diagnose([]byte(diagnosis)))))
	stranger := s.newPatient("ffffffffffffffffffffffffffffffff")
	stored, err := h.ReceiveStored(s.anna.stored(m11, s.anna.entry(stranger)))
	s.ok(err)
	if stored.Indexable() {
		t.Fatal("an entry of another patient's locator would be indexed")
	}
	if _, _, err := v.BeginIndexing(stored, s.cloud.prekey()); problem.KindOf(err) != problem.KindConflict {
		t.Fatal("M12 without an entry")
	}
}

// TestOrder: every step at the wrong time is a conflict and changes nothing.
func TestOrder(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	conflict := func(what string, err error) {
		t.Helper()
		if problem.KindOf(err) != problem.KindConflict {
			t.Errorf("%s: %v", what, err)
		}
	}
	fresh := must(doctor.New(s.config(), s.suite, "dr-new"))
	_, err := fresh.Register(make([]byte, message.ChallengeSize))
	conflict("register without a certificate", err)
	conflict("reply without a request", fresh.AcceptRegistration(message.RegistrationReply{}))
	_, _, err = fresh.Prekey()
	conflict("prekey before registration", err)
	_, _, err = fresh.AnswerM1(context.Background(), message.Message{})
	conflict("M1 before registration", err)
	_, err = fresh.Card("https://portal.example")
	conflict("card before registration", err)

	v := s.answered()
	_, _, err = v.BeginSearch(message.ModeRead, s.cloud.prekey())
	conflict("search before M3", err)
	_, err = v.Diagnose([]byte(diagnosis))
	conflict("diagnosis before M3", err)
	_, err = v.Signals()
	conflict("M_SD before M3", err)
	m3 := s.p.m3(s.p.consent(nil))
	s.ok(v.ReceiveM3(m3))
	conflict("M3 twice", v.ReceiveM3(m3))
	_, err = v.M10()
	conflict("M10 without a diagnosis", err)

	q, m4, err := v.BeginSearch(message.ModeRead, s.cloud.prekey())
	s.ok(err)
	_, _, err = q.BeginSession(s.anna.cred, s.anna.prekey())
	conflict("session without a ticket", err)
	m5 := s.cloud.m5(m4)
	_, err = q.ReceiveM5(m5)
	s.ok(err)
	_, err = q.ReceiveM5(m5)
	conflict("M5 twice", err)

	h, m6, err := q.BeginSession(s.anna.cred, s.anna.prekey())
	s.ok(err)
	_, err = h.M8(message.Filter{})
	conflict("M8 before M7", err)
	m7 := s.anna.m7(m6)
	s.ok(h.ReceiveM7(m7))
	conflict("M7 twice", h.ReceiveM7(m7))
	_, _, err = h.ReceiveM9(message.Message{})
	conflict("page before M8", err)
	_, err = h.ReceiveStored(message.Message{})
	conflict("receipt before M11", err)
	s.released(h, "{}")

	_, err = v.Diagnose([]byte(diagnosis))
	s.ok(err)
	_, err = v.Diagnose([]byte(diagnosis))
	conflict("a second diagnosis", err)
	v.Close()
	_, err = v.M10()
	conflict("M10 of a closed visit", err)
}

// TestLives: SEK_1 and SEK_2 end after 30 minutes, a ticket when it says.
func TestLives(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.opened()
	q, _ := s.searched(v, message.ModeRead)
	h := s.session(q)
	s.now = s.now.Add(5 * time.Minute)
	if _, _, err := q.BeginSession(s.anna.cred, s.anna.prekey()); problem.KindOf(err) != problem.KindConflict {
		t.Fatalf("an expired ticket opened a session: %v", err)
	}
	g := must(v.Diagnose([]byte(diagnosis)))
	s.now = s.now.Add(25 * time.Minute)
	if _, err := v.M10(); problem.KindOf(err) != problem.KindRefused {
		t.Fatalf("M10 under an expired SEK_1: %v", err)
	}
	if _, err := h.M11(g); problem.KindOf(err) != problem.KindRefused {
		t.Fatalf("M11 under an expired SEK_2: %v", err)
	}
	// The diagnosis still reaches the record by a new session.
	q, _ = s.searched(v, message.ModeWrite)
	s.storeAndIndex(v, s.session(q), g)
}

// TestM3Late: a patient who answers after the life of SEK_1 must begin again.
func TestM3Late(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.answered()
	m3 := s.p.m3(s.p.consent(nil))
	s.now = s.now.Add(doctor.SessionLife)
	if err := v.ReceiveM3(m3); problem.KindOf(err) != problem.KindRefused {
		t.Fatalf("M3 under an expired SEK_1: %v", err)
	}
}
