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
	"medunion/doctor-portal/internal/peers"
	"medunion/ecc"
)

// scene is a union with one doctor, one patient, one hospital with an entry.
type scene struct {
	*peers.World
	d    *doctor.Doctor
	p    *peers.Patient
	anna *peers.Hospital
}

func newScene(t testing.TB, suite ecc.Suite) *scene {
	w := peers.NewWorld(t, suite)
	s := &scene{World: w, d: w.NewDoctor(peers.DoctorID), p: w.NewPatient(peers.PatientID), anna: w.NewHospital(peers.AnnaID)}
	w.Cloud.Entries = []message.Entry{s.anna.Entry(s.p)}
	return s
}

// answered runs M1 and M2.
func (s *scene) answered() *doctor.Visit {
	s.T.Helper()
	v, m2, err := s.d.AnswerM1(context.Background(), s.p.M1(s.d))
	s.Ok(err)
	s.p.ReceiveM2(m2)
	return v
}

// opened runs M1-M3.
func (s *scene) opened() *doctor.Visit {
	s.T.Helper()
	v := s.answered()
	s.Ok(v.ReceiveM3(s.p.M3(s.p.Consent(nil))))
	return v
}

// searched runs M4 and M5.
func (s *scene) searched(v *doctor.Visit, mode message.Mode) (*doctor.Search, []doctor.Found) {
	s.T.Helper()
	q, m4, err := v.BeginSearch(mode, s.Cloud.Prekey())
	s.Ok(err)
	found, err := q.ReceiveM5(s.Cloud.M5(m4))
	s.Ok(err)
	return q, found
}

// session runs M6 and M7.
func (s *scene) session(q *doctor.Search) *doctor.Session {
	s.T.Helper()
	h, m6, err := q.BeginSession(s.anna.Cred, s.anna.Prekey())
	s.Ok(err)
	s.Ok(h.ReceiveM7(s.anna.M7(m6)))
	return h
}

// released runs M8 and M9.
func (s *scene) released(h *doctor.Session, contents ...string) *doctor.Release {
	s.T.Helper()
	m8, err := h.M8(message.Filter{})
	s.Ok(err)
	var r *doctor.Release
	for _, m9 := range s.anna.M9(m8, contents...) {
		_, r, err = h.ReceiveM9(m9)
		s.Ok(err)
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
		if got := peers.Must(v.Signals()); !bytes.Equal(got, peers.Signals) {
			t.Fatalf("signals changed on the way: %q", got)
		}
		q, found := s.searched(v, message.ModeRead)
		if len(found) != 1 || found[0].Hospital.Info.ID != peers.AnnaID || fmt.Sprint(found[0].Departments, found[0].Classes) != "[GENERAL] [LAB]" {
			t.Fatalf("found %v", found)
		}
		h := s.session(q)
		r := s.released(h, `{"page": 1}`, `{"page" :2}`)
		if r == nil || len(r.Pages) != 2 || string(r.Pages[1]) != `{"page" :2}` {
			t.Fatal("the release is not what the hospital sent")
		}
		g := peers.Must(v.Diagnose([]byte(diagnosis)))
		s.checkM10(v, r)
		s.storeAndIndex(v, h, g)
		s.checkEvidence(v)
	})
}

// checkM10 opens the diagnosis as the patient does (Eq. 50).
func (s *scene) checkM10(v *doctor.Visit, releases ...*doctor.Release) {
	s.T.Helper()
	m10 := peers.Must(v.M10())
	if again := peers.Must(v.M10()); !bytes.Equal(again.Encode(), m10.Encode()) {
		s.T.Fatal("M10 made twice differs: two plaintexts under one nonce")
	}
	if m10.Header.Seq != 2 || m10.Header.To != message.PeerID(s.p.C) || m10.Header.Session != s.p.Session {
		s.T.Fatal("header of M10")
	}
	body := peers.Must(message.DecodeM10(peers.Must(message.OpenSession(s.p.In, m10))))
	d5, err := message.OpenD5(body.SigD5, s.p.Doctor, peers.PatientID, s.p.Con.Consent.Hash(), body.Diagnosis)
	s.Ok(err)
	if len(d5.EMR) != len(releases) || d5.EMR[0] != releases[0].Hash {
		s.T.Fatal("Sig_D5 does not name the release")
	}
	if string(peers.Must(message.Unsalted(body.Diagnosis))) != diagnosis {
		s.T.Fatal("the diagnosis changed on the way")
	}
}

// storeAndIndex runs M11 and M12.
func (s *scene) storeAndIndex(v *doctor.Visit, h *doctor.Session, g *doctor.Diagnosis) {
	s.T.Helper()
	m11, err := h.M11(g)
	s.Ok(err)
	stored, err := h.ReceiveStored(s.anna.Stored(m11, s.anna.Entry(s.p)))
	s.Ok(err)
	if stored.Record != 7 || stored.Hospital != peers.AnnaID || !stored.Indexable() {
		s.T.Fatalf("stored %+v", stored)
	}
	i, m12, err := v.BeginIndexing(stored, s.Cloud.Prekey())
	s.Ok(err)
	_, err = i.ReceiveIndexed(s.Cloud.Indexed(m12))
	s.Ok(err)
}

