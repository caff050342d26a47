package hospital

import (
	"context"
	"errors"
	"fmt"
	"math"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/problem"
)

// answerSize bounds the content of one answer in bytes; with what surrounds it, it stays
// below the limit of a message.
const answerSize = 7 << 19

// answerBatch is how many stored lines are read at a time.
const answerBatch = 200

// Ask answers what an enrolled patient asks by herself (section 4.4). Her question is in the
// audit trail before the answer leaves.
func (h *Hospital) Ask(ctx context.Context, m message.Message) (message.Message, error) {
	if m.Header.Type != message.TypeAsk {
		return message.Message{}, malformed(message.TypeAsk)
	}
	ev := Event{Step: message.TypeAsk}
	q, e, by, err := h.openQuestion(ctx, m, &ev)
	if err != nil {
		return message.Message{}, h.refuse(ctx, ev, err)
	}
	content, more, err := h.answer(ctx, q.Question, e)
	if err != nil {
		return message.Message{}, err
	}
	ev.What = EventAsked
	if q.Question.Kind == message.AskRevoke {
		ev.What = EventRevoked
	}
	if err := h.record(ctx, ev); err != nil {
		return message.Message{}, err
	}
	return h.answered(m.Header, q, content, more, by)
}

func (h *Hospital) openQuestion(ctx context.Context, m message.Message, ev *Event) (q message.HospitalQuestion, e enrolled, by Identity, err error) {
	if err := h.fresh(m); err != nil {
		return q, e, by, err
	}
	opened, err := h.open(ctx, m)
	if err != nil {
		return q, e, by, err
	}
	by = opened.by
	if q, err = message.DecodeHospitalQuestion(h.suite, opened.Plaintext); err != nil {
		return q, e, by, err
	}
	ev.Patient, ev.Consent = q.Patient.Info.ID, q.Question.Consent
	// The signature comes first: a stranger who holds her credential must not learn, from the
	// time that a refusal takes, whether she is enrolled here.
	if err := h.patientCredential(q.Patient); err != nil {
		return q, e, by, err
	}
	cP := q.Patient.Hash()
	tbs := message.TBSAsk(m.Header, cP, by.self, q.Question, q.PKe)
	if err := q.Patient.Info.Keys.Sign.Verify(tbs, q.Signature); err != nil {
		return q, e, by, err
	}
	ev.proven = true
	if e, err = h.pinned(ctx, q.Patient); err != nil {
		return q, e, by, err
	}
	ev.Handle = e.Handle
	if err := h.accept(ctx, cP, m.Header); err != nil {
		return q, e, by, err
	}
	return q, e, by, h.follow(ctx, e, q.Patient, *ev)
}

func (h *Hospital) answer(ctx context.Context, q message.Question, e enrolled) ([]byte, bool, error) {
	switch q.Kind {
	case message.AskReleases:
		return h.releases(ctx, e, max(q.From, 1))
	case message.AskDiagnoses:
		return h.diagnoses(ctx, e, q.From)
	case message.AskRecord:
		return h.ownRecord(ctx, e, q.From)
	case message.AskRevoke:
		// Keyed by the consent and by who revokes it: another's revocation has no effect (attack 21).
		return nil, false, stored(h.Consents.RevokeConsent(ctx, h.consentIndex(q.Consent), e.Handle))
	}
	return nil, false, problem.Invalid("The hospital does not answer this kind of question.")
}

// releases lists who saw what, from a number on. A receipt that is missing is an error:
// the answer must not hide a release by leaving it out.
func (h *Hospital) releases(ctx context.Context, e enrolled, from uint64) ([]byte, bool, error) {
	last, err := h.Receipts.LastReceipt(ctx, e.Handle)
	if err != nil {
		return nil, false, stored(err)
	}
	var out []message.Release
	size := 0
	for from <= last {
		batch, err := h.Receipts.Receipts(ctx, e.Handle, from, answerBatch)
		if err != nil {
			return nil, false, stored(err)
		}
		if len(batch) == 0 {
			return nil, false, problem.Internal(fmt.Errorf("%w: receipt %d", errRecord, from))
		}
		for _, r := range batch {
			line, err := openReceipt(e, r, from)
			if err != nil {
				return nil, false, err
			}
			if size += len(r.Sealed); size > answerSize && len(out) > 0 {
				return message.EncodeReleases(out), true, nil
			}
			out, from = append(out, line), from+1
		}
	}
	return message.EncodeReleases(out), false, nil
}

func openReceipt(e enrolled, r Receipt, want uint64) (message.Release, error) {
	b, err := e.key.open(useReceipt, number(r.Number), r.Sealed)
	if err != nil || r.Number != want {
		return message.Release{}, problem.Internal(fmt.Errorf("%w: receipt %d", errRecord, want))
	}
	line, err := message.DecodeRelease(b)
	if err != nil || line.Number != want {
		return line, problem.Internal(fmt.Errorf("%w: receipt %d", errRecord, want))
	}
	return line, nil
}

// diagnoses lists what was written here, from a record number on.
func (h *Hospital) diagnoses(ctx context.Context, e enrolled, from uint64) ([]byte, bool, error) {
	var out []message.WrittenDiagnosis
	size := 0
	for {
		batch, err := h.Diagnoses.Diagnoses(ctx, e.Handle, from, 1)
		if err != nil {
			return nil, false, stored(err)
		}
		if len(batch) == 0 {
			return message.EncodeDiagnoses(out), false, nil
		}
		if size += len(batch[0].Sealed); size > answerSize && len(out) > 0 {
			return message.EncodeDiagnoses(out), true, nil
		}
		d, err := openDiagnosis(e.key, batch[0])
		if err != nil {
			return nil, false, err
		}
		if from = d.Record + 1; from == 0 {
			return nil, false, problem.Internal(errors.New("record numbers exhausted"))
		}
		out = append(out, d)
	}
}

// ownRecord is a collection Bundle of the newest versions, from a position on, counted from
// 0: the next question asks from the position after the last resource received. Positions
// are those of first arrival and do not change when a resource is updated.
func (h *Hospital) ownRecord(ctx context.Context, e enrolled, from uint64) ([]byte, bool, error) {
	items, err := h.latest(ctx, e.patient, e.key, math.MaxInt, func(Resource) bool { return true })
	if err != nil {
		return nil, false, err
	}
	if from >= uint64(len(items)) {
		return fhirbundle.Collection(nil), false, nil
	}
	rest := entries(items[from:])
	pages, err := fhirbundle.Pages(rest, answerSize)
	if err != nil {
		return nil, false, problem.Internal(err)
	}
	return fhirbundle.Collection(pages[0]), len(pages) > 1, nil
}

// answered signs and seals the answer: S_PRK_HPC⟨answered: hdr, c_P, c_HPC, H(question), H(content)⟩.
func (h *Hospital) answered(hdr message.Header, q message.HospitalQuestion, content []byte, more bool, by Identity) (message.Message, error) {
	s, err := h.reply(hdr, message.TypeAnswer, q.PKe, q.Patient.Info.ID)
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	tbs := message.TBSAnswered(s.Header(), q.Patient.Hash(), by.self, q.Question, content, more)
	return s.Seal(message.Answer{Content: content, More: more, Signature: by.Sign.Sign(tbs)}.Encode())
}
