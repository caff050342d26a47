package httpclient

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// ErrAddress is the error of a dial to an address that a message must not lead to.
var ErrAddress = errors.New("the address is not one that may be dialled")

// Guard says to which addresses a service may connect whose name it has from a message, so
// that nobody makes it speak to what only it can reach (server-side request forgery). It is
// asked with the resolved address at each dial: a name that is resolved to another address
// the next time helps nobody. The zero value lets through what is public.
type Guard struct {
	// Networks are private networks that may be dialled all the same.
	Networks []netip.Prefix
	// Loopback lets this machine be dialled.
	Loopback bool
}

// NewGuard parses the networks (CIDR). One that holds an address which is never dialled is
// fine: that address stays refused.
func NewGuard(networks []string, loopback bool) (*Guard, error) {
	g := &Guard{Loopback: loopback}
	for _, text := range networks {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no network", text)
		}
		if p = p.Masked(); p.Addr().Is4In6() {
			return nil, fmt.Errorf("%q: write the network as one of IPv4", text)
		}
		g.Networks = append(g.Networks, p)
	}
	return g, nil
}

// Control is a net.Dialer.Control: the address is an IP address and a port.
func (g *Guard) Control(network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") || !g.Allows(at.Addr()) {
		return ErrAddress
	}
	return nil
}

// Allows says whether an address may be dialled.
func (g *Guard) Allows(ip netip.Addr) bool {
	if ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	switch {
	case ip.IsLoopback():
		return g.Loopback
	case in(never, ip):
		return false
	case nat64.Contains(ip):
		return g.Allows(embedded(ip))
	case in(g.Networks, ip):
		return true
	}
	return !in(special, ip) && (ip.Is4() || global.Contains(ip))
}

func in(networks []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// embedded is the IPv4 address in one of NAT64 (RFC 6052, section 2.2).
func embedded(ip netip.Addr) netip.Addr {
	b := ip.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

var (
	global = netip.MustParsePrefix("2000::/3")
	nat64  = netip.MustParsePrefix("64:ff9b::/96")

	// never are addresses that no configuration opens: this host, this link, groups, and
	// where clouds keep the credentials of their machines.
	never = prefixes("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32", "::/96", "fe80::/10", "ff00::/8",
		"100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::/32", "fd20:ce::254/128", "fd00:c1::a9fe:a9fe/128")

	// special are the other addresses that the registries of IANA (RFC 6890) do not call
	// global, and those that carry an IPv4 address of the sender's choice.
	special = prefixes("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
