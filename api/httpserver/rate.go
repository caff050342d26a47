package httpserver

import (
	"crypto/sha256"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"medunion/api/problem"
)

// Rate is how many requests a minute one caller may send, and how many at once. Zero is
// no limit.
type Rate struct {
	Address  int `json:"address"`  // from one IPv4 address, or one IPv6 network of 64 bits
	Identity int `json:"identity"` // with the token or capability of one party
}

// maxBuckets bounds the callers that are remembered: 8 MB at the most. Beyond it, new
// callers share one bucket for each operation until others are forgotten.
const maxBuckets = 1 << 16

const identityKey = "httpserver identity"

// SetIdentity says whose request this is, for the rate of one identity. An Authenticator
// calls it when it lets a request in. It is kept as a hash and shown nowhere.
func SetIdentity(c echo.Context, id string) { c.Set(identityKey, id) }

// bucketID names a caller and what is counted; the caller is a hash.
type bucketID struct {
	operation, policy string
	caller            [16]byte
}

// limiter counts requests in this process's memory. Several instances of a service behind
// a balancer count each for themselves: what bounds a caller's power over data stands in
// the stores (uses of a consent, tries of a code), not here.
type limiter struct {
	scale float64
	now   func() time.Time

	mu      sync.Mutex
	buckets map[bucketID]*rate.Limiter
}

func newLimiter(scale float64) *limiter {
	if scale == 0 {
		scale = 1
	}
	return &limiter{scale: scale, now: time.Now, buckets: map[bucketID]*rate.Limiter{}}
}

// byAddress counts a request by where it comes from, before anything of it is read.
func (l *limiter) byAddress(d *document, addressed bool) echo.MiddlewareFunc {
	return l.count(d, "address", func(c echo.Context) string { return network(c, addressed) }, func(r Rate) int { return r.Address })
}

// byIdentity counts a request that was let in by whose it is.
func (l *limiter) byIdentity(d *document) echo.MiddlewareFunc {
	return l.count(d, "identity", func(c echo.Context) string { id, _ := c.Get(identityKey).(string); return id },
		func(r Rate) int { return r.Identity })
}

func (l *limiter) count(d *document, policy string, caller func(echo.Context) string, quota func(Rate) int) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if op := d.operation(c); op != nil {
				name := ""
				if op.own {
					name = op.Operation.OperationID
				}
				if err := l.take(c, name, policy, caller(c), quota(op.Rate)); err != nil {
					return err
				}
			}
			return next(c)
		}
	}
}

// take counts one request under a policy of perMinute requests, says in the header how
// many are left, and fails with TooMany when none is.
func (l *limiter) take(c echo.Context, operation, policy, caller string, perMinute int) error {
	quota := int(math.Ceil(float64(perMinute) * l.scale))
	if quota <= 0 || caller == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(caller))
	id := bucketID{operation: operation, policy: policy, caller: [16]byte(sum[:16])}
	now := l.now()
	l.mu.Lock()
	bucket := l.bucket(id, quota, now)
	allowed := bucket.AllowN(now, 1)
	left := max(bucket.TokensAt(now), 0)
	l.mu.Unlock()
	perSecond := float64(quota) / 60
	say(c, policy, quota, left, (float64(quota)-left)/perSecond)
	if !allowed {
		return problem.TooMany(time.Duration((1 - left) / perSecond * float64(time.Second)))
	}
	return nil
}

func (l *limiter) bucket(id bucketID, quota int, now time.Time) *rate.Limiter {
	if b := l.buckets[id]; b != nil {
		return b
	}
	if len(l.buckets) >= maxBuckets {
		l.forget(now)
	}
	if len(l.buckets) >= maxBuckets {
		id.caller = [16]byte{}
		if b := l.buckets[id]; b != nil {
			return b
		}
	}
	b := rate.NewLimiter(rate.Limit(float64(quota)/60), quota)
	l.buckets[id] = b
	return b
}

// forget drops the buckets that are full again: they are as good as new ones.
func (l *limiter) forget(now time.Time) {
	for id, b := range l.buckets {
		if b.TokensAt(now) >= float64(b.Burst()) {
			delete(l.buckets, id)
		}
	}
}

// say adds a policy and what is left of it to the headers (draft-ietf-httpapi-ratelimit-headers).
func say(c echo.Context, policy string, quota int, left, seconds float64) {
	h := c.Response().Header()
	h.Add("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=60", policy, quota))
	h.Add("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", policy, int(left), int(math.Ceil(seconds))))
}

// network is the address that a request came from, an IPv6 one without its host part: one
// subscriber has them all. Behind a proxy that is not named it is "": counting the proxy
// would count everybody as one.
func network(c echo.Context, addressed bool) string {
	ip, err := netip.ParseAddr(strings.TrimSpace(c.RealIP()))
	if err != nil || !addressed {
		return ""
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return ""
	}
	return prefix.String()
}
