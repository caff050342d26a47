package system_test

import (
	"encoding/json"
	"os"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/token"
	"medunion/deploy/local/authority"
	"medunion/deploy/local/suite"
)

// site is a public cloud and hospitals, however they run.
type site struct {
	Cloud     string       `json:"cloud"`
	Pins      message.Pins `json:"pins"`
	Portal    string       `json:"portal,omitempty"`
	Operator  string       `json:"operator"` // token for the public cloud
	Hospitals []place      `json:"hospitals"`
	Authority string       `json:"authority"` // name of the medical authority
	// AuthorityURL is where the development authority certifies doctors.
	AuthorityURL string `json:"authorityURL,omitempty"`
	JWKS         string `json:"jwks"` // its pinned keys
	Mongo        string `json:"mongo"`
	Redis        string `json:"redis"`
}

// place is one hospital.
type place struct {
	ID    message.ID `json:"id"`
	URL   string     `json:"url"`
	Admin string     `json:"admin"`
	Token string     `json:"token"` // for imports and the desk
}

func describe(s *suite.Suite) (site, error) {
	at := site{Cloud: s.Cloud, Pins: s.Pins(), Portal: s.Portal, Authority: authority.DefaultName, AuthorityURL: s.Authority, Mongo: s.Mongo, Redis: s.Redis}
	var err error
	if at.Operator, err = s.OperatorToken(); err != nil {
		return at, err
	}
	_, keys := s.Files()
	jwks, err := os.ReadFile(keys)
	if err != nil {
		return at, err
	}
	at.JWKS = string(jwks)
	for _, h := range s.Hospitals {
		t, err := h.Token(token.ScopeFHIRImport, token.ScopeAdmin)
		if err != nil {
			return at, err
		}
		at.Hospitals = append(at.Hospitals, place{ID: h.ID, URL: h.URL, Admin: h.Admin, Token: t})
	}
	return at, nil
}

// addresses are what must stay the same for as long as the folder lasts.
func (s site) addresses() string {
	list := []string{s.Cloud, s.Portal}
	for _, h := range s.Hospitals {
		list = append(list, string(h.ID), h.URL, h.Admin)
	}
	b, _ := json.Marshal(list)
	return string(b)
}

// verifier checks doctors' certificates as the site's parties do.
func (s site) verifier() (message.CertificateVerifier, error) {
	a, err := doctorcert.NewAuthority(s.Authority, []byte(s.JWKS))
	if err != nil {
		return nil, err
	}
	return a.Verify, nil
}
