package server

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/token"
	"medunion/patient-agent/web"
)

// pagePolicy is the page's Content-Security-Policy: its own scripts and styles, no
// other origin, no frame around it.
const pagePolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func newSite(origin string) (*httpserver.Site, error) {
	return httpserver.NewSite(httpserver.SiteOptions{Files: web.Built(), Unbuilt: web.Unbuilt(), Policy: pagePolicy,
		Features: []string{"camera", "publickey-credentials-create", "publickey-credentials-get"}, HTTPS: strings.HasPrefix(origin, "https://")})
}

// pageOrigin is the configured origin, or localhost at the port: a passkey belongs to a
// name, and an address is none.
func (c Config) pageOrigin(l net.Listener) (string, error) {
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "", err
	}
	if c.Origin == "" {
		return "http://localhost:" + port, nil
	}
	if _, err := message.RelyingParty(c.Origin); err != nil {
		return "", errors.New("the page's origin is https://<name> or http://localhost, with nothing behind the port")
	}
	return c.Origin, nil
}

// PageLink is Instance.Page for an agent that serves under this configuration in another
// process, at a port that the configuration names.
func (c Config) PageLink() (string, error) {
	_, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "0" {
		return "", errors.New("the configuration names no port for the page")
	}
	t, err := token.OpenLocal(c.tokenFile())
	if err != nil {
		return "", err
	}
	origin := c.Origin
	if origin == "" {
		origin = "http://localhost:" + port
	}
	return origin + "/#" + t.Secret(), nil
}

// hosts are the names by which the API answers. All others are refused, so that no web
// page reaches it by pointing a name of its own at this machine.
func hosts(origin string) []string {
	names := []string{"127.0.0.1", "::1", "localhost"}
	if u, err := url.Parse(origin); err == nil && u.Hostname() != "localhost" {
		names = append(names, u.Hostname())
	}
	return names
}

// Page is the link that opens the page in a browser. Behind the #, where no server
// sees it, stands the token.
func (i *Instance) Page() string { return i.origin + "/#" + i.token.Secret() }

// Origin is that of the page.
func (i *Instance) Origin() string { return i.origin }
