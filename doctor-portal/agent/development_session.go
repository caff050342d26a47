package agent

import (
	"context"
	"crypto/rand"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/ecc"
)

// atHospital is a session with one hospital: M6 to M9, M11, and M12 for what it returned.
type atHospital struct {
	d        *signer
	search   *search
	hospital message.Credential
	cH       message.Hash

	reply oneTime // of M6
	r     ecc.Scalar
	x1    []byte
	th1   message.Hash

	ready   bool // M7 holds
	id      [16]byte
	th2     message.Hash
	in, out ecc.Channel
	numbers *ecc.Sequence // of what is sent
	last    uint64        // number that came

	asked    []asked // M8 that may be answered
	pages    []message.Hash
	releases []message.Hash
	written  []written // M11 that may be answered
	entry    *message.Entry
	indexing *indexing
}

// asked is an M8 and the transcript of its answer so far.
type asked struct {
	terms     terms
	begun, th message.Hash
}

// session makes M6 (Eq. 33-35).
func (p *preparer) session(ctx context.Context, d *signer, q api.StepM6) (api.Prepared, error) {
	s, err := find[*search](p, q.Search)
	if err != nil {
		return api.Prepared{}, err
	}
	if s.ticket == nil {
		return api.Prepared{}, errNotNext
	}
	t, err := d.terms(s.terms, q.Consent)
	if err != nil {
		return api.Prepared{}, err
	}
	cred, signed, err := d.Hospital(ctx, message.ID(q.Hospital))
	if err != nil {
		return api.Prepared{}, err
	}
	x := &atHospital{d: d, search: s, hospital: cred, cH: cred.Hash()}
	prekey, err := message.OpenPrekey(signed, x.cH, d.suite, cred.Info.Keys.Sign, d.Stamp())
	if err != nil {
		return api.Prepared{}, problem.Refused(err)
	}
	sealing, reply, err := d.begin(message.TypeM6, q.Time, prekey.Key, cred.Info.ID)
	if err != nil {
		return api.Prepared{}, err
	}
	if x.r, err = ecc.GenerateScalar(rand.Reader); err != nil {
		return api.Prepared{}, problem.Internal(err)
	}
	x.reply, x.x1, x.id = reply, sealing.Export(), reply.session
	m6, err := sealing.Seal(x.m6(sealing.Header(), t.con.Consent.Hash()).Encode())
	if err != nil {
		return api.Prepared{}, problem.Internal(err)
	}
	x.th1 = message.Transcript(message.Transcript0(d.suite, x.id), m6)
	return sealed(p.Add(x), m6), nil
}

func (x *atHospital) m6(h message.Header, consent message.Hash) message.M6 {
	d := x.d
	body := message.M6{Doctor: d.credential, Certificate: d.certificate, R: x.r.Public(), PKe: x.reply.key.Public(), Consent: consent,
		Ticket: message.TicketHash(*x.search.ticket)}
	body.SigD3 = d.sign.Sign(message.TBSD3(h, x.cH, d.c, body.R, body.PKe, body.Consent, body.Ticket, d.pk))
	return body
}

// open takes M7, a page M9, the receipt of M11, or that of M12.
func (x *atHospital) open(_ *preparer, b []byte) (api.Opened, error) {
	m, err := message.Decode(b)
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	switch {
	case m.Header.Type == message.TypeIndexed && x.indexing != nil:
		return x.indexing.open(x.d, m)
	case m.Header.Type == message.TypeM7 && !x.ready:
		return x.openM7(m)
	case m.Header.Type == message.TypeM9 && len(x.asked) > 0:
		return x.openM9(m)
	case m.Header.Type == message.TypeStored && len(x.written) > 0:
		return x.openStored(m)
	}
	return api.Opened{}, problem.Refused(errReply)
}

// openM7 makes SEK_2 (Eq. 42-44).
func (x *atHospital) openM7(m message.Message) (api.Opened, error) {
	opened, err := x.reply.open(m, message.TypeM7, x.d.credential.Info.ID)
	if err != nil {
		return api.Opened{}, err
	}
	body, err := message.DecodeM7(opened.Plaintext)
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	if body.Hospital.Hash() != x.cH {
		return api.Opened{}, problem.Refused(errReply)
	}
	tbs := message.TBSHPC1(m.Header, x.th1, x.cH, x.d.c, x.r.Public(), body.R, x.d.pk)
	if err := x.hospital.Info.Keys.Sign.Verify(tbs, body.SigHPC1); err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	sek, err := x.agree(body.R, opened)
	if err == nil {
		err = sek.VerifyConfirm("H", tbs, body.Confirm[:])
	}
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	x.th2, x.ready, x.reply = message.Transcript(x.th1, m), true, oneTime{}
	x.in, x.out = sek.Channel(ecc.HospitalToDoctor, x.th2), sek.Channel(ecc.DoctorToHospital, x.th2)
	x.numbers, x.last = ecc.NewSequence(1), 1
	return api.Opened{Type: api.OpenedTypeM7, Session: &api.OpenedSession{Hospital: string(x.hospital.Info.ID)}}, nil
}

