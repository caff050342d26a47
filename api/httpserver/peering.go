package httpserver

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"medunion/api/certs"
	"medunion/api/problem"
)

// Words of the document's extension x-peer.
const (
	peerNone     = "none"     // whoever can reach the service
	peerRequired = "required" // a listed peer
	peerToken    = "token"    // a listed peer if the request carries a bearer token
)

// Why a request was not one of a peer that may send it.
var (
	errNoPeer       = errors.New("no certificate of a peer")
	errUnlistedPeer = errors.New("the certificate is of no listed peer")
	errPeerExpired  = errors.New("the peer's certificate does not hold now")
	errPeerMay      = errors.New("the peer may not call this operation")
)

// peerReasons are the labels of the metric.
var peerReasons = map[error]string{errNoPeer: "none", errUnlistedPeer: "unlisted", errPeerExpired: "expired", errPeerMay: "operation"}

// needsPeer says whether a request of the operation must come from a listed peer.
func (t traits) needsPeer(r *http.Request) bool {
	return t.Peer == peerRequired || t.Peer == peerToken && r.Header.Get(echo.HeaderAuthorization) != ""
}

// Ask makes the listener ask its clients for a certificate, which they need not have. One
// that has ended ends the handshake, so that the client's own log says why. A nil p or c
// changes nothing.
func (p *Peers) Ask(c *tls.Config) *tls.Config {
	if p == nil || c == nil {
		return c
	}
	c = c.Clone()
	c.ClientAuth = tls.RequestClientCert
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return nil
		}
		return p.greet(s.PeerCertificates[0])
	}
	return c
}

func (p *Peers) greet(cert *x509.Certificate) error {
	err := certs.Valid(cert, time.Now())
	if peer := p.find(certs.PinOf(cert)); err != nil && peer != nil {
		p.log.Warn("a peer was refused", "peer", peer.Name, "reason", err.Error())
	}
	return err
}

// admission holds requests against the list of peers.
type admission struct {
	peers   *Peers
	doc     *document
	proxies []netip.Prefix
	refused *prometheus.CounterVec
}

func newAdmission(o Options, d *document) (*admission, error) {
	proxies, err := prefixes("proxies", o.Edge.Proxies)
	if err != nil || o.Peers == nil {
		return &admission{doc: d}, err
	}
	if err := o.Peers.bind(d.peerOperations()); err != nil {
		return nil, err
	}
	a := &admission{peers: o.Peers, doc: d, proxies: proxies, refused: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "medunion_peer_refusals_total", Help: "Requests to operations of peers that were refused for who sent them.",
		ConstLabels: prometheus.Labels{"service": o.Service},
	}, []string{"reason"})}
	for _, label := range peerReasons {
		a.refused.WithLabelValues(label)
	}
	return a, o.Operations.Registry.Register(a.refused)
}

// admit refuses a request that must come from a listed peer and does not. It is asked of
// each request and not of each connection: a peer that is taken off the list, or whose
// certificate ends, is out at its next request.
func (a *admission) admit(next echo.HandlerFunc) echo.HandlerFunc {
	if a.peers == nil {
		return next
	}
	return func(c echo.Context) error {
		op := a.doc.operation(c)
		if op == nil || !op.needsPeer(c.Request()) {
			return next(c)
		}
		name, err := a.judge(c.Request(), op.Operation.OperationID)
		if err != nil {
			a.refused.WithLabelValues(peerReasons[err]).Inc()
			return problem.Refused(fmt.Errorf("peer %q: %w", name, err))
		}
		return next(c)
	}
}

// judge returns the name in the list, "" for a peer without one.
func (a *admission) judge(r *http.Request, operation string) (name string, err error) {
	cert := a.certificate(r)
	if cert == nil {
		return "", errNoPeer
	}
	peer := a.peers.find(certs.PinOf(cert))
	switch {
	case peer == nil:
		return "", errUnlistedPeer
	case certs.Valid(cert, time.Now()) != nil:
		return peer.Name, errPeerExpired
	case !slices.Contains(peer.Operations, operation):
		return peer.Name, errPeerMay
	}
	return peer.Name, nil
}

// certificate is the client's. Of a connection without TLS it is the one that a named proxy
// has verified, in the header Client-Cert (RFC 9440, section 2.2); what others say there is
// not read.
func (a *admission) certificate(r *http.Request) *x509.Certificate {
	if r.TLS != nil {
		if len(r.TLS.PeerCertificates) == 0 {
			return nil
		}
		return r.TLS.PeerCertificates[0]
	}
	if said := r.Header.Values("Client-Cert"); len(said) == 1 && within(a.proxies, r.RemoteAddr) {
		return forwarded(said[0])
	}
	return nil
}

// forwarded reads a byte sequence (RFC 8941, section 3.3.5) that is a certificate's DER.
func forwarded(text string) *x509.Certificate {
	text, opened := strings.CutPrefix(text, ":")
	text, closed := strings.CutSuffix(text, ":")
	der, err := base64.StdEncoding.DecodeString(text)
	if !opened || !closed || err != nil {
		return nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}
