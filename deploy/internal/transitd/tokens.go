package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// tokens are those that hold. All but the root's may do what a service may: use the
// transit keys, and look after themselves.
type tokens struct {
	root string

	mu    sync.Mutex
	alive map[string]*life
}

type life struct {
	ttl  time.Duration
	ends time.Time
}

func newTokens() *tokens { return &tokens{root: "hvs." + rand.Text(), alive: map[string]*life{}} }

func (t *tokens) may(token, method, path string) bool {
	if token == t.root {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.alive[token]; l == nil || time.Now().After(l.ends) {
		return false
	}
	for _, p := range []string{"transit/encrypt/", "transit/decrypt/", "auth/token/lookup-self", "auth/token/renew-self"} {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return method == http.MethodGet && strings.HasPrefix(path, "transit/keys/")
}

func (t *tokens) add(ttl time.Duration) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	token := "hvs." + rand.Text()
	t.alive[token] = &life{ttl, time.Now().Add(ttl)}
	return token
}

// issue makes a token of what a login gives.
func (t *tokens) issue(a *logical.Auth) map[string]any {
	ttl := a.TTL
	if ttl == 0 {
		ttl = time.Hour
	}
	return t.auth(t.add(ttl), ttl)
}

func (t *tokens) auth(token string, ttl time.Duration) map[string]any {
	return map[string]any{"client_token": token, "lease_duration": int(ttl.Seconds()), "renewable": true}
}

// serve answers what is asked of tokens: create and revoke by the root, lookup-self and renew-self.
func (t *tokens) serve(w http.ResponseWriter, r *http.Request, what string) {
	var in struct {
		TTL   string `json:"ttl"`
		Token string `json:"token"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	self := r.Header.Get("X-Vault-Token")
	switch what {
	case "create":
		ttl, err := time.ParseDuration(in.TTL)
		if err != nil {
			fail(w, http.StatusBadRequest, err.Error())
			return
		}
		give(w, map[string]any{"auth": t.auth(t.add(ttl), ttl)})
	case "revoke":
		t.mu.Lock()
		delete(t.alive, in.Token)
		t.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case "lookup-self":
		give(w, map[string]any{"data": map[string]any{"ttl": int(t.left(self, false).Seconds())}})
	case "renew-self":
		give(w, map[string]any{"auth": t.auth(self, t.left(self, true))})
	default:
		fail(w, http.StatusNotFound)
	}
}

// left is how long a token still lives, after it was renewed if renew is set; 0 for the root's.
func (t *tokens) left(token string, renew bool) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.alive[token]
	if l == nil {
		return 0
	}
	if renew {
		l.ends = time.Now().Add(l.ttl)
	}
	return time.Until(l.ends)
}
