package replay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/redis/go-redis/v9"
)

// What a zero field of [Config] means, and the limit that is not configurable.
const (
	DefaultPast    = 30 * time.Second      // ΔT
	DefaultFuture  = 2 * time.Second       // δ
	DefaultTimeout = 50 * time.Millisecond // of one call
	MaxSkew        = time.Second           // between Redis' clock and ours
)

// Config says where the window lives and how wide it is. Exactly one of a single server (one address),
// Sentinel (MasterName set) and Cluster (Cluster true) is chosen.
type Config struct {
	Addrs      []string // host:port of the server, of the Sentinels, or of some cluster nodes
	MasterName string   // the master's name at the Sentinels
	Cluster    bool

	Username, Password                 string // of the ACL user, see the package comment
	SentinelUsername, SentinelPassword string
	TLS                                *tls.Config // nil: no TLS
	DB                                 int         // 0 in a cluster

	// Namespace names one window. The replicas of a service share it; two services never do. 1 to 64 of
	// a-z, 0-9 and "-": it stands in the hash tag of every key, {rw:<Namespace>}.
	Namespace string

	// The width. Replicas that share a window must agree on it: after a loss of memory the floor is put
	// above what this Future lets in.
	Past, Future time.Duration

	Timeout  time.Duration // of one call, connecting included
	PoolSize int           // connections a node; 0: the client's default, ten a processor

	// Observe, if set, is told of each decision that a caller is given, and of how long Redis
	// took for it, 0 where it was not asked. The kind is "" for a message that was taken, else
	// old, ahead, forgotten, seen or unavailable. It must return at once.
	Observe func(kind string, took time.Duration)

	// Hook, if set, goes around every command to Redis.
	Hook redis.Hook
}

var (
	namespaceForm = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

	errNoAddress   = errors.New("replay: no Redis address")
	errOneAddress  = errors.New("replay: several Redis addresses need MasterName or Cluster")
	errBothModes   = errors.New("replay: MasterName and Cluster exclude each other")
	errClusterDB   = errors.New("replay: a cluster has database 0 only")
	errNamespace   = errors.New("replay: Namespace must be 1 to 64 of a-z, 0-9 and -")
	errWidth       = errors.New("replay: Past and Future must be 1 ms to 10 minutes, in whole milliseconds")
	errNoClock     = errors.New("replay: no clock")
	errTimeoutSign = errors.New("replay: Timeout must be positive")
)

// withDefaults returns c complete and checked.
func (c Config) withDefaults() (Config, error) {
	setDefault(&c.Past, DefaultPast)
	setDefault(&c.Future, DefaultFuture)
	setDefault(&c.Timeout, DefaultTimeout)
	if c.Observe == nil {
		c.Observe = func(string, time.Duration) {}
	}
	switch {
	case len(c.Addrs) == 0:
		return c, errNoAddress
	case c.MasterName != "" && c.Cluster:
		return c, errBothModes
	case len(c.Addrs) > 1 && c.MasterName == "" && !c.Cluster:
		return c, errOneAddress
	case c.Cluster && c.DB != 0:
		return c, errClusterDB
	case !namespaceForm.MatchString(c.Namespace):
		return c, errNamespace
	case !validWidth(c.Past) || !validWidth(c.Future):
		return c, errWidth
	case c.Timeout < 0:
		return c, errTimeoutSign
	}
	return c, nil
}

// Check says what is wrong with a configuration, without reaching for a server.
func (c Config) Check() error {
	_, err := c.withDefaults()
	return err
}

func setDefault(d *time.Duration, v time.Duration) {
	if *d == 0 {
		*d = v
	}
}

func validWidth(d time.Duration) bool {
	return d >= time.Millisecond && d <= 10*time.Minute && d%time.Millisecond == 0
}

// String names the window without its credentials.
func (c Config) String() string { return fmt.Sprintf("replay window %s at %v", c.Namespace, c.Addrs) }

// GoString is String: %#v would print the passwords.
func (c Config) GoString() string { return c.String() }

// LogValue is String, for slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
