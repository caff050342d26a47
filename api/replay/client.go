package replay

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// connections reaches the one node that holds the window's keys.
type connections interface {
	// node is the client of that node. It never retries a command by itself.
	node(ctx context.Context, key string) (*redis.Client, error)
	// moved says that the node's last answer, or its silence, may come from an outdated map.
	moved(ctx context.Context)
	PoolStats() *redis.PoolStats
	Close() error
}

// quiet drops the client library's own log: it goes to stderr in a form of its own, and after each failure
// the caller gets the error anyway.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

var silence = sync.OnceFunc(func() { redis.SetLogger(quiet{}) })

// connect dials nothing yet.
func connect(c Config) connections {
	silence()
	o := c.universal()
	switch {
	case c.Cluster:
		cluster := o.Cluster()
		// Failovers are found by asking: the library's minute would leave the dead master dialled that long.
		cluster.ClusterStateReloadInterval = time.Second
		client := redis.NewClusterClient(cluster)
		client.OnNewNode(c.hook)
		return clusterNodes{client}
	case c.MasterName != "":
		return c.one(redis.NewFailoverClient(o.Failover()))
	default:
		return c.one(redis.NewClient(o.Simple()))
	}
}

func (c Config) one(client *redis.Client) connections {
	c.hook(client)
	return oneNode{client}
}

func (c Config) hook(client *redis.Client) {
	if c.Hook != nil {
		client.AddHook(c.Hook)
	}
}

func (c Config) universal() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs:            c.Addrs,
		MasterName:       c.MasterName,
		DB:               c.DB,
		Username:         c.Username,
		Password:         c.Password,
		SentinelUsername: c.SentinelUsername,
		SentinelPassword: c.SentinelPassword,
		TLSConfig:        c.TLS,
		PoolSize:         c.PoolSize,

		// A retry after a broken connection would meet the id that the first try inserted, and call a new
		// message a replay.
		MaxRetries:    -1,
		DialerRetries: 1,

		ContextTimeoutEnabled: true,
		DialTimeout:           time.Second, // goes on behind a call that has given up
		ReadTimeout:           c.Timeout,
		WriteTimeout:          c.Timeout,

		// Neither is in the ACL user's list, and neither is needed.
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// oneNode is a single server, or whichever server the Sentinels call the master.
type oneNode struct{ *redis.Client }

func (n oneNode) node(context.Context, string) (*redis.Client, error) { return n.Client, nil }
func (n oneNode) moved(context.Context)                               {}

// clusterNodes finds the key's master and speaks to it directly. Redis answers MOVED, ASK and TRYAGAIN
// instead of executing, so following them could not insert twice. The library's loop that follows them,
// however, also sends a command again after a broken connection, where it may have been executed. So a
// redirect is a refusal here, and the map is read anew for the next call.
type clusterNodes struct{ *redis.ClusterClient }

func (n clusterNodes) node(ctx context.Context, key string) (*redis.Client, error) {
	return n.MasterForKey(ctx, key)
}

func (n clusterNodes) moved(ctx context.Context) { n.ReloadState(ctx) }