// checkEvidence verifies every statement under the key of its signer.
func (s *scene) checkEvidence(v *doctor.Visit) {
	s.T.Helper()
	e := peers.Must(doctor.DecodeEvidence(v.Evidence().Encode()))
	keys := map[message.Hash]ecc.VerifyKey{s.p.C: s.p.Sign.Public(), e.Doctor.Hash(): e.Doctor.Info.Keys.Sign,
		s.anna.C: s.anna.Sign.Public(), message.CloudHash(s.Pins.First.PUKC): s.Pins.First.PUKC}
	var names []string
	for _, st := range e.Statements {
		names = append(names, st.Name)
		if err := keys[st.Signer].Verify(st.TBS, st.Signature); err != nil {
			s.T.Errorf("%s does not verify", st.Name)
		}
	}
	want := "Sig_P1 Sig_D1 Sig_P2 Sig_D2 Sig_C Sig_D3 Sig_HPC1 Sig_HPC2 Sig_D5 Sig_HPC3 Sig_D7 Sig_C2"
	if got := strings.Join(names, " "); got != want {
		s.T.Errorf("evidence holds\n%s, want\n%s", got, want)
	}
	if !bytes.Equal(e.Encode(), v.Evidence().Encode()) {
		s.T.Error("evidence is not canonical")
	}
	kv := message.IndexKey(s.p.KLoc, "GENERAL", peers.AnnaID)
	if bytes.Contains(e.Encode(), kv[:]) {
		s.T.Error("the evidence holds kv")
	}
}

