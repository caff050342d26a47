package doctor_test

import (
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// hospital is an honest hospital in one session.
type hospital struct {
	party
	kem     ecc.KEMPrivateKey
	session [16]byte
	doctor  message.Credential
	th      message.Hash
	out, in ecc.Channel
	outSeq  uint64
	m8      message.M8
	m11     message.M11
	consent message.Hash

	// What a dishonest one does otherwise.
	s       ecc.Scalar // used instead of S_HPC when set
	editM7  func(*message.M7)
	receipt uint64
}

func (w *world) newHospital(id message.ID) *hospital {
	return &hospital{party: w.party(message.Hospital, id, w.suite, []byte("https://"+string(id)+".example")),
		kem: must(ecc.GenerateKEM(w.suite, w.rand)), receipt: 1}
}

func (h *hospital) prekey() message.Signed {
	p := message.Prekey{Suite: h.w.suite, Owner: h.c, Key: h.kem.Public(), NotBefore: h.w.millis().Add(-time.Minute),
		NotAfter: h.w.millis().Add(time.Hour)}
	return message.Sign(h.sign, p.Encode())
}

// entry is the index entry that the hospital published for a patient's GENERAL.
func (h *hospital) entry(p *patient) message.Entry {
	sk := must(message.LocatorKey(p.kLoc, "GENERAL"))
	l := message.Locator(sk.Public())
	v := must(message.SealIndex(h.w.rand, message.IndexKey(p.kLoc, "GENERAL", h.cred.Info.ID), l, h.c, message.IndexContent{
		Hospital: h.cred.Info.ID, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"IMAGING", "LAB"},
		First: 1000, Last: 2000}))
	return h.sign1(message.Entry{Locator: l, Value: v, Time: h.w.millis(), Hospital: h.cred}, sk.Public())
}

func (h *hospital) sign1(e message.Entry, vk ecc.VerifyKey) message.Entry {
	e.SigIndex = h.sign.Sign(message.TBSIndex(h.c, e.Locator, vk, e.Value, e.Time))
	return e
}

// m7 opens M6 (Eq. 36, 37) and answers (Eq. 38-41).
func (h *hospital) m7(m6 message.Message) message.Message {
	h.w.t.Helper()
	w := h.w
	opened := must(message.Open(m6, h.kem, h.cred.Info.ID))
	b := must(message.DecodeM6(w.suite, opened.Plaintext))
	tbs3 := message.TBSD3(m6.Header, h.c, b.Doctor.Hash(), b.R, b.PKe, b.Consent, b.Ticket, w.pins.PK)
	w.ok(b.Doctor.Info.Keys.Sign.Verify(tbs3, b.SigD3))
	h.doctor, h.session, h.consent = b.Doctor, m6.Header.Session, b.Consent
	th1 := message.Transcript(message.Transcript0(w.suite, h.session), m6)
	r8 := must(ecc.GenerateScalar(w.rand))
	s := must(message.Begin(w.rand, b.PKe, b.Doctor.Info.ID,
		must(message.NewHeader(w.rand, w.suite, message.TypeM7, h.session, w.millis()))))
	a := ecc.Agreement{Label: ecc.LabelSEK2, TH: th1, CInitiator: b.Doctor.Hash(), CResponder: h.c, RInitiator: b.R,
		RResponder: r8.Public(), EncResponder: s.Enc()}
	own := h.party.s
	if h.s.Valid() {
		own = h.s
	}
	sek := must(a.Responder(ecc.Secrets{S: own, R: r8, X1: opened.Export, X2: s.Export()}, must(b.Doctor.ImplicitKey(w.pins))))
	tbs := message.TBSHPC1(s.Header(), th1, h.c, b.Doctor.Hash(), b.R, r8.Public(), w.pins.PK)
	body := message.M7{Hospital: h.cred, R: r8.Public(), Confirm: sek.Confirm("H", tbs), SigHPC1: h.sign.Sign(tbs)}
	if h.editM7 != nil {
		h.editM7(&body)
	}
	m7 := must(s.Seal(body.Encode()))
	h.th, h.outSeq = message.Transcript(th1, m7), 1
	h.in, h.out = sek.Channel(ecc.DoctorToHospital, h.th), sek.Channel(ecc.HospitalToDoctor, h.th)
	return m7
}

func (h *hospital) header(t message.Type) message.Header {
	h.outSeq++
	hdr := must(message.NewHeader(h.w.rand, h.w.suite, t, h.session, h.w.millis()))
	hdr.Seq, hdr.To = h.outSeq, message.PeerID(h.doctor.Hash())
	return hdr
}

// m9 opens M8 (Eq. 46) and makes its pages (Eq. 47).
func (h *hospital) m9(m8 message.Message, contents ...string) []message.Message {
	h.w.t.Helper()
	h.m8 = must(message.DecodeM8(must(message.OpenSession(h.in, m8))))
	h.th = message.Transcript(h.th, m8)
	var out []message.Message
	var hashes []message.Hash
	for i, c := range contents {
		body := message.M9{Page: uint32(i + 1), Pages: uint32(len(contents)), EMR: must(message.Salted(h.w.rand, []byte(c))), Receipt: h.receipt}
		hashes = append(hashes, ecc.Sum(body.EMR))
		hdr := h.header(message.TypeM9)
		if body.Page == body.Pages {
			body.SigHPC2 = h.sign.Sign(message.TBSHPC2(hdr, h.th, h.doctor.Hash(), h.c, h.m8.Authority.PatientID, h.consent, h.receipt, hashes))
		}
		m := must(message.SealSession(h.out, hdr, body.Encode()))
		h.th = message.Transcript(h.th, m)
		out = append(out, m)
	}
	return out
}

// stored opens M11 and answers with Sig_HPC3 and the entries given.
func (h *hospital) stored(m11 message.Message, entries ...message.Entry) message.Message {
	h.w.t.Helper()
	h.m11 = must(message.DecodeM11(must(message.OpenSession(h.in, m11))))
	hdr := h.header(message.TypeStored)
	tbs := message.TBSHPC3(hdr, h.doctor.Hash(), h.c, 7, h.m11.Diagnosis, h.m11.SigD5, h.w.millis())
	body := message.Stored{Record: 7, Time: h.w.millis(), SigHPC3: h.sign.Sign(tbs), Entries: entries}
	return must(message.SealSession(h.out, hdr, body.Encode()))
}
