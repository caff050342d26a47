package message

import (
	"medunion/ecc"
)

// QuestionKind is what a patient asks by herself (section 4.4).
type QuestionKind uint8

// The questions. The first four go to a hospital, the last three to the public
// cloud; revoke goes to both.
const (
	AskReleases  QuestionKind = 1 // who saw what: numbered, without gaps
	AskDiagnoses QuestionKind = 2
	AskRecord    QuestionKind = 3 // her own record
	AskRevoke    QuestionKind = 4 // H(Consent) is refused from now on
	AskUses      QuestionKind = 5 // searches made under H(Consent)
	AskEntries   QuestionKind = 6 // index entries of L
)

// Question is ⟨question: kind, consent, from⟩. Consent is zero where the kind
// needs none; From is the first number wanted of a list that comes in parts.
type Question struct {
	Kind    QuestionKind
	Consent Hash
	From    uint64
}

// Encode returns the canonical bytes.
func (q Question) Encode() []byte {
	return ecc.Encode(ecc.LabelQuestion, u8(uint8(q.Kind)), q.Consent[:], u64(q.From))
}

func (r *reader) question() Question {
	p := read(ecc.LabelQuestion, r.take(), 3)
	q := Question{Kind: QuestionKind(p.u8()), Consent: p.hash(), From: p.u64()}
	if p.done() != nil || q.Kind < AskReleases || q.Kind > AskEntries {
		r.fail()
	}
	return q
}

// HospitalQuestion is a patient's question to a hospital, sealed under its prekey.
type HospitalQuestion struct {
	Patient   Credential
	Question  Question
	PKe       ecc.KEMPublicKey
	Signature []byte // S_PRK_P
}

// TBSAsk is ⟨ask: hdr, asker, asked, H(question), pk_e⟩: c_P and c_HPC to a
// hospital, L and the CloudHash to the public cloud.
func TBSAsk(h Header, asker, asked Hash, q Question, pke ecc.KEMPublicKey) []byte {
	hq := ecc.Sum(q.Encode())
	return ecc.Encode(ecc.LabelAsk, h.Encode(), asker[:], asked[:], hq[:], pke.Bytes())
}

// Encode returns the canonical bytes.
func (q HospitalQuestion) Encode() []byte {
	return ecc.Encode(ecc.LabelAskHospital, q.Patient.Encode(), q.Question.Encode(), q.PKe.Bytes(), q.Signature)
}

// DecodeHospitalQuestion is the inverse of Encode for a message of suite s.
func DecodeHospitalQuestion(s ecc.Suite, b []byte) (HospitalQuestion, error) {
	r := read(ecc.LabelAskHospital, b, 4)
	q := HospitalQuestion{Patient: r.credential(), Question: r.question(), PKe: r.kemKey(s), Signature: r.signature()}
	return q, r.done()
}

// CloudQuestion is a patient's question to the public cloud. It is signed by sk_L
// and names nobody.
type CloudQuestion struct {
	VK        ecc.VerifyKey
	Question  Question
	PKe       ecc.KEMPublicKey
	Signature []byte // S_sk_L
}

// Encode returns the canonical bytes.
func (q CloudQuestion) Encode() []byte {
	return ecc.Encode(ecc.LabelAskCloud, q.VK.Bytes(), q.Question.Encode(), q.PKe.Bytes(), q.Signature)
}

// DecodeCloudQuestion is the inverse of Encode for a message of suite s.
func DecodeCloudQuestion(s ecc.Suite, b []byte) (CloudQuestion, error) {
	r := read(ecc.LabelAskCloud, b, 4)
	q := CloudQuestion{VK: r.verifyKey(), Question: r.question(), PKe: r.kemKey(s), Signature: r.signature()}
	return q, r.done()
}

// Answer is the reply to a question, signed so that it is evidence:
// S⟨answered: hdr, asker, asked, H(question), H(content)⟩.
type Answer struct {
	Content   []byte // the canonical list of the kind asked for, up to 4 MiB
	More      bool   // the list goes on: ask again with a higher From
	Signature []byte
}

// TBSAnswered is what the answer's signature covers.
func TBSAnswered(h Header, asker, asked Hash, q Question, content []byte, more bool) []byte {
	hq, hc := ecc.Sum(q.Encode()), ecc.Sum(content)
	return ecc.Encode(ecc.LabelAnswered, h.Encode(), asker[:], asked[:], hq[:], hc[:], flag(more))
}

func flag(b bool) []byte {
	if b {
		return u8(1)
	}
	return u8(0)
}

// Encode returns the canonical bytes.
func (a Answer) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyAnswer, a.Content, flag(a.More), a.Signature)
}

// DecodeAnswer is the inverse of Encode.
func DecodeAnswer(b []byte) (Answer, error) {
	r := read(ecc.LabelBodyAnswer, b, 3)
	a := Answer{Content: r.take()}
	more := r.u8()
	if more > 1 {
		r.fail()
	}
	a.More, a.Signature = more == 1, r.signature()
	return a, r.done()
}
