package attack_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// TestAttack15_Dump: a thief of the public cloud's database finds nothing that links an
// ID_P to a locator or to a hospital, no plaintext, and no locator by guessing from
// identities.
func TestAttack15_Dump(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	p, d := u.patient(), u.doctor()
	p.enrol(u.anna, lab("a", 10))
	v := u.whole(p, d)
	var all []byte
	for name, docs := range u.dump() {
		if strings.HasPrefix(name, u.config.Database) {
			all = append(all, bytes.Join(docs, nil)...)
		}
	}
	has := func(b []byte) bool { return bytes.Contains(all, b) }
	l, c := v.con.OpenC.Locators[0], u.anna.cred.Hash()
	if !has(l[:]) || !has(c[:]) {
		t.Fatal("the dump does not hold the index: the test would find nothing whatever it holds")
	}
	cred := *p.keys.Credential
	secrets := map[string][]byte{"ID_P": []byte(p.keys.ID), "PUK_P": p.keys.Sign.Public().Bytes(), "Cred_P": cred.Encode(), "k_loc": p.keys.Locator[:],
		"β_P": p.keys.Attribute.Beta[:], "σ_P": v.con.SigmaP, "M_SD": signals, "M_DINF": []byte("anaemia"), "open_H": v.con.OpenH.Encode(),
		"commit_H": v.con.Consent.CommitH[:], "commit_C": v.con.Consent.CommitC[:], "H(Consent)": v.consent[:], "resource": []byte(`"resourceType"`)}
	for _, k := range v.con.IndexKeys {
		secrets["kv of "+string(k.Department)+" "+string(k.Hospital)] = k.Key[:]
	}
	for name, b := range secrets {
		if name != "H(Consent)" && has(b) {
			t.Errorf("the dump holds %s", name)
		}
	}
	for name, b := range u.dictionary(p) {
		if has(b) {
			t.Errorf("a dictionary of identities finds %s", name)
		}
	}
}

// dictionary are the values that the paper, or somebody who guesses, would store for an
// identity.
func (u *union) dictionary(p *person) map[string][]byte {
	out := map[string][]byte{}
	id := []byte(p.keys.ID)
	add := func(name string, h [32]byte) { out[name] = h[:] }
	add("h(ID_P)", sha256.Sum256(id))
	add("H⟨L: ID_P⟩", ecc.H(ecc.LabelLocator, id))
	add("H⟨handle: ID_P⟩", ecc.H(ecc.LabelHandle, id))
	for _, d := range departments {
		add("h(ID_P||"+string(d)+")", sha256.Sum256(append(slices.Clone(id), d...)))
		add("H⟨L: ID_P, "+string(d)+"⟩", ecc.H(ecc.LabelLocator, id, []byte(d)))
		for _, h := range []*house{u.anna, u.bern} {
			add("h(ID_P||"+string(h.id)+")", sha256.Sum256(append(slices.Clone(id), h.id...)))
		}
	}
	return out
}

// entries are the patient's index entries of GENERAL, by her own question.
func (p *person) entries() []message.Entry {
	p.u.Helper()
	return must(message.DecodeEntries(p.asksCloud(message.Question{Kind: message.AskEntries})))
}

func TestAttack16_OverwriteAndForgery(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	eve := s.clinic("eve")
	vk := must(message.LocatorKey(s.p.keys.Locator[:], "GENERAL")).Public()
	held := s.p.entries()
	i := slices.IndexFunc(held, func(e message.Entry) bool { return e.Hospital.Hash() == s.anna.cred.Hash() })
	annas := held[i]
	own, _ := eve.entry(s.p, "GENERAL")
	foreign := must(ecc.GenerateSigningKey(rand.Reader)).Public()

	forged := annas // St Anna's entry with another value, signed by Eve
	forged.Value, forged.Time = own.Value, s.clock.millis()
	overwrite := eve.signed(forged, vk)
	bad := own
	bad.SigIndex = slices.Clone(own.SigIndex)
	bad.SigIndex[5] ^= 1
	late := own
	late.Time = s.clock.millis().Add(time.Hour)
	s.refused("an overwrite of another hospital's entry", s.attempt(s.pc(), eve.write(overwrite, vk)))
	s.refused("a foreign vk_L for the locator", s.attempt(s.pc(), eve.write(eve.signed(own, foreign), foreign)))
	s.refused("vk_L of one, Sig_idx over another", s.attempt(s.pc(), eve.write(eve.signed(own, foreign), vk)))
	s.refused("a forged Sig_idx", s.attempt(s.pc(), eve.write(bad, vk)))
	s.refused("a time ahead, that would shut later entries out", s.attempt(s.pc(), eve.write(eve.signed(late, vk), vk)), problem.KindStale)
	con := s.p.consent(s.r.physician, nil)
	s.refused("M12 with a forged Sig_idx", s.attempt(s.pc(), s.r.m12(con, bad, edits[message.M12]{})))
	s.refused("M12 with an overwrite", s.attempt(s.pc(), s.r.m12(con, overwrite, edits[message.M12]{})))
	s.refused("M12 with a foreign vk_L", s.attempt(s.pc(), s.r.m12(con, own, edits[message.M12]{body: func(m *message.M12) {
		k := must(ecc.GenerateSigningKey(rand.Reader))
		m.Authorizer = message.Authorizer{VK: k.Public(), SigmaL: k.Sign(message.TBSSigmaL(con.Consent))}
	}})))
	s.mustAsk(s.pc(), eve.write(own, vk)) // her own entry, beside the others
	again, _ := eve.entry(s.p, "GENERAL")
	again.Time = own.Time - 1
	s.refused("an older version", s.attempt(s.pc(), eve.write(eve.signed(again, vk), vk)), problem.KindConflict)
	if now := s.p.entries(); len(now) != 3 || !slices.ContainsFunc(now, func(e message.Entry) bool { return bytes.Equal(e.Encode(), annas.Encode()) }) {
		t.Errorf("%d entries, St Anna's among them unchanged: no", len(now))
	}
}

