package settings

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"medunion/api/httpserver"
	"medunion/api/secretfile"
)

// DevWarning is logged by every service that starts with --dev.
const DevWarning = "development: insecure settings are allowed, and nothing that is stored here is safe"

// Problems is all that is wrong with a configuration, one line each: the setting, what is
// wrong, what to do. It never quotes a secret.
type Problems []string

// Error implements error.
func (p Problems) Error() string {
	if len(p) == 1 {
		return "configuration: " + p[0]
	}
	return fmt.Sprintf("configuration: %d problems:\n  %s", len(p), strings.Join(p, "\n  "))
}

// ExitCode ends a program with 2: nothing was tried.
func (Problems) ExitCode() int { return 2 }

// Guard collects problems. Its methods are named after what they look at; setting is the
// name of the flag without its dashes.
//
// With Dev it allows what is insecure, and demands in return that nothing but this
// machine is listened to or spoken with.
type Guard struct {
	Dev      bool
	problems Problems
}

// Err is nil, or all problems.
func (g *Guard) Err() error {
	if len(g.problems) == 0 {
		return nil
	}
	return g.problems
}

// Fault notes what is wrong in any mode; no error is none.
func (g *Guard) Fault(setting string, err error) {
	if err != nil {
		g.problems = append(g.problems, "--"+setting+": "+err.Error())
	}
}

// Insecure notes what only --dev allows.
func (g *Guard) Insecure(setting, what, remedy string) {
	if !g.Dev {
		g.Fault(setting, fmt.Errorf("%s; %s (--dev allows it for development)", what, remedy))
	}
}

// away notes that something is off this machine, which --dev forbids, and says whether it
// has done so.
func (g *Guard) away(setting, address string) bool {
	if g.Dev {
		g.Fault("dev", fmt.Errorf("--%s is %s, beyond this machine; development stays on loopback", setting, address))
	}
	return g.Dev
}

// Listener looks at an address to listen on (host:port), and at whether it speaks TLS or
// stands behind a proxy that does.
func (g *Guard) Listener(setting, address string, protected bool) {
	host, _, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		g.Fault(setting, errors.New("it is no host:port"))
	case !httpserver.LoopbackHost(host) && !g.away(setting, address) && !protected:
		g.Fault(setting, errors.New("plain HTTP beyond loopback; speak TLS: give --tls-cert and --tls-key, or --behind-tls if a proxy speaks TLS"))
	}
}

// Local looks at an address that may be on loopback only.
func (g *Guard) Local(setting, address string) {
	if host, _, err := net.SplitHostPort(address); err != nil || !httpserver.LoopbackHost(host) {
		g.Fault(setting, errors.New("it must be a loopback address, such as 127.0.0.1:8083"))
	}
}

// Peer looks at the base URL of another service.
func (g *Guard) Peer(setting, address string) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "":
		g.Fault(setting, errors.New("it is no base URL, such as https://cloud.example"))
	case u.User != nil:
		g.Fault(setting, errors.New("it holds a user or password, which nobody reads; take them out"))
	case !httpserver.LoopbackHost(u.Hostname()) && !g.away(setting, u.Host) && u.Scheme != "https":
		g.Fault(setting, errors.New("plain HTTP beyond loopback; use https"))
	}
}

// Origin looks at the address at which people know a service: a name that a browser may
// be given, which need not be this machine.
func (g *Guard) Origin(setting, origin string) {
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		g.Fault(setting, errors.New("it is no origin, such as https://portal.example"))
	case u.Scheme != "https" && (u.Scheme != "http" || !httpserver.LoopbackHost(u.Hostname())):
		g.Fault(setting, errors.New("it must be https, or http on loopback"))
	}
}

// Front looks at a public address, which may be empty, beside the listeners (host:port).
// Where it is not this machine's and they are, a proxy stands in front that the service was
// not told of, and would take for a client on this machine.
func (g *Guard) Front(setting, public string, protected bool, listeners ...string) {
	u, err := url.Parse(public)
	if err != nil || u.Host == "" || protected || httpserver.LoopbackHost(u.Hostname()) || !all(listeners, httpserver.OnLoopback) {
		return
	}
	g.Insecure(setting, "it is "+u.Host+", and the service listens on loopback alone, so a proxy stands in front", "give --behind-tls and --proxies")
}

func all(texts []string, is func(string) bool) bool {
	return !slices.ContainsFunc(texts, func(t string) bool { return !is(t) })
}

