package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"medunion/api/certs"
	"medunion/api/doctorcert"
	"medunion/api/httpclient"
	"medunion/api/replay"
	"medunion/api/settings"
)

// Problems loads everything that the configuration names, opens nothing to others, changes
// nothing and asks no other machine. It returns all that is wrong, as settings.Problems,
// or nil.
func (c Config) Problems() error {
	g := c.guard()
	_, err := c.pins()
	g.Fault("pins", err)
	g.Fault("session-key", c.checkSessionKey())
	g.Pair(c.TLS.Cert, c.TLS.Key, c.clock()())
	g.Fault("authority-jwks", c.checkAuthority())
	if c.IdleMinutes < 0 || c.IdleMinutes > longestIdle {
		g.Fault("idle-minutes", fmt.Errorf("it must be 1 to %d", longestIdle))
	}
	c.Edge.Check(g.Fault)
	_, err = certs.ParsePins(c.CloudKey.CloudSPKI)
	g.Fault("cloud-spki", err)
	g.Fault("peer-cert", c.Peer.Check(c.clock()()))
	_, err = httpclient.NewGuard(c.RelayNetworks, false)
	g.Fault("relay-networks", err)
	if w, err := c.window(); err == nil {
		g.Fault("redis-addrs", w.Check())
	}
	return g.Err()
}

// guard looks at the settings themselves, before anything is opened.
func (c Config) guard() *settings.Guard {
	g := &settings.Guard{Dev: c.Dev}
	protected := c.TLS.Cert != "" || c.TLS.Behind
	g.Listener("listen", c.Listen, protected)
	if c.Edge.OperationsListen != "" {
		g.Listener("operations-listen", c.Edge.OperationsListen, protected)
	}
	if c.Origin != "" {
		g.Origin("origin", c.Origin)
		g.Front("origin", c.Origin, protected, c.Listen)
	}
	g.Peer("cloud", c.Cloud)
	g.Keys("session-key", c.PassphraseFile, c.KeyProvider.Remote())
	g.Issuer("authority", c.Authority)
	g.Redis(settings.Redis{Addrs: c.RedisAddrs, Master: c.RedisMaster, Cluster: c.RedisCluster, TLS: c.RedisTLS, Password: c.RedisPassword})
	return g
}

func (c Config) checkAuthority() error {
	jwks, err := c.AuthorityJWKS, error(nil)
	if jwks == nil {
		jwks, err = os.ReadFile(c.AuthorityFile)
	}
	if err == nil {
		_, err = doctorcert.NewAuthority(c.Authority, jwks)
	}
	return err
}

// checkSessionKey reads the key file, which need not be there yet.
func (c Config) checkSessionKey() error {
	f, err := keyFile(c.SessionKeyFile, c.PassphraseFile, c.KeyProvider)
	if err == nil {
		_, err = f.Check(context.Background(), c.KeyProvider.Remote())
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// window is the portal's Redis as package replay describes one. The portal has no window
// in it.
func (c Config) window() (replay.Config, error) {
	t, err := c.RedisTLS.Config()
	return replay.Config{Addrs: c.RedisAddrs, MasterName: c.RedisMaster, Cluster: c.RedisCluster, Username: c.RedisUsername,
		Password: c.RedisPassword, Namespace: cmp.Or(c.Namespace, "portal"), TLS: t}, err
}

// refuseEmbedded asks the store whether it is that of the one-command run.
func (c Config) refuseEmbedded(ctx context.Context) error {
	if c.Dev {
		c.logger().Warn(settings.DevWarning)
		return nil
	}
	w, err := c.window()
	if err != nil {
		return err
	}
	return replay.RefuseEmbedded(ctx, w)
}