// TestAttack16_ForgedEntryInTheAnswer: a malicious public cloud gives the doctor an entry
// that no hospital signed.
func TestAttack16_ForgedEntryInTheAnswer(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.open(s.p, s.r.physician, s.terms())
	for name, change := range map[string]func(*message.Entry){
		"value":   func(e *message.Entry) { e.Value = slices.Clone(e.Value); e.Value[9] ^= 1 },
		"time":    func(e *message.Entry) { e.Time++ },
		"Sig_idx": func(e *message.Entry) { e.SigIndex = make([]byte, 64) },
	} {
		q, m4, err := v.dv.BeginSearch(message.ModeRead, s.cloudPrekey(s.suite))
		ok(t, err)
		found, err := q.ReceiveM5(s.forgeM5(m4, change))
		ok(t, err)
		if len(found) != 1 {
			t.Errorf("%s: %d hospitals found, want the other one alone", name, len(found))
		}
	}
	q, m4, err := v.dv.BeginSearch(message.ModeRead, s.cloudPrekey(s.suite))
	ok(t, err)
	if found, err := q.ReceiveM5(s.forgeM5(m4, func(*message.Entry) {})); err != nil || len(found) != 2 {
		t.Errorf("unforged: %d found, %v", len(found), err)
	}
}

// forgeM5 answers an M4 as a malicious public cloud: with its signing key and its own
// prekey, but a changed entry of the first hospital.
func (s *scene) forgeM5(m4 message.Message, change func(*message.Entry)) message.Message {
	s.Helper()
	body, request := s.openM4(m4)
	entries := s.p.entries()
	change(&entries[0])
	h := must(message.NewHeader(rand.Reader, s.suite, message.TypeM5, m4.Header.Session, s.clock.millis()))
	b := must(message.Begin(rand.Reader, body.PKe, body.Doctor.Info.ID, h))
	k := s.mint(message.CON{Consent: body.Consent}, body.Mode, func(k *message.Ticket) {
		k.Header, k.Request, k.Entries = b.Header(), request, ecc.Sum(message.EncodeEntries(entries))
	})
	return must(b.Seal(message.M5{Entries: entries, Ticket: k}.Encode()))
}

// counter stands between one instance and MongoDB and counts the commands.
type counter struct {
	mu   sync.Mutex
	on   bool
	seen []string
}

func (c *counter) start(t testing.TB, target string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
			go func() { c.pump(out, in); _ = out.Close() }()
		}
	}()
	return ln.Addr().String()
}

// pump passes OP_MSG frames on and notes the name of each command.
func (c *counter) pump(to io.Writer, from io.Reader) {
	for {
		head := make([]byte, 16)
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(head)-16)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		if binary.LittleEndian.Uint32(head[12:]) == 2013 && len(body) > 10 {
			name, _, _ := bytes.Cut(body[10:], []byte{0}) // flags 4, kind 1, size 4, type 1
			c.note(string(name))
		}
		if _, err := to.Write(append(head, body...)); err != nil {
			return
		}
	}
}

func (c *counter) note(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on && name != "hello" && name != "isMaster" && name != "ping" && name != "endSessions" {
		c.seen = append(c.seen, name)
	}
}

// of returns the commands that f makes.
func (c *counter) of(f func()) string {
	c.mu.Lock()
	c.on, c.seen = true, nil
	c.mu.Unlock()
	f()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = false
	return strings.Join(c.seen, " ")
}

// TestAttack16_KnownAndUnknownLocators: the commands that reach MongoDB for a search, and
// the length of its answer's check, do not tell whether a locator has entries.
func TestAttack16_KnownAndUnknownLocators(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	n := &counter{}
	target := must(url.Parse(mongoURI))
	config := s.config
	config.MongoURI = "mongodb://" + n.start(t, target.Host) + "/?directConnection=true"
	cloud := cloudNode{s.startCloud(config).Role()}
	stranger := s.patient() // enrolled nowhere
	known, unknown := s.p.consent(s.r.physician, nil), stranger.consent(s.r.physician, nil)
	path := func(con message.CON) string {
		m4 := s.searches(con)
		return n.of(func() {
			_, err := cloud.deliver(context.Background(), m4.Encode())
			ok(t, err)
		})
	}
	path(known) // its keys and the doctor are in the instance's memory now
	a, b := path(known), path(unknown)
	if a != b || a == "" {
		t.Errorf("commands for a known locator %q, for an unknown one %q", a, b)
	}
	refusals := func(con message.CON) (string, string) {
		con.Authorizers = slices.Clone(con.Authorizers)
		con.Authorizers[0].SigmaL = make([]byte, 64)
		m4 := s.searches(con)
		var err error
		ops := n.of(func() { _, err = cloud.deliver(context.Background(), m4.Encode()) })
		if err == nil {
			t.Error("a search without σ_L was accepted")
		}
		return ops, face(err)
	}
	opsA, faceA := refusals(known)
	opsB, faceB := refusals(unknown)
	if opsA != opsB || faceA != faceB {
		t.Errorf("refused: %q %s for a known locator, %q %s for an unknown one", opsA, faceA, opsB, faceB)
	}
}