// Peers looks at who keeps out those that are no peers, where a proxy stands in front.
func (g *Guard) Peers(p httpserver.Peering, t httpserver.TLS, e httpserver.Edge) {
	proxied := t.Proxied(e)
	switch {
	case p.AtProxy && p.File != "":
		g.Fault("peers-at-proxy", errors.New("the list of --peers says that this service knows them; leave one out"))
	case p.AtProxy && !proxied:
		g.Fault("peers-at-proxy", errors.New("there is no proxy; give --behind-tls or --proxies, or leave it out"))
	case !proxied && len(e.ProxyProtocolFrom) > 0 && p.File == "":
		g.Insecure("peers", "a balancer stands in front, and whoever passes it may call what is for peers", "give the list")
	case proxied && p.File == "" && !p.AtProxy:
		g.Insecure("peers", "a proxy stands in front, and whoever passes it may call what is for peers",
			"give the list, and --proxies that hand on Client-Cert, or --peers-at-proxy if the proxy knows the peers")
	}
}

// Issuer looks at the name of who signs tokens or certificates. The development authority
// and the operators of the one-command run have the word development in theirs, and
// their signatures are good for no other name.
func (g *Guard) Issuer(setting, name string) {
	switch {
	case name == "":
		g.Fault(setting, errors.New("it is empty"))
	case strings.Contains(strings.ToLower(name), "development"):
		g.Insecure(setting, "it names a development issuer, whose keys protect nothing", "name your own, with its key set")
	}
}

// Keys looks at how a key file is protected: by a key provider, or by the passphrase in a
// file that only the service reads.
func (g *Guard) Keys(setting, passphraseFile string, provided bool) {
	if provided {
		return
	}
	if passphraseFile == "" {
		g.Insecure(setting, "the file is not sealed, and a copy of the disk is a copy of the keys", "give --passphrase-file or, where there is one, --key-provider")
		return
	}
	p, err := secretfile.Passphrase(passphraseFile)
	g.Fault("passphrase-file", err)
	if err == nil && weak(string(p)) {
		g.Insecure("passphrase-file", "the passphrase can be guessed", remedyWeak)
	}
}

// Development looks at the mode in which a service makes messages for testers.
func (g *Guard) Development(on bool) {
	if on {
		g.Insecure("development", "it makes messages for testers, faulty ones too", "leave it out")
	}
}

// Store is a database as a configuration describes it.
type Store struct {
	Addrs         []string // host:port; one that begins with / is a socket of this machine
	TLS           bool
	Authenticated bool
	Password      string // "" if it authenticates otherwise
	Discovers     bool   // what answers there names further members, which are spoken with too
}

// Mongo looks at a MongoDB, of which err says that nobody could describe it.
func (g *Guard) Mongo(s Store, err error) {
	g.Fault("mongo-uri", err)
	g.Store("mongo-uri", s, "add tls=true", "put a user and a password, or a certificate, into it", "directConnection=true, for a single server on this machine")
}

// Store looks at a database. The remedies say how this one is given TLS and a user, and
// what keeps it from members that it names itself.
func (g *Guard) Store(setting string, s Store, remedyTLS, remedyUser, remedyAlone string) {
	remote := s.remote()
	switch {
	case remote != "" && g.away(setting, remote):
		return
	case remote != "":
		remote += " is beyond this machine"
	case s.Discovers && !g.Dev:
		remote = "each member that it names may be beyond this machine"
		remedyTLS, remedyUser = remedyTLS+", or "+remedyAlone, remedyUser+", or "+remedyAlone
	default:
		return
	}
	if !s.TLS {
		g.Fault(setting, fmt.Errorf("%s and spoken with in the clear; %s", remote, remedyTLS))
	}
	if !s.Authenticated {
		g.Fault(setting, fmt.Errorf("%s and lets everybody in; %s", remote, remedyUser))
	}
	if s.Authenticated && s.Password != "" && weak(s.Password) {
		g.Fault(setting, errors.New("its password can be guessed; "+remedyWeak))
	}
}

// remote is an address that is not on this machine, "" if all are.
func (s Store) remote() (remote string) {
	for _, a := range s.Addrs {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			host = strings.Trim(a, "[]")
		}
		if !strings.HasPrefix(a, "/") && !httpserver.LoopbackHost(host) {
			remote = a
		}
	}
	return remote
}
