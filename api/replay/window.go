package replay

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed window.lua
var source string

var script = redis.NewScript(source)

const (
	startupTimeout = time.Second            // for New's one question
	reviveInterval = 100 * time.Millisecond // between tries to reach a lost Redis
)

// A Window accepts each message once. It is safe for concurrent use; Close releases its connections.
type Window struct {
	cfg   Config
	clock func() time.Time
	redis connections
	key   string

	mu       sync.Mutex // orders the start of a search for Redis and Close
	closed   context.Context
	stop     context.CancelFunc
	reviving bool
	running  sync.WaitGroup
}

// New opens the window; clock is this server's clock, the one that Fresh and StaleError.Now use.
//
// It fails if the configuration is wrong and, with [ErrEviction], if Redis answers and is set to evict. A
// Redis that does not answer is no error, so that services start in any order: until it does, nothing is
// accepted.
func New(cfg Config, clock func() time.Time) (*Window, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if clock == nil {
		return nil, errNoClock
	}
	w := &Window{cfg: cfg, clock: clock, redis: connect(cfg), key: "{rw:" + cfg.Namespace + "}:window"}
	w.closed, w.stop = context.WithCancel(context.Background())

	ctx, cancel := context.WithTimeout(w.closed, startupTimeout)
	defer cancel()
	if err := w.probe(ctx); errors.Is(err, ErrEviction) {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Close ends the window. Calls under way fail with [ErrUnavailable].
func (w *Window) Close() error {
	w.mu.Lock()
	w.stop()
	w.mu.Unlock()
	err := w.redis.Close()
	w.running.Wait()
	return err
}

// Fresh reports whether now - Past <= t <= now + Future by this server's clock, in whole milliseconds.
// It is the cheap check to make before any cryptography; Accept makes it again. The error is a [*StaleError].
func (w *Window) Fresh(t time.Time) error {
	err := w.fresh(t)
	if err != nil {
		w.cfg.Observe(kindOf(err), 0)
	}
	return err
}

func (w *Window) fresh(t time.Time) error {
	now := w.clock()
	switch age := now.UnixMilli() - t.UnixMilli(); {
	case age > w.cfg.Past.Milliseconds():
		return &StaleError{Reason: TooOld, Now: now}
	case -age > w.cfg.Future.Milliseconds():
		return &StaleError{Reason: FromFuture, Now: now}
	}
	return nil
}

// Accept takes a message stamped t, in milliseconds, under its id, at most once among all windows
// of this namespace. nil means: it is new, and it will be refused from now on. Otherwise the error is
// [ErrReplayed], [ErrStale] or [ErrUnavailable], and the caller must not act on the message.
//
// The caller has verified the sender's signature over t and everything in the id: a stranger must not be
// able to fill the window, nor to burn somebody's id. It takes at most Config.Timeout.
func (w *Window) Accept(ctx context.Context, id [16]byte, t time.Time) error {
	if err := w.Fresh(t); err != nil {
		return err
	}
	start := time.Now()
	err := w.decide(ctx, id, t)
	w.cfg.Observe(kindOf(err), max(time.Since(start), 1))
	return err
}

func (w *Window) decide(ctx context.Context, id [16]byte, t time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	v, err := w.ask(ctx, w.redis, string(id[:]), t)
	if err != nil {
		return err
	}
	return w.judge(v)
}

// Ready reports, for a readiness probe, whether a message stamped now would be taken: Redis answers in
// time, is writable, has room, does not evict, agrees on the time, and its floor has been passed.
// All its errors match [ErrUnavailable].
func (w *Window) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	err := w.probe(ctx)
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	return unavailable(err)
}

// Time is the clock of the Redis that holds the window. The error matches [ErrUnavailable].
func (w *Window) Time(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	node, err := w.redis.node(ctx, w.key)
	if err != nil {
		return time.Time{}, unavailable(err)
	}
	now, err := node.Time(ctx).Result()
	if err != nil {
		return time.Time{}, unavailable(err)
	}
	return now, nil
}

// PoolStats is how the connections to Redis stand.
func (w *Window) PoolStats() *redis.PoolStats { return w.redis.PoolStats() }

// A verdict is the script's answer.
type verdict struct {
	word  string
	floor int64 // ms
}

// probe is Accept of a message stamped now that is not remembered.
func (w *Window) probe(ctx context.Context) error {
	v, err := w.ask(ctx, w.redis, "", w.clock())
	if err != nil {
		return err
	}
	return w.judge(v)
}

// ask runs the script once. EVALSHA that meets an empty script cache answers NOSCRIPT before anything is
// executed, so EVAL after it cannot be a second insertion.
func (w *Window) ask(ctx context.Context, c connections, id string, t time.Time) (verdict, error) {
	node, err := c.node(ctx, w.key)
	if err != nil {
		return verdict{}, w.failed(ctx, c, err)
	}
	reply, err := script.Run(ctx, node, []string{w.key}, id, t.UnixMilli(), w.clock().UnixMilli(),
		w.cfg.Past.Milliseconds(), w.cfg.Future.Milliseconds(), MaxSkew.Milliseconds()).Slice()
	if err != nil {
		return verdict{}, w.failed(ctx, c, err)
	}
	return parse(reply)
}

func parse(reply []any) (verdict, error) {
	if len(reply) == 2 {
		word, isWord := reply[0].(string)
		floor, isNumber := reply[1].(int64)
		if isWord && isNumber {
			return verdict{word, floor}, nil
		}
	}
	return verdict{}, unavailable(errors.New("answer of an unknown form"))
}

// judge turns the script's word into Accept's error.
func (w *Window) judge(v verdict) error {
	switch v.word {
	case "new":
		return nil
	case "replayed":
		return ErrReplayed
	case "old":
		return w.stale(TooOld, v.floor)
	case "future":
		return w.stale(FromFuture, v.floor)
	case "floor":
		return w.stale(BelowFloor, v.floor)
	case "evicts":
		return unavailable(ErrEviction)
	case "clock":
		return unavailable(errors.New("clocks of Redis and ours differ by more than a second"))
	case "full":
		return unavailable(errors.New("out of memory"))
	default:
		return unavailable(fmt.Errorf("refused as %q", v.word))
	}
}

func (w *Window) stale(r Reason, floor int64) error {
	now := w.clock()
	wait := time.Duration(floor+1-now.UnixMilli()) * time.Millisecond
	return &StaleError{Reason: r, Now: now, Wait: max(0, wait)}
}
