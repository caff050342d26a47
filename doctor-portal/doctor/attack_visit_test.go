package doctor_test

import (
	"bytes"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/internal/peers"
	"medunion/ecc"
)

func TestAttack11Consent(t *testing.T) {
	stranger := message.Hash{1}
	edits := map[string]func(*message.Consent, *message.OpenH){
		"for another doctor": func(c *message.Consent, _ *message.OpenH) { c.Doctor = stranger },
		"another department": func(c *message.Consent, _ *message.OpenH) { c.Department = "OBSTETRICS" },
		"expired":            func(c *message.Consent, _ *message.OpenH) { c.Expires = c.NotBefore + 1 },
		"not yet":            func(c *message.Consent, _ *message.OpenH) { c.NotBefore = c.Expires - 1 },
		"commit_H of other":  func(c *message.Consent, _ *message.OpenH) { c.CommitH = stranger },
		"commit_C of other":  func(c *message.Consent, _ *message.OpenH) { c.CommitC = stranger },
		"of another patient": func(c *message.Consent, o *message.OpenH) { o.Patient = "aa"; c.CommitH = o.Commit() },
	}
	for name, edit := range edits {
		s := newScene(t, ecc.SuiteX25519)
		v := s.answered()
		refused(t, name, v.ReceiveM3(s.p.M3(s.p.Consent(edit))))
		if err := v.ReceiveM3(s.p.M3(s.p.Consent(nil))); problem.KindOf(err) != problem.KindConflict {
			t.Errorf("%s: the visit is not closed: %v", name, err)
		}
	}
	after := map[string]func(*message.CON){
		"edited after σ_P": func(c *message.CON) { c.Consent.MaxUses = 1000 },
		"σ_L of another":   func(c *message.CON) { c.Authorizers[0].SigmaL = make([]byte, 64) },
		"no authorizer":    func(c *message.CON) { c.Authorizers = nil },
		"wrong β_P":        func(c *message.CON) { c.Assertion.Epoch = 2 },
		"no verification":  func(c *message.CON) { c.Assertion.Proof = make([]byte, 64) },
	}
	for name, edit := range after {
		s := newScene(t, ecc.SuiteX25519)
		v := s.answered()
		con := s.p.Consent(nil)
		edit(&con)
		refused(t, name, v.ReceiveM3(s.p.M3(con)))
	}
	// A consent that runs out in the middle of the visit.
	s := newScene(t, ecc.SuiteX25519)
	v := s.opened()
	s.Now = s.Now.Add(24 * time.Hour)
	_, _, err := v.BeginSearch(message.ModeRead, s.Cloud.Prekey())
	refused(t, "a search under an expired consent", err)
}

func TestAttack12ForgedTicket(t *testing.T) {
	edits := map[string]func(*message.Ticket){
		"of another request":    func(t *message.Ticket) { t.Request[0] ^= 1 },
		"for another doctor":    func(t *message.Ticket) { t.Doctor[0] ^= 1 },
		"for another consent":   func(t *message.Ticket) { t.Consent[0] ^= 1 },
		"in another department": func(t *message.Ticket) { t.Department = "SURGERY" },
		"in another mode":       func(t *message.Ticket) { t.Mode = message.ModeWrite },
		"over other entries":    func(t *message.Ticket) { t.Entries[0] ^= 1 },
		"of another message":    func(t *message.Ticket) { t.Header.Nonce[0] ^= 1 },
	}
	for name, edit := range edits {
		s := newScene(t, ecc.SuiteX25519)
		s.Cloud.Edit = edit
		q, m4, err := s.opened().BeginSearch(message.ModeRead, s.Cloud.Prekey())
		s.Ok(err)
		_, err = q.ReceiveM5(s.Cloud.M5(m4))
		refused(t, "ticket "+name, err)
	}
	s := newScene(t, ecc.SuiteX25519)
	q, m4, err := s.opened().BeginSearch(message.ModeRead, s.Cloud.Prekey())
	s.Ok(err)
	s.Cloud.Sign = peers.Must(ecc.GenerateSigningKey(s.Rand))
	_, err = q.ReceiveM5(s.Cloud.M5(m4))
	refused(t, "ticket under another key", err)
}

