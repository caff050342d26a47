package patient_test

import (
	"errors"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/patient-agent/internal/peers"
	"medunion/patient-agent/patient"
)

var departments = []message.Code{"SURGERY", "GENERAL"}

// hospital is one at which the scene's patient is enrolled.
func (s *scene) hospital(id message.ID) (*peers.Hospital, patient.Hospital) {
	s.T.Helper()
	h := s.NewHospital(id, "http://127.0.0.1:1")
	v, err := s.p.VerifyHospital(h.Cred, h.Prekey(), s.revocations())
	s.Ok(err)
	pending, m, err := s.p.Enrol(v, "DESKCODE", departments)
	s.Ok(err)
	reply, err := h.Enrol(m)
	s.Ok(err)
	r, err := pending.Accept(reply)
	s.Ok(err)
	s.Ok(h.Cred.Info.Keys.Sign.Verify(r.TBS, r.Sig))
	return h, v
}

func TestEnrolment(t *testing.T) {
	eachSuite(t, func(t *testing.T, suite ecc.Suite) {
		s := newScene(t, suite)
		h, _ := s.hospital(peers.AnnaID)
		e := h.Enrolled
		if e.Code != "DESKCODE" || len(e.Locators) != 2 || e.Locators[0].Department != "GENERAL" || e.Patient.Hash() != s.p.Identity().Credential.Hash() {
			t.Errorf("enrolment %+v", e)
		}
		if e.Locators[0].Key == e.Locators[1].Key || e.Locators[0].VK.Equal(e.Locators[1].VK) {
			t.Error("departments share a key")
		}
		other, _ := s.hospital(peers.ElseID)
		if other.Enrolled.Locators[0].Key == e.Locators[0].Key || !other.Enrolled.Locators[0].VK.Equal(e.Locators[0].VK) {
			t.Error("hospitals must share the locator and not the index key")
		}
	})
}

func TestHospitalRefused(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	h, other := s.NewHospital(peers.AnnaID, "http://127.0.0.1:1"), s.NewHospital(peers.ElseID, "http://127.0.0.1:2")
	_, err := s.p.VerifyHospital(h.Cred, h.Prekey(), s.revocations(h.C))
	refused(t, "revoked", err)
	_, err = s.p.VerifyHospital(h.Cred, other.Prekey(), s.revocations())
	refused(t, "another's prekey", err)
	_, err = s.p.VerifyHospital(s.d.Cred, s.d.Prekey(), s.revocations())
	refused(t, "a doctor", err)
	pre, v := h.Prekey(), s.revocations()
	s.Now = s.Now.Add(time.Hour)
	_, err = s.p.VerifyHospital(h.Cred, pre, v)
	refused(t, "an old prekey", err)
}

func TestForgedReceipt(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	h, v := s.hospital(peers.AnnaID)
	forger := s.NewHospital(peers.ElseID, "http://127.0.0.1:2")
	pending, m, err := s.p.Enrol(v, "DESKCODE", departments)
	s.Ok(err)
	forger.Pre = h.Pre // it even reads what is meant for the other
	forger.Cred.Info.ID = h.Cred.Info.ID
	e := peers.Must(message.DecodeEnrolment(s.Suite, peers.Must(message.Open(m, h.Pre, peers.AnnaID)).Plaintext))
	hdr := peers.Must(message.NewHeader(s.Rand, s.Suite, message.TypeEnrolled, m.Header.Session, s.Millis()))
	seal := peers.Must(message.Begin(s.Rand, e.PKe, s.p.ID(), hdr))
	sig := forger.Sign.Sign(message.TBSEnrolled(seal.Header(), e.Patient.Hash(), h.C, s.Millis()))
	_, err = pending.Accept(peers.Must(seal.Seal(message.Enrolled{Time: s.Millis(), Signature: sig}.Encode())))
	refused(t, "a receipt signed by another", err)
}

