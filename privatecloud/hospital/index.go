package hospital

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Delays of the publisher.
const (
	// forwardedDelay leaves a doctor time to send the entry in M12 before the hospital does.
	forwardedDelay = 2 * time.Minute
	// retryDelay follows an attempt that the public cloud did not confirm.
	retryDelay = 15 * time.Second

	publishBatch = 50
)

// PublishDue brings the index up to date for the records that are due, and returns how
// many entries the public cloud confirmed. What fails stays due; the errors are joined.
func (h *Hospital) PublishDue(ctx context.Context) (int, error) {
	due, err := h.Enrolments.DueEnrolments(ctx, h.now(), publishBatch)
	if err != nil {
		return 0, err
	}
	sent := 0
	var failed []error
	for _, e := range due {
		n, err := h.publish(ctx, e)
		sent += n
		if err != nil && !raced(err) { // who was faster publishes
			failed = append(failed, err)
		}
	}
	return sent, errors.Join(failed...)
}

// publish signs what has changed, stores it, sends it, and notes what was confirmed. The
// entry is stored before it is sent: sent again after a crash, it is the same.
func (h *Hospital) publish(ctx context.Context, e Enrolment) (int, error) {
	s, p, d, err := h.openEnrolmentState(ctx, e)
	if err != nil {
		return 0, err
	}
	contents, err := h.contents(ctx, p, d)
	if err != nil {
		return 0, err
	}
	for _, department := range slices.Sorted(maps.Keys(contents)) {
		if _, err := h.renew(&s, contents[department]); err != nil {
			return 0, err
		}
	}
	h.leave(&s, contents)
	e.Due = h.now().Add(retryDelay)
	if err := h.putEnrolment(ctx, e, s); err != nil {
		return 0, err
	}
	e.Version++
	return h.send(ctx, e, s)
}

// leave gives up entries under a credential that is followed by another one, of departments in which the
// record holds nothing any more: there is nothing to sign anew.
func (h *Hospital) leave(s *enrolmentState, contents map[message.Code]message.IndexContent) {
	for i, x := range s.Entries {
		if _, holds := contents[x.Department]; !holds && x.by() != h.signer(x.Entry).self {
			s.Entries[i].Former = true
		}
	}
}

// send publishes first and empties then: at no moment the index says less than the record holds.
func (h *Hospital) send(ctx context.Context, e Enrolment, s enrolmentState) (int, error) {
	sent := 0
	var failed error
	for i, x := range s.Entries {
		l, ok := s.locator(x.Department)
		if x.Published || x.Former || !ok {
			continue
		}
		if failed = h.sendEntry(ctx, l.VK, x.Entry); failed != nil {
			break
		}
		s.Entries[i].Published = true
		sent++
	}
	if failed == nil {
		failed = h.emptyFormer(ctx, &s)
	}
	if failed == nil {
		e.Due = NeverDue
	}
	return sent, errors.Join(failed, h.putEnrolment(ctx, e, s))
}

// emptyFormer has the entries of former credentials say nothing. One whose credential has ended or is revoked
// is forgotten: nobody takes it, and nothing can be written there.
func (h *Hospital) emptyFormer(ctx context.Context, s *enrolmentState) (failed error) {
	var left []entryState
	for _, x := range s.Entries {
		if l, ok := s.locator(x.Department); x.Former && failed == nil && ok && x.under(l) {
			failed = h.emptyUnder(ctx, &emptied{vk: l.VK, last: x.Entry.Time}, x.by())
		}
		if !x.Former || failed != nil {
			left = append(left, x)
		}
	}
	s.Entries = left
	return failed
}

// contents says for each department what an index entry tells of it: of the newest versions.
func (h *Hospital) contents(ctx context.Context, p Patient, d dataKey) (map[message.Code]message.IndexContent, error) {
	place := map[message.Hash]Resource{}
	err := h.walk(ctx, p, d, func(v Version, r Resource) error {
		r.Bytes = nil
		place[v.Key] = r
		return nil
	})
	out := map[message.Code]message.IndexContent{}
	for _, r := range place {
		c := out[r.Department]
		c.Hospital, c.Departments = h.id, []message.Code{r.Department}
		c.Classes = append(c.Classes, r.Class)
		if r.Date != 0 && (c.First == 0 || r.Date < c.First) {
			c.First = r.Date
		}
		c.Last = max(c.Last, r.Date)
		out[r.Department] = c
	}
	for k, c := range out {
		c.Classes = message.SortCodes(c.Classes)
		out[k] = c
	}
	return out, err
}

