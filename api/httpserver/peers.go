package httpserver

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/getkin/kin-openapi/openapi3"

	"medunion/api/certs"
	"medunion/api/strictjson"
)

// Peering is the part of a service's configuration that says which services of the union
// may call it. It is embedded in the service's own configuration.
type Peering struct {
	File    string `name:"peers" help:"File that lists the peers, their keys' pins, and what each may call (JSON); needed where the service speaks TLS to others. Changes are taken within 10 s, on SIGHUP at once." env:"PEERS"`
	AtProxy bool   `name:"peers-at-proxy" help:"In the place of --peers behind a proxy: the proxy lets in only peers where the API's document wants one (x-peer), or nobody is to; this service does not look." env:"PEERS_AT_PROXY"`
}

// Peer is one entry of the list: `{"name":"st-anna","pins":["sha256/..."],"operations":["writeIndexEntry"]}`.
type Peer struct {
	// Name is how the log calls the peer: lower-case letters, digits, dots and dashes.
	Name string `json:"name"`
	// Pins are of the keys of the peer's certificates: a second one while a key is exchanged.
	Pins []string `json:"pins"`
	// Operations are operationIds of the service's document whose x-peer is not none.
	Operations []string `json:"operations"`
}

// peerFile is `{"peers":[...]}`.
type peerFile struct {
	Peers []Peer `json:"peers"`
}

// Peers is the list in force. A changed file that is no list leaves it so.
type Peers struct {
	path     string
	log      *slog.Logger
	known    []string // operations that can be listed; nil before bind
	mu       sync.Mutex
	tried    *string // what was read last; nil before that
	failed   error   // of what was tried last
	current  atomic.Pointer[map[certs.Pin]*Peer]
	failures atomic.Uint64
}

// Load reads the file. Without one there is no list, and what needs a peer is open to
// everybody: that is refused where the service speaks TLS to others by itself. Behind a
// proxy the proxy may know the peers (AtProxy); if this service is to, it must know the
// proxy.
func (p Peering) Load(log *slog.Logger, t TLS, e Edge, addresses ...string) (*Peers, error) {
	switch {
	case p.File == "" && t.Cert != "" && !allOnLoopback(addresses) && !(p.AtProxy && t.Proxied(e)):
		return nil, errors.New("a service that speaks TLS to others needs the list of its peers (--peers)")
	case p.File == "":
		return nil, nil
	case t.Cert == "" && len(e.Proxies) == 0:
		return nil, errors.New("a list of peers needs TLS, or the proxies (--proxies) that say by Client-Cert who calls")
	}
	peers := &Peers{path: p.File, log: log}
	_, err := peers.Reload()
	return peers, err
}

// Check is Load for a configuration that is only looked at. It also says what the list
// names that is no operation for peers of the service's document.
func (p Peering) Check(spec *openapi3.T, log *slog.Logger, t TLS, e Edge, addresses ...string) error {
	peers, err := p.Load(log, t, e, addresses...)
	if err != nil || peers == nil {
		return err
	}
	d := &document{operations: map[string]map[string]*operation{}}
	if err := d.read(spec); err != nil {
		return err
	}
	return peers.bind(d.peerOperations())
}

// Sources is the list for Secured.Watch; none of a nil list.
func (p *Peers) Sources() []certs.Source {
	if p == nil {
		return nil
	}
	return []certs.Source{p}
}

// Name is the list's file.
func (p *Peers) Name() string { return p.path }

// Failures counts the contents of the file that were no list.
func (p *Peers) Failures() uint64 { return p.failures.Load() }

// Reload reads the file anew. An error is returned, and counted, once for each content.
func (p *Peers) Reload() (changed bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, err := os.ReadFile(p.path)
	if err != nil {
		b = []byte("unreadable: " + err.Error())
	}
	text := string(b)
	if p.tried != nil && *p.tried == text {
		return false, nil
	}
	var list map[certs.Pin]*Peer
	if err == nil {
		list, err = parsePeers(b, p.known)
	}
	p.tried, p.failed = &text, err
	if err != nil {
		p.failures.Add(1)
		return false, fmt.Errorf("peers: %w", err)
	}
	p.current.Store(&list)
	return true, nil
}

// Failing says whether the file, when it was last read, was no list.
func (p *Peers) Failing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed != nil
}

// bind says what can be listed; a list that names anything else is refused, for it is not
// what its writer meant.
func (p *Peers) bind(operations []string) error {
	p.mu.Lock()
	p.known, p.tried = operations, nil
	p.mu.Unlock()
	_, err := p.Reload()
	return err
}

// find returns nil for a key that is not listed, and for every key while there is no list.
func (p *Peers) find(pin certs.Pin) *Peer {
	list := p.current.Load()
	if list == nil {
		return nil
	}
	return (*list)[pin]
}

var peerName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,63}$`)

func parsePeers(b []byte, known []string) (map[certs.Pin]*Peer, error) {
	var f peerFile
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, errors.New(`the file is empty; a list without peers is {"peers":[]}`)
	}
	if err := strictjson.Decode(b, &f); err != nil {
		return nil, err
	}
	if f.Peers == nil {
		return nil, errors.New(`there is no member "peers"`)
	}
	list, names := map[certs.Pin]*Peer{}, map[string]bool{}
	for i := range f.Peers {
		peer := &f.Peers[i]
		if !peerName.MatchString(peer.Name) || names[peer.Name] {
			return nil, fmt.Errorf("entry %d has no name of its own of letters a to z, digits, dots and dashes", i)
		}
		names[peer.Name] = true
		if err := peer.enter(list, known); err != nil {
			return nil, fmt.Errorf("%s: %w", peer.Name, err)
		}
	}
	return list, nil
}

func (p *Peer) enter(list map[certs.Pin]*Peer, known []string) error {
	pins, err := certs.ParsePins(p.Pins)
	if err != nil {
		return err
	}
	if len(pins) == 0 || len(p.Operations) == 0 {
		return errors.New("a peer has pins and operations")
	}
	for _, pin := range pins {
		if list[pin] != nil {
			return fmt.Errorf("%s is listed twice", pin)
		}
		list[pin] = p
	}
	for _, op := range p.Operations {
		if known != nil && !slices.Contains(known, op) {
			return fmt.Errorf("there is no operation %q for peers", op)
		}
	}
	return nil
}

// peerOperations are the operations of the document that peers can be listed for.
func (d *document) peerOperations() []string {
	out := []string{}
	for _, methods := range d.operations {
		for _, op := range methods {
			if op.Peer != "" && op.Peer != peerNone {
				out = append(out, op.Operation.OperationID)
			}
		}
	}
	return out
}
