package hospital

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// StoreDiagnosis answers M11: checked as M8, and commit_H must name this hospital as the one
// to write to. The diagnosis becomes record versions in the consent's department, its
// evidence is kept beside them. The same Sig_D5 again changes nothing and gets the same answer.
func (h *Hospital) StoreDiagnosis(ctx context.Context, m message.Message) (message.Message, error) {
	if m.Header.Type != message.TypeM11 {
		return message.Message{}, malformed(message.TypeM11)
	}
	ev := Event{Step: message.TypeM11}
	w, err := h.admitDiagnosis(ctx, m, &ev)
	if err != nil {
		h.closeBroken(ctx, m, err)
		return message.Message{}, h.refuse(ctx, ev, err)
	}
	m11r, err := h.writeAndReply(ctx, w, &ev)
	if err != nil {
		// Nothing was sealed: the number that was claimed for the reply is free again.
		_, _ = h.advance(ctx, w.s)
	}
	return m11r, err
}

func (h *Hospital) writeAndReply(ctx context.Context, w writing, ev *Event) (message.Message, error) {
	hdr, err := h.storedHeader(w)
	if err != nil {
		return message.Message{}, err
	}
	written, err := h.write(ctx, w, hdr, ev)
	if err != nil {
		return message.Message{}, err
	}
	changed, err := h.changedEntry(ctx, w.e.Handle, w.m11.Authority.Consent.Department)
	if err != nil {
		return message.Message{}, err
	}
	return h.storedReply(w, hdr, written, changed)
}

// writing is an M11 that may be written.
type writing struct {
	s   session
	e   enrolled
	m11 message.M11
	rs  []Resource
}

func (h *Hospital) admitDiagnosis(ctx context.Context, m message.Message, ev *Event) (w writing, err error) {
	var body []byte
	w.s, body, err = h.receive(ctx, m)
	ev.Doctor, ev.Licence, ev.Consent = doctorHash(w.s), w.s.Licence, w.s.Consent
	if err != nil {
		return w, err
	}
	ev.proven = true
	if w.m11, err = message.DecodeM11(body); err != nil {
		return w, errors.Join(errBroken, err)
	}
	ev.Patient = w.m11.Authority.PatientID
	if err := h.accept(ctx, ev.Doctor, m.Header); err != nil {
		return w, err
	}
	w.e, _, err = h.authorize(ctx, w.s, w.m11.Authority)
	ev.Handle = w.e.Handle
	if err != nil {
		return w, err
	}
	if w.m11.Authority.OpenH.WriteTo != h.id {
		return w, fmt.Errorf("%w: nothing may be written here", message.ErrConsent)
	}
	if w.rs, err = h.readDiagnosis(w); err != nil {
		return w, err
	}
	w.s, err = h.claim(ctx, w.s, 1)
	return w, err
}

// readDiagnosis verifies Sig_D5 and reads the Bundle. Its resources are placed in the
// consent's department whatever they say themselves.
func (h *Hospital) readDiagnosis(w writing) ([]Resource, error) {
	m := w.m11
	if _, err := message.OpenD5(m.SigD5, w.s.Doctor, m.Authority.PatientID, w.s.Consent, m.Diagnosis); err != nil {
		return nil, err
	}
	bundle, err := message.Unsalted(m.Diagnosis)
	if err != nil {
		return nil, err
	}
	rs, err := h.Reader.ReadDiagnosis(bundle)
	if err != nil {
		return nil, problem.Invalid("The diagnosis is no FHIR Bundle that can be stored.").Because(err)
	}
	op := ecc.Sum(m.SigD5.Encode())
	for i := range rs {
		rs[i].Department, rs[i].Source = m.Authority.Consent.Department, hex.EncodeToString(op[:])
		if !rs[i].valid() {
			return nil, problem.Invalid("The diagnosis holds a resource without type or content.")
		}
	}
	if len(rs) == 0 {
		return nil, problem.Invalid("The diagnosis is empty.")
	}
	return rs, nil
}

const useDiagnosis = "diagnosis"

