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

// ticketLife is T_C + 5 min of Eq. 30.
const ticketLife = message.TicketLife

// maxFound bounds the entries of one answer: 2.2 MB with suite 2.
const maxFound = 1024

var (
	errOtherDoctor = errors.New("the consent is for another doctor or department")
	errNoLocator   = errors.New("the consent names no locator, so nobody has signed it here")

	errBeforeRestore = errors.New("the consent is older than this public cloud's restored state, which does not know its uses")
)

// Search answers M4 with M5 (Eq. 25-30). raw and the answer are canonical messages.
//
// What it does depends on the consent and the number of its locators, never on
// whether they have entries: the same checks, and the same three operations on
// the store. The use is counted last, so that a search that fails costs none, and
// with its evidence in the same write, so that no answer leaves without either.
//
// Fails with Invalid, Stale, Unavailable, and with Refused for everything else.
func (c *Cloud) Search(ctx context.Context, raw []byte) ([]byte, error) {
	h, body, err := c.open(ctx, raw, message.TypeM4)
	if err != nil {
		return nil, err
	}
	m, err := message.DecodeM4(h.Suite, body)
	if err != nil {
		return nil, problem.Refused(err)
	}
	s, err := c.checkSearch(ctx, h, m)
	if err != nil {
		return nil, err
	}
	found, err := c.entries(ctx, m.OpenC.Locators, 0)
	if err != nil {
		return nil, err
	}
	m5, err := c.answerSearch(h, m, &s, found)
	if err != nil {
		return nil, err
	}
	if err := c.Consents.Count(ctx, s.use); err != nil {
		return nil, err
	}
	return m5, nil
}

// search is an M4 whose checks have passed.
type search struct {
	doctor message.Hash // c_D
	tbs    []byte       // tbs_D2
	use    SearchUse
}

// checkSearch makes all checks of "PC at M4", ending with the replay window.
func (c *Cloud) checkSearch(ctx context.Context, h message.Header, m message.M4) (search, error) {
	cD := m.Doctor.Hash()
	cert, err := c.verifyDoctor(h.Suite, m.Doctor, cD, m.Certificate)
	if err != nil {
		return search{}, err
	}
	tbs := m.TBS(h, c.ID) // what Sig_D2 signs (26)
	if err := m.Doctor.Info.Keys.Sign.Verify(tbs, m.SigD2); err != nil {
		return search{}, problem.Refused(fmt.Errorf("Sig_D2: %w", err))
	}
	if m.Department != m.Consent.Department {
		return search{}, problem.Refused(errOtherDoctor)
	}
	if err := c.checkConsent(m.Consent, m.OpenC, cD, cert); err != nil {
		return search{}, err
	}
	if err := message.VerifyLocators(m.Consent, m.OpenC, m.Authorizers); err != nil {
		return search{}, problem.Refused(err)
	}
	consent := m.Consent.Hash()
	if err := c.unrevoked(ctx, append(c.consentHandles(handleRevoked, consent, m.OpenC.Locators), cD)...); err != nil {
		return search{}, err
	}
	id, err := c.accept(ctx, cD, h)
	if err != nil {
		return search{}, err
	}
	return search{doctor: cD, tbs: tbs, use: SearchUse{Consent: consent, Operation: id, MaxUses: m.Consent.MaxUses,
		Tags: c.consentHandles(handleUses, consent, m.OpenC.Locators),
		Use:  message.Use{Time: c.now(), Mode: m.Mode, Request: ecc.Sum(tbs)}}}, nil
}

// checkConsent checks what M4 and M12 share: the doctor, the department, the
// time, and that open_C opens commit_C to at least one locator.
func (c *Cloud) checkConsent(s message.Consent, o message.OpenC, cD message.Hash, cert message.DoctorCertificate) error {
	if s.Doctor != cD || !slices.Contains(cert.Departments, string(s.Department)) {
		return problem.Refused(errOtherDoctor)
	}
	if err := s.CheckTime(c.now()); err != nil {
		return problem.Refused(err)
	}
	if s.NotBefore < c.Floor {
		return problem.Refused(errBeforeRestore)
	}
	if len(o.Locators) == 0 {
		return problem.Refused(errNoLocator)
	}
	if o.Commit() != s.CommitC {
		return problem.Refused(fmt.Errorf("%w: commit_C", message.ErrConsent))
	}
	return nil
}

// entries returns the newest entry of each (L, c_HPC) in one operation.
func (c *Cloud) entries(ctx context.Context, locators []message.Hash, skip int) ([]message.Entry, error) {
	stored, err := c.Index.Latest(ctx, locators, skip, maxFound)
	if err != nil {
		return nil, err
	}
	out := make([]message.Entry, len(stored))
	for i, e := range stored {
		cred, err := c.hospitals.decode(e.Credential)
		if err != nil {
			return nil, problem.Internal(err)
		}
		out[i] = message.Entry{Locator: e.Locator, Value: e.Value, Time: e.Time, SigIndex: e.SigIndex, Hospital: cred}
	}
	return out, nil
}

// answerSearch makes the ticket and M5, and puts the evidence into the use.
func (c *Cloud) answerSearch(h message.Header, m message.M4, s *search, found []message.Entry) ([]byte, error) {
	reply, err := c.beginReply(h, message.TypeM5, m.PKe, m.Doctor.Info.ID)
	if err != nil {
		return nil, err
	}
	ticket := message.Ticket{Header: reply.Header(), Request: s.use.Use.Request, Doctor: s.doctor,
		Department: m.Department, Consent: s.use.Consent, Mode: m.Mode, Entries: ecc.Sum(message.EncodeEntries(found)),
		Issued: s.use.Use.Time, Expires: s.use.Use.Time.Add(ticketLife)}
	signed, err := c.sign(ticket.Encode()) // Sig_C (30)
	if err != nil {
		return nil, err
	}
	if err := c.keepSearch(s, m, signed); err != nil {
		return nil, err
	}
	return sealReply(reply, message.M5{Entries: found, Ticket: signed}.Encode()) // C_C (29)
}