// renew signs a new entry if the content differs from the last one, and reports whether it did.
func (h *Hospital) renew(s *enrolmentState, c message.IndexContent) (bool, error) {
	department := c.Departments[0]
	l, ok := s.locator(department)
	if !ok {
		return false, nil
	}
	old, found := s.entry(department)
	content, by := contentHash(c), h.signer(old.Entry)
	if found && old.Content == content && old.by() == by.self {
		return false, nil
	}
	locator := message.Locator(l.VK)
	v, err := message.SealIndex(h.Rand, l.Key, locator, by.self, c)
	if err != nil {
		return false, err
	}
	t := max(h.now(), old.Entry.Time+1) // strictly rising for (L, c_HPC)
	sig := by.Sign.Sign(message.TBSIndex(by.self, locator, l.VK, v, t))
	s.set(entryState{Department: department, Locator: locator, Content: content,
		Entry: message.Entry{Locator: locator, Value: v, Time: t, SigIndex: sig, Hospital: by.Credential}})
	return true, nil
}

func contentHash(c message.IndexContent) message.Hash {
	classes := make([][]byte, len(c.Classes))
	for i, k := range c.Classes {
		classes[i] = []byte(k)
	}
	return ecc.H(ecc.LabelIndexContent, []byte(c.Departments[0]), ecc.Encode(ecc.LabelList, classes...),
		number(uint64(c.First)), number(uint64(c.Last)))
}

// sendEntry posts one index write, of the identity that has signed the entry, and verifies the public cloud's
// receipt for it.
func (h *Hospital) sendEntry(ctx context.Context, vk ecc.VerifyKey, e message.Entry) error {
	m, reply, err := h.indexWrite(ctx, vk, e)
	if err != nil {
		return err
	}
	answer, err := h.Cloud.WriteIndexEntry(ctx, m)
	if err != nil {
		return err
	}
	if answer.Header.Type != message.TypeIndexed || answer.Header.Session != m.Header.Session {
		return fmt.Errorf("%w: no receipt of this write", message.ErrCredential)
	}
	opened, err := message.Open(answer, reply, h.id)
	if err != nil {
		return err
	}
	r, err := message.DecodeIndexed(opened.Plaintext)
	if err != nil {
		return err
	}
	_, err = h.Pins.Pins().Verify(message.TBSIndexed(answer.Header, e.Locator, e.Value, r.Time), r.Signature, h.now())
	return err
}

// indexWrite seals E_prePC(hdr; L, vk_L, v, Sig_idx, Cred_HPC, pk_e, signature).
func (h *Hospital) indexWrite(ctx context.Context, vk ecc.VerifyKey, e message.Entry) (m message.Message, reply ecc.KEMPrivateKey, err error) {
	signed, err := h.Cloud.CloudPrekey(ctx, uint8(h.suite))
	if err != nil {
		return m, reply, err
	}
	pins := h.Pins.Pins()
	prekey, _, err := message.OpenCloudPrekey(signed, pins, h.suite, h.now())
	if err != nil {
		return m, reply, err
	}
	by, err := h.identity(e.Hospital.Hash())
	if err != nil {
		return m, reply, err
	}
	if reply, err = ecc.GenerateKEM(h.suite, h.Rand); err != nil {
		return m, reply, err
	}
	hdr, err := message.NewHeader(h.Rand, h.suite, message.TypeIndex, [16]byte{}, h.now())
	if err != nil {
		return m, reply, err
	}
	s, err := message.Begin(h.Rand, prekey.Key, pins.CloudID, hdr)
	if err != nil {
		return m, reply, err
	}
	sig := by.Sign.Sign(message.TBSIndexWrite(s.Header(), by.self, e, reply.Public()))
	m, err = s.Seal(message.IndexWrite{Entry: e, VK: vk, PKe: reply.Public(), Signature: sig}.Encode())
	return m, reply, err
}

// changedEntry signs the entry that a diagnosis has changed, keeps it for the publisher, and
// returns it: none if it is published as it stands.
func (h *Hospital) changedEntry(ctx context.Context, handle Handle, department message.Code) ([]message.Entry, error) {
	for range maxRaces {
		entries, err := h.changeEntry(ctx, handle, department)
		if !errors.Is(err, ErrLost) {
			return entries, stored(err)
		}
	}
	return nil, problem.Unavailable(time.Second, ErrLost)
}

func (h *Hospital) changeEntry(ctx context.Context, handle Handle, department message.Code) ([]message.Entry, error) {
	e, err := h.Enrolments.EnrolmentByHandle(ctx, handle)
	if err != nil {
		return nil, err
	}
	s, p, d, err := h.openEnrolmentState(ctx, e)
	if err != nil {
		return nil, err
	}
	contents, err := h.contents(ctx, p, d)
	if err != nil {
		return nil, err
	}
	c, ok := contents[department]
	if !ok {
		return nil, nil
	}
	renewed, err := h.renew(&s, c)
	if err != nil {
		return nil, problem.Internal(err)
	}
	if renewed {
		e.Due = min(e.Due, h.now().Add(forwardedDelay))
		if err := h.putEnrolment(ctx, e, s); err != nil {
			return nil, err
		}
	}
	if x, ok := s.entry(department); ok && !x.Published {
		return []message.Entry{x.Entry}, nil
	}
	return nil, nil
}
