package hospital

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Release is M9 on its way: the pages of one release, sealed one by one as they are
// asked for. Receipt and audit line were durable before it existed.
type Release struct {
	h       *Hospital
	s       session
	channel ecc.Channel
	th      message.Hash // th2 advanced by M8 and the pages before
	patient message.ID
	handle  Handle
	key     dataKey
	receipt uint64
	pages   [][]byte // salted
	hashes  []message.Hash
	next    int
	broken  error
}

// Release answers M8 (Eq. 45-47): it checks everything that the protocol asks for, selects
// what grant and filter both allow, writes the numbered receipt and the audit line, and
// returns the pages. A session may ask again; each time is a release of its own.
func (h *Hospital) Release(ctx context.Context, m message.Message) (*Release, error) {
	if m.Header.Type != message.TypeM8 {
		return nil, malformed(message.TypeM8)
	}
	ev := Event{Step: message.TypeM8}
	r, line, err := h.prepare(ctx, m, &ev)
	if err != nil {
		h.closeBroken(ctx, m, err)
		return nil, h.refuse(ctx, ev, err)
	}
	if err := h.commit(ctx, r, line, &ev); err != nil {
		return nil, err
	}
	return r, nil
}

func (h *Hospital) prepare(ctx context.Context, m message.Message, ev *Event) (*Release, receiptLine, error) {
	s, body, err := h.receive(ctx, m)
	ev.Doctor, ev.Licence, ev.Consent = doctorHash(s), s.Licence, s.Consent
	if err != nil {
		return nil, receiptLine{}, err
	}
	ev.proven = true
	m8, err := message.DecodeM8(body)
	if err != nil {
		return nil, receiptLine{}, errors.Join(errBroken, err)
	}
	ev.Patient = m8.Authority.PatientID
	if err := h.accept(ctx, ev.Doctor, m.Header); err != nil {
		return nil, receiptLine{}, err
	}
	e, grant, err := h.mayRelease(ctx, s, m8.Authority)
	ev.Handle = e.Handle
	if err != nil {
		return nil, receiptLine{}, err
	}
	items, err := h.latest(ctx, e.patient, e.key, h.MaxReleaseSize, selection(grant, m8.Filter))
	if err != nil {
		return nil, receiptLine{}, err
	}
	r := &Release{h: h, s: s, channel: s.outbound(), th: message.Transcript(s.TH, m), patient: m8.Authority.PatientID,
		handle: e.Handle, key: e.key}
	if err := r.paginate(items); err != nil {
		return nil, receiptLine{}, err
	}
	if r.s, err = h.claim(ctx, s, len(r.pages)); err != nil {
		return nil, receiptLine{}, err
	}
	return r, h.newReceiptLine(s, m8.Authority, e, items, r.hashes), nil
}

func doctorHash(s session) message.Hash {
	if s.SEK.Valid() {
		return s.Doctor.Hash()
	}
	return message.Hash{}
}

// mayRelease makes the checks of M8. A ticket of mode write does not count as a use of the
// consent and therefore releases nothing.
func (h *Hospital) mayRelease(ctx context.Context, s session, a message.Authority) (enrolled, message.Grant, error) {
	e, ticket, err := h.authorize(ctx, s, a)
	if err != nil {
		return e, message.Grant{}, err
	}
	if ticket.Mode != message.ModeRead {
		return e, message.Grant{}, fmt.Errorf("%w: the ticket is for writing", message.ErrConsent)
	}
	grant, ok := a.OpenH.Grant(h.id)
	if !ok {
		return e, grant, fmt.Errorf("%w: this hospital is not named", message.ErrConsent)
	}
	return e, grant, nil
}

// selection is grant ∩ filter over the department and the class with which a resource is
// stored. A resource without a date is not excluded by one.
func selection(g message.Grant, f message.Filter) func(Resource) bool {
	narrows := func(list []message.Code, c message.Code) bool { return len(list) > 0 && !slices.Contains(list, c) }
	return func(r Resource) bool {
		switch {
		case !g.Covers(r.Department, r.Class), narrows(f.Departments, r.Department), narrows(f.Classes, r.Class):
			return false
		case r.Date == 0:
			return true
		}
		return (f.Since == 0 || r.Date >= f.Since) && (f.Until == 0 || r.Date <= f.Until)
	}
}

// paginate splices the resources, unchanged, into collection Bundles, and salts each. A
// release of nothing has one empty page.
func (r *Release) paginate(items []item) error {
	pages, err := fhirbundle.Pages(entries(items), message.PageSize)
	if err != nil {
		return problem.Internal(err)
	}
	if len(pages) == 0 {
		pages = [][]fhirbundle.Entry{nil}
	}
	for _, p := range pages {
		salted, err := message.Salted(r.h.Rand, fhirbundle.Collection(p))
		if err != nil {
			return problem.Internal(err)
		}
		r.pages, r.hashes = append(r.pages, salted), append(r.hashes, ecc.Sum(salted))
	}
	return nil
}

func entries(items []item) []fhirbundle.Entry {
	out := make([]fhirbundle.Entry, len(items))
	for i, it := range items {
		out[i] = fhirbundle.Entry{FullURL: it.FullURL, Type: it.Type, ID: it.ID, Resource: it.Bytes}
	}
	return out
}

