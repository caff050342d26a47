package message

import (
	"errors"
	"strconv"
	"strings"

	"medunion/ecc"
)

// localhost is the one host that may serve a page without TLS: browsers take it for a
// secure context, and it never leaves the device.
const localhost = "localhost"

var errOrigin = errors.New("webauthn: the origin is not one of https")

// RPIDHash is SHA-256 of a relying party's identifier, as authenticators sign it.
func RPIDHash(rpID string) Hash { return ecc.Sum([]byte(rpID)) }

// RelyingParty is the rpId of a page at the origin: its host. It fails for what
// no passkey of ours may be made at: plain HTTP but to localhost, an address instead
// of a name, anything behind the port.
func RelyingParty(origin string) (string, error) {
	host, err := originHost(origin)
	if err == nil && host != localhost && !strings.Contains(host, ".") {
		err = errOrigin
	}
	return host, err
}

// originHost returns the host of an origin in the form in which browsers write it
// (RFC 6454, section 6.2): https://host[:port], or http://localhost[:port].
func originHost(origin string) (string, error) {
	scheme, rest, _ := strings.Cut(origin, "://")
	host, port, hasPort := strings.Cut(rest, ":")
	if !validHost(host) || hasPort && !validPort(port) {
		return "", errOrigin
	}
	if scheme != "https" && (scheme != "http" || host != localhost) {
		return "", errOrigin
	}
	return host, nil
}

// validHost accepts a name of lower-case labels, the last of them not a number, as it
// is in an IPv4 address.
func validHost(host string) bool {
	labels := strings.Split(host, ".")
	if len(host) > 253 || strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n != 0 && strconv.FormatUint(n, 10) == port
}

// coveredBy reports whether the host, or a parent of it with two labels at least,
// hashes to rpIdHash: a page may use the passkeys of a parent domain, but a single
// label is a public suffix. Longer public suffixes are left to the browser, and to
// β_P, which names the relying party that the patient chose.
func coveredBy(host string, rpIDHash Hash) bool {
	if RPIDHash(host) == rpIDHash {
		return host == localhost || strings.Contains(host, ".")
	}
	_, parent, found := strings.Cut(host, ".")
	return found && strings.Contains(parent, ".") && coveredBy(parent, rpIDHash)
}
