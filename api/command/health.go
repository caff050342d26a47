package command

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// Health is the command that asks a service on this machine whether it lives, or with
// --ready whether it can serve, for supervisors that can only run a program: an image
// holds no other one. It ends with 0 for yes, 1 for no, 2 for an address elsewhere.
type Health struct {
	URL   string        `arg:"" help:"Base URL of the operations listener on this machine, such as https://127.0.0.1:9090."`
	Ready bool          `help:"Ask /readyz instead of /livez."`
	Wait  time.Duration `help:"How long the answer may take." default:"5s"`
}

// Run asks once.
func (h Health) Run(ctx context.Context) error {
	target, err := h.target()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.Wait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return Refuse("the address is no URL")
	}
	res, err := local().Do(req)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: status %d", res.StatusCode)
	}
	return nil
}

// target takes addresses of loopback by number only: a name could lead elsewhere.
func (h Health) target() (string, error) {
	u, err := url.Parse(h.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", Refuse("the address is no base URL, such as https://127.0.0.1:9090")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
		return "", Refuse("the address is not of this machine: 127.0.0.1 or [::1]")
	}
	if h.Ready {
		return u.JoinPath("readyz").String(), nil
	}
	return u.JoinPath("livez").String(), nil
}

// local is a client for loopback alone. Nothing is sent but the question and nothing is
// believed but the status, so the certificate, whose name is never 127.0.0.1, is not
// looked at: who answers on this machine's own port is this machine's to say.
func local() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a redirect") },
		Transport: &http.Transport{
			DialContext:     (&net.Dialer{}).DialContext,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true},
		},
	}
}