// claim reserves the sequence numbers of the answers. Of two requests with the same state
// of the session only one gets them.
func (h *Hospital) claim(ctx context.Context, s session, answers int) (session, error) {
	next := s
	next.Out += uint64(answers)
	claimed, err := h.advance(ctx, next)
	claimed.Out = s.Out
	return claimed, err
}

// commit makes the release durable, in the order in which it could be missed least: first
// the patient's receipt, then the audit trail. Without both nothing leaves.
func (h *Hospital) commit(ctx context.Context, r *Release, line receiptLine, ev *Event) error {
	n, err := h.addReceipt(ctx, line)
	if err == nil {
		r.receipt = n
		ev.What, ev.Receipt, ev.Count = EventReleased, n, int(line.Resources)
		err = h.record(ctx, *ev)
	}
	if err != nil {
		// Nothing was sealed yet: the numbers that were claimed are free again.
		_, _ = h.advance(ctx, r.s)
	}
	return err
}

// Pages is how many messages Next will return.
func (r *Release) Pages() int { return len(r.pages) }

// Next seals and returns the next page; io.EOF after the last, which carries Sig_HPC2 and
// leaves when that is kept. A release that has failed goes on failing.
func (r *Release) Next(ctx context.Context) (message.Message, error) {
	if r.broken != nil {
		return message.Message{}, r.broken
	}
	if r.next == len(r.pages) {
		return message.Message{}, io.EOF
	}
	m, err := r.page(ctx)
	r.broken = err
	return m, err
}

func (r *Release) page(ctx context.Context) (message.Message, error) {
	hdr, err := message.NewHeader(r.h.Rand, r.h.suite, message.TypeM9, r.s.ID, r.h.now())
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	r.s.Out++
	hdr.Seq, hdr.To = r.s.Out, message.PeerID(r.s.Doctor.Hash())
	body := message.M9{Page: uint32(r.next + 1), Pages: uint32(len(r.pages)), EMR: r.pages[r.next], Receipt: r.receipt}
	if r.next == len(r.pages)-1 {
		tbs := message.TBSHPC2(hdr, r.th, r.s.Doctor.Hash(), r.s.by.self, r.patient, r.s.Consent, r.receipt, r.hashes)
		released := message.Sign(r.s.by.Sign, tbs)
		if err := r.keepRelease(ctx, released); err != nil {
			return message.Message{}, err
		}
		body.SigHPC2 = released.Signature
	}
	m, err := message.SealSession(r.channel, hdr, body.Encode()) // (47)
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	r.pages[r.next] = nil
	if r.next++; r.next < len(r.pages) { // the next page's th; after the last one nobody asks
		r.th = message.Transcript(r.th, m)
	}
	return m, nil
}

// receiptLine is message.Release with the patient it is for and the evidence beside it.
type receiptLine struct {
	message.Release
	handle Handle
	key    dataKey
	access []byte // message.AccessEvidence
	answer []byte // message.WriteEvidence of M11; of a release it is not known yet
}

func (h *Hospital) newReceiptLine(s session, a message.Authority, e enrolled, items []item, pages []message.Hash) receiptLine {
	c := a.Consent
	l := receiptLine{handle: e.Handle, key: e.key, access: h.access(s, a).Encode(), Release: message.Release{Doctor: s.Doctor.Hash(), Licence: s.Licence, Name: s.Name,
		Department: c.Department, Purpose: c.Purpose, Consent: s.Consent, Resources: uint32(len(items)), Pages: pages}}
	for _, it := range items {
		l.Departments, l.Classes = append(l.Departments, it.Department), append(l.Classes, it.Class)
	}
	l.Departments, l.Classes = message.SortCodes(l.Departments), message.SortCodes(l.Classes)
	return l
}

const useReceipt = "receipt"

// addReceipt writes the line under the patient's next number. Numbers have no gaps: a
// number is only ever taken directly behind the last one.
func (h *Hospital) addReceipt(ctx context.Context, l receiptLine) (uint64, error) {
	for range maxRaces {
		last, err := h.Receipts.LastReceipt(ctx, l.handle)
		if err != nil {
			return 0, stored(err)
		}
		l.Number, l.Time = last+1, h.now()
		r, err := h.sealReceipt(l)
		if err != nil {
			return 0, problem.Internal(err)
		}
		err = h.Receipts.AddReceipt(ctx, r)
		if !errors.Is(err, ErrExists) {
			return l.Number, stored(err)
		}
	}
	return 0, problem.Unavailable(time.Second, ErrLost)
}

func (h *Hospital) sealReceipt(l receiptLine) (Receipt, error) {
	r := Receipt{Handle: l.handle, Number: l.Number}
	for _, x := range []struct {
		into  *[]byte
		use   string
		plain []byte
	}{{&r.Sealed, useReceipt, l.Encode()}, {&r.Access, useAccess, l.access}, {&r.Answer, useAnswer, l.answer}} {
		if x.plain == nil {
			continue
		}
		sealed, err := l.key.seal(h.Rand, x.use, number(l.Number), x.plain)
		if err != nil {
			return r, err
		}
		*x.into = sealed
	}
	return r, nil
}
