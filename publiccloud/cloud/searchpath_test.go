package cloud_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

func TestMalformedSearches(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.now(), nil)
	c := w.knows(d.Suite)
	good := c.Search(d, g, w.now(), nil)
	garbage := c.Seal(message.TypeM4, w.now(), func(message.Header, ecc.KEMPublicKey) []byte { return []byte("garbage") })
	ask := c.Ask(peers.Locators(1)[0], message.Question{Kind: message.AskEntries}, w.now())
	for name, raw := range map[string][]byte{
		"nothing": nil, "one byte": {1}, "truncated": good.Raw[:len(good.Raw)-1], "trailing": append(slices.Clone(good.Raw), 0),
		"of another type": ask.Raw, "too large": bytes.Repeat(good.Raw, 60),
	} {
		_, err := w.Search(t.Context(), raw)
		if err == nil || problem.KindOf(err) != problem.KindInvalid {
			t.Errorf("%s: %v (%s)", name, err, problem.Reason(err))
		}
	}
	// What is wrong behind the seal is told to nobody.
	if _, err := w.Search(t.Context(), garbage.Raw); problem.KindOf(err) != problem.KindRefused {
		t.Errorf("garbage inside: %v (%s)", err, problem.Reason(err))
	}
}

// counted counts the operations of a search on the store. What a search must not
// touch is nil, and would panic.
type counted struct {
	cloud.Index
	cloud.Consents
	cloud.Revocations
	mu  sync.Mutex
	ops []string
}

func (c *counted) op(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops = append(c.ops, name+string(rune('0'+n)))
}

func (c *counted) Latest(ctx context.Context, l []message.Hash, skip, limit int) ([]cloud.StoredEntry, error) {
	c.op("latest", len(l))
	return c.Index.Latest(ctx, l, skip, limit)
}

func (c *counted) Count(ctx context.Context, u cloud.SearchUse) error {
	c.op("count", len(u.Tags))
	return c.Consents.Count(ctx, u)
}

func (c *counted) AnyRevoked(ctx context.Context, names []message.Hash) (bool, error) {
	c.op("revoked", len(names))
	return c.Revocations.AnyRevoked(ctx, names)
}

func TestAttack16_KnownAndUnknownLocatorsTakeTheSamePath(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	d, h := w.doctor(s, "SURGERY"), w.hospital(s)
	known, unknown := peers.Locators(3), peers.Locators(3)
	for _, sk := range known {
		w.put(h, sk)
	}
	c := w.knows(s)
	path := func(sks []ecc.SigningKey) []string {
		n := &counted{Index: w.store, Consents: w.store, Revocations: w.store}
		cfg := w.config
		cfg.Index, cfg.Consents, cfg.Revocations = n, n, n
		cfg.Registry, cfg.Log = struct{ cloud.Registry }{}, struct{ cloud.Log }{}
		fresh := peers.Must(cloud.New(cfg))
		w.ok(fresh.Rotate(t.Context()))
		g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
		_, err := fresh.Search(t.Context(), c.Search(d, g, w.now(), nil).Raw)
		w.ok(err)
		return n.ops
	}
	a, b := path(known), path(unknown)
	if !slices.Equal(a, b) || !slices.Equal(a, []string{"revoked4", "latest3", "count3"}) {
		t.Errorf("known %v, unknown %v", a, b)
	}
}

// failing is a store that does not answer.
type failing struct{ cloud.Index }

func (failing) Latest(context.Context, []message.Hash, int, int) ([]cloud.StoredEntry, error) {
	return nil, problem.Unavailable(time.Second, errors.New("down"))
}

// A search that fails for the store costs no use.
func TestFailedSearchIsNotCounted(t *testing.T) {
	w := newWorld(t)
	d, sks := w.doctor(ecc.SuiteX25519, "SURGERY"), peers.Locators(1)
	g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
	good := w.Cloud
	w.config.Index = failing{w.store}
	w.Cloud = newCloud(w)
	_, _, err := w.search(d, g, nil)
	w.wants(problem.KindUnavailable, err)
	w.Cloud = good
	if n := len(w.uses(d.Suite, sks[0], g.Consent.Hash())); n != 0 {
		t.Errorf("%d uses", n)
	}
}
