package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/vault/sdk/logical"
)

// server is the little of Vault's core that the engines need around them.
type server struct {
	engines map[string]engine
	tokens  *tokens
	sealed  atomic.Bool
}

func newServer(ctx context.Context) (*server, error) {
	e, err := engines(ctx)
	return &server{engines: e, tokens: newTokens()}, err
}

// ServeHTTP answers as Vault does: 503 sealed, 403 without a token that may, 404 for a path
// of nobody.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/")
	if !ok {
		fail(w, http.StatusNotFound)
		return
	}
	token := r.Header.Get("X-Vault-Token")
	root := token == s.tokens.root
	switch {
	case root && (path == "sys/seal" || path == "sys/unseal"): // a real unseal asks for its key shares
		s.sealed.Store(path == "sys/seal")
		w.WriteHeader(http.StatusNoContent)
	case s.sealed.Load():
		fail(w, http.StatusServiceUnavailable)
	case path == "auth/approle/login":
		s.engine(w, r, path)
	case !s.tokens.may(token, r.Method, path):
		fail(w, http.StatusForbidden, "permission denied")
	case strings.HasPrefix(path, "auth/token/"):
		s.tokens.serve(w, r, strings.TrimPrefix(path, "auth/token/"))
	default:
		s.engine(w, r, path)
	}
}

// engine hands a request to the backend of its path.
func (s *server) engine(w http.ResponseWriter, r *http.Request, path string) {
	for mount, e := range s.engines {
		if rest, ok := strings.CutPrefix(path, mount); ok {
			s.handle(w, r, e, mount, rest)
			return
		}
	}
	fail(w, http.StatusNotFound)
}

func (s *server) handle(w http.ResponseWriter, r *http.Request, e engine, mount, path string) {
	q := &logical.Request{Path: path, MountPoint: mount, Storage: e.storage, Data: map[string]any{}, Connection: &logical.Connection{RemoteAddr: "127.0.0.1"},
		Operation: map[string]logical.Operation{"GET": logical.ReadOperation, "POST": logical.UpdateOperation, "PUT": logical.UpdateOperation, "DELETE": logical.DeleteOperation}[r.Method]}
	if r.Method == "POST" || r.Method == "PUT" {
		if err := json.NewDecoder(r.Body).Decode(&q.Data); err != nil && r.ContentLength > 0 {
			fail(w, http.StatusBadRequest, "malformed JSON")
			return
		}
		checked, exists, err := e.HandleExistenceCheck(r.Context(), q)
		if err == nil && checked && !exists {
			q.Operation = logical.CreateOperation
		}
	}
	answer, err := e.HandleRequest(r.Context(), q)
	switch {
	case errors.Is(err, logical.ErrUnsupportedPath), errors.Is(err, logical.ErrUnsupportedOperation):
		fail(w, http.StatusNotFound)
	case errors.Is(err, logical.ErrPermissionDenied):
		fail(w, http.StatusForbidden, err.Error())
	case err != nil || answer.IsError():
		if answer.IsError() {
			err = answer.Error()
		}
		fail(w, http.StatusBadRequest, err.Error())
	case answer == nil && r.Method == "GET":
		fail(w, http.StatusNotFound)
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
	case answer.Auth != nil:
		give(w, map[string]any{"auth": s.tokens.issue(answer.Auth)})
	default:
		give(w, map[string]any{"data": answer.Data})
	}
}

func give(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, words ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": append([]string{}, words...)})
}
