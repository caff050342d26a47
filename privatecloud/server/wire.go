package server

import (
	"context"
	"log/slog"

	"medunion/api/certs"
	"medunion/api/httpclient"
	"medunion/api/httpserver"
)

// wire is how the hospital speaks with the others: its listeners, who may call them, and
// what it shows and expects when it calls the public cloud.
type wire struct {
	*httpserver.Secured
	peers  *httpserver.Peers
	client httpclient.Secure
}

func (c Config) wire() (w *wire, err error) {
	w = &wire{}
	if w.Secured, err = c.TLS.Load(c.Listen, c.AdminListen); err != nil {
		return nil, err
	}
	if w.peers, err = c.Peering.Load(c.Logger, c.TLS, c.Edge, c.Listen); err != nil {
		return nil, err
	}
	if w.client.Pins, err = certs.ParsePins(c.CloudKey.CloudSPKI); err != nil {
		return nil, err
	}
	w.client.Certificate, err = c.Peer.Load(c.TLS.Cert, c.TLS.Key)
	return w, err
}

// watch takes changed files until ctx ends.
func (w *wire) watch(ctx context.Context, log *slog.Logger) {
	w.Watch(ctx, log, w.sources()...)
}

// sources are what changes beside the listeners' pair.
func (w *wire) sources() []certs.Source { return append(w.peers.Sources(), w.client.Sources()...) }
