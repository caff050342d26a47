package doctor

import (
	"sync"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Indexing is M12 and its receipt. It is safe for concurrent use. It prints as
// "[redacted]".
type Indexing struct {
	redacted
	v     *Visit
	entry message.Entry

	mu    sync.Mutex
	reply *oneTime // nil once the receipt is here
}

// Indexed is the public cloud's receipt for an index entry.
type Indexed struct {
	Time message.Millis
}

// BeginIndexing makes M12: the home hospital's changed entry for the public cloud,
// with Sig_D7. It is a conflict if the hospital returned none (Stored.Indexable).
func (v *Visit) BeginIndexing(s Stored, prekey message.Signed) (*Indexing, message.Message, error) {
	if s.entry == nil {
		return nil, message.Message{}, order("there is no entry to index")
	}
	con, consent, err := v.consented()
	if err != nil {
		return nil, message.Message{}, err
	}
	auth, ok := locatorKey(con, s.entry.Locator)
	if !ok {
		return nil, message.Message{}, problem.Refused(errEntry)
	}
	sealing, err := v.d.sealToCloud(v.self, message.TypeM12, prekey)
	if err != nil {
		return nil, message.Message{}, err
	}
	key, err := ecc.GenerateKEM(v.self.suite, v.d.cfg.Rand)
	if err != nil {
		return nil, message.Message{}, problem.Internal(err)
	}
	tbs := message.TBSD7(sealing.Header(), v.self.c, *s.entry, consent, key.Public())
	body := message.M12{Doctor: v.self.credential, Certificate: v.self.certificate, Consent: con.Consent, OpenC: con.OpenC,
		Authorizer: auth, Entry: *s.entry, PKe: key.Public(), SigD7: v.self.sign.Sign(tbs)}
	m12, err := sealing.Seal(body.Encode())
	if err != nil {
		return nil, message.Message{}, problem.Internal(err)
	}
	v.note("Sig_D7", v.self.c, tbs, body.SigD7)
	return &Indexing{v: v, entry: *s.entry, reply: &oneTime{key: key, header: sealing.Header()}}, m12, nil
}

// ReceiveIndexed opens the public cloud's answer and verifies its receipt Sig_C2.
func (i *Indexing) ReceiveIndexed(m message.Message) (Indexed, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.reply == nil {
		return Indexed{}, order("no receipt is awaited")
	}
	opened, err := i.reply.open(m, message.TypeIndexed, i.v.self.id)
	if err != nil {
		return Indexed{}, err
	}
	body, err := message.DecodeIndexed(opened.Plaintext)
	if err != nil {
		return Indexed{}, malformed(message.TypeIndexed, err)
	}
	tbs := message.TBSIndexed(m.Header, i.entry.Locator, i.entry.Value, body.Time)
	root, err := i.v.d.pins().Verify(tbs, body.Signature, i.v.d.now())
	if err != nil {
		return Indexed{}, problem.Refused(errReceipt)
	}
	i.reply = nil
	i.v.note("Sig_C2", root.Hash(), tbs, body.Signature)
	return Indexed{Time: body.Time}, nil
}
