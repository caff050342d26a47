// Command transitd serves the transit engine of HashiCorp Vault on loopback, for tests:
// the engine's own code, and that of the AppRole login, over a store in memory. Tokens,
// their policies and the seal are Vault's core's in a real server; here they are a page of
// code of this program. It is a module of its own: no program of the suite links any of it.
//
// On its standard output it prints one line of JSON with its address and its root token,
// and ends when its standard input does.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/logical"
)

func main() {
	s, err := newServer(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, s)) }()
	err = json.NewEncoder(os.Stdout).Encode(map[string]string{"address": "http://" + listener.Addr().String(), "token": s.tokens.root})
	if err != nil {
		log.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// engines are Vault's backends by where they are mounted.
func engines(ctx context.Context) (map[string]engine, error) {
	out := map[string]engine{}
	for mount, make := range map[string]logical.Factory{"transit/": transit.Factory, "auth/approle/": approle.Factory} {
		storage := &logical.InmemStorage{}
		b, err := make(ctx, &logical.BackendConfig{StorageView: storage, Logger: hclog.NewNullLogger(), System: logical.TestSystemView(), BackendUUID: mount, Config: map[string]string{}})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", mount, err)
		}
		if err := b.Initialize(ctx, &logical.InitializationRequest{Storage: storage}); err != nil {
			return nil, fmt.Errorf("%s: %w", mount, err)
		}
		out[mount] = engine{b, storage}
	}
	return out, nil
}

type engine struct {
	logical.Backend
	storage logical.Storage
}