// TestAttack13PlantedEntry: an entry names a hospital that the consent does not. The
// doctor never speaks to it, so that the patient is not named to it.
func TestAttack13PlantedEntry(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	foreign := s.NewHospital(peers.ElseID)
	s.Cloud.Entries = append(s.Cloud.Entries, foreign.Entry(s.p)) // correct, but not consented
	v := s.opened()
	q, found := s.searched(v, message.ModeRead)
	if len(found) != 1 || found[0].Hospital.Info.ID != peers.AnnaID {
		t.Fatal("a foreign hospital was found")
	}
	_, _, err := q.BeginSession(foreign.Cred, foreign.Prekey())
	refused(t, "a session with a foreign hospital", err)
	q, _ = s.searched(v, message.ModeWrite)
	_, _, err = q.BeginSession(foreign.Cred, foreign.Prekey())
	refused(t, "a session to write at a foreign hospital", err)

	// A second credential for the consented hospital, minted by a dishonest public
	// cloud, has no kv: its value does not open.
	twin := s.NewHospital(peers.AnnaID)
	e := foreign.Entry(s.p)
	e.Hospital = twin.Cred
	s.Cloud.Entries = []message.Entry{twin.Sign1(e, s.p.Con.Authorizers[0].VK)}
	if _, found := s.searched(v, message.ModeRead); len(found) != 0 {
		t.Error("an entry without kv was followed")
	}
}

func TestAttack14AlteredSessionMessages(t *testing.T) {
	t.Run("M3", func(t *testing.T) {
		for name, edit := range alterations() {
			s := newScene(t, ecc.SuiteX25519)
			v := s.answered()
			m3 := s.p.M3(s.p.Consent(nil))
			bad := edit(m3)
			refused(t, name, v.ReceiveM3(bad))
			if err := v.ReceiveM3(m3); problem.KindOf(err) != problem.KindConflict {
				t.Errorf("%s: the session is not closed: %v", name, err)
			}
		}
	})
	t.Run("M9", func(t *testing.T) {
		for name, edit := range alterations() {
			s := newScene(t, ecc.SuiteX25519)
			h, pages := s.pages("{}", "{}")
			_, _, err := h.ReceiveM9(edit(pages[0]))
			refused(t, name, err)
			s.mustBeOver(h, pages[0], name)
		}
	})
	t.Run("reflected", func(t *testing.T) {
		s := newScene(t, ecc.SuiteX25519)
		q, _ := s.searched(s.opened(), message.ModeRead)
		h := s.session(q)
		m8 := peers.Must(h.M8(message.Filter{}))
		m8.Header.Type, m8.Header.To = message.TypeM9, message.PeerID(s.anna.Doctor.Hash())
		_, _, err := h.ReceiveM9(m8)
		refused(t, "the doctor's own M8", err)
		s.mustBeOver(h, m8, "reflection")
	})
	t.Run("reordered", func(t *testing.T) {
		s := newScene(t, ecc.SuiteX25519)
		h, pages := s.pages("{}", "{}", "{}")
		_, _, err := h.ReceiveM9(pages[0])
		s.Ok(err)
		_, _, err = h.ReceiveM9(pages[2])
		refused(t, "page 3 before page 2", err)
		s.mustBeOver(h, pages[1], "reordering")
	})
	t.Run("repeated", func(t *testing.T) {
		s := newScene(t, ecc.SuiteX25519)
		h, pages := s.pages("{}", "{}")
		_, _, err := h.ReceiveM9(pages[0])
		s.Ok(err)
		_, _, err = h.ReceiveM9(pages[0])
		refused(t, "page 1 twice", err)
	})
	t.Run("cut", func(t *testing.T) {
		s := newScene(t, ecc.SuiteX25519)
		h, pages := s.pages("{}", "{}")
		p, r, err := h.ReceiveM9(pages[0])
		if err != nil || r != nil || p.Done() {
			t.Error("a release without its last page was handed out")
		}
		if h.Ready() {
			t.Error("a session in the middle of a release counts as ready")
		}
	})
}

// pages runs a session up to the pages of a release.
func (s *scene) pages(contents ...string) (*doctor.Session, []message.Message) {
	s.T.Helper()
	q, _ := s.searched(s.opened(), message.ModeRead)
	h := s.session(q)
	return h, s.anna.M9(peers.Must(h.M8(message.Filter{})), contents...)
}

func (s *scene) mustBeOver(h *doctor.Session, m message.Message, what string) {
	s.T.Helper()
	if _, _, err := h.ReceiveM9(m); problem.KindOf(err) != problem.KindConflict || h.Ready() {
		s.T.Errorf("%s: the session is not closed: %v", what, err)
	}
}

