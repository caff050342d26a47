package agent

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"medunion/api/message"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
	"medunion/patient-agent/patient"
)

// Card is a doctor's card of which every part was verified.
type Card struct {
	Credential  message.Hash // c_D
	Name        string
	Licence     string
	Departments []message.Code
	Affiliation message.ID // "" for none
	Authority   string     // whose certificate was verified
	Portal      string     // origin
	NotBefore   time.Time
	Until       time.Time // when certificate or credential ends, whichever is first
}

var errLink = problem.Invalid("This is not a doctor's link: it has the form https://portal/visit#credential.").Coded("not-a-link")

// parseLink splits a doctor's link <origin>/visit#<c_D> into the portal's origin and
// c_D, which stands in the fragment and therefore never reaches a portal's log.
func parseLink(link string, allowHTTP bool) (origin string, doctor message.Hash, err error) {
	base, fragment, found := strings.Cut(strings.TrimSpace(link), "#")
	u, err := url.Parse(base)
	if err != nil || !found || u.Path != "/visit" || u.RawQuery != "" || u.ForceQuery || u.User != nil || u.Host == "" {
		return "", doctor, errLink
	}
	b, err := hex.DecodeString(fragment)
	if err != nil || len(b) != len(doctor) {
		return "", doctor, errLink
	}
	origin = u.Scheme + "://" + u.Host
	return origin, message.Hash(b), checkAddress(origin, allowHTTP)
}

// Card fetches a doctor's card through the portal of the link and verifies all of it.
func (a *Agent) Card(ctx context.Context, link string) (Card, error) {
	o, err := a.registered()
	if err != nil {
		return Card{}, err
	}
	origin, d, _, err := a.doctor(ctx, o, link)
	if err != nil {
		return Card{}, err
	}
	return a.card(origin, d), nil
}

func (a *Agent) card(origin string, d patient.Doctor) Card {
	c := Card{Credential: d.Hash, Name: d.Certificate.Name, Licence: d.Certificate.Licence, Departments: codes(d.Certificate.Departments),
		Affiliation: message.ID(d.Certificate.Affiliation), Authority: a.cfg.Authority, Portal: origin,
		NotBefore: d.Certificate.NotBefore, Until: d.Certificate.Expires}
	if end := d.Credential.Info.NotAfter.Time(); end.Before(c.Until) {
		c.Until = end
	}
	return c
}

// doctor fetches and verifies the card behind a link.
func (a *Agent) doctor(ctx context.Context, o *opened, link string) (string, patient.Doctor, *portal.Client, error) {
	origin, meant, err := parseLink(link, a.cfg.AllowHTTP)
	if err != nil {
		return "", patient.Doctor{}, nil, err
	}
	client, err := portal.NewClient(origin, portal.WithHTTPClient(a.http))
	if err != nil {
		return "", patient.Doctor{}, nil, problem.Internal(err)
	}
	card, err := fetchCard(ctx, client, meant)
	if err != nil {
		return "", patient.Doctor{}, nil, err
	}
	revoked, err := a.revocations(ctx)
	if err != nil {
		return "", patient.Doctor{}, nil, err
	}
	d, err := o.role().VerifyCard(meant, card, revoked)
	return origin, d, client, err
}

func fetchCard(ctx context.Context, client *portal.Client, meant message.Hash) (card patient.Card, err error) {
	resp, err := client.GetCard(ctx, hex.EncodeToString(meant[:]))
	w, err := decode[portal.DoctorCard](resp, err, http.StatusOK)
	if err != nil && problem.KindOf(err) == problem.KindNotFound {
		return card, errNoDoctor.Because(err)
	}
	if err != nil {
		return card, err
	}
	raw, err := unwrap(w.Credential, message.TypeM1.Limit())
	if err != nil {
		return card, err
	}
	if card.Credential, err = message.DecodeCredential(raw); err != nil {
		return card, problem.Refused(err)
	}
	card.Certificate = []byte(w.Certificate)
	card.Prekey, err = openSigned(w.Prekey)
	return card, err
}

func codes(names []string) []message.Code {
	out := make([]message.Code, len(names))
	for i, n := range names {
		out[i] = message.Code(n)
	}
	return message.SortCodes(out)
}