func (x *atHospital) agree(rH ecc.Point, opened ecc.Opened) (ecc.SessionKey, error) {
	aH, err := x.hospital.ImplicitKey(x.d.pins)
	if err != nil {
		return ecc.SessionKey{}, err
	}
	a := ecc.Agreement{Label: ecc.LabelSEK2, TH: x.th1, CInitiator: x.d.c, CResponder: x.cH, RInitiator: x.r.Public(), RResponder: rH, EncResponder: opened.Enc}
	return a.Initiator(ecc.Secrets{S: x.d.s, R: x.r, X1: x.x1, X2: opened.Export}, aH)
}

// ready finds a session whose M7 was opened, and what its next message stands on.
func (p *preparer) ready(d *signer, handle string, consent *api.OtherConsent, ticket *api.OtherTicket) (*atHospital, terms, message.Authority, error) {
	x, err := find[*atHospital](p, handle)
	if err != nil {
		return nil, terms{}, message.Authority{}, err
	}
	s := x.search
	if ticket != nil {
		if s, err = find[*search](p, *ticket); err != nil {
			return nil, terms{}, message.Authority{}, err
		}
	}
	if !x.ready || s.ticket == nil {
		return nil, terms{}, message.Authority{}, errNotNext
	}
	t, err := d.terms(x.search.terms, consent)
	return x, t, message.Authority{PatientID: t.con.OpenH.Patient, Patient: t.patient, Consent: t.con.Consent, OpenH: t.con.OpenH,
		SigmaP: t.con.SigmaP, Assertion: t.con.Assertion, Ticket: *s.ticket}, err
}

// send seals a message of the session under the next number.
func (x *atHospital) send(t message.Type, shift *api.TimeShift, body []byte) (message.Message, error) {
	h, err := message.NewHeader(rand.Reader, x.d.suite, t, x.id, x.d.at(shift))
	if err != nil {
		return message.Message{}, problem.Internal(err)
	}
	h.Seq, h.To = x.numbers.Next(), message.PeerID(x.cH)
	m, err := message.SealSession(x.out, h, body)
	return m, problemOf(err)
}

// receive opens the next message of the session.
func (x *atHospital) receive(m message.Message) ([]byte, error) {
	h := m.Header
	if h.Session != x.id || h.To != message.PeerID(x.d.c) || h.Seq <= x.last {
		return nil, problem.Refused(errReply)
	}
	b, err := message.OpenSession(x.in, m)
	if err != nil {
		return nil, problem.Refused(err)
	}
	x.last = h.Seq
	return b, nil
}

// request makes M8 (Eq. 45).
func (p *preparer) request(d *signer, q api.StepM8) (api.Prepared, error) {
	x, t, authority, err := p.ready(d, q.Session, q.Consent, q.Ticket)
	if err != nil {
		return api.Prepared{}, err
	}
	f := filter(value(q.Filter))
	f.Departments, f.Classes = message.SortCodes(f.Departments), message.SortCodes(f.Classes)
	m8, err := x.send(message.TypeM8, q.Time, message.M8{Authority: authority, Filter: f}.Encode())
	if err != nil {
		return api.Prepared{}, err
	}
	x.asked = append(x.asked, asked{terms: t, begun: message.Transcript(x.th2, m8)})
	return sealed(q.Session, m8), nil
}

// openM9 takes the next page (Eq. 48). Which M8 it answers, Sig_HPC2 says on the last one.
func (x *atHospital) openM9(m message.Message) (api.Opened, error) {
	b, err := x.receive(m)
	if err != nil {
		return api.Opened{}, err
	}
	body, err := message.DecodeM9(b)
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	if body.Page == 1 { // the release before, if there was one, broke off
		x.pages = nil
		for i := range x.asked {
			x.asked[i].th = x.asked[i].begun
		}
	}
	x.pages = append(x.pages, ecc.Sum(body.EMR))
	out := api.OpenedPage{Page: int(body.Page), Pages: int(body.Pages), Receipt: int64(body.Receipt), Complete: body.Page == body.Pages}
	if out.Resources, err = resources(body.EMR); err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	if out.Page != len(x.pages) || out.Complete && !x.complete(m.Header, body) {
		return api.Opened{}, problem.Refused(errReply)
	}
	for i := range x.asked {
		x.asked[i].th = message.Transcript(x.asked[i].th, m)
	}
	return api.Opened{Type: api.OpenedTypeM9, Page: &out}, nil
}

// resources counts those of a salted page.
func resources(salted []byte) (int, error) {
	content, err := message.Unsalted(salted)
	if err != nil {
		return 0, err
	}
	all, err := fhirbundle.Split(content)
	return len(all), err
}

// complete verifies Sig_HPC2; then the next release may come.
func (x *atHospital) complete(h message.Header, m message.M9) bool {
	for _, a := range x.asked {
		tbs := message.TBSHPC2(h, a.th, x.d.c, x.cH, a.terms.con.OpenH.Patient, a.terms.con.Consent.Hash(), m.Receipt, x.pages)
		if x.hospital.Info.Keys.Sign.Verify(tbs, m.SigHPC2) == nil {
			x.releases = append(x.releases, message.EMRHash(x.pages))
			x.asked, x.pages = nil, nil
			return true
		}
	}
	return false
}