// alterations change a message of a session without its keys.
func alterations() map[string]func(message.Message) message.Message {
	cut := func(m message.Message, c []byte) message.Message { m.Ciphertext = c; return m }
	head := func(edit func(*message.Header)) func(message.Message) message.Message {
		return func(m message.Message) message.Message { edit(&m.Header); return m }
	}
	return map[string]func(message.Message) message.Message{
		"first bit":   func(m message.Message) message.Message { return cut(m, flip(m.Ciphertext, 0)) },
		"last bit":    func(m message.Message) message.Message { return cut(m, flip(m.Ciphertext, len(m.Ciphertext)-1)) },
		"truncated":   func(m message.Message) message.Message { return cut(m, m.Ciphertext[:len(m.Ciphertext)-1]) },
		"lengthened":  func(m message.Message) message.Message { return cut(m, append(bytes.Clone(m.Ciphertext), 0)) },
		"seq":         head(func(h *message.Header) { h.Seq++ }),
		"T":           head(func(h *message.Header) { h.Time++ }),
		"N":           head(func(h *message.Header) { h.Nonce[3] ^= 4 }),
		"sid":         head(func(h *message.Header) { h.Session[3] ^= 4 }),
		"other type":  head(func(h *message.Header) { h.Type = message.TypeM10 }),
		"other peer":  head(func(h *message.Header) { h.To[0] ^= 1 }),
		"other suite": head(func(h *message.Header) { h.Suite = ecc.SuiteXWing }),
	}
}

func flip(b []byte, i int) []byte {
	out := bytes.Clone(b)
	out[i] ^= 1
	return out
}

// TestAttack14SignedOtherwise: the hospital's AEAD is good, its signature is not
// over what was sent.
func TestAttack14SignedOtherwise(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	q, _ := s.searched(s.opened(), message.ModeRead)
	h := s.session(q)
	m8 := peers.Must(h.M8(message.Filter{}))
	honest := s.anna.Sign
	s.anna.Sign = peers.Must(ecc.GenerateSigningKey(s.Rand))
	_, _, err := h.ReceiveM9(s.anna.M9(m8, "{}")[0])
	refused(t, "Sig_HPC2 under another key", err)

	s.anna.Sign = honest
	v := s.opened()
	q, _ = s.searched(v, message.ModeRead)
	h = s.session(q)
	m11 := peers.Must(h.M11(peers.Must(v.Diagnose([]byte(diagnosis)))))
	s.anna.Sign = peers.Must(ecc.GenerateSigningKey(s.Rand))
	_, err = h.ReceiveStored(s.anna.Stored(m11))
	refused(t, "Sig_HPC3 under another key", err)
}

func TestAttack16ForgedEntries(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.opened()
	good := s.Cloud.Entries[0]
	forged := good
	forged.SigIndex = make([]byte, 64)
	s.Cloud.Entries = []message.Entry{forged}
	if _, found := s.searched(v, message.ModeRead); len(found) != 0 {
		t.Error("an entry with a forged Sig_idx was followed")
	}
	foreign := s.anna.Entry(s.NewPatient("ffffffffffffffffffffffffffffffff"))
	s.Cloud.Entries = []message.Entry{good, foreign}
	q, m4, err := v.BeginSearch(message.ModeRead, s.Cloud.Prekey())
	s.Ok(err)
	_, err = q.ReceiveM5(s.Cloud.M5(m4))
	refused(t, "an entry of a locator that was not asked for", err)
}

func TestAttack18Downgrade(t *testing.T) {
	s := newScene(t, ecc.SuiteXWing)
	m1 := s.p.M1(s.d)
	m1.Header.Suite = ecc.SuiteX25519
	refused(t, "a header of suite 1 to a doctor of suite 2", s.answer(m1))

	old := s.NewPatientOf("aa", ecc.SuiteX25519)
	refused(t, "a credential of suite 1 under a header of suite 2", s.answer(old.M1(s.d)))

	v := s.opened()
	weak := message.Prekey{Suite: ecc.SuiteX25519, Owner: message.CloudHash(s.Pins.First.PUKC),
		Key: peers.Must(ecc.GenerateKEM(ecc.SuiteX25519, s.Rand)).Public(), NotBefore: s.Millis(), NotAfter: s.Millis().Add(time.Hour)}
	_, _, err := v.BeginSearch(message.ModeRead, message.Sign(s.Cloud.Sign, weak.Encode()))
	refused(t, "the public cloud's prekey of suite 1", err)

	q, _ := s.searched(v, message.ModeRead)
	weakAnna := s.Party(message.Hospital, peers.AnnaID, ecc.SuiteX25519, []byte("https://st-anna.example"))
	_, _, err = q.BeginSession(weakAnna.Cred, s.anna.Prekey())
	refused(t, "a hospital of suite 1", err)
	s.Cloud.Entries = []message.Entry{(&peers.Hospital{Party: weakAnna}).Entry(s.p)}
	if _, found := s.searched(v, message.ModeRead); len(found) != 0 {
		t.Error("an entry of a hospital of suite 1 was followed")
	}
	weak.Owner = s.anna.C
	_, _, err = q.BeginSession(s.anna.Cred, message.Sign(s.anna.Sign, weak.Encode()))
	refused(t, "a hospital's prekey of suite 1", err)
}
