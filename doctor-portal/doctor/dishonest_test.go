package doctor_test

import (
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/internal/peers"
	"medunion/ecc"
)

// The peers here hold all keys of their session and still say what they must not:
// every message opens, and is refused for what it says.

func TestDishonestPatient(t *testing.T) {
	sign := func(s *scene, seq uint64, k ecc.SigningKey, id message.ID) message.Message {
		con := s.p.Consent(nil)
		h := s.p.Header(message.TypeM3, seq)
		msd := peers.Must(message.Salted(s.Rand, peers.Signals))
		tbs := message.TBSP2(h, s.p.Th2, s.p.C, s.p.Doctor.Hash(), msd, con.Consent.Hash())
		body := message.M3{MSD: msd, Patient: id, CON: con, SigP2: k.Sign(tbs)}
		return peers.Must(message.SealSession(s.p.Out, h, body.Encode()))
	}
	other := peers.Must(ecc.SigningKeyFromSeed([]byte("a key of thirty-two bytes length")))
	for name, make := range map[string]func(*scene) message.Message{
		"Sig_P2 under another key":  func(s *scene) message.Message { return sign(s, 2, other, peers.PatientID) },
		"a number left out":         func(s *scene) message.Message { return sign(s, 3, s.p.Sign, peers.PatientID) },
		"the number of M1 again":    func(s *scene) message.Message { return sign(s, 1, s.p.Sign, peers.PatientID) },
		"the ID of another patient": func(s *scene) message.Message { return sign(s, 2, s.p.Sign, "aa") },
	} {
		s := newScene(t, ecc.SuiteX25519)
		v := s.answered()
		refused(t, name, v.ReceiveM3(make(s)))
	}
	s := newScene(t, ecc.SuiteX25519)
	s.Ok(s.answered().ReceiveM3(sign(s, 2, s.p.Sign, peers.PatientID))) // as it should be
}

func TestDishonestHospital(t *testing.T) {
	pages := map[string]func(*message.M9){
		"the same page number twice": func(m *message.M9) { m.Page = 1 },
		"another number of pages":    func(m *message.M9) { m.Pages = 9 },
		"another receipt":            func(m *message.M9) { m.Receipt += uint64(m.Page) },
	}
	for name, edit := range pages {
		s := newScene(t, ecc.SuiteX25519)
		h := s.begun()
		m8 := peers.Must(h.M8(message.Filter{}))
		seen := 0
		s.anna.EditM9 = func(m *message.M9) {
			if seen++; seen == 2 {
				edit(m)
			}
		}
		all := s.anna.M9(m8, "{}", "{}", "{}")
		_, _, err := h.ReceiveM9(all[0])
		s.Ok(err)
		_, _, err = h.ReceiveM9(all[1])
		refused(t, name, err)
		s.mustBeOver(h, all[2], name)
	}
	s := newScene(t, ecc.SuiteX25519)
	h := s.begun()
	m8 := peers.Must(h.M8(message.Filter{}))
	s.anna.OutSeq++
	_, _, err := h.ReceiveM9(s.anna.M9(m8, "{}")[0])
	refused(t, "a number left out", err)

	s = newScene(t, ecc.SuiteX25519)
	other := s.NewHospital(peers.ElseID)
	s.anna.EditM7 = func(m *message.M7) { m.Hospital = other.Cred }
	q, _ := s.searched(s.opened(), message.ModeRead)
	h, m6, err := q.BeginSession(s.anna.Cred, s.anna.Prekey())
	s.Ok(err)
	refused(t, "the credential of another hospital in M7", h.ReceiveM7(s.anna.M7(m6)))
}

// begun runs a visit up to M7.
func (s *scene) begun() *doctor.Session {
	s.T.Helper()
	q, _ := s.searched(s.opened(), message.ModeRead)
	return s.session(q)
}

// TestEntryNamesAnother: a hospital's own entry says that it is another's.
func TestEntryNamesAnother(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	e := s.Cloud.Entries[0]
	kv := message.IndexKey(s.p.KLoc, "GENERAL", peers.AnnaID)
	e.Value = peers.Must(message.SealIndex(s.Rand, kv, e.Locator, s.anna.C, message.IndexContent{Hospital: peers.ElseID,
		Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}}))
	v := s.opened()
	s.Cloud.Entries = []message.Entry{s.anna.Sign1(e, s.p.Con.Authorizers[0].VK)}
	if _, found := s.searched(v, message.ModeRead); len(found) != 0 {
		t.Error("followed an entry that names another hospital")
	}
}

func TestDishonestCloud(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.opened()
	q, _ := s.searched(v, message.ModeRead)
	h := s.session(q)
	m11 := peers.Must(h.M11(peers.Must(v.Diagnose([]byte(diagnosis)))))
	stored, err := h.ReceiveStored(s.anna.Stored(m11, s.anna.Entry(s.p)))
	s.Ok(err)
	i, m12, err := v.BeginIndexing(stored, s.Cloud.Prekey())
	s.Ok(err)
	honest := s.Cloud.Sign
	s.Cloud.Sign = peers.Must(ecc.GenerateSigningKey(s.Rand))
	_, err = i.ReceiveIndexed(s.Cloud.Indexed(m12))
	refused(t, "Sig_C2 under another key", err)
	s.Cloud.Sign = honest
	_, err = i.ReceiveIndexed(s.Cloud.Indexed(m12))
	s.Ok(err)
	if _, err = i.ReceiveIndexed(s.Cloud.Indexed(m12)); problem.KindOf(err) != problem.KindConflict {
		t.Errorf("a receipt twice: %v", err)
	}
}
