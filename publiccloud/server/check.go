package server

import (
	"context"
	"errors"
	"fmt"
	"os"

	"medunion/api/message"
	"medunion/api/mongodb"
	documents "medunion/api/openapi"
	"medunion/api/replay"
	"medunion/api/settings"
	"medunion/ecc"
)

// Problems loads everything that the configuration names, opens nothing to others and
// changes nothing. It returns all that is wrong, as settings.Problems, or nil.
func (c Config) Problems() error {
	c = c.withDefaults()
	g := c.guard()
	g.Fault("keys", c.checkKeys())
	g.Pair(c.TLS.Cert, c.TLS.Key, c.Now())
	_, err := c.authority()
	g.Fault("authority-jwks", err)
	_, err = c.operators()
	g.Fault("operators-jwks", err)
	c.Edge.Check(g.Fault)
	g.Fault("peers", c.checkPeers())
	if w, err := c.window(); err == nil {
		g.Fault("redis-addrs", w.Check())
	}
	return g.Err()
}

// guard looks at the settings themselves, before anything is opened.
func (c Config) guard() *settings.Guard {
	g := &settings.Guard{Dev: c.Dev}
	if !message.ID(c.ID).Valid() {
		g.Fault("id", errors.New("the ID is not valid"))
	}
	if c.Keys == "" {
		g.Fault("keys", errors.New("no key file"))
	}
	for _, s := range c.Suites {
		if !ecc.Suite(s).Valid() {
			g.Fault("suites", fmt.Errorf("%d is no suite: 1 or 2", s))
		}
	}
	g.Keys("keys", c.PassphraseFile, c.KeyProvider.Remote())
	protected := c.TLS.Cert != "" || c.TLS.Behind
	g.Listener("listen", c.Listen, protected)
	if c.Edge.OperationsListen != "" {
		g.Listener("operations-listen", c.Edge.OperationsListen, protected)
	}
	g.Issuer("authority", c.Authority)
	g.Issuer("operators", c.Operators)
	g.Peers(c.Peering, c.TLS, c.Edge)
	g.Redis(settings.Redis{Addrs: c.RedisAddrs, Master: c.RedisMaster, Cluster: c.RedisCluster, TLS: c.RedisTLS, Password: c.RedisPassword})
	d, err := mongodb.Describe(c.MongoURI)
	g.Mongo(settings.Store(d), err)
	return g
}

// checkKeys reads the key file. One that will be made need not be there.
func (c Config) checkKeys() error {
	f, err := keyFile(c.Keys, c.PassphraseFile, c.KeyProvider, c.Rand)
	if err == nil {
		_, err = f.Check(context.Background(), c.KeyProvider.Remote())
	}
	if errors.Is(err, os.ErrNotExist) && c.InitKeys {
		return nil
	}
	return err
}

// checkPeers holds the list of peers against the operations of the service's document.
func (c Config) checkPeers() error {
	spec, err := documents.Load(documents.PublicCloud)
	if err != nil {
		return err
	}
	return c.Peering.Check(spec, c.Logger, c.TLS, c.Edge, c.Listen)
}

// refuseEmbedded asks the stores whether they are those of the one-command run.
func (c Config) refuseEmbedded(ctx context.Context) error {
	if c.Dev {
		c.Logger.Warn(settings.DevWarning)
		return nil
	}
	w, err := c.window()
	if err == nil {
		err = replay.RefuseEmbedded(ctx, w)
	}
	if err != nil {
		return err
	}
	return mongodb.RefuseEmbedded(ctx, c.MongoURI)
}
