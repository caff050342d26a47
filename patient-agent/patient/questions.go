package patient

import (
	"errors"
	"fmt"

	"medunion/api/message"
	"medunion/ecc"
)

// PendingQuestion waits for the answer of a hospital or of the public cloud.
type PendingQuestion struct {
	question     message.Question
	session      [16]byte
	key          ecc.KEMPrivateKey
	recipient    message.ID // as whom the reply is opened; empty towards the public cloud
	asker, asked message.Hash
	signer       ecc.VerifyKey
}

// AskHospital makes a question to a hospital where she is enrolled (section 4.4).
func (p *Patient) AskHospital(h Hospital, q message.Question) (*PendingQuestion, message.Message, error) {
	cred, err := p.credential()
	if err != nil {
		return nil, message.Message{}, err
	}
	pend := &PendingQuestion{question: q, recipient: p.keys.ID, asker: cred.Hash(), asked: h.Hash, signer: h.Credential.Info.Keys.Sign}
	m, err := p.ask(pend, h.prekey, h.ID(), p.keys.Sign, func(pke ecc.KEMPublicKey, sig []byte) []byte {
		return message.HospitalQuestion{Patient: cred, Question: q, PKe: pke, Signature: sig}.Encode()
	})
	return pend, m, err
}

// AskCloud makes a question to the public cloud about one department's locator,
// signed by sk_L: it does not say who asks.
func (p *Patient) AskCloud(prekey message.Signed, department message.Code, q message.Question) (*PendingQuestion, message.Message, error) {
	pins := p.pins()
	pre, root, err := message.OpenCloudPrekey(prekey, pins, p.keys.Suite, p.now())
	if err != nil {
		return nil, message.Message{}, refuse(err)
	}
	skL, err := message.LocatorKey(p.keys.Locator[:], department)
	if err != nil {
		return nil, message.Message{}, err
	}
	pend := &PendingQuestion{question: q, asker: message.Locator(skL.Public()), asked: root.Hash(), signer: root.PUKC}
	m, err := p.ask(pend, pre.Key, pins.CloudID, skL, func(pke ecc.KEMPublicKey, sig []byte) []byte {
		return message.CloudQuestion{VK: skL.Public(), Question: q, PKe: pke, Signature: sig}.Encode()
	})
	return pend, m, err
}

// ask seals a question; body builds its plaintext from pk_e and the signature.
func (p *Patient) ask(q *PendingQuestion, to ecc.KEMPublicKey, recipient message.ID, sign ecc.SigningKey,
	body func(ecc.KEMPublicKey, []byte) []byte) (message.Message, error) {
	hdr, err := p.header(message.TypeAsk)
	if err != nil {
		return message.Message{}, err
	}
	if q.key, err = p.oneTimeKey(); err != nil {
		return message.Message{}, err
	}
	s, err := message.Begin(p.cfg.Rand, to, recipient, hdr)
	if err != nil {
		return message.Message{}, err
	}
	q.session = hdr.Session
	sig := sign.Sign(message.TBSAsk(s.Header(), q.asker, q.asked, q.question, q.key.Public()))
	return s.Seal(body(q.key.Public(), sig))
}

// Answered is a verified answer and the statement that its signature covers: with
// both she can prove later what she was told.
type Answered struct {
	message.Answer
	TBS []byte // ⟨answered: hdr, asker, asked, H(question), H(content), more⟩
}

// Open verifies the answer: under the one-time key, signed by the one asked, for
// this question. The answer's content is decoded by the functions of package
// message for the kind of question.
func (q *PendingQuestion) Open(m message.Message) (Answered, error) {
	if !q.key.Valid() {
		return Answered{}, ErrOrder
	}
	defer func() { q.key = ecc.KEMPrivateKey{} }()
	body, err := openReply(m, message.TypeAnswer, q.session, q.key, q.recipient)
	if err != nil {
		return Answered{}, err
	}
	a, err := message.DecodeAnswer(body)
	if err != nil {
		return Answered{}, refuse(err)
	}
	tbs := message.TBSAnswered(m.Header, q.asker, q.asked, q.question, a.Content, a.More)
	if err := q.signer.Verify(tbs, a.Signature); err != nil {
		return Answered{}, refuse(err)
	}
	return Answered{Answer: a, TBS: tbs}, nil
}

// ErrGap says that a hospital's list of releases leaves a number out: it hides
// something.
var ErrGap = errors.New("patient: a release is missing from the hospital's list")

// CheckReleases checks that a list continues after the last number known, without
// a gap and in order.
func CheckReleases(last uint64, list []message.Release) error {
	for _, r := range list {
		last++
		if r.Number != last {
			return fmt.Errorf("%w: number %d expected, %d found", ErrGap, last, r.Number)
		}
	}
	return nil
}

// Entry is an index entry of hers, opened: what a hospital tells under one of her
// departments.
type Entry struct {
	Department message.Code
	Content    message.IndexContent
	Time       message.Millis
}

// OpenEntries verifies and opens the entries of one department, which must be all of them. Entries that do
// not hold, or that no hospital holding her kv can have written, are counted and
// left out: a planted entry must not hide the others. A hospital that has renewed its credential has an entry under
// each; of those only the one under the newest that opens counts, and what it follows, which the hospital
// has emptied or will, is left out without a word.
func (p *Patient) OpenEntries(department message.Code, entries []message.Entry) (opened []Entry, ignored int, err error) {
	skL, err := message.LocatorKey(p.keys.Locator[:], department)
	if err != nil {
		return nil, 0, err
	}
	contents, newest := make([]*message.IndexContent, len(entries)), map[message.ID]uint64{}
	for i, e := range entries {
		if c, err := p.openEntry(department, skL.Public(), e); err == nil {
			contents[i] = &c
			newest[c.Hospital] = max(newest[c.Hospital], e.Hospital.Info.Epoch)
		}
	}
	for i, e := range entries {
		by := e.Hospital.Info
		switch c := contents[i]; {
		case by.Epoch < newest[by.ID] && e.Verify(p.pins(), skL.Public(), p.now()) == nil: // followed
		case c == nil:
			ignored++
		default:
			opened = append(opened, Entry{Department: department, Content: *c, Time: e.Time})
		}
	}
	return opened, ignored, nil
}

func (p *Patient) openEntry(department message.Code, vk ecc.VerifyKey, e message.Entry) (message.IndexContent, error) {
	if err := e.Verify(p.pins(), vk, p.now()); err != nil {
		return message.IndexContent{}, err
	}
	hospital := e.Hospital.Info.ID
	kv := message.IndexKey(p.keys.Locator[:], department, hospital)
	c, err := message.OpenIndex(kv, e.Locator, e.Hospital.Hash(), e.Value)
	if err == nil && c.Hospital != hospital {
		err = message.ErrCredential
	}
	return c, err
}
