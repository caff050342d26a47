package httpclient

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"medunion/api/certs"
)

// Pinned is the part of a configuration that says by which key the public cloud is known.
// It is embedded in the configuration of whoever calls it.
type Pinned struct {
	CloudSPKI []string `name:"cloud-spki" help:"Pins (sha256/BASE64) of the public cloud's TLS key, several while it is exchanged. With them the key decides and not who signed its certificate." env:"CLOUD_SPKI"`
}

// Peer is the part of a service's configuration by which other services of the union know
// it. It is embedded in the service's own configuration.
type Peer struct {
	Cert string `name:"peer-cert" help:"Certificate chain (PEM file) that is shown to the clouds that this service calls. Default: that of --tls-cert. Exchanged files are taken within 10 s, on SIGHUP at once." env:"PEER_CERT"`
	Key  string `name:"peer-key" help:"Private key (PEM file) of --peer-cert." env:"PEER_KEY"`
}

// Load reads the pair, that of the service's own listener where none is given; nil where
// there is neither.
func (p Peer) Load(cert, key string) (*certs.Pair, error) {
	if p.Cert != "" || p.Key != "" {
		cert, key = p.Cert, p.Key
	}
	if cert == "" && key == "" {
		return nil, nil
	}
	return certs.LoadPair(cert, key)
}

// Check says what is wrong with the pair that is given here, if one is: with its files, or
// that it does not hold at the time now.
func (p Peer) Check(now time.Time) error {
	pair, err := p.Load("", "")
	if err != nil || pair == nil {
		return err
	}
	return certs.Valid(pair.Current().Leaf, now)
}

// Secure is what a transport knows beyond Transport. Its zero value adds nothing.
type Secure struct {
	// Pins, if there are any, are the only keys by which the server is known. They replace
	// the check of issuer and name: a key that was handed over is known more surely than by
	// any of the system's authorities, one of which an attacker may have; and a hospital
	// needs none of its own. The certificate's time still counts.
	Pins []certs.Pin
	// Certificate is shown to servers that ask for one; may be nil.
	Certificate *certs.Pair
	// Guard, if not nil, decides which addresses may be dialled. Then no proxy of the
	// environment is used, unless Proxied.
	Guard *Guard
	// Proxied uses the environment's proxy in spite of a Guard, for a device that reaches
	// others by it only. It is the proxy then that resolves names and keeps its own network.
	Proxied bool
	// Direct uses no proxy of the environment.
	Direct bool
	// HeaderTimeout is how long an answer's header may take; 0 is for ever.
	HeaderTimeout time.Duration
	// Idle is how many connections are kept for the next request; 0 is net/http's default.
	Idle int
}

// Sources is the certificate for certs.Watch, if there is one.
func (s Secure) Sources() []certs.Source {
	if s.Certificate == nil {
		return nil
	}
	return []certs.Source{s.Certificate}
}

// Transport makes it: TLS 1.3 as Transport. When the certificate is exchanged, new requests
// go over new connections that show the new one.
func (s Secure) Transport() http.RoundTripper {
	if s.Certificate == nil {
		return s.transport()
	}
	return &renewing{secure: s}
}

func (s Secure) transport() *http.Transport {
	t := Transport()
	t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout = s.Idle, s.HeaderTimeout
	if s.Direct || s.Guard != nil && !s.Proxied {
		t.Proxy = nil
	}
	if s.Guard != nil {
		t.DialContext = s.guarded(t.DialContext)
	}
	if len(s.Pins) > 0 {
		t.TLSClientConfig.InsecureSkipVerify = true // VerifyConnection verifies
		t.TLSClientConfig.VerifyConnection = certs.VerifyPinned(s.Pins)
	}
	if s.Certificate != nil {
		t.TLSClientConfig.GetClientCertificate = s.Certificate.Shown
	}
	return t
}

// guarded asks the guard at each dial but those to the environment's proxies.
func (s Secure) guarded(plain dialer) dialer {
	watched := (&net.Dialer{Timeout: dialTimeout, Control: s.Guard.Control}).DialContext
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if s.Proxied && isProxy(address) {
			return plain(ctx, network, address)
		}
		return watched(ctx, network, address)
	}
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// isProxy says whether an address is the one of a proxy that the environment names.
func isProxy(address string) bool {
	for _, scheme := range []string{"http", "https"} {
		proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: scheme, Host: "peer.invalid"}})
		if err == nil && proxy != nil && address == net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), ports[proxy.Scheme])) {
			return true
		}
	}
	return false
}

var ports = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// renewing has one transport for each certificate.
type renewing struct {
	secure  Secure
	mu      sync.Mutex
	current *http.Transport
	shows   any // the certificate of current's connections
}

// RoundTrip implements http.RoundTripper.
func (r *renewing) RoundTrip(req *http.Request) (*http.Response, error) {
	return r.transport().RoundTrip(req)
}

func (r *renewing) transport() *http.Transport {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.secure.Certificate.Current(); r.shows != any(now) {
		if r.current != nil {
			r.current.CloseIdleConnections()
		}
		r.current, r.shows = r.secure.transport(), now
	}
	return r.current
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (r *renewing) CloseIdleConnections() { r.transport().CloseIdleConnections() }
