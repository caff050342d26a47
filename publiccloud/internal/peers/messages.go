package peers

import (
	"crypto/rand"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// Cloud is what a peer knows of the public cloud.
type Cloud struct {
	Pins   message.Pins
	Root   message.Root // that signed the prekey
	Prekey message.Prekey
	Seq    uint64 // of what is sent; 0 for the right number, 1
}

// KnowCloud verifies the public cloud's signed prekey.
func KnowCloud(pins message.Pins, s ecc.Suite, signed []byte, now time.Time) (Cloud, error) {
	raw, err := message.DecodeSigned(signed)
	if err != nil {
		return Cloud{}, err
	}
	k, root, err := message.OpenCloudPrekey(raw, pins, s, message.MillisOf(now))
	return Cloud{Pins: pins, Root: root, Prekey: k}, err
}

// Sent is a sealed message with the one-time key that opens its answer.
type Sent struct {
	Raw    []byte
	Header message.Header
	PKe    ecc.KEMPrivateKey
}

// Seal builds a message of a type for the public cloud. body gets the final
// header and pk_e.
func (c Cloud) Seal(t message.Type, now time.Time, body func(message.Header, ecc.KEMPublicKey) []byte) Sent {
	s := c.Prekey.Suite
	h := Must(message.NewHeader(rand.Reader, s, t, [16]byte{}, message.MillisOf(now)))
	h.Seq = max(c.Seq, 1)
	sealing := Must(message.Begin(rand.Reader, c.Prekey.Key, c.Pins.CloudID, h))
	pke := Must(ecc.GenerateKEM(s, rand.Reader))
	m := Must(sealing.Seal(body(sealing.Header(), pke.Public())))
	return Sent{Raw: m.Encode(), Header: sealing.Header(), PKe: pke}
}

// Open opens the answer to a message as its sender does.
func (s Sent) Open(raw []byte, want message.Type, self message.ID) (message.Header, []byte, error) {
	m, err := message.DecodeType(raw, want)
	if err != nil {
		return message.Header{}, nil, err
	}
	if m.Header.Session != s.Header.Session {
		return message.Header{}, nil, ecc.ErrOpen
	}
	o, err := message.Open(m, s.PKe, self)
	return m.Header, o.Plaintext, err
}

// Granted is a consent as the doctor holds it for the public cloud.
type Granted struct {
	Consent message.Consent
	OpenC   message.OpenC
	Auth    []message.Authorizer
}

// Grant signs a consent for a doctor with all locator keys (in the order of
// their locators). alter may change it before it is signed.
func Grant(doctor message.Hash, department message.Code, keys []ecc.SigningKey, now time.Time, alter func(*message.Consent)) Granted {
	g := Granted{}
	rand.Read(g.OpenC.Salt[:])
	for _, sk := range keys {
		g.OpenC.Locators = append(g.OpenC.Locators, message.Locator(sk.Public()))
	}
	t := message.MillisOf(now)
	g.Consent = message.Consent{Doctor: doctor, Department: department, Purpose: "TREATMENT", NotBefore: t.Add(-time.Minute),
		Expires: t.Add(24 * time.Hour), MaxUses: 3, CommitC: g.OpenC.Commit(), CommitH: message.Hash{7}}
	rand.Read(g.Consent.CID[:])
	if alter != nil {
		alter(&g.Consent)
	}
	for _, sk := range keys {
		g.Auth = append(g.Auth, message.Authorizer{VK: sk.Public(), SigmaL: sk.Sign(message.TBSSigmaL(g.Consent))})
	}
	return g
}

// Search is M4 of a doctor. alter may change the body before Sig_D2 is made.
func (c Cloud) Search(d *Party, g Granted, now time.Time, alter func(*message.M4)) Sent {
	return c.Seal(message.TypeM4, now, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		m := message.M4{Doctor: d.Credential, Certificate: d.Certificate, Department: g.Consent.Department, Consent: g.Consent,
			OpenC: g.OpenC, Authorizers: g.Auth, Mode: message.ModeRead, PKe: pke}
		if alter != nil {
			alter(&m)
		}
		m.SigD2 = d.Sign.Sign(m.TBS(h, c.Pins.CloudID)) // (26)
		return m.Encode()
	})
}