// TestWriteModeSession: no session with the home hospital is open.
func TestWriteModeSession(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.Cloud.Entries = nil // a patient without entries
	v := s.opened()
	if _, found := s.searched(v, message.ModeRead); len(found) != 0 {
		t.Fatal("found without an entry")
	}
	g := peers.Must(v.Diagnose([]byte(diagnosis)))
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
	m11 := peers.Must(h.M11(peers.Must(v.Diagnose([]byte(diagnosis)))))
	stranger := s.NewPatient("ffffffffffffffffffffffffffffffff")
	stored, err := h.ReceiveStored(s.anna.Stored(m11, s.anna.Entry(stranger)))
	s.Ok(err)
	if stored.Indexable() {
		t.Fatal("an entry of another patient's locator would be indexed")
	}
	if _, _, err := v.BeginIndexing(stored, s.Cloud.Prekey()); problem.KindOf(err) != problem.KindConflict {
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
	fresh := peers.Must(doctor.New(s.Config(), s.Suite, "dr-new"))
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
	_, _, err = v.BeginSearch(message.ModeRead, s.Cloud.Prekey())
	conflict("search before M3", err)
	_, err = v.Diagnose([]byte(diagnosis))
	conflict("diagnosis before M3", err)
	_, err = v.Signals()
	conflict("M_SD before M3", err)
	m3 := s.p.M3(s.p.Consent(nil))
	s.Ok(v.ReceiveM3(m3))
	conflict("M3 twice", v.ReceiveM3(m3))
	_, err = v.M10()
	conflict("M10 without a diagnosis", err)

	q, m4, err := v.BeginSearch(message.ModeRead, s.Cloud.Prekey())
	s.Ok(err)
	_, _, err = q.BeginSession(s.anna.Cred, s.anna.Prekey())
	conflict("session without a ticket", err)
	m5 := s.Cloud.M5(m4)
	_, err = q.ReceiveM5(m5)
	s.Ok(err)
	_, err = q.ReceiveM5(m5)
	conflict("M5 twice", err)

	h, m6, err := q.BeginSession(s.anna.Cred, s.anna.Prekey())
	s.Ok(err)
	_, err = h.M8(message.Filter{})
	conflict("M8 before M7", err)
	m7 := s.anna.M7(m6)
	s.Ok(h.ReceiveM7(m7))
	conflict("M7 twice", h.ReceiveM7(m7))
	_, _, err = h.ReceiveM9(message.Message{})
	conflict("page before M8", err)
	_, err = h.ReceiveStored(message.Message{})
	conflict("receipt before M11", err)
	s.released(h, "{}")

	_, err = v.Diagnose([]byte(diagnosis))
	s.Ok(err)
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
	s.Now = s.Now.Add(5 * time.Minute)
	if _, _, err := q.BeginSession(s.anna.Cred, s.anna.Prekey()); problem.KindOf(err) != problem.KindConflict {
		t.Fatalf("an expired ticket opened a session: %v", err)
	}
	g := peers.Must(v.Diagnose([]byte(diagnosis)))
	s.Now = s.Now.Add(25 * time.Minute)
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
	m3 := s.p.M3(s.p.Consent(nil))
	s.Now = s.Now.Add(doctor.SessionLife)
	if err := v.ReceiveM3(m3); problem.KindOf(err) != problem.KindRefused {
		t.Fatalf("M3 under an expired SEK_1: %v", err)
	}
}

// TestSessionGoesOn: a session may ask again, also after M11; Sig_HPC2 then covers
// th2, the M8 and the pages of its own release, and nothing that came before.
func TestSessionGoesOn(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.opened()
	q, _ := s.searched(v, message.ModeRead)
	h := s.session(q)
	s.released(h, `{"a":1}`, `{"a":2}`)
	if r := s.released(h, `{"a":3}`); r == nil || string(r.Pages[0]) != `{"a":3}` {
		t.Fatal("no second release in the same session")
	}
	s.storeAndIndex(v, h, peers.Must(v.Diagnose([]byte(diagnosis))))
	if r := s.released(h, `{"a":4}`, `{"a":5}`); r == nil || len(r.Pages) != 2 {
		t.Fatal("no release after M11")
	}
}

// TestSignAnew: what the hospital refuses for its time is made once more in the same
// session, under another nonce; what has been answered is not.
func TestSignAnew(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.opened()
	q, _ := s.searched(v, message.ModeRead)
	h := s.session(q)
	if problem.KindOf(h.SignAnew()) != problem.KindConflict {
		t.Fatal("nothing was sent, yet it may be signed anew")
	}
	stale := peers.Must(h.M8(message.Filter{}))
	s.Ok(h.SignAnew())
	m8 := peers.Must(h.M8(message.Filter{}))
	if m8.Header.Seq != stale.Header.Seq+1 || m8.Header.Nonce == stale.Header.Nonce {
		t.Fatal("the second M8 uses the first one's number or nonce")
	}
	pages := s.anna.M9(m8, `{"a":1}`, `{"a":2}`)
	_, _, err := h.ReceiveM9(pages[0])
	s.Ok(err)
	if problem.KindOf(h.SignAnew()) != problem.KindConflict {
		t.Fatal("a release that has begun may be signed anew")
	}
	_, r, err := h.ReceiveM9(pages[1])
	s.Ok(err)
	if r == nil {
		t.Fatal("no release")
	}
	g := peers.Must(v.Diagnose([]byte(diagnosis)))
	peers.Must(h.M11(g))
	s.Ok(h.SignAnew())
	s.storeAndIndex(v, h, g)
}

// TestSignAnewForced: a relay that pretends a refusal cannot pass one release off as
// the answer to another question.
func TestSignAnewForced(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	q, _ := s.searched(s.opened(), message.ModeRead)
	h := s.session(q)
	first := peers.Must(h.M8(message.Filter{}))
	s.Ok(h.SignAnew())
	peers.Must(h.M8(message.Filter{Classes: []message.Code{"LAB"}}))
	if _, _, err := h.ReceiveM9(s.anna.M9(first, `{"a":1}`)[0]); problem.KindOf(err) != problem.KindRefused {
		t.Fatalf("the answer to the first M8 was taken for the second one's: %v", err)
	}
	if h.Ready() {
		t.Fatal("the session is still open")
	}
}

// A hospital that has renewed its credential is found once, to be spoken to under the new one, with all that its
// entries under either say; an old one that is emptied changes nothing.
func TestSearchFindsARenewedHospitalOnce(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	old := s.anna
	later := *old
	later.Cred.Info.Epoch++
	later.Cred.Signature = s.Cloud.Sign.Sign(message.TBSCredential(later.Cred.Info, later.Cred.R))
	later.C = later.Cred.Hash()
	emptied := old.Entry(s.p)
	emptied.Value = append([]byte{}, later.Entry(s.p).Value...) // opens under another credential only
	emptied = old.Sign1(emptied, peers.Must(message.LocatorKey(s.p.KLoc, "GENERAL")).Public())
	for name, entries := range map[string][]message.Entry{"both": {old.Entry(s.p), later.Entry(s.p)}, "in the other order": {later.Entry(s.p), old.Entry(s.p)},
		"emptied": {emptied, later.Entry(s.p)}} {
		s.Cloud.Entries = entries
		_, found := s.searched(s.opened(), message.ModeRead)
		if len(found) != 1 || found[0].Hospital.Hash() != later.C || len(found[0].Departments) != 1 {
			t.Errorf("%s: %d hospitals", name, len(found))
		}
	}
}

// The hospital renews its credential in the middle of a visit: the changed entry stands under the new one, and
// the doctor takes it to the index as any; one of another hospital is left.
func TestIndexedUnderARenewedCredential(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	later := *s.anna
	later.Cred.Info.Epoch++
	later.Cred.Signature = s.Cloud.Sign.Sign(message.TBSCredential(later.Cred.Info, later.Cred.R))
	later.C = later.Cred.Hash()
	foreign := s.NewHospital(peers.ElseID)
	for name, c := range map[string]struct {
		of        *peers.Hospital
		indexable bool
	}{"renewed": {&later, true}, "another": {foreign, false}} {
		v := s.opened()
		q, _ := s.searched(v, message.ModeRead)
		h := s.session(q)
		m11 := peers.Must(h.M11(peers.Must(v.Diagnose([]byte(diagnosis)))))
		stored, err := h.ReceiveStored(s.anna.Stored(m11, c.of.Entry(s.p)))
		s.Ok(err)
		if stored.Indexable() != c.indexable {
			t.Errorf("%s: indexable is %v", name, stored.Indexable())
		}
	}
}
