package agent_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/message/softkey"
	"medunion/api/problem"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/peers"
)

const pageOrigin = "http://localhost:8091"

func newKey(seed byte) *softkey.Key { return softkey.ES256(seed, "localhost", pageOrigin) }

// created answers a challenge with a new passkey.
func created(k *softkey.Key, challenge []byte) *agent.NewPasskey {
	object, client := k.Create(challenge)
	return &agent.NewPasskey{CredentialID: k.ID, AttestationObject: object, ClientDataJSON: client, PRF: k.PRF()}
}

// withPasskey is a registered agent with a passkey, enrolled at both hospitals.
func (u *union) withPasskey(k *softkey.Key) *agent.Agent {
	u.t.Helper()
	u.cfg.Origin = pageOrigin
	a := u.agent()
	c, err := a.ChallengePasskey()
	u.ok(err)
	u.ok(errOf(a.RegisterWith(ctx, "CODE-1234", agent.Means{Passkey: created(k, c.Challenge)})))
	for _, id := range []message.ID{peers.AnnaID, peers.ElseID} {
		u.ok(errOf(a.Enrol(ctx, id, "DESKCODE")))
	}
	return a
}

func (u *union) prepared(a *agent.Agent) agent.Approval {
	u.t.Helper()
	q := u.request()
	q.Passphrase = nil
	p, err := a.PrepareApproval(ctx, q)
	u.ok(err)
	return p
}

func by(k *softkey.Key, challenge message.Hash) agent.Proof {
	p := k.Assert(challenge[:])
	return agent.Proof{CredentialID: k.ID, Passkey: &p}
}

func TestVisitWithAPasskey(t *testing.T) {
	u := newUnion(t)
	u.reply = u.diagnose
	k := newKey(1)
	a := u.withPasskey(k)
	if id := peers.Must(a.Identity()); id.Verification != message.KindWebAuthn {
		t.Errorf("verification %v", id.Verification)
	}
	p := u.prepared(a)
	if len(u.steps) != 0 || p.Verification != message.KindWebAuthn || !p.Passkey.Opens || len(p.Choices.Grants) != 2 {
		t.Errorf("prepared %+v", p)
	}
	id, err := a.Approve(p.ID, by(k, p.Challenge))
	u.ok(err)
	v := u.until(a, id, agent.Diagnosed)
	con := u.d.M3.CON
	if con.Assertion.Kind != message.KindWebAuthn || con.Consent.Hash() != p.Consent || *v.Consent != p.Consent {
		t.Errorf("what was approved is not what was shared: %+v", con.Consent)
	}
	if v.Code != "diagnosed" || v.Repeatable {
		t.Errorf("visit %+v", v)
	}
}

// TestAttack06NoMessageWithoutThePasskey: whatever else answers, nothing is sent to a
// doctor, and the approval is used up.
func TestAttack06NoMessageWithoutThePasskey(t *testing.T) {
	u := newUnion(t)
	k := newKey(1)
	a := u.withPasskey(k)
	unverified, elsewhere, port, stolen := *k, *k, *k, newKey(2)
	port.Origin = "http://localhost:1"
	unverified.Flags = softkey.Present
	elsewhere.Origin = "http://evil-localhost:8091"
	stolen.ID = k.ID
	for name, wrong := range map[string]*softkey.Key{"another passkey": newKey(3), "under its name": stolen, "without verification": &unverified, "elsewhere": &elsewhere, "at another port": &port} {
		p := u.prepared(a)
		_, err := a.Approve(p.ID, by(wrong, p.Challenge))
		kind(t, name, err, problem.KindInvalid)
		_, err = a.Approve(p.ID, by(k, p.Challenge))
		kind(t, name+", then the right one", err, problem.KindNotFound)
	}
	p, other := u.prepared(a), u.prepared(a)
	_, err := a.Approve(p.ID, by(k, other.Challenge))
	kind(t, "approval of something else", err, problem.KindInvalid)
	_, err = a.Approve(other.ID, agent.Proof{Passphrase: secret})
	kind(t, "a passphrase", err, problem.KindInvalid)
	_, err = a.StartVisit(ctx, u.request())
	kind(t, "a passphrase in one step", err, problem.KindInvalid)
	_, err = a.Approve("00000000000000000000000000000000", by(k, p.Challenge))
	kind(t, "an unknown approval", err, problem.KindNotFound)
	if len(u.steps) != 0 || len(peers.Must(a.Visits())) != 0 {
		t.Error("a visit began")
	}
	u.ok(errOf(a.Approve(other.ID, by(k, other.Challenge)))) // untouched by the rest
}

