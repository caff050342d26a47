package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"medunion/api/certs"
)

// TLS is the part of a service's configuration that keeps it from speaking plain HTTP to
// others. It is embedded in the service's own configuration.
type TLS struct {
	Cert   string `name:"tls-cert" help:"TLS certificate chain (PEM file). Exchanged files are taken within 10 s, on SIGHUP at once." env:"TLS_CERT"`
	Key    string `name:"tls-key" help:"TLS private key (PEM file)." env:"TLS_KEY"`
	Behind bool   `name:"behind-tls" help:"Allow plain HTTP off loopback: a proxy in front speaks TLS 1.3." env:"BEHIND_TLS"`
}

// Secured is how the listeners of a service speak: HTTPS by a pair of files, or plain HTTP.
type Secured struct{ pair *certs.Pair }

// Load reads the pair. Plain HTTP it refuses unless all addresses (host:port) are on
// loopback, or a proxy stands in front.
func (t TLS) Load(addresses ...string) (*Secured, error) {
	if t.Cert != "" || t.Key != "" {
		pair, err := certs.LoadPair(t.Cert, t.Key)
		return &Secured{pair}, err
	}
	if !t.Behind && !allOnLoopback(addresses) {
		return nil, errors.New("plain HTTP is for loopback: give a TLS certificate, or say that a proxy speaks TLS")
	}
	return &Secured{}, nil
}

// Proxied says whether a proxy stands in front that sees what is sent: one that speaks TLS,
// that the edge names, or that passes plain HTTP on to a service without TLS.
func (t TLS) Proxied(e Edge) bool {
	return t.Behind || len(e.Proxies) > 0 || t.Cert == "" && len(e.ProxyProtocolFrom) > 0
}

func allOnLoopback(addresses []string) bool {
	for _, a := range addresses {
		if !OnLoopback(a) {
			return false
		}
	}
	return true
}

// HTTPS says whether the service speaks TLS itself.
func (s *Secured) HTTPS() bool { return s.pair != nil }

// Config is for ServeOptions: each new connection sees the pair in force, those that are
// open go on. It is nil for plain HTTP.
func (s *Secured) Config() *tls.Config {
	if s.pair == nil {
		return nil
	}
	return &tls.Config{GetCertificate: s.pair.Served, MinVersion: tls.VersionTLS13}
}

// NotAfter is when the certificate in force ends, zero for plain HTTP.
func (s *Secured) NotAfter() time.Time {
	if s.pair == nil {
		return time.Time{}
	}
	return s.pair.NotAfter()
}

// Failures counts the contents of the files that could not be taken.
func (s *Secured) Failures() uint64 {
	if s.pair == nil {
		return 0
	}
	return s.pair.Failures()
}

// Failing says whether the files, when they were last read, held what could not be taken.
func (s *Secured) Failing() bool { return s.pair != nil && s.pair.Failing() }

// Watch takes changes of the pair and of further sources, such as the list of peers, until
// ctx ends. A nil source is none. It warns at the start of a certificate that does not hold.
func (s *Secured) Watch(ctx context.Context, log *slog.Logger, more ...certs.Source) {
	var sources []certs.Source
	if s.pair != nil {
		if err := s.pair.Valid(); err != nil {
			log.Warn("clients will refuse this service", "file", s.pair.Name(), "reason", err.Error())
		}
		sources = append(sources, s.pair)
	}
	certs.Watch(ctx, log, certs.Every, append(sources, more...)...)
}
