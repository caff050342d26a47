package cloud_test

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

func newCloud(w *world) *cloud.Cloud { return peers.Must(cloud.New(w.config)) }

func TestSearch(t *testing.T) {
	each(t, func(t *testing.T, w *world, s ecc.Suite) {
		d, h1, h2 := w.doctor(s, "SURGERY", "GENERAL"), w.hospital(s), w.hospital(s)
		sks := peers.Locators(4)
		g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
		want := map[message.Hash]int{}
		for _, e := range []message.Entry{w.put(h1, sks[0]), w.put(h2, sks[0]), w.put(h1, sks[2])} {
			want[ecc.Sum(e.Encode())]++
		}
		w.put(h1, peers.Locators(1)[0]) // another patient's

		m, ticket, err := w.search(d, g, nil)
		w.ok(err)
		if len(m.Entries) != len(want) {
			t.Fatalf("%d entries, want %d", len(m.Entries), len(want))
		}
		for _, e := range m.Entries {
			i := slices.Index(g.OpenC.Locators, e.Locator)
			if want[ecc.Sum(e.Encode())] != 1 || e.Verify(w.Pins(), sks[i].Public(), message.MillisOf(w.now())) != nil {
				t.Error("an entry is not the one that was written")
			}
		}
		if ticket.Doctor != d.Credential.Hash() || ticket.Consent != g.Consent.Hash() || ticket.Department != "SURGERY" ||
			ticket.Mode != message.ModeRead || ticket.Expires != ticket.Issued.Add(5*time.Minute) || ticket.Issued != message.MillisOf(w.now()) {
			t.Errorf("the ticket says %+v", ticket)
		}
	})
}

func TestSearchWithoutEntries(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	m, _, err := w.search(d, peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(2), w.now(), nil), nil)
	w.ok(err)
	if len(m.Entries) != 0 {
		t.Errorf("%d entries of nobody", len(m.Entries))
	}
}

// Attack 12, the public cloud's side: the ticket names the request that it answers, and nobody else can make one.
func TestAttack12_Ticket(t *testing.T) {
	w := newWorld(t)
	d, other := w.doctor(ecc.SuiteX25519, "SURGERY"), w.doctor(ecc.SuiteX25519, "SURGERY")
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.now(), nil)
	m, ticket, err := w.search(d, g, nil)
	w.ok(err)
	cD, consent := d.Credential.Hash(), g.Consent.Hash()
	if _, err := message.OpenTicket(m.Ticket, w.Pins(), other.Credential.Hash(), consent); err == nil {
		t.Error("the ticket serves another doctor")
	}
	if _, err := message.OpenTicket(m.Ticket, w.Pins(), cD, message.Hash{1}); err == nil {
		t.Error("the ticket serves another consent")
	}
	for i := range m.Ticket.TBS {
		changed := message.Signed{TBS: slices.Clone(m.Ticket.TBS), Signature: m.Ticket.Signature}
		changed.TBS[i] ^= 1
		if _, err := message.OpenTicket(changed, w.Pins(), cD, consent); err == nil {
			t.Fatalf("byte %d of the ticket can be changed", i)
		}
	}
	ticket.Expires = ticket.Expires.Add(time.Hour)
	forged := message.Sign(peers.Must(ecc.GenerateSigningKey(rand.Reader)), ticket.Encode())
	if _, err := message.OpenTicket(forged, w.Pins(), cD, consent); err == nil {
		t.Error("a forged ticket opens")
	}
}