func TestHospitalQuestion(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	h, v := s.hospital(peers.AnnaID)
	q := message.Question{Kind: message.AskReleases, From: 1}
	pending, m, err := s.p.AskHospital(v, q)
	s.Ok(err)
	asked, err := h.Ask(m)
	s.Ok(err)
	if asked.Question != q {
		t.Errorf("asked %+v", asked.Question)
	}
	a, err := pending.Open(h.Answer(asked, []byte("content"), true))
	s.Ok(err)
	if string(a.Content) != "content" || !a.More {
		t.Errorf("answer %+v", a)
	}
	s.Ok(h.Cred.Info.Keys.Sign.Verify(a.TBS, a.Signature))
}

func TestForgedAnswers(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	h, v := s.hospital(peers.AnnaID)
	forger := s.NewHospital(peers.ElseID, "http://127.0.0.1:2")
	pending, m, err := s.p.AskHospital(v, message.Question{Kind: message.AskReleases})
	s.Ok(err)
	asked, err := h.Ask(m)
	s.Ok(err)
	_, err = pending.Open(forger.Answer(asked, nil, false))
	refused(t, "another hospital's answer", err)

	pending, m, err = s.p.AskHospital(v, message.Question{Kind: message.AskReleases})
	s.Ok(err)
	asked, err = h.Ask(m)
	s.Ok(err)
	asked.Question.From = 7
	_, err = pending.Open(h.Answer(asked, nil, false))
	refused(t, "the answer to another question", err)
}

func TestCloudQuestionNamesNobody(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	pending, m, err := s.p.AskCloud(s.Cloud.Prekey(), "SURGERY", message.Question{Kind: message.AskEntries})
	s.Ok(err)
	asked, err := s.Cloud.Ask(m)
	s.Ok(err)
	opened := peers.Must(message.Open(m, s.Cloud.KEM, peers.CloudID))
	for what, secret := range map[string]string{"ID_P": string(s.p.ID()), "Cred_P": string(s.p.Identity().Credential.Encode()), "department": "SURGERY"} {
		if contains(opened.Plaintext, secret) {
			t.Errorf("the public cloud reads %s", what)
		}
	}
	if _, err := pending.Open(s.Cloud.Answer(asked, message.EncodeEntries(nil), false)); err != nil {
		t.Error(err)
	}
	stale := s.Cloud.Prekey()
	s.Now = s.Now.Add(time.Hour)
	_, _, err = s.p.AskCloud(stale, "SURGERY", message.Question{Kind: message.AskEntries})
	refused(t, "an old prekey of the public cloud", err)
}

func contains(b []byte, s string) bool {
	for i := 0; i+len(s) <= len(b); i++ {
		if string(b[i:i+len(s)]) == s {
			return true
		}
	}
	return false
}

// TestEntries: planted entries are counted and hide no honest one.
func TestEntries(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	h, _ := s.hospital(peers.AnnaID)
	rogue := s.NewHospital(peers.ElseID, "http://127.0.0.1:2") // she never enrolled there
	honest := h.Entry("GENERAL", "LAB", "VITAL")
	vk := h.Enrolled.Locators[0].VK
	planted := rogue.EntryUnder(vk, message.Hash{1}, message.IndexContent{Hospital: peers.ElseID, Departments: departments[:1], Classes: []message.Code{"LAB"}})
	stolen := rogue.EntryUnder(vk, h.Enrolled.Locators[0].Key, message.IndexContent{Hospital: peers.AnnaID, Departments: departments[:1], Classes: []message.Code{"LAB"}})
	edited := honest
	edited.Value = append([]byte{}, honest.Value...)
	edited.Value[40] ^= 1
	elsewhere := h.Entry("SURGERY", "LAB")
	got, ignored, err := s.p.OpenEntries("GENERAL", []message.Entry{planted, stolen, edited, elsewhere, honest})
	s.Ok(err)
	if len(got) != 1 || ignored != 4 || got[0].Content.Hospital != peers.AnnaID || len(got[0].Content.Classes) != 2 {
		t.Errorf("%d entries, %d ignored: %+v", len(got), ignored, got)
	}
}