func TestApprovalsEnd(t *testing.T) {
	u := newUnion(t)
	var offset time.Duration
	u.cfg.Now = func() time.Time { return time.Now().Add(offset) }
	k := newKey(1)
	a := u.withPasskey(k)
	p := u.prepared(a)
	u.ok(errOf(a.Approve(p.ID, by(k, p.Challenge))))
	_, err := a.Approve(p.ID, by(k, p.Challenge))
	kind(t, "twice", err, problem.KindNotFound)
	p = u.prepared(a)
	u.ok(a.Lock())
	u.ok(a.UnlockPasskey(k.PRF()))
	_, err = a.Approve(p.ID, by(k, p.Challenge))
	kind(t, "after the store was locked", err, problem.KindNotFound)
	p = u.prepared(a)
	offset = 5*time.Minute + time.Second
	_, err = a.Approve(p.ID, by(k, p.Challenge))
	kind(t, "after five minutes", err, problem.KindNotFound)
}

// TestApprovalByPassphrase: the same way with a passphrase; a slip can be corrected.
func TestApprovalByPassphrase(t *testing.T) {
	u := newUnion(t)
	u.reply = u.diagnose
	a := u.enrolled()
	p := u.prepared(a)
	_, err := a.Approve(p.ID, agent.Proof{Passphrase: []byte("wrong")})
	kind(t, "a wrong passphrase", err, problem.KindInvalid)
	_, err = a.Approve(u.prepared(a).ID, by(newKey(1), p.Challenge))
	kind(t, "a passkey", err, problem.KindInvalid)
	if len(u.steps) != 0 {
		t.Error("a visit began")
	}
	id, err := a.Approve(p.ID, agent.Proof{Passphrase: secret})
	u.ok(err)
	u.until(a, id, agent.Diagnosed)
	if u.d.M3.CON.Consent.Hash() != p.Consent {
		t.Error("another consent was shared")
	}
}

func TestPasskeyRegistrationRefused(t *testing.T) {
	u := newUnion(t)
	var offset time.Duration
	u.cfg.Now = func() time.Time { return time.Now().Add(offset) }
	u.cfg.Origin = pageOrigin
	a := u.agent()
	register := func(p *agent.NewPasskey) error {
		return errOf(a.RegisterWith(ctx, "CODE-1234", agent.Means{Passkey: p}))
	}
	challenge := func() []byte { return peers.Must(a.ChallengePasskey()).Challenge }
	unverified, elsewhere, unopened := newKey(1), newKey(1), created(newKey(1), challenge())
	unverified.Flags, elsewhere.Origin, unopened.PRF = softkey.Present, "http://localhost:1", nil
	renamed := created(newKey(1), challenge())
	renamed.CredentialID = []byte("another")
	for name, p := range map[string]*agent.NewPasskey{
		"no user verification":        created(unverified, challenge()),
		"made at another port":        created(elsewhere, challenge()),
		"a challenge of its own":      created(newKey(1), bytes.Repeat([]byte{1}, 32)),
		"another credential id":       renamed,
		"neither PRF nor passphrase":  unopened,
		"a PRF of another size":       func() *agent.NewPasskey { p := created(newKey(1), challenge()); p.PRF = p.PRF[1:]; return p }(),
		"nothing but a credential id": {CredentialID: []byte{1}, PRF: make([]byte, 32)},
	} {
		kind(t, name, register(p), problem.KindInvalid)
	}
	late := challenge()
	offset = 6 * time.Minute
	kind(t, "an old challenge", register(created(newKey(1), late)), problem.KindInvalid)
	if a.Status().Exists {
		t.Fatal("a store was made")
	}
	c := challenge()
	u.ok(register(created(newKey(1), c)))
	kind(t, "a challenge used up", register(created(newKey(1), c)), problem.KindConflict)

	cfg := u.cfg
	cfg.Origin = ""
	u.cfg = cfg
	_, err := u.agent().ChallengePasskey()
	kind(t, "without a page", err, problem.KindConflict)
}

// TestPasskeyStore: the passkey opens the store, a locked store says which.
func TestPasskeyStore(t *testing.T) {
	u := newUnion(t)
	k := newKey(1)
	a := u.withPasskey(k)
	u.ok(a.Lock())
	s := a.Status()
	if s.Open || s.Verification != message.KindWebAuthn || !bytes.Equal(s.Passkey.CredentialID, k.ID) || s.Passkey.RPID != "localhost" || len(s.Openers) != 1 {
		t.Errorf("status %+v", s)
	}
	kind(t, "another passkey", a.UnlockPasskey(newKey(2).PRF()), problem.KindInvalid)
	kind(t, "half an output", a.UnlockPasskey(k.PRF()[:16]), problem.KindInvalid)
	kind(t, "a passphrase", a.Unlock(secret), problem.KindInvalid)
	u.ok(a.UnlockPasskey(k.PRF()))
	kind(t, "another passkey, open", a.UnlockPasskey(newKey(2).PRF()), problem.KindInvalid)
	u.ok(errOf(a.Identity()))
}