// A search sealed anew for another key, and answers that change places.
func TestAttack3_SwappedAndForwarded(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.now(), nil)
	c := w.knows(d.Suite)
	a, b := c.Search(d, g, w.now(), nil), c.Search(d, g, w.now(), nil)
	ra, err := w.Search(t.Context(), a.Raw)
	w.ok(err)
	rb, err := w.Search(t.Context(), b.Raw)
	w.ok(err)
	if _, _, err := c.OpenM5(d, g, a, rb); err == nil {
		t.Error("the answer to another search opens")
	}
	m := peers.Must(message.Decode(ra))
	m.Header.Session = b.Header.Session
	if _, _, err := c.OpenM5(d, g, b, m.Encode()); err == nil {
		t.Error("an answer moved to another session opens")
	}
	// Sig_D2 of one message inside another: its header is another.
	var body message.M4
	c.Search(d, g, w.now(), func(m *message.M4) { body = *m })
	body.SigD2 = d.Sign.Sign(body.TBS(a.Header, "cloud"))
	forwarded := c.Seal(message.TypeM4, w.now(), func(message.Header, ecc.KEMPublicKey) []byte { return body.Encode() })
	_, err = w.Search(t.Context(), forwarded.Raw)
	w.wants(problem.KindRefused, err)
}

// Each line is one thing wrong with an otherwise good search. All are the same refusal
// and none counts as a use.
func TestAttack11_ConsentAtTheCloud(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	d, other := w.doctor(s, "SURGERY", "GENERAL"), w.doctor(s, "SURGERY")
	sks := peers.Locators(3)
	c := w.knows(s)
	grant := func(alter func(*message.Consent)) peers.Granted {
		return peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), alter)
	}
	stranger := peers.New(s, message.Doctor, "dr-stranger")
	w.certify(stranger, "L-stranger", "SURGERY")
	stranger.Credential = d.Credential

	tests := map[string]func() peers.Sent{
		"no authorizers": func() peers.Sent {
			return c.Search(d, grant(nil), w.now(), func(m *message.M4) { m.Authorizers = nil })
		},
		"no locator at all": func() peers.Sent {
			return c.Search(d, peers.Grant(d.Credential.Hash(), "SURGERY", nil, w.now(), nil), w.now(), nil)
		},
		"expired": func() peers.Sent {
			return c.Search(d, grant(func(x *message.Consent) { x.Expires = message.MillisOf(w.now()) }), w.now(), nil)
		},
		"not yet": func() peers.Sent {
			return c.Search(d, grant(func(x *message.Consent) { x.NotBefore = message.MillisOf(w.now()) + 1 }), w.now(), nil)
		},
		"edited": func() peers.Sent {
			return c.Search(d, grant(nil), w.now(), func(m *message.M4) { m.Consent.MaxUses = 100 })
		},
		"stretched": func() peers.Sent {
			return c.Search(d, grant(nil), w.now(), func(m *message.M4) { m.Consent.Expires = m.Consent.Expires.Add(time.Hour) })
		},
		"for another doctor": func() peers.Sent {
			return c.Search(other, grant(nil), w.now(), nil)
		},
		"for another department of hers": func() peers.Sent {
			return c.Search(d, grant(nil), w.now(), func(m *message.M4) { m.Department = "GENERAL" })
		},
		"for a department not in Cert_D": func() peers.Sent {
			return c.Search(d, peers.Grant(d.Credential.Hash(), "OBSTETRICS", sks, w.now(), nil), w.now(), nil)
		},
		"a locator added": func() peers.Sent {
			return c.Search(d, grant(nil), w.now(), func(m *message.M4) {
				extra := peers.Locators(1)[0]
				m.OpenC.Locators = message.SortHashes(append(slices.Clone(m.OpenC.Locators), message.Locator(extra.Public())))
			})
		},
		"a locator left out": func() peers.Sent {
			return c.Search(d, grant(nil), w.now(), func(m *message.M4) {
				m.OpenC.Locators, m.Authorizers = m.OpenC.Locators[1:], m.Authorizers[1:]
			})
		},
		"another salt": func() peers.Sent {
			return c.Search(d, grant(nil), w.now(), func(m *message.M4) { m.OpenC.Salt[0] ^= 1 })
		},
		"σ_L of another key": func() peers.Sent {
			return c.Search(d, grant(nil), w.now(), func(m *message.M4) {
				m.Authorizers = slices.Clone(m.Authorizers)
				m.Authorizers[1].SigmaL = m.Authorizers[0].SigmaL
			})
		},
		"a foreign vk_L for an L": func() peers.Sent {
			return c.Search(d, grant(nil), w.now(), func(m *message.M4) {
				evil := peers.Must(ecc.GenerateSigningKey(rand.Reader))
				m.Authorizers = slices.Clone(m.Authorizers)
				m.Authorizers[1] = message.Authorizer{VK: evil.Public(), SigmaL: evil.Sign(message.TBSSigmaL(m.Consent))}
			})
		},
		"signed by another key than Cred_D's": func() peers.Sent { return c.Search(stranger, grant(nil), w.now(), nil) },
		"another certificate": func() peers.Sent {
			return c.Search(d, grant(nil), w.now(), func(m *message.M4) { m.Certificate = other.Certificate })
		},
		"a patient's credential": func() peers.Sent {
			p := w.patient(s)
			p.Certificate = d.Certificate
			return c.Search(p, peers.Grant(p.Credential.Hash(), "SURGERY", sks, w.now(), nil), w.now(), nil)
		},
	}
	want := problem.From(func() error { _, err := w.Search(t.Context(), tests["expired"]().Raw); return err }()).Document("")
	for name, build := range tests {
		t.Run(name, func(t *testing.T) {
			sent := build()
			before := w.window.accepted
			_, err := w.Search(t.Context(), sent.Raw)
			if err == nil || problem.From(err).Document("") != want || problem.KindOf(err) != problem.KindRefused {
				t.Errorf("got %v (%s)", err, problem.Reason(err))
			}
			if w.window.accepted != before {
				t.Error("a refused search went into the window")
			}
		})
	}
}

