package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

var errForeignLocator = errors.New("the entry's locator is not in the consent")

// WriteEntry takes a hospital's index entry and answers with a receipt (section
// 4.2). Sig_idx authorises the entry; the write's own signature says that the
// hospital sends it, so that nobody who has seen an entry fills the window with it. Fails with Conflict for an entry older than the stored one.
func (c *Cloud) WriteEntry(ctx context.Context, raw []byte) ([]byte, error) {
	h, body, err := c.open(ctx, raw, message.TypeIndex)
	if err != nil {
		return nil, err
	}
	w, err := message.DecodeIndexWrite(h.Suite, body)
	if err != nil {
		return nil, problem.Refused(err)
	}
	cH, err := c.checkEntry(h.Suite, w.Entry, w.VK)
	if err != nil {
		return nil, err
	}
	tbs := message.TBSIndexWrite(h, cH, w.Entry, w.PKe)
	if err := w.Entry.Hospital.Info.Keys.Sign.Verify(tbs, w.Signature); err != nil {
		return nil, problem.Refused(fmt.Errorf("index write: %w", err))
	}
	if err := c.unrevoked(ctx, cH); err != nil {
		return nil, err
	}
	if _, err := c.accept(ctx, cH, h); err != nil {
		return nil, err
	}
	return c.store(ctx, h, w.Entry, cH, w.PKe, w.Entry.Hospital.Info.ID, nil)
}

// WriteDiagnosisEntry takes M12, the entry that a diagnosis changed, from the
// doctor who wrote it, and answers with the receipt Sig_C2.
func (c *Cloud) WriteDiagnosisEntry(ctx context.Context, raw []byte) ([]byte, error) {
	h, body, err := c.open(ctx, raw, message.TypeM12)
	if err != nil {
		return nil, err
	}
	m, err := message.DecodeM12(h.Suite, body)
	if err != nil {
		return nil, problem.Refused(err)
	}
	cD, cH, err := c.checkDiagnosis(ctx, h, m)
	if err != nil {
		return nil, err
	}
	if _, err := c.accept(ctx, cD, h); err != nil {
		return nil, err
	}
	return c.store(ctx, h, m.Entry, cH, m.PKe, m.Doctor.Info.ID, func(receipt message.Signed) ([]byte, uint32, error) {
		return c.entryEvidence(h, m, cH, receipt)
	})
}

// checkDiagnosis makes the checks of M12: the doctor and Sig_D7, the consent for
// this locator, and the hospital's entry.
func (c *Cloud) checkDiagnosis(ctx context.Context, h message.Header, m message.M12) (cD, cH message.Hash, err error) {
	cD = m.Doctor.Hash()
	cert, err := c.verifyDoctor(h.Suite, m.Doctor, cD, m.Certificate)
	if err != nil {
		return cD, cH, err
	}
	consent := m.Consent.Hash()
	tbs := message.TBSD7(h, cD, m.Entry, consent, m.PKe)
	if err := m.Doctor.Info.Keys.Sign.Verify(tbs, m.SigD7); err != nil {
		return cD, cH, problem.Refused(fmt.Errorf("Sig_D7: %w", err))
	}
	if err := c.checkConsent(m.Consent, m.OpenC, cD, cert); err != nil {
		return cD, cH, err
	}
	if !slices.Contains(m.OpenC.Locators, m.Entry.Locator) {
		return cD, cH, problem.Refused(errForeignLocator)
	}
	if err := m.Authorizer.VK.Verify(message.TBSSigmaL(m.Consent), m.Authorizer.SigmaL); err != nil {
		return cD, cH, problem.Refused(fmt.Errorf("σ_L: %w", err))
	}
	if cH, err = c.checkEntry(h.Suite, m.Entry, m.Authorizer.VK); err != nil {
		return cD, cH, err
	}
	names := append(c.consentHandles(handleRevoked, consent, m.OpenC.Locators), cD, cH)
	return cD, cH, c.unrevoked(ctx, names...)
}

// checkEntry checks L = H⟨L: vk_L⟩, Cred_HPC, its suite, and Sig_idx, and returns
// c_HPC. PUK_C's signature says that the hospital is registered. A time ahead of
// the window is refused: it would shut out the hospital's next entries.
func (c *Cloud) checkEntry(s ecc.Suite, e message.Entry, vk ecc.VerifyKey) (message.Hash, error) {
	if e.Hospital.Info.Suite != s {
		return message.Hash{}, problem.Refused(errSuite)
	}
	if err := e.Verify(c.Pins(), vk, c.now()); err != nil {
		return message.Hash{}, problem.Refused(err)
	}
	if e.Time > c.now().Add(c.Future) {
		return message.Hash{}, problem.Stale(c.Now())
	}
	return e.Hospital.Hash(), nil
}

// store makes the receipt and appends the entry, of M12 with the evidence that
// holds the receipt. The receipt leaves when both are durable.
func (c *Cloud) store(ctx context.Context, h message.Header, e message.Entry, cH message.Hash, pke ecc.KEMPublicKey, to message.ID,
	evidence func(receipt message.Signed) ([]byte, uint32, error)) ([]byte, error) {
	reply, err := c.beginReply(h, message.TypeIndexed, pke, to)
	if err != nil {
		return nil, err
	}
	t := c.now()
	receipt, err := c.sign(message.TBSIndexed(reply.Header(), e.Locator, e.Value, t)) // Sig_C2
	if err != nil {
		return nil, err
	}
	stored := StoredEntry{Locator: e.Locator, Hospital: cH, Time: e.Time, Value: e.Value,
		SigIndex: e.SigIndex, Credential: e.Hospital.Encode()}
	if evidence != nil {
		if stored.Evidence, stored.Under, err = evidence(receipt); err != nil {
			return nil, err
		}
	}
	if err := c.Index.Put(ctx, stored); err != nil {
		return nil, err
	}
	return sealReply(reply, message.Indexed{Time: t, Signature: receipt.Signature}.Encode())
}