// TestPasskeyBesidePassphrase: without PRF the passphrase opens the store, and consents
// are the passkey's all the same.
func TestPasskeyBesidePassphrase(t *testing.T) {
	u := newUnion(t)
	u.cfg.Origin = pageOrigin
	a := u.agent()
	k := newKey(1)
	p := created(k, peers.Must(a.ChallengePasskey()).Challenge)
	p.PRF = nil
	u.ok(errOf(a.RegisterWith(ctx, "CODE-1234", agent.Means{Passkey: p, Passphrase: secret})))
	u.ok(a.Lock())
	if s := a.Status(); s.Passkey == nil || s.Passkey.Opens || s.Verification != message.KindWebAuthn {
		t.Errorf("status %+v", s)
	}
	u.ok(a.Unlock(secret))
	_, err := a.StartVisit(ctx, u.request())
	kind(t, "consent by the passphrase", err, problem.KindInvalid)
	q := u.prepared(a)
	u.ok(errOf(a.Approve(q.ID, by(k, q.Challenge))))
}

// TestRegistrationAgain: after a wrong code, the right one alone is enough while the
// store is open; a new passkey makes the store anew.
func TestRegistrationAgain(t *testing.T) {
	for name, again := range map[string]func(a *agent.Agent) agent.Means{
		"the code alone": func(*agent.Agent) agent.Means { return agent.Means{} },
		"a passphrase":   func(*agent.Agent) agent.Means { return agent.Means{Passphrase: secret} },
		"a new passkey": func(a *agent.Agent) agent.Means {
			return agent.Means{Passkey: created(newKey(2), peers.Must(a.ChallengePasskey()).Challenge)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnion(t)
			u.cfg.Origin = pageOrigin
			a := u.agent()
			_, err := a.RegisterWith(ctx, "WRONG", agent.Means{Passkey: created(newKey(1), peers.Must(a.ChallengePasskey()).Challenge)})
			kind(t, "a wrong code", err, problem.KindRefused)
			u.ok(errOf(a.RegisterWith(ctx, "CODE-1234", again(a))))
			u.ok(a.Lock())
			if name != "the code alone" {
				kind(t, "the passkey before", a.UnlockPasskey(newKey(1).PRF()), problem.KindInvalid)
			}
			u.ok(map[string]func() error{
				"the code alone": func() error { return a.UnlockPasskey(newKey(1).PRF()) },
				"a passphrase":   func() error { return a.Unlock(secret) },
				"a new passkey":  func() error { return a.UnlockPasskey(newKey(2).PRF()) },
			}[name]())
		})
	}
}

func TestProfile(t *testing.T) {
	u := newUnion(t)
	u.reply = u.diagnose
	a := u.enrolled()
	for name, p := range map[string]agent.Profile{
		"no name":       {Sex: "female"},
		"a long name":   {Name: strings.Repeat("é", 201)},
		"control":       {Name: "A\nB"},
		"spaces around": {Name: " A"},
		"no UTF-8":      {Name: "\xff"},
		"no date":       {Name: "A", BirthDate: "1961-02-30"},
		"tomorrow":      {Name: "A", BirthDate: time.Now().Add(48 * time.Hour).Format(time.DateOnly)},
		"no sex":        {Name: "A", Sex: "f"},
	} {
		kind(t, name, a.SetProfile(p), problem.KindInvalid)
	}
	want := agent.Profile{Name: "Ana \"Nita\" <López>", BirthDate: "1961-04-12", Sex: "female"}
	u.ok(a.SetProfile(want))
	u.ok(a.Lock())
	u.ok(a.Unlock(secret))
	if got := peers.Must(a.Profile()); got != want {
		t.Errorf("%+v", got)
	}
	share := func(edit func(*agent.Request)) string {
		q := u.request()
		q.Recordings = []agent.Recording{{Name: "a.csv", Data: []byte("1\n2\n"), Kind: "ppg", Hz: "100"}, {Name: "b.csv", Data: []byte("70\n71\n"), Kind: "heart-rate", Hz: "1"}}
		edit(&q)
		p, err := a.PrepareApproval(ctx, q)
		u.ok(err)
		if (p.Profile == nil) != q.Anonymous && len(q.Recordings) == 2 || p.Recordings != 2 && len(q.Recordings) == 2 {
			t.Errorf("summary %+v", p)
		}
		id, err := a.Approve(p.ID, agent.Proof{Passphrase: secret})
		u.ok(err)
		u.until(a, id, agent.Diagnosed)
		return string(peers.Must(message.Unsalted(u.d.M3.MSD)))
	}
	msd := share(func(*agent.Request) {})
	first, rest, _ := strings.Cut(msd, "Observation")
	if !strings.Contains(first, `"resourceType":"Patient"`) || !strings.Contains(first, "1961-04-12") || strings.Count("Observation"+rest, `"Observation"`) > 2 {
		t.Errorf("M_SD %s", msd)
	}
	if msd := share(func(q *agent.Request) { q.Anonymous = true }); strings.Contains(msd, "Patient") || strings.Contains(msd, "López") {
		t.Errorf("anonymous: %s", msd)
	}
	own := `{"resourceType":"Patient","name":[{"text":"Somebody"}]}`
	if msd := share(func(q *agent.Request) { q.Recordings = []agent.Recording{{Name: "p.json", Data: []byte(own)}} }); strings.Contains(msd, "López") || !strings.Contains(msd, own) {
		t.Errorf("a recording that says who she is: %s", msd)
	}
}
