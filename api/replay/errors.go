package replay

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrReplayed: a message with this id has been accepted before.
	ErrReplayed = errors.New("replay: message seen before")

	// ErrStale: the message's time lies outside the window. The error is a [*StaleError].
	ErrStale = errors.New("replay: message time outside the window")

	// ErrUnavailable: nobody can tell now whether the message is new, so it counts as refused. Redis is away,
	// too slow, full, read-only, losing its slot, evicting, or its clock and ours differ by more than
	// [MaxSkew]. The message may have been recorded all the same: the sender has to sign a new one.
	ErrUnavailable = errors.New("replay: window unavailable")

	// ErrEviction: Redis is set to drop keys when memory is full. It comes with ErrUnavailable.
	ErrEviction = errors.New("replay: Redis may evict message ids: set maxmemory-policy noeviction")
)

// Reason says why a time was refused.
type Reason string

// The reasons.
const (
	TooOld     Reason = "too old"            // T < now - Past, by our clock or by Redis'
	FromFuture Reason = "from the future"    // T > now + Future, by our clock or by Redis'
	BelowFloor Reason = "ids were forgotten" // T <= floor: a message of that time may have been seen
)

// A StaleError refuses a time and carries what the sender needs to sign anew. It matches [ErrStale].
type StaleError struct {
	Reason Reason
	Now    time.Time     // this server's clock
	Wait   time.Duration // how long until a message stamped with the present time is taken; 0 is at once, after a fault at most Future + MaxSkew
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("%v: %s", ErrStale, e.Reason)
}

// Is reports whether target is [ErrStale].
func (e *StaleError) Is(target error) bool { return target == ErrStale }

// kindOf names an error of Accept for Config.Observe.
func kindOf(err error) string {
	var stale *StaleError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &stale):
		return map[Reason]string{TooOld: "old", FromFuture: "ahead", BelowFloor: "forgotten"}[stale.Reason]
	case errors.Is(err, ErrReplayed):
		return "seen"
	}
	return "unavailable"
}

func unavailable(cause error) error { return fmt.Errorf("%w: %w", ErrUnavailable, cause) }
