package agent

import (
	"errors"
	"io/fs"

	"medunion/api/doctorcert"
	"medunion/api/secretfile"
	"medunion/api/settings"
)

// Problems loads everything that the configuration names but the sealed store, opens
// nothing to others, changes nothing and asks no other machine. It returns all that is
// wrong, as settings.Problems, or nil.
func (c Config) Problems() error {
	c.defaults()
	g := c.guard()
	_, err := c.origin()
	g.Fault("portal", err)
	_, err = c.passphrase()
	g.Fault("passphrase-file", err)
	_, err = c.pins()
	g.Fault("pins", err)
	jwks, err := c.jwks()
	if err == nil {
		_, err = doctorcert.NewAuthority(c.Authority, jwks)
	}
	g.Fault("authority-jwks", err)
	g.Fault("token-file", readable(c.TokenFile))
	c.Edge.Check(g.Fault)
	return g.Err()
}

// guard looks at the settings themselves, before anything is opened.
func (c Config) guard() *settings.Guard {
	g := &settings.Guard{Dev: c.Dev}
	g.Local("listen", c.Listen)
	g.Peer("portal", c.Portal)
	g.Issuer("authority", c.Authority)
	g.Development(c.Development)
	return g
}

// readable says what keeps a secret file from being read. One that will be made need not
// be there.
func readable(path string) error {
	if _, err := secretfile.Read(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
