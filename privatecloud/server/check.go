package server

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"medunion/api/certs"
	"medunion/api/message"
	"medunion/api/mongodb"
	documents "medunion/api/openapi"
	"medunion/api/replay"
	"medunion/api/secretfile"
	"medunion/api/settings"
	"medunion/ecc"
)

// Problems loads everything that the configuration names, opens nothing to others, changes
// nothing and asks no other machine. It returns all that is wrong, as settings.Problems,
// or nil.
func (c Config) Problems() error {
	c = c.withDefaults()
	g := c.guard()
	_, err := c.pins()
	g.Fault("pins", err)
	registered, err := c.checkKeys()
	g.Fault("keys", err)
	if !registered {
		g.Fault("operator-token", c.checkToken())
	}
	g.Pair(c.TLS.Cert, c.TLS.Key, c.Now())
	_, err = c.authority()
	g.Fault("authority-jwks", err)
	_, err = c.operators()
	g.Fault("operators-jwks", err)
	g.Fault("department-rules", c.checkRules())
	c.Edge.Check(g.Fault)
	g.Fault("peers", c.checkPeers())
	_, err = certs.ParsePins(c.CloudKey.CloudSPKI)
	g.Fault("cloud-spki", err)
	g.Fault("peer-cert", c.Peer.Check(c.Now()))
	if w, err := c.window(message.Parameters{}); err == nil {
		g.Fault("redis-addrs", w.Check())
	}
	return g.Err()
}

// guard looks at the settings themselves, before anything is opened.
func (c Config) guard() *settings.Guard {
	g := &settings.Guard{Dev: c.Dev}
	g.Fault("id", c.checkNames())
	if c.Keys == "" {
		g.Fault("keys", errors.New("no key file"))
	}
	if c.Releases < 1 {
		g.Fault("releases", errors.New("at least one release must fit into memory"))
	}
	protected := c.TLS.Cert != "" || c.TLS.Behind
	g.Listener("listen", c.Listen, protected)
	g.Listener("admin-listen", c.AdminListen, protected)
	if c.Edge.OperationsListen != "" {
		g.Listener("operations-listen", c.Edge.OperationsListen, protected)
	}
	g.Fault("address", c.checkAddress())
	g.Front("address", c.Address, protected, c.Listen, c.AdminListen)
	g.Peer("cloud", c.Cloud)
	g.Keys("keys", c.PassphraseFile, c.KeyProvider.Remote())
	g.Issuer("authority", c.Authority)
	g.Issuer("operators", c.Operators)
	g.Peers(c.Peering, c.TLS, c.Edge)
	g.Development(c.Development)
	if c.Development && !c.local() {
		g.Fault("development", errors.New("it is for listeners and a public cloud on loopback only"))
	}
	g.Redis(settings.Redis{Addrs: c.RedisAddrs, Master: c.RedisMaster, Cluster: c.RedisCluster, TLS: c.RedisTLS, Password: c.RedisPassword})
	d, err := mongodb.Describe(c.MongoURI)
	g.Mongo(settings.Store(d), err)
	return g
}

func (c Config) checkNames() error {
	switch {
	case !message.ID(c.ID).Valid():
		return errors.New("the ID is not valid")
	case !ecc.Suite(c.Suite).Valid():
		return errors.New("the suite of a new identity is 1 or 2")
	}
	return nil
}

// checkKeys reads the key file, and says whether the hospital is registered, which it takes for
// granted of a file that only Vault opens. One that will be made need not be there.
func (c Config) checkKeys() (registered bool, err error) {
	f, err := openKeyFile(c)
	if err != nil {
		return false, err
	}
	r, err := f.Check(context.Background(), c.KeyProvider.Remote())
	switch {
	case errors.Is(err, os.ErrNotExist) && c.InitKeys:
		return false, nil
	case err != nil || c.KeyProvider.Remote():
		return err == nil, err
	}
	k, err := keysOf(r)
	if err == nil && k.draft.ID != message.ID(c.ID) {
		return false, errors.New("the key file is that of another hospital")
	}
	return k.registered, err
}

// checkToken looks at the operator's token, without which a hospital is not registered.
func (c Config) checkToken() error {
	if c.OperatorToken == "" {
		return errors.New("the hospital is not registered, and the registration needs it")
	}
	_, err := secretfile.Read(c.OperatorToken)
	return err
}

// checkPeers holds the list of peers against the operations of the service's document.
func (c Config) checkPeers() error {
	spec, err := documents.Load(documents.PrivateCloud)
	if err != nil {
		return err
	}
	return c.Peering.Check(spec, c.Logger, c.TLS, c.Edge, c.Listen)
}

// checkRules reads the rules. Whether their departments are those of the public
// parameters is known only when these have been fetched.
func (c Config) checkRules() error {
	if c.DepartmentRules == "" {
		return nil
	}
	b, err := os.ReadFile(c.DepartmentRules)
	if err == nil && !json.Valid(b) {
		err = errors.New("it is no JSON")
	}
	return err
}

// refuseEmbedded asks the stores whether they are those of the one-command run.
func (c Config) refuseEmbedded(ctx context.Context) error {
	if c.Dev {
		c.Logger.Warn(settings.DevWarning)
		return nil
	}
	w, err := c.window(message.Parameters{})
	if err == nil {
		err = replay.RefuseEmbedded(ctx, w)
	}
	if err != nil {
		return err
	}
	return mongodb.RefuseEmbedded(ctx, c.MongoURI)
}
