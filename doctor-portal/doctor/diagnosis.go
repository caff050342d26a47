package doctor

import (
	"errors"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// MaxDiagnosis is the largest M_DINF in bytes.
const MaxDiagnosis = 2 << 20

// Diagnosis is M_DINF with Sig_D5, made once in a visit and then sent to the
// patient (M10) and to the home hospital (M11). It prints as "[redacted]".
type Diagnosis struct {
	redacted
	salted []byte // M_DINF
	sigD5  message.Signed
	home   message.ID // write_to, "" for none
	sent   *message.Message
}

// Home returns the hospital at which the consent lets the diagnosis be written, ""
// if it goes to the patient alone.
func (g *Diagnosis) Home() message.ID { return g.home }

// Stored is a hospital's receipt for a diagnosis in the record.
type Stored struct {
	Hospital message.ID
	Record   uint64 // number of the record version
	Time     message.Millis
	entry    *message.Entry
}

// Indexable reports whether the hospital returned a changed index entry that lies
// under a locator of the consent: then M12 takes it to the public cloud.
func (s Stored) Indexable() bool { return s.entry != nil }

// Diagnose signs the diagnosis (Sig_D5): over the patient, the consent, M_SD, every
// release received so far, and the content, a FHIR Bundle of at most 2 MiB. A visit
// has one diagnosis; called again it is a conflict.
func (v *Visit) Diagnose(content []byte) (*Diagnosis, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.diagnose(content)
}

// ErrUnseen is the cause of a refusal by DiagnoseSeen.
var ErrUnseen = errors.New("doctor: a release was received that the doctor has not been shown")

// DiagnoseSeen is Diagnose for a doctor who has been shown so many releases: if another
// number has been received, nothing is signed (ErrUnseen).
func (v *Visit) DiagnoseSeen(content []byte, releases int) (*Diagnosis, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.emr) != releases {
		return nil, problem.Conflict("Records have come that were not shown.").Because(ErrUnseen)
	}
	return v.diagnose(content)
}

func (v *Visit) diagnose(content []byte) (*Diagnosis, error) {
	if err := v.mustBeOpen(); err != nil {
		return nil, err
	}
	if v.done != nil {
		return nil, order("the diagnosis is already signed")
	}
	if len(content) == 0 || len(content) > MaxDiagnosis {
		return nil, problem.Invalid("The diagnosis must have 1 byte to 2 MiB.")
	}
	salted, err := message.Salted(v.d.cfg.Rand, content)
	if err != nil {
		return nil, problem.Internal(err)
	}
	tbs := message.D5{Patient: v.patient.Info.ID, Doctor: v.self.c, Consent: v.consent, MSD: ecc.Sum(v.msd),
		EMR: v.emr, Diagnosis: ecc.Sum(salted), Time: v.d.stamp()}.Encode()
	v.done = &Diagnosis{salted: salted, sigD5: message.Sign(v.self.sign, tbs), home: v.con.OpenH.WriteTo}
	v.evidence.add("Sig_D5", v.self.c, tbs, v.done.sigD5.Signature)
	v.evidence.Contents = append(v.evidence.Contents, salted)
	return v.done, nil
}

// M10 seals the diagnosis for the patient under SEK_1 (Eq. 49). Called again it
// returns the same message, for a delivery that failed. It is refused once SEK_1
// is over: the patient then reads the diagnosis at the home hospital.
func (v *Visit) M10() (message.Message, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.mustBeOpen(); err != nil {
		return message.Message{}, err
	}
	if v.done == nil {
		return message.Message{}, order("there is no diagnosis to send")
	}
	if v.done.sent != nil {
		return *v.done.sent, nil
	}
	if v.d.now() >= v.expires {
		return message.Message{}, problem.Refused(errLifetime)
	}
	hdr, err := message.NewHeader(v.d.cfg.Rand, v.self.suite, message.TypeM10, v.session, v.d.stamp())
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	hdr.Seq, hdr.To = v.outSeq.Next(), message.PeerID(v.cP)
	body := message.M10{Diagnosis: v.done.salted, SigD5: v.done.sigD5}
	m10, err := message.SealSession(v.out, hdr, body.Encode()) // Eq. 49
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	v.done.sent = &m10
	return m10, nil
}

// M11 takes the diagnosis to the hospital of the session, which must be write_to.
// The session may be one that released records, or a new one of a search in mode
// write.
func (h *Session) M11(g *Diagnosis) (message.Message, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase != ready || g == nil {
		return message.Message{}, order("the session is not ready for M11")
	}
	if g.home == "" || h.hospital.Info.ID != g.home || h.con.OpenH.WriteTo != g.home {
		return message.Message{}, problem.Refused(errGrant)
	}
	body := message.M11{Authority: h.authority(), Diagnosis: g.salted, SigD5: g.sigD5}
	m11, err := h.send(message.TypeM11, body.Encode())
	if err != nil {
		return message.Message{}, err
	}
	h.phase, h.writing = storing, g
	return m11, nil
}

// ReceiveStored opens the hospital's answer to M11 and verifies Sig_HPC3. Any
// failure closes the session.
func (h *Session) ReceiveStored(m message.Message) (Stored, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase != storing {
		return Stored{}, order("no receipt is awaited")
	}
	s, err := h.stored(m)
	if err != nil {
		h.close()
		return Stored{}, err
	}
	h.phase, h.writing = ready, nil
	return s, nil
}

func (h *Session) stored(m message.Message) (Stored, error) {
	b, err := h.receive(m, message.TypeStored)
	if err != nil {
		return Stored{}, err
	}
	body, err := message.DecodeStored(b)
	if err != nil {
		return Stored{}, malformed(message.TypeStored, err)
	}
	tbs := message.TBSHPC3(m.Header, h.v.self.c, h.cH, body.Record, h.writing.salted, h.writing.sigD5, body.Time)
	if err := h.hospital.Info.Keys.Sign.Verify(tbs, body.SigHPC3); err != nil {
		return Stored{}, problem.Refused(errReceipt)
	}
	h.v.noteStored(h, tbs, body.SigHPC3)
	return Stored{Hospital: h.hospital.Info.ID, Record: body.Record, Time: body.Time, entry: h.changed(body.Entries)}, nil
}

// changed returns the entry to index: the session's hospital's own, correctly
// signed, under a locator of the consent. It may stand under another credential than the
// session is of, if the hospital has renewed that meanwhile. Any other is left to the hospital's own
// publisher, for the diagnosis is stored whatever the entry is worth.
func (h *Session) changed(entries []message.Entry) *message.Entry {
	for _, e := range entries {
		auth, ok := locatorKey(h.con, e.Locator)
		if ok && e.Hospital.Info.ID == h.hospital.Info.ID && e.Verify(h.v.d.pins(), auth.VK, h.v.d.now()) == nil {
			return &e
		}
	}
	return nil
}

func (v *Visit) noteStored(h *Session, tbs, signature []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.evidence.hospital(h.hospital)
	v.evidence.add("Sig_HPC3", h.cH, tbs, signature)
}