// write appends the versions, then the evidence under the operation's id. If the evidence
// is there already, this is the same diagnosis again. hdr is that of the answer, which
// Sig_HPC3 names.
func (h *Hospital) write(ctx context.Context, w writing, hdr message.Header, ev *Event) (message.WrittenDiagnosis, error) {
	op := ecc.Sum(w.m11.SigD5.Encode())
	index := h.keys.index(indexOperation, w.e.Handle[:], op[:])
	if d, err := h.written(ctx, w.e.key, index); !errors.Is(err, ErrNotFound) {
		return d, err
	}
	_, numbers, err := h.store(ctx, w.e.Handle, w.rs)
	if err != nil {
		return message.WrittenDiagnosis{}, err
	}
	d := message.WrittenDiagnosis{Record: numbers[0], Time: h.now(), Doctor: w.s.Doctor, Certificate: w.s.Certificate,
		Consent: w.s.Consent, Diagnosis: w.m11.Diagnosis, SigD5: w.m11.SigD5}
	if err := h.acknowledge(ctx, w, hdr, d, ev); err != nil {
		return d, err
	}
	sealed, err := w.e.key.seal(h.Rand, useDiagnosis, index[:], d.Encode())
	if err != nil {
		return d, problem.Internal(err)
	}
	err = h.Diagnoses.AddDiagnosis(ctx, Diagnosis{Operation: index, Handle: w.e.Handle, Record: d.Record, Sealed: sealed})
	if errors.Is(err, ErrExists) { // the same M11 through another instance
		return h.written(ctx, w.e.key, index)
	}
	return d, stored(err)
}

// acknowledge numbers the write among the patient's receipts and puts it into the audit
// trail, before the diagnosis is listed and the answer given. After a crash in between, the
// same M11 is acknowledged once more: a write may have two receipts, but never none. The
// evidence of who wrote, and Sig_HPC3, lie with the receipt.
func (h *Hospital) acknowledge(ctx context.Context, w writing, hdr message.Header, d message.WrittenDiagnosis, ev *Event) error {
	items := make([]item, len(w.rs))
	for i, r := range w.rs {
		items[i] = item{Number: d.Record, Resource: r}
	}
	line := h.newReceiptLine(w.s, w.m11.Authority, w.e, items, nil)
	line.answer = message.WriteEvidence{SigD5: w.m11.SigD5, SigHPC3: h.signStored(hdr, w, d)}.Encode()
	n, err := h.addReceipt(ctx, line)
	if err != nil {
		return err
	}
	ev.What, ev.Receipt, ev.Count = EventDiagnosis, n, len(w.rs)
	return h.record(ctx, *ev)
}

func (h *Hospital) written(ctx context.Context, key dataKey, index message.Hash) (message.WrittenDiagnosis, error) {
	d, err := h.Diagnoses.Diagnosis(ctx, index)
	if errors.Is(err, ErrNotFound) {
		return message.WrittenDiagnosis{}, err
	}
	if err != nil {
		return message.WrittenDiagnosis{}, stored(err)
	}
	return openDiagnosis(key, d)
}

func openDiagnosis(key dataKey, d Diagnosis) (message.WrittenDiagnosis, error) {
	b, err := key.open(useDiagnosis, d.Operation[:], d.Sealed)
	if err != nil {
		return message.WrittenDiagnosis{}, problem.Internal(fmt.Errorf("%w: diagnosis", errRecord))
	}
	w, err := message.DecodeWrittenDiagnosis(b)
	if err != nil {
		return w, problem.Internal(fmt.Errorf("%w: diagnosis", errRecord))
	}
	return w, nil
}

// storedHeader is that of the answer to an M11.
func (h *Hospital) storedHeader(w writing) (message.Header, error) {
	hdr, err := message.NewHeader(h.Rand, h.suite, message.TypeStored, w.s.ID, h.now())
	if err != nil {
		return hdr, problem.Internal(err)
	}
	hdr.Seq, hdr.To = w.s.Out+1, message.PeerID(w.s.Doctor.Hash())
	return hdr, nil
}

// storedReply is S_PRK_HPC⟨Sig_HPC3: hdr, c_D, c_HPC, record, H(M_DINF), H(Sig_D5), T⟩ under SEK_2.
// A repeated M11 gets the same statement for a header of its own; only the first is kept.
func (h *Hospital) storedReply(w writing, hdr message.Header, d message.WrittenDiagnosis, changed []message.Entry) (message.Message, error) {
	r := message.Stored{Record: d.Record, Time: d.Time, Entries: changed, SigHPC3: h.signStored(hdr, w, d).Signature}
	return message.SealSession(w.s.outbound(), hdr, r.Encode())
}
