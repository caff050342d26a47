package agent

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"slices"

	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/ecc"
)

// terms are a visit's consent, who gave it, and what a diagnosis must name of the visit.
type terms struct {
	visit   string
	con     message.CON
	patient message.Credential
	msd     message.Hash
}

// terms are those of the other visit, if one is named.
func (d *signer) terms(standing terms, other *api.OtherConsent) (terms, error) {
	if other == nil {
		return standing, nil
	}
	v, err := d.Visit(*other)
	if err != nil {
		return terms{}, err
	}
	con, err := v.CON()
	if err != nil {
		return terms{}, err
	}
	t := terms{visit: *other, con: con, patient: v.Patient()}
	if contents := v.Evidence().Contents; len(contents) > 0 {
		t.msd = ecc.Sum(contents[0]) // M_SD came first
	}
	return t, nil
}

// search is M4 and, once M5 was opened, its ticket.
type search struct {
	d       *signer
	terms   terms
	mode    message.Mode
	reply   oneTime
	request message.Hash // H(tbs_D2)
	ticket  *message.Signed
}

// search makes M4 (Eq. 25, 26).
func (p *preparer) search(ctx context.Context, d *signer, q api.StepM4) (api.Prepared, error) {
	t, err := d.terms(terms{}, &q.Visit)
	if err != nil {
		return api.Prepared{}, err
	}
	sealing, reply, err := d.toCloud(ctx, message.TypeM4, q.Time)
	if err != nil {
		return api.Prepared{}, err
	}
	x := &search{d: d, terms: t, mode: message.ModeRead, reply: reply}
	if q.Mode == api.StepM4ModeWrite {
		x.mode = message.ModeWrite
	}
	body := message.M4{Doctor: d.credential, Certificate: d.certificate, Department: t.con.Consent.Department, Consent: t.con.Consent,
		OpenC: t.con.OpenC, Authorizers: t.con.Authorizers, Mode: x.mode, PKe: reply.key.Public()}
	tbs := body.TBS(sealing.Header(), d.pins.CloudID)
	body.SigD2, x.request = d.sign.Sign(tbs), ecc.Sum(tbs)
	m4, err := sealing.Seal(body.Encode())
	if err != nil {
		return api.Prepared{}, problem.Internal(err)
	}
	return sealed(p.Add(x), m4), nil
}

// open is M5 (Eq. 31, 32).
func (x *search) open(_ *preparer, b []byte) (api.Opened, error) {
	m, err := message.DecodeType(b, message.TypeM5)
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	opened, err := x.reply.open(m, message.TypeM5, x.d.credential.Info.ID)
	if err != nil {
		return api.Opened{}, err
	}
	body, err := message.DecodeM5(opened.Plaintext)
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	t, err := message.OpenTicket(body.Ticket, x.d.pins, x.d.c, x.terms.con.Consent.Hash())
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	if t.Header != m.Header || t.Request != x.request || t.Mode != x.mode || t.Entries != ecc.Sum(message.EncodeEntries(body.Entries)) {
		return api.Opened{}, problem.Refused(errReply)
	}
	x.ticket = &body.Ticket
	found := api.OpenedSearch{Mode: api.OpenedSearchModeRead, Department: string(t.Department), Ticket: hexHash(message.TicketHash(body.Ticket)),
		Expires: t.Expires.Time(), Entries: len(body.Entries), Hospitals: x.terms.read(x.d.pins, body.Entries)}
	if x.mode == message.ModeWrite {
		found.Mode = api.OpenedSearchModeWrite
	}
	return api.Opened{Type: api.OpenedTypeM5, Search: &found}, nil
}

// read opens those entries that a kv of the consent opens and whose signatures hold.
func (t terms) read(pins message.Pins, entries []message.Entry) []api.OpenedEntry {
	out := []api.OpenedEntry{}
	for _, e := range entries {
		auth, ok := t.authorizer(e.Locator)
		if !ok || e.Verify(pins, auth.VK, e.Time) != nil {
			continue
		}
		for _, k := range t.con.IndexKeys {
			c, err := message.OpenIndex(k.Key, e.Locator, e.Hospital.Hash(), e.Value)
			if err != nil || k.Hospital != e.Hospital.Info.ID || c.Hospital != k.Hospital {
				continue
			}
			_, granted := t.con.OpenH.Grant(c.Hospital)
			out = append(out, api.OpenedEntry{Hospital: string(c.Hospital), Departments: texts(c.Departments), Classes: texts(c.Classes),
				Granted: granted, Time: e.Time.Time()})
		}
	}
	return out
}

// authorizer is vk_L and σ_L of a locator of the consent.
func (t terms) authorizer(l message.Hash) (message.Authorizer, bool) {
	if i := slices.Index(t.con.OpenC.Locators, l); i >= 0 {
		return t.con.Authorizers[i], true
	}
	return message.Authorizer{}, false
}

func texts(codes []message.Code) []string {
	out := []string{}
	for _, c := range codes {
		out = append(out, string(c))
	}
	return out
}

func hexHash(h message.Hash) string { return hex.EncodeToString(h[:]) }

func decode64(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, problem.Invalid("A value is not base64url without padding.").Because(err)
	}
	return b, nil
}
