// Package keyring is the form of a service's key file: every key of the service with its
// versions, each in a state, and the steps by which one version takes the place of
// another while instances run that have not heard of it yet.
//
// A roll has two phases. A new version is first only accepted (Next): instances that
// load the ring can read under it. When all can, it becomes Current, and the older one
// Retiring: it reads and makes nothing new. When nothing lies under the older one any
// more it is Destroyed: its secret leaves the ring, its number stays, so that it is never
// given again. Each step is one change of one file, and raises the ring's generation by one.
package keyring

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// SecretSize is the size in bytes of a drawn secret.
const SecretSize = 32

// State is how far a version has come.
type State uint8

// The states, in their order.
const (
	Next      State = iota + 1 // accepted; makes nothing yet
	Current                    // makes what is new
	Retiring                   // reads what is old, until it may be destroyed
	Destroyed                  // its number only
)

var states = [...]string{Next: "next", Current: "current", Retiring: "retiring", Destroyed: "destroyed"}

// String is the state's name.
func (s State) String() string {
	if !s.valid() {
		return "unknown"
	}
	return states[s]
}

func (s State) valid() bool { return s >= Next && s <= Destroyed }

// Errors of the steps. Nothing is changed by a step that fails.
var (
	ErrUnknown = errors.New("the ring has no such key or version")
	ErrState   = errors.New("the version is not in a state that allows it")
	ErrEarly   = errors.New("the version may not be destroyed yet")
)

// Version is one version of a key.
type Version struct {
	Number     uint32 // from 1, rising
	State      State
	Generation uint64    // of the ring when it came into its state
	Since      time.Time // when it came into its state, in milliseconds
	Until      time.Time // Retiring: not destroyed before; otherwise zero
	secret     []byte
}

// SecretBytes is the secret of a version, nil of a destroyed one. It must not be changed.
func (v Version) SecretBytes() []byte { return v.secret }

// Ring is all that a key file holds. It is a value: each step returns a new one.
type Ring struct {
	Service    string // whose: "publiccloud"
	Generation uint64 // from 1, one more with each change
	format     byte
	fields     map[string][]byte
	keys       map[string][]Version // ascending numbers
}

// New is a ring without keys.
func New(service string) Ring {
	return Ring{Service: service, Generation: 1, format: format, fields: map[string][]byte{}, keys: map[string][]Version{}}
}

// Field is a value that has no versions, such as a credential; nil if it is not set.
func (r Ring) Field(name string) []byte { return r.fields[name] }

// WithField returns the ring with the field set.
func (r Ring) WithField(name string, value []byte) Ring {
	out := r.clone()
	out.fields[name] = slices.Clone(value)
	return out
}

// Changed is the ring in its next generation: for a change of fields.
func (r Ring) Changed() Ring {
	out := r.clone()
	out.Generation++
	return out
}

// WithKey returns the ring with a first version of a key, current from its beginning.
// The name must be new.
func (r Ring) WithKey(name string, secret []byte, now time.Time) Ring {
	out := r.clone()
	out.keys[name] = []Version{{Number: 1, State: Current, Generation: r.Generation, Since: millis(now), secret: slices.Clone(secret)}}
	return out
}

// Names are the names of the keys, in order.
func (r Ring) Names() []string { return sorted(r.keys) }

// Versions are all versions of a key, by number; none of a key that the ring has not.
func (r Ring) Versions(name string) []Version { return slices.Clone(r.keys[name]) }

// Current is the version that makes what is new.
func (r Ring) Current(name string) (Version, error) { return r.inState(name, Current) }

// Next is the version that waits to be current.
func (r Ring) Next(name string) (Version, error) { return r.inState(name, Next) }

func (r Ring) inState(name string, s State) (Version, error) {
	for _, v := range r.keys[name] {
		if v.State == s {
			return v, nil
		}
	}
	return Version{}, fmt.Errorf("%s has no %s version: %w", name, s, ErrUnknown)
}

// Version is a version by its number.
func (r Ring) Version(name string, number uint32) (Version, error) {
	for _, v := range r.keys[name] {
		if v.Number == number {
			return v, nil
		}
	}
	return Version{}, fmt.Errorf("version %d of %s: %w", number, name, ErrUnknown)
}

// Add draws a next version. ErrState if one waits already.
func (r Ring) Add(name string, source io.Reader, now time.Time) (Ring, error) {
	all := r.keys[name]
	if len(all) == 0 {
		return r, fmt.Errorf("%s: %w", name, ErrUnknown)
	}
	if _, err := r.Next(name); err == nil {
		return r, fmt.Errorf("%s has a next version: %w", name, ErrState)
	}
	if source == nil {
		source = rand.Reader
	}
	secret := make([]byte, SecretSize)
	if _, err := io.ReadFull(source, secret); err != nil {
		return r, err
	}
	out := r.Changed()
	out.keys[name] = append(out.keys[name], Version{Number: all[len(all)-1].Number + 1, State: Next,
		Generation: out.Generation, Since: millis(now), secret: secret})
	return out, nil
}

// Promote makes the next version current; the one that was current retires, and may be
// destroyed after hold.
func (r Ring) Promote(name string, now time.Time, hold time.Duration) (Ring, error) {
	return r.PromoteTogether(now, hold, name)
}

// Destroy takes a version's secret out of the ring: of a retiring one whose time has come
// (before: ErrEarly), or of a next one, whose roll is given up. ErrState for a current
// one. Whether anything still lies under it, the caller must know.
func (r Ring) Destroy(name string, number uint32, now time.Time) (Ring, error) {
	v, err := r.destroyable(name, number, now)
	if err != nil {
		return r, err
	}
	out := r.Changed()
	out.destroy(name, v, now)
	return out, nil
}

func (r Ring) destroyable(name string, number uint32, now time.Time) (Version, error) {
	v, err := r.Version(name, number)
	switch {
	case err != nil:
		return v, err
	case v.State != Retiring && v.State != Next:
		return v, fmt.Errorf("version %d of %s is %s: %w", number, name, v.State, ErrState)
	case v.State == Retiring && now.Before(v.Until):
		return v, fmt.Errorf("version %d of %s, until %s: %w", number, name, v.Until.UTC().Format(time.RFC3339), ErrEarly)
	}
	return v, nil
}

func (r *Ring) destroy(name string, v Version, now time.Time) {
	i := slices.IndexFunc(r.keys[name], func(x Version) bool { return x.Number == v.Number })
	gone := v.in(Destroyed, r.Generation, now, time.Time{})
	gone.secret = nil
	r.keys[name][i] = gone
}

func (v Version) in(s State, generation uint64, now, until time.Time) Version {
	v.State, v.Generation, v.Since, v.Until = s, generation, millis(now), millis(until)
	return v
}

// clone copies everything but the secrets, which nobody changes.
func (r Ring) clone() Ring {
	out := Ring{Service: r.Service, Generation: r.Generation, format: r.format, fields: make(map[string][]byte, len(r.fields)), keys: make(map[string][]Version, len(r.keys))}
	for n, f := range r.fields {
		out.fields[n] = f
	}
	for n, v := range r.keys {
		out.keys[n] = slices.Clone(v)
	}
	return out
}

func millis(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}