// Entry is an index entry of a hospital for a locator key, with a random value.
func Entry(h *Party, sk ecc.SigningKey, t time.Time) message.Entry {
	v := make([]byte, message.IndexValueSize)
	rand.Read(v)
	e := message.Entry{Locator: message.Locator(sk.Public()), Value: v, Time: message.MillisOf(t), Hospital: h.Credential}
	e.SigIndex = h.Sign.Sign(message.TBSIndex(h.Credential.Hash(), e.Locator, sk.Public(), e.Value, e.Time))
	return e
}

// WriteEntry is the index write of a hospital, or of somebody who sends another's entry.
func (c Cloud) WriteEntry(by *Party, e message.Entry, vk ecc.VerifyKey, now time.Time) Sent {
	return c.Seal(message.TypeIndex, now, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		sig := by.Sign.Sign(message.TBSIndexWrite(h, e.Hospital.Hash(), e, pke))
		return message.IndexWrite{Entry: e, VK: vk, PKe: pke, Signature: sig}.Encode()
	})
}

// Diagnosis is M12 of a doctor for the i-th locator of a consent.
func (c Cloud) Diagnosis(d *Party, g Granted, i int, e message.Entry, now time.Time, alter func(*message.M12)) Sent {
	return c.Seal(message.TypeM12, now, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		m := message.M12{Doctor: d.Credential, Certificate: d.Certificate, Consent: g.Consent, OpenC: g.OpenC,
			Authorizer: g.Auth[i], Entry: e, PKe: pke}
		if alter != nil {
			alter(&m)
		}
		m.SigD7 = d.Sign.Sign(message.TBSD7(h, d.Credential.Hash(), m.Entry, m.Consent.Hash(), pke))
		return m.Encode()
	})
}

// Ask is a patient's question under one locator key.
func (c Cloud) Ask(sk ecc.SigningKey, q message.Question, now time.Time) Sent {
	return c.Seal(message.TypeAsk, now, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		l := message.Locator(sk.Public())
		sig := sk.Sign(message.TBSAsk(h, l, c.Root.Hash(), q, pke))
		return message.CloudQuestion{VK: sk.Public(), Question: q, PKe: pke, Signature: sig}.Encode()
	})
}

// OpenM5 verifies an answer to a search as a doctor does.
func (c Cloud) OpenM5(d *Party, g Granted, s Sent, raw []byte) (message.M5, message.Ticket, error) {
	h, body, err := s.Open(raw, message.TypeM5, d.ID)
	if err != nil {
		return message.M5{}, message.Ticket{}, err
	}
	m, err := message.DecodeM5(body)
	if err != nil {
		return m, message.Ticket{}, err
	}
	t, err := message.OpenTicket(m.Ticket, c.Pins, d.Credential.Hash(), g.Consent.Hash())
	if err == nil && (t.Header != h || t.Entries != ecc.Sum(message.EncodeEntries(m.Entries))) {
		err = message.ErrConsent
	}
	return m, t, err
}

// OpenIndexed verifies the receipt for an entry.
func (c Cloud) OpenIndexed(s Sent, raw []byte, self message.ID, e message.Entry) error {
	h, body, err := s.Open(raw, message.TypeIndexed, self)
	if err != nil {
		return err
	}
	i, err := message.DecodeIndexed(body)
	if err != nil {
		return err
	}
	_, err = c.Pins.Verify(message.TBSIndexed(h, e.Locator, e.Value, i.Time), i.Signature, i.Time)
	return err
}

// OpenAnswer verifies the answer to a question.
func (c Cloud) OpenAnswer(s Sent, sk ecc.SigningKey, q message.Question, raw []byte) (message.Answer, error) {
	h, body, err := s.Open(raw, message.TypeAnswer, "")
	if err != nil {
		return message.Answer{}, err
	}
	a, err := message.DecodeAnswer(body)
	if err != nil {
		return a, err
	}
	tbs := message.TBSAnswered(h, message.Locator(sk.Public()), c.Root.Hash(), q, a.Content, a.More)
	return a, c.Root.PUKC.Verify(tbs, a.Signature)
}
