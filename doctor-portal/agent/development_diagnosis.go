package agent

import (
	"context"
	"crypto/rand"

	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/doctor-portal/practice"
	"medunion/ecc"
)

// written is a signed diagnosis.
type written struct {
	salted []byte // M_DINF
	sigD5  message.Signed
}

// diagnosis makes M11.
func (p *preparer) diagnosis(d *signer, q api.StepM11) (api.Prepared, error) {
	x, t, authority, err := p.ready(d, q.Session, q.Consent, q.Ticket)
	if err != nil {
		return api.Prepared{}, err
	}
	w, err := x.sign(t, q)
	if err != nil {
		return api.Prepared{}, err
	}
	m11, err := x.send(message.TypeM11, q.Time, message.M11{Authority: authority, Diagnosis: w.salted, SigD5: w.sigD5}.Encode())
	if err != nil {
		return api.Prepared{}, err
	}
	x.written = append(x.written, w)
	return sealed(q.Session, m11), nil
}

// sign makes Sig_D5 over the releases that the session has received, or gives the last one again.
func (x *atHospital) sign(t terms, q api.StepM11) (written, error) {
	content, err := x.content(t, q)
	if err != nil {
		return written{}, err
	}
	if content == nil {
		if len(x.written) == 0 {
			return written{}, problem.Invalid("There is no diagnosis in this session yet: a text or a bundle is needed.")
		}
		return x.written[len(x.written)-1], nil
	}
	salted, err := message.Salted(rand.Reader, content)
	if err != nil {
		return written{}, problem.Internal(err)
	}
	d5 := message.D5{Patient: t.patient.Info.ID, Doctor: x.d.c, Consent: t.con.Consent.Hash(), MSD: t.msd, EMR: x.releases,
		Diagnosis: ecc.Sum(salted), Time: x.d.Stamp()}
	return written{salted, message.Sign(x.d.sign, d5.Encode())}, nil
}

// content is nil if neither a text nor a bundle is given.
func (x *atHospital) content(t terms, q api.StepM11) ([]byte, error) {
	switch {
	case q.Text != nil && q.Bundle != nil:
		return nil, problem.Invalid("Give either a text or a bundle.")
	case q.Text != nil:
		return x.d.Compose(t.visit, practice.Draft{Text: *q.Text})
	case q.Bundle != nil:
		return decode64(*q.Bundle)
	}
	return nil, nil
}

func (x *atHospital) openStored(m message.Message) (api.Opened, error) {
	b, err := x.receive(m)
	if err != nil {
		return api.Opened{}, err
	}
	body, err := message.DecodeStored(b)
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	for _, w := range x.written {
		tbs := message.TBSHPC3(m.Header, x.d.c, x.cH, body.Record, w.salted, w.sigD5, body.Time)
		if x.hospital.Info.Keys.Sign.Verify(tbs, body.SigHPC3) != nil {
			continue
		}
		out := api.OpenedStored{Record: int64(body.Record), Time: body.Time.Time()}
		if len(body.Entries) > 0 {
			x.entry, out.Entry = &body.Entries[0], true
			_, out.Indexable = x.search.terms.authorizer(x.entry.Locator)
		}
		return api.Opened{Type: api.OpenedTypeM11R, Stored: &out}, nil
	}
	return api.Opened{}, problem.Refused(errReply)
}

// indexing is M12 whose receipt is awaited.
type indexing struct {
	reply oneTime
	entry message.Entry
}

// indexing makes M12. An entry that the consent does not cover goes with the consent's
// first authorizer.
func (p *preparer) indexing(ctx context.Context, d *signer, q api.StepM12) (api.Prepared, error) {
	x, err := find[*atHospital](p, q.Session)
	if err != nil {
		return api.Prepared{}, err
	}
	t, err := d.terms(x.search.terms, q.Consent)
	if err != nil {
		return api.Prepared{}, err
	}
	if x.entry == nil || len(t.con.Authorizers) == 0 {
		return api.Prepared{}, errNotNext
	}
	auth, ok := t.authorizer(x.entry.Locator)
	if !ok {
		auth = t.con.Authorizers[0]
	}
	sealing, reply, err := d.toCloud(ctx, message.TypeM12, q.Time)
	if err != nil {
		return api.Prepared{}, err
	}
	body := message.M12{Doctor: d.credential, Certificate: d.certificate, Consent: t.con.Consent, OpenC: t.con.OpenC, Authorizer: auth,
		Entry: *x.entry, PKe: reply.key.Public()}
	body.SigD7 = d.sign.Sign(message.TBSD7(sealing.Header(), d.c, *x.entry, t.con.Consent.Hash(), body.PKe))
	m12, err := sealing.Seal(body.Encode())
	if err != nil {
		return api.Prepared{}, problem.Internal(err)
	}
	x.indexing = &indexing{reply, *x.entry}
	return sealed(q.Session, m12), nil
}

func (i *indexing) open(d *signer, m message.Message) (api.Opened, error) {
	opened, err := i.reply.open(m, message.TypeIndexed, d.credential.Info.ID)
	if err != nil {
		return api.Opened{}, err
	}
	body, err := message.DecodeIndexed(opened.Plaintext)
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	if _, err := d.pins.Verify(message.TBSIndexed(m.Header, i.entry.Locator, i.entry.Value, body.Time), body.Signature, body.Time); err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	return api.Opened{Type: api.OpenedTypeM12R, Indexed: &api.Indexed{Time: body.Time.Time()}}, nil
}
