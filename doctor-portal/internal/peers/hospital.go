package peers

import (
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// Hospital is an honest hospital in one session.
type Hospital struct {
	Party
	Kem     ecc.KEMPrivateKey
	Session [16]byte
	Doctor  message.Credential
	Th2     message.Hash // after M7
	Out, In ecc.Channel
	OutSeq  uint64
	M8      message.M8
	M11     message.M11
	Consent message.Hash

	// What a dishonest one does otherwise.
	S       ecc.Scalar // used instead of S_HPC when set
	EditM9  func(*message.M9)
	EditM7  func(*message.M7)
	Receipt uint64
	Told    message.Millis // T of the last M11
}

// NewHospital registers a hospital at an address that nobody answers.
func (w *World) NewHospital(id message.ID) *Hospital {
	return w.NewHospitalAt(id, "https://"+string(id)+".example")
}

// NewHospitalAt registers a hospital with the address that the directory names.
func (w *World) NewHospitalAt(id message.ID, address string) *Hospital {
	return &Hospital{Party: w.Party(message.Hospital, id, w.Suite, []byte(address)), Kem: Must(ecc.GenerateKEM(w.Suite, w.Rand)), Receipt: 1}
}

// Prekey is the hospital's signed prekey.
func (h *Hospital) Prekey() message.Signed {
	p := message.Prekey{Suite: h.W.Suite, Owner: h.C, Key: h.Kem.Public(), NotBefore: h.W.Millis().Add(-time.Minute),
		NotAfter: h.W.Millis().Add(time.Hour)}
	return message.Sign(h.Sign, p.Encode())
}

// Entry is the index entry that the hospital published for a patient's GENERAL.
func (h *Hospital) Entry(p *Patient) message.Entry {
	return h.EntryOf(p, []message.Code{"GENERAL"}, []message.Code{"IMAGING", "LAB"})
}

// EntryOf is an entry under the locator of GENERAL that names these, sorted.
func (h *Hospital) EntryOf(p *Patient, departments, classes []message.Code) message.Entry {
	sk := Must(message.LocatorKey(p.KLoc, "GENERAL"))
	l := message.Locator(sk.Public())
	v := Must(message.SealIndex(h.W.Rand, message.IndexKey(p.KLoc, "GENERAL", h.Cred.Info.ID), l, h.C, message.IndexContent{
		Hospital: h.Cred.Info.ID, Departments: departments, Classes: classes, First: 1000, Last: 2000}))
	return h.Sign1(message.Entry{Locator: l, Value: v, Time: h.W.Millis(), Hospital: h.Cred}, sk.Public())
}

// Sign1 makes Sig_idx of an entry.
func (h *Hospital) Sign1(e message.Entry, vk ecc.VerifyKey) message.Entry {
	e.SigIndex = h.Sign.Sign(message.TBSIndex(h.C, e.Locator, vk, e.Value, e.Time))
	return e
}

// M7 opens M6 (Eq. 36, 37) and answers (Eq. 38-41).
func (h *Hospital) M7(m6 message.Message) message.Message {
	h.W.T.Helper()
	w := h.W
	opened := Must(message.Open(m6, h.Kem, h.Cred.Info.ID))
	b := Must(message.DecodeM6(w.Suite, opened.Plaintext))
	tbs3 := message.TBSD3(m6.Header, h.C, b.Doctor.Hash(), b.R, b.PKe, b.Consent, b.Ticket, w.Pins.First.PK)
	w.Ok(b.Doctor.Info.Keys.Sign.Verify(tbs3, b.SigD3))
	h.Doctor, h.Session, h.Consent = b.Doctor, m6.Header.Session, b.Consent
	th1 := message.Transcript(message.Transcript0(w.Suite, h.Session), m6)
	r8 := Must(ecc.GenerateScalar(w.Rand))
	s := Must(message.Begin(w.Rand, b.PKe, b.Doctor.Info.ID,
		Must(message.NewHeader(w.Rand, w.Suite, message.TypeM7, h.Session, w.Millis()))))
	a := ecc.Agreement{Label: ecc.LabelSEK2, TH: th1, CInitiator: b.Doctor.Hash(), CResponder: h.C, RInitiator: b.R,
		RResponder: r8.Public(), EncResponder: s.Enc()}
	own := h.Party.S
	if h.S.Valid() {
		own = h.S
	}
	sek := Must(a.Responder(ecc.Secrets{S: own, R: r8, X1: opened.Export, X2: s.Export()}, Must(b.Doctor.ImplicitKey(w.Pins))))
	tbs := message.TBSHPC1(s.Header(), th1, h.C, b.Doctor.Hash(), b.R, r8.Public(), w.Pins.First.PK)
	body := message.M7{Hospital: h.Cred, R: r8.Public(), Confirm: sek.Confirm("H", tbs), SigHPC1: h.Sign.Sign(tbs)}
	if h.EditM7 != nil {
		h.EditM7(&body)
	}
	m7 := Must(s.Seal(body.Encode()))
	h.Th2, h.OutSeq = message.Transcript(th1, m7), 1
	h.In, h.Out = sek.Channel(ecc.DoctorToHospital, h.Th2), sek.Channel(ecc.HospitalToDoctor, h.Th2)
	return m7
}

// Header begins the next message of the session.
func (h *Hospital) Header(t message.Type) message.Header {
	h.OutSeq++
	hdr := Must(message.NewHeader(h.W.Rand, h.W.Suite, t, h.Session, h.W.Millis()))
	hdr.Seq, hdr.To = h.OutSeq, message.PeerID(h.Doctor.Hash())
	return hdr
}

// M9 opens M8 (Eq. 46) and makes its pages (Eq. 47).
func (h *Hospital) M9(m8 message.Message, contents ...string) []message.Message {
	h.W.T.Helper()
	h.M8 = Must(message.DecodeM8(Must(message.OpenSession(h.In, m8))))
	th := message.Transcript(h.Th2, m8) // each release starts anew at th2
	var out []message.Message
	var hashes []message.Hash
	for i, c := range contents {
		body := message.M9{Page: uint32(i + 1), Pages: uint32(len(contents)), EMR: Must(message.Salted(h.W.Rand, []byte(c))), Receipt: h.Receipt}
		hashes = append(hashes, ecc.Sum(body.EMR))
		last := body.Page == body.Pages
		if h.EditM9 != nil {
			h.EditM9(&body)
		}
		hdr := h.Header(message.TypeM9)
		if last {
			body.SigHPC2 = h.Sign.Sign(message.TBSHPC2(hdr, th, h.Doctor.Hash(), h.C, h.M8.Authority.PatientID, h.Consent, h.Receipt, hashes))
		}
		m := Must(message.SealSession(h.Out, hdr, body.Encode()))
		th = message.Transcript(th, m)
		out = append(out, m)
	}
	return out
}

// Stored opens M11 and answers with Sig_HPC3 and the entries given.
func (h *Hospital) Stored(m11 message.Message, entries ...message.Entry) message.Message {
	h.W.T.Helper()
	h.M11 = Must(message.DecodeM11(Must(message.OpenSession(h.In, m11))))
	h.Told = m11.Header.Time
	hdr := h.Header(message.TypeStored)
	tbs := message.TBSHPC3(hdr, h.Doctor.Hash(), h.C, 7, h.M11.Diagnosis, h.M11.SigD5, h.W.Millis())
	body := message.Stored{Record: 7, Time: h.W.Millis(), SigHPC3: h.Sign.Sign(tbs), Entries: entries}
	return Must(message.SealSession(h.Out, hdr, body.Encode()))
}
