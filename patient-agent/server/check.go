package server

import (
	"errors"
	"io/fs"
	"os"

	"medunion/api/certs"
	"medunion/api/doctorcert"
	"medunion/api/httpclient"
	"medunion/api/message"
	"medunion/api/secretfile"
	"medunion/api/settings"
)

// Problems loads everything that the configuration names but the sealed store, opens
// nothing to others, changes nothing and asks no other machine. It returns all that is
// wrong, as settings.Problems, or nil.
func (c Config) Problems() error {
	g := c.guard()
	_, err := c.ReadPassphrase()
	g.Fault("passphrase-file", err)
	_, err = c.pins()
	g.Fault("pins", err)
	g.Fault("authority-jwks", c.checkAuthority())
	g.Fault("token-file", readable(c.tokenFile()))
	_, err = certs.ParsePins(c.CloudKey.CloudSPKI)
	g.Fault("cloud-spki", err)
	_, err = httpclient.NewGuard(c.Networks, false)
	g.Fault("networks", err)
	c.Edge.Check(g.Fault)
	return g.Err()
}

// guard looks at the settings themselves, before anything is opened.
func (c Config) guard() *settings.Guard {
	g := &settings.Guard{Dev: c.Dev}
	g.Local("listen", c.Listen)
	g.Peer("cloud", c.Cloud)
	g.Issuer("authority", c.Authority)
	if c.Origin != "" {
		_, err := message.RelyingParty(c.Origin)
		g.Fault("page-origin", err)
	}
	if c.AllowHTTP {
		g.Insecure("allow-http", "it speaks with others in the clear", "leave it out")
	}
	g.Development(c.Development)
	return g
}

func (c Config) checkAuthority() error {
	jwks, err := c.AuthorityJWKS, error(nil)
	if jwks == nil {
		jwks, err = os.ReadFile(c.AuthorityFile)
	}
	if err == nil {
		_, err = doctorcert.NewAuthority(c.Authority, jwks)
	}
	return err
}

// readable says what keeps a secret file from being read. One that will be made need not
// be there.
func readable(path string) error {
	if _, err := secretfile.Read(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
