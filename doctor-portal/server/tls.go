package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// certificate refuses to speak plain HTTP where others could listen: sessions of
// doctors, capabilities of patients and replies of M0 pass through the portal. It
// returns nil for plain HTTP on loopback, or behind a proxy that speaks TLS.
func (c Config) certificate() (*tls.Config, error) {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return nil, errors.New("a TLS certificate and its key come together")
	}
	if c.TLSCert == "" {
		if !c.BehindTLS && !onLoopback(c.Listen) {
			return nil, errors.New("plain HTTP is for loopback: give a TLS certificate, or say that a proxy speaks TLS")
		}
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}, nil
}

func onLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
