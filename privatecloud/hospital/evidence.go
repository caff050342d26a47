package hospital

import (
	"context"

	"medunion/api/message"
	"medunion/api/problem"
)

// The hospital keeps, for every number among a patient's receipts, what let the doctor in
// and what it signed itself (section 17 of the protocol), sealed under her data key and bound to the
// number. What is known beforehand is written with the receipt; Sig_HPC2 covers the last
// page's header, so it is added before that page leaves. A receipt without it is of a
// release that broke off.

// The uses of the data key for evidence.
const (
	useAccess = "evidence of access"
	useAnswer = "evidence of answer"
)

// access is what M6 brought, as the session remembers it, and what M8 or M11 brought.
func (h *Hospital) access(s session, a message.Authority) message.AccessEvidence {
	return message.AccessEvidence{Hospital: s.by.Credential, Doctor: s.Doctor, Certificate: s.Certificate, Request: s.Request, Authority: a}
}

// keepRelease makes (tbs_HPC2, Sig_HPC2) durable.
func (r *Release) keepRelease(ctx context.Context, released message.Signed) error {
	sealed, err := r.key.seal(r.h.Rand, useAnswer, number(r.receipt), released.Encode())
	if err != nil {
		return problem.Internal(err)
	}
	return stored(r.h.Receipts.CompleteReceipt(ctx, r.handle, r.receipt, sealed))
}

// signStored is (tbs_HPC3, Sig_HPC3) in the answer with this header. The same input gives
// the same signature.
func (h *Hospital) signStored(hdr message.Header, w writing, d message.WrittenDiagnosis) message.Signed {
	return message.Sign(w.s.by.Sign, message.TBSHPC3(hdr, w.s.Doctor.Hash(), w.s.by.self, d.Record, w.m11.Diagnosis, w.m11.SigD5, d.Time))
}
