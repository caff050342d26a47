package httpserver

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"medunion/api/telemetry/tracing"
)

// Edge is the part of a service's configuration that says who is let near it, and how
// often. Its zero value is that of the flags' defaults. It is embedded in the service's
// own configuration.
type Edge struct {
	RateScale         float64  `help:"Multiplies the rate limits of the API's document; a negative number turns them off." default:"1" env:"RATE_SCALE"`
	Proxies           []string `help:"Addresses or networks (CIDR) of the proxies in front, whose X-Forwarded-For is believed; without them no rate is counted by address behind a proxy." env:"PROXIES"`
	ProxyProtocolFrom []string `help:"Addresses or networks (CIDR) of balancers in front that pass TLS through: what comes from there must begin with a PROXY header of version 2, whose address then is the client's. What comes from elsewhere has none." env:"PROXY_PROTOCOL_FROM"`
	Docs              string   `help:"Serve the API's document at /openapi.json and a page of it at /docs: on, off, or auto, which is on where only loopback is listened to." default:"auto" enum:"auto,on,off" env:"DOCS"`

	OperationsListen string `help:"Address of the operations listener, which alone then has /readyz and /metrics: for the operator's own network. Without it they are served only where everything is on loopback and no proxy stands in front." env:"OPERATIONS_LISTEN"`

	OTLPEndpoint string   `name:"otlp-endpoint" help:"Base URL of the operator's own OTLP collector, to which traces are sent (OTLP/HTTP); plain HTTP on loopback only. Without it there are no traces." env:"OTLP_ENDPOINT"`
	OTLPRatio    *float64 `name:"otlp-ratio" help:"The part of all requests that is traced, from 0, which is none, to 1." default:"1" env:"OTLP_RATIO"`

	LogLevel string `help:"Least level of what is logged." default:"info" enum:"debug,info,warn,error" env:"LOG_LEVEL"`

	proxied, local bool
}

// At completes the configuration with what it decides by: whether a proxy stands in front,
// as it does where one is named, and the addresses (host:port) that the service listens on.
func (e Edge) At(behindProxy bool, addresses ...string) Edge {
	e.proxied = behindProxy || len(e.Proxies) > 0
	e.local = !e.proxied && len(e.ProxyProtocolFrom) == 0
	for _, a := range addresses {
		e.local = e.local && OnLoopback(a)
	}
	return e
}

// operates says whether the protocol's own listeners have /readyz and /metrics: where
// nobody but this machine reaches them, and no listener of their own was asked for.
func (e Edge) operates() bool { return e.local && e.OperationsListen == "" }

// Check gives to fault what is wrong with each setting, nil where nothing is.
func (e Edge) Check(fault func(setting string, err error)) {
	_, err := e.networks()
	fault("proxies", err)
	_, err = e.balancers()
	fault("proxy-protocol-from", err)
	_, err = e.docs()
	fault("docs", err)
	fault("otlp-endpoint", e.traces().Check())
}

// traces is what is asked for; a ratio that was not given is 1.
func (e Edge) traces() tracing.Config {
	c := tracing.Config{Endpoint: e.OTLPEndpoint, Ratio: 1}
	if e.OTLPRatio != nil {
		c.Ratio = *e.OTLPRatio
	}
	return c
}

func (e Edge) docs() (bool, error) {
	switch e.Docs {
	case "", "auto":
		return e.local, nil
	case "on", "off":
		return e.Docs == "on", nil
	}
	return false, fmt.Errorf("docs is %q, not on, off or auto", e.Docs)
}

// shortest is the shortest prefix that a network of one's own has: 10.0.0.0/8 (RFC 1918), fc00::/7 (RFC 4193).
func shortest(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 8
	}
	return 7
}

// prefixes are the networks of a setting. One of all addresses, or nearly, is refused: whoever is in them
// says whose each request or connection is, and which peer's certificate came with it.
func prefixes(setting string, list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if ip, bad := netip.ParseAddr(text); bad == nil {
			ip = ip.Unmap()
			prefix, err = ip.Prefix(ip.BitLen())
		}
		if err != nil || prefix.Addr().Is4In6() { // one of mapped addresses would match nobody
			return nil, fmt.Errorf("%s: %q is no address and no network", setting, text)
		}
		if prefix.Bits() < shortest(prefix) {
			return nil, fmt.Errorf("%s: a network of all addresses, or nearly, lets everybody claim any; name what stands in front", setting)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

func (e Edge) networks() ([]*net.IPNet, error) {
	proxies, err := prefixes("proxies", e.Proxies)
	var out []*net.IPNet
	for _, p := range proxies {
		out = append(out, &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())})
	}
	return out, err
}

// within says whether a connection's other end (host:port) is in one of the networks.
func within(networks []netip.Prefix, remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	return err == nil && slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(at.Addr().Unmap().WithZone("")) })
}

// addressed says whether a request's address is its client's: no proxy stands in front, or
// one that says whose each request, or each connection, is.
func (e Edge) addressed() bool {
	return !e.proxied || len(e.Proxies) > 0 || len(e.ProxyProtocolFrom) > 0
}
