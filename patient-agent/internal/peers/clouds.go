package peers

import (
	"crypto/rand"
	"errors"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// Cloud is the public cloud: it answers what it is told to.
type Cloud struct {
	w    *World
	Sign ecc.SigningKey
	KEM  ecc.KEMPrivateKey
}

// Prekey is the cloud's signed prekey.
func (c *Cloud) Prekey() message.Signed {
	p := message.Prekey{Suite: c.w.Suite, Owner: message.CloudHash(c.Sign.Public()), Key: c.KEM.Public(),
		NotBefore: c.w.Millis().Add(-time.Minute), NotAfter: c.w.Millis().Add(time.Hour)}
	return message.Sign(c.Sign, p.Encode())
}

// Revocations is the signed list.
func (c *Cloud) Revocations(revoked ...message.Hash) message.Signed {
	return message.Sign(c.Sign, message.Revocations{Issued: c.w.Millis(), Revoked: message.SortHashes(revoked)}.Encode())
}

// Parameters are signed public parameters.
func (c *Cloud) Parameters() message.Signed {
	p := message.Parameters{CloudID: CloudID, PK: c.w.Pins.First.PK, PUKC: c.Sign.Public(), Suites: []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing},
		Past: 30 * time.Second, Future: 2 * time.Second, Departments: message.SortCodes([]message.Code{"GENERAL", "SURGERY"}),
		Classes: message.SortCodes([]message.Code{"LAB", "VITAL", "PROBLEM", "DIAGNOSTIC"}), Issued: c.w.Millis()}
	return message.Sign(c.Sign, p.Encode())
}

// Asked is a question, opened and verified.
type Asked struct {
	Locator  message.Hash // to the public cloud
	Patient  message.Credential
	Question message.Question
	header   message.Header
	key      ecc.KEMPublicKey
	asker    message.Hash
}

// Ask opens a question to the public cloud.
func (c *Cloud) Ask(m message.Message) (Asked, error) {
	o, err := message.Open(m, c.KEM, CloudID)
	if err != nil {
		return Asked{}, err
	}
	q, err := message.DecodeCloudQuestion(c.w.Suite, o.Plaintext)
	if err != nil {
		return Asked{}, err
	}
	l := message.Locator(q.VK)
	a := Asked{Locator: l, Question: q.Question, header: m.Header, key: q.PKe, asker: l}
	return a, q.VK.Verify(message.TBSAsk(m.Header, l, message.CloudHash(c.Sign.Public()), q.Question, q.PKe), q.Signature)
}

// Answer answers a question to the public cloud.
func (c *Cloud) Answer(a Asked, content []byte, more bool) message.Message {
	self := message.CloudHash(c.Sign.Public())
	return answer(c.w, a, c.Sign, self, "", content, more)
}

func answer(w *World, a Asked, sign ecc.SigningKey, self message.Hash, recipient message.ID, content []byte, more bool) message.Message {
	return seal(w, a.header, message.TypeAnswer, a.key, recipient, func(h message.Header) []byte {
		return message.Answer{Content: content, More: more, Signature: sign.Sign(message.TBSAnswered(h, a.asker, self, a.Question, content, more))}.Encode()
	})
}

// Hospital is a hospital at which one patient is enrolled.
type Hospital struct {
	Party
	Enrolled message.Enrolment
}

// NewHospital is a registered hospital with an address.
func (w *World) NewHospital(id message.ID, address string) *Hospital {
	return &Hospital{Party: w.party(message.Hospital, id, func(message.PublicKeys) []byte { return []byte(address) })}
}

// Enrol verifies an enrolment and answers with a receipt.
func (h *Hospital) Enrol(m message.Message) (message.Message, error) {
	o, err := message.Open(m, h.Pre, h.Cred.Info.ID)
	if err != nil {
		return message.Message{}, err
	}
	e, err := message.DecodeEnrolment(h.W.Suite, o.Plaintext)
	if err != nil {
		return message.Message{}, err
	}
	cP := e.Patient.Hash()
	if err := e.Patient.Info.Keys.Sign.Verify(message.TBSEnrol(m.Header, cP, h.C, e.Code, e.Locators, e.PKe), e.Signature); err != nil {
		return message.Message{}, err
	}
	h.Enrolled = e
	return h.reply(m.Header, message.TypeEnrolled, e.PKe, e.Patient.Info.ID, func(hdr message.Header) []byte {
		t := h.W.Millis()
		return message.Enrolled{Time: t, Signature: h.Sign.Sign(message.TBSEnrolled(hdr, cP, h.C, t))}.Encode()
	}), nil
}

// Ask opens a question to the hospital.
func (h *Hospital) Ask(m message.Message) (Asked, error) {
	o, err := message.Open(m, h.Pre, h.Cred.Info.ID)
	if err != nil {
		return Asked{}, err
	}
	q, err := message.DecodeHospitalQuestion(h.W.Suite, o.Plaintext)
	if err != nil {
		return Asked{}, err
	}
	a := Asked{Patient: q.Patient, Question: q.Question, header: m.Header, key: q.PKe, asker: q.Patient.Hash()}
	return a, q.Patient.Info.Keys.Sign.Verify(message.TBSAsk(m.Header, a.asker, h.C, q.Question, q.PKe), q.Signature)
}

// Answer answers a question to the hospital.
func (h *Hospital) Answer(a Asked, content []byte, more bool) message.Message {
	return answer(h.W, a, h.Sign, h.C, a.Patient.Info.ID, content, more)
}

var errNotEnrolled = errors.New("not enrolled in this department")

// Entry is the hospital's index entry of one department, under the enrolled keys.
func (h *Hospital) Entry(department message.Code, classes ...message.Code) message.Entry {
	for _, l := range h.Enrolled.Locators {
		if l.Department == department {
			return h.EntryUnder(l.VK, l.Key, message.IndexContent{Hospital: h.Cred.Info.ID, Departments: []message.Code{department},
				Classes: message.SortCodes(classes), First: 1, Last: h.W.Millis()})
		}
	}
	panic(errNotEnrolled)
}

// EntryUnder is an entry under any locator key and index key.
func (h *Hospital) EntryUnder(vk ecc.VerifyKey, kv message.Hash, c message.IndexContent) message.Entry {
	l, t := message.Locator(vk), h.W.Millis()
	v := Must(message.SealIndex(rand.Reader, kv, l, h.C, c))
	return message.Entry{Locator: l, Value: v, Time: t, SigIndex: h.Sign.Sign(message.TBSIndex(h.C, l, vk, v, t)), Hospital: h.Cred}
}

// Directory is the signed directory of these hospitals.
func (c *Cloud) Directory(hospitals ...*Hospital) message.Signed {
	d := message.Directory{Issued: c.w.Millis()}
	for _, h := range hospitals {
		d.Hospitals = append(d.Hospitals, h.Cred)
	}
	return message.Sign(c.Sign, d.Encode())
}