// A hospital that has renewed its credential is told of once, by its newest entry that opens, and the entry that this one
// follows is no alarm, emptied or not. A newer one that does not open hides nothing.
func TestEntriesOfARenewedHospital(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	h, _ := s.hospital(peers.AnnaID)
	vk := h.Enrolled.Locators[0].VK
	later := *h
	later.Cred.Info.Epoch++
	later.Cred.Signature = s.Cloud.Sign.Sign(message.TBSCredential(later.Cred.Info, later.Cred.R))
	later.C = later.Cred.Hash()
	old, renewed := h.Entry("GENERAL", "LAB"), later.Entry("GENERAL", "LAB", "VITAL")
	emptied, planted := h.EntryUnder(vk, message.Hash{9}, message.IndexContent{Hospital: peers.AnnaID}), later.EntryUnder(vk, message.Hash{9}, message.IndexContent{Hospital: peers.AnnaID})
	forged := old
	forged.SigIndex = renewed.SigIndex
	for name, c := range map[string]struct {
		entries          []message.Entry
		classes, ignored int
	}{
		"both":                        {[]message.Entry{old, renewed}, 2, 0},
		"in the other order":          {[]message.Entry{renewed, old}, 2, 0},
		"emptied":                     {[]message.Entry{renewed, emptied}, 2, 0},
		"the newer one does not open": {[]message.Entry{planted, old}, 1, 1},
		"a forged older one":          {[]message.Entry{forged, renewed}, 2, 1},
	} {
		got, ignored, err := s.p.OpenEntries("GENERAL", c.entries)
		s.Ok(err)
		if len(got) != 1 || len(got[0].Content.Classes) != c.classes || ignored != c.ignored {
			t.Errorf("%s: %d entries, %d ignored", name, len(got), ignored)
		}
	}
}

func TestCheckReleases(t *testing.T) {
	list := func(n ...uint64) (out []message.Release) {
		for _, x := range n {
			out = append(out, message.Release{Number: x})
		}
		return out
	}
	for _, c := range []struct {
		last uint64
		list []message.Release
		gap  bool
	}{{0, nil, false}, {0, list(1, 2, 3), false}, {4, list(5), false}, {0, list(2), true}, {0, list(1, 3), true},
		{2, list(2), true}, {0, list(2, 1), true}, {3, list(4, 4), true}} {
		if err := patient.CheckReleases(c.last, c.list); errors.Is(err, patient.ErrGap) != c.gap {
			t.Errorf("after %d, %v: %v", c.last, c.list, err)
		}
	}
}

func TestWrittenDiagnosis(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.shared()
	salted, sig := s.d.D5(finding, nil)
	d, err := s.p.OpenWritten(s.d.Written(7, salted, sig))
	s.Ok(err)
	if d.Record != 7 || string(d.Content) != finding || d.Certificate.Licence != "L-1" {
		t.Errorf("%+v", d)
	}
	other := peers.Must(message.Salted(s.Rand, []byte("other")))
	_, err = s.p.OpenWritten(s.d.Written(7, other, sig))
	refused(t, "another content", err)
	w := s.d.Written(7, salted, sig)
	w.Consent[0] ^= 1
	_, err = s.p.OpenWritten(w)
	refused(t, "another consent", err)
	w = s.d.Written(7, salted, sig)
	w.Doctor = s.NewDoctor("dr-else").Cred
	_, err = s.p.OpenWritten(w)
	refused(t, "another doctor", err)
	salted, sig = s.d.D5(finding, func(d *message.D5) { d.Patient = "somebody" })
	_, err = s.p.OpenWritten(s.d.Written(7, salted, sig))
	refused(t, "another patient", err)
}
