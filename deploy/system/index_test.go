package system_test

import (
	"context"
	"crypto/rand"
	"medunion/api/message"
	"medunion/ecc"
	"time"
)

// entry is an index entry under a locator key, signed, with a random value: the public
// cloud sees ciphertext only.
func (h *registrant) entry(sk ecc.SigningKey, at message.Millis) message.Entry {
	v := make([]byte, message.IndexValueSize)
	rand.Read(v)
	e := message.Entry{Locator: message.Locator(sk.Public()), Value: v, Time: at, Hospital: h.credential}
	e.SigIndex = h.sign.Sign(message.TBSIndex(h.credential.Hash(), e.Locator, sk.Public(), e.Value, e.Time))
	return e
}

// indexWrite is the message that brings an entry.
func (c cloudPeer) indexWrite(h *registrant, e message.Entry, vk ecc.VerifyKey, now time.Time) (sealed, error) {
	return c.seal(message.TypeIndex, now, func(header message.Header, pke ecc.KEMPublicKey) []byte {
		sig := h.sign.Sign(message.TBSIndexWrite(header, h.credential.Hash(), e, pke))
		return message.IndexWrite{Entry: e, VK: vk, PKe: pke, Signature: sig}.Encode()
	})
}

// writeEntry writes an entry and verifies the receipt for it.
func (c cloudPeer) writeEntry(ctx context.Context, h *registrant, e message.Entry, vk ecc.VerifyKey) error {
	m, err := c.indexWrite(h, e, vk, time.Now())
	if err != nil {
		return err
	}
	raw, err := post(ctx, c.url+"/v1/index-entries", "", m.raw)
	if err != nil {
		return err
	}
	header, body, err := m.open(raw, message.TypeIndexed, h.id)
	if err != nil {
		return err
	}
	r, err := message.DecodeIndexed(body)
	if err != nil {
		return err
	}
	return c.pins.First.PUKC.Verify(message.TBSIndexed(header, e.Locator, e.Value, r.Time), r.Signature)
}

// question is a question under a locator key.
func (c cloudPeer) question(sk ecc.SigningKey, q message.Question, now time.Time) (sealed, error) {
	return c.seal(message.TypeAsk, now, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		sig := sk.Sign(message.TBSAsk(h, message.Locator(sk.Public()), message.CloudHash(c.pins.First.PUKC), q, pke))
		return message.CloudQuestion{VK: sk.Public(), Question: q, PKe: pke, Signature: sig}.Encode()
	})
}

// entries asks for the newest entries under a locator key and verifies the answer. sent
// is the question, for who wants to replay it.
func (c cloudPeer) entries(ctx context.Context, sk ecc.SigningKey) (list []message.Entry, sent []byte, err error) {
	q := message.Question{Kind: message.AskEntries}
	m, err := c.question(sk, q, time.Now())
	if err != nil {
		return nil, nil, err
	}
	raw, err := post(ctx, c.url+"/v1/questions", "", m.raw)
	if err != nil {
		return nil, nil, err
	}
	h, body, err := m.open(raw, message.TypeAnswer, "")
	if err != nil {
		return nil, nil, err
	}
	a, err := message.DecodeAnswer(body)
	if err != nil {
		return nil, nil, err
	}
	tbs := message.TBSAnswered(h, message.Locator(sk.Public()), message.CloudHash(c.pins.First.PUKC), q, a.Content, a.More)
	if err := c.pins.First.PUKC.Verify(tbs, a.Signature); err != nil {
		return nil, nil, err
	}
	list, err = message.DecodeEntries(a.Content)
	return list, m.raw, err
}