func TestAttack11_UsesAreCounted(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	d, sks := w.doctor(s, "SURGERY"), peers.Locators(2)
	g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
	write := func(m *message.M4) { m.Mode = message.ModeWrite }
	for _, alter := range []func(*message.M4){nil, write, nil, write, write, nil} {
		_, _, err := w.search(d, g, alter)
		w.ok(err)
		w.clock.advance(time.Second)
	}
	_, _, err := w.search(d, g, nil)
	w.wants(problem.KindRefused, err)
	_, ticket, err := w.search(d, g, write)
	w.ok(err)
	if ticket.Mode != message.ModeWrite {
		t.Error("the ticket does not say that it is for writing")
	}
	uses := w.uses(s, sks[0], g.Consent.Hash())
	reads := 0
	for i, u := range uses {
		if u.Mode == message.ModeRead {
			reads++
		}
		if i > 0 && u.Time < uses[i-1].Time {
			t.Error("the uses are out of order")
		}
	}
	if reads != 3 || len(uses) != 7 || uses[6].Request != ticket.Request {
		t.Errorf("%d uses, %d of them reads", len(uses), reads)
	}
}

// 50 searches at once under a consent for three.
func TestAttack11_ParallelSearches(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	d, sks := w.doctor(s, "SURGERY"), peers.Locators(2)
	g, c := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil), w.knows(s)
	const n = 50
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		sent := c.Search(d, g, w.now(), nil)
		wg.Go(func() { _, errs[i] = w.Search(context.WithoutCancel(t.Context()), sent.Raw) })
	}
	wg.Wait()
	granted := 0
	for _, err := range errs {
		if err == nil {
			granted++
		} else if problem.KindOf(err) != problem.KindRefused {
			t.Errorf("%v (%s)", err, problem.Reason(err))
		}
	}
	if granted != 3 || len(w.uses(s, sks[0], g.Consent.Hash())) != 3 {
		t.Errorf("%d searches under a consent for 3", granted)
	}
}

func TestAttack11_RevokedDoctor(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.now(), nil)
	_, _, err := w.search(d, g, nil)
	w.ok(err)
	w.ok(w.RevokeCredential(t.Context(), "kim", d.Credential.Hash()))
	_, _, err = w.search(d, g, nil)
	w.wants(problem.KindRefused, err)
}

func TestAttack11_ExpiredCertificateIsNotServedFromTheCache(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	w.clock.advance(365*24*time.Hour - 2*time.Minute)
	grant := func() peers.Granted {
		return peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.now(), nil)
	}
	_, _, err := w.search(d, grant(), nil)
	w.ok(err)
	w.clock.advance(3 * time.Minute) // within the cache's life
	_, _, err = w.search(d, grant(), nil)
	w.wants(problem.KindRefused, err)
}

func TestAttack1_ReplayedSearch(t *testing.T) {
	w := newWorld(t)
	d, sks := w.doctor(ecc.SuiteX25519, "SURGERY"), peers.Locators(1)
	g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
	sent := w.knows(d.Suite).Search(d, g, w.now(), nil)
	_, err := w.Search(t.Context(), sent.Raw)
	w.ok(err)
	_, err = w.Search(t.Context(), sent.Raw)
	w.wants(problem.KindRefused, err)

	// The second guard: a window that has forgotten everything.
	clear(w.window.seen)
	_, err = w.Search(t.Context(), sent.Raw)
	w.wants(problem.KindRefused, err)
	if n := len(w.uses(d.Suite, sks[0], g.Consent.Hash())); n != 1 {
		t.Errorf("%d uses of one message", n)
	}
	w.clock.advance(31 * time.Second)
	_, err = w.Search(t.Context(), sent.Raw)
	w.wants(problem.KindStale, err)
}

func TestAttack2_SearchOutsideTheWindow(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.now(), nil)
	c := w.knows(d.Suite)
	for _, shift := range []time.Duration{-past - time.Millisecond, future + time.Millisecond, -time.Hour, time.Hour} {
		_, err := w.Search(t.Context(), c.Search(d, g, w.now().Add(shift), nil).Raw)
		w.wants(problem.KindStale, err)
		if got := problem.From(err).Now; !got.Equal(w.now()) {
			t.Errorf("the refusal carries %v", got)
		}
	}
	for _, shift := range []time.Duration{-past, future} {
		_, err := w.Search(t.Context(), c.Search(d, g, w.now().Add(shift), nil).Raw)
		w.ok(err)
	}
}

// Every header field is bound: one changed outside is refused.
func TestAttack2_OuterHeaderChanged(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.now(), nil)
	sent := w.knows(d.Suite).Search(d, g, w.now(), nil)
	m := peers.Must(message.Decode(sent.Raw))
	for name, alter := range map[string]func(*message.Header){
		"T":     func(h *message.Header) { h.Time++ },
		"N":     func(h *message.Header) { h.Nonce[0] ^= 1 },
		"sid":   func(h *message.Header) { h.Session[0] ^= 1 },
		"seq":   func(h *message.Header) { h.Seq++ },
		"to":    func(h *message.Header) { h.To[0] ^= 1 },
		"suite": func(h *message.Header) { h.Suite = ecc.SuiteXWing },
	} {
		changed := m
		alter(&changed.Header)
		_, err := w.Search(t.Context(), changed.Encode())
		if problem.KindOf(err) != problem.KindRefused || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.Search(t.Context(), sent.Raw)
	w.ok(err)
}

func TestAttack18_Downgrade(t *testing.T) {
	w := newWorld(t)
	d1, d2 := w.doctor(ecc.SuiteX25519, "SURGERY"), w.doctor(ecc.SuiteXWing, "SURGERY")
	sks := peers.Locators(1)
	for _, x := range []struct {
		doctor *peers.Party
		over   ecc.Suite
	}{{d2, ecc.SuiteX25519}, {d1, ecc.SuiteXWing}} {
		g := peers.Grant(x.doctor.Credential.Hash(), "SURGERY", sks, w.now(), nil)
		_, err := w.Search(t.Context(), w.knows(x.over).Search(x.doctor, g, w.now(), nil).Raw)
		w.wants(problem.KindRefused, err)
	}
	h := w.hospital(ecc.SuiteXWing)
	e := peers.Entry(h, sks[0], w.now())
	_, err := w.WriteEntry(t.Context(), w.knows(ecc.SuiteX25519).WriteEntry(h, e, sks[0].Public(), w.now()).Raw)
	w.wants(problem.KindRefused, err)
}
