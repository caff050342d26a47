package keyring

import (
	"fmt"
	"slices"
	"time"
)

// Keys that make sense only with each other, as those of one credential do, are rolled together: their
// versions bear one number, and a step changes all of them in one generation, so that no instance ever
// holds half of one identity and half of another.

// NextNumber is the number for a next version of several keys: higher than any that one of
// them has had.
func (r Ring) NextNumber(names ...string) uint32 {
	n := uint32(0)
	for _, name := range names {
		if all := r.keys[name]; len(all) > 0 {
			n = max(n, all[len(all)-1].Number)
		}
	}
	return n + 1
}

// AddTogether adds next versions with these secrets, by the keys' names, all of one number
// (NextNumber). ErrState if one of them waits already or has had the number. A ring with such keys is
// not read by programs that do not know of them.
func (r Ring) AddTogether(number uint32, secrets map[string][]byte, now time.Time) (Ring, error) {
	out := r.Changed()
	out.format = together
	for _, name := range sorted(secrets) {
		all := out.keys[name]
		if len(all) == 0 {
			return r, fmt.Errorf("%s: %w", name, ErrUnknown)
		}
		if _, err := r.Next(name); err == nil || all[len(all)-1].Number >= number {
			return r, fmt.Errorf("%s has a next version, or one with the number %d: %w", name, number, ErrState)
		}
		out.keys[name] = append(all, Version{Number: number, State: Next, Generation: out.Generation, Since: millis(now), secret: slices.Clone(secrets[name])})
	}
	return out, nil
}

// PromoteTogether is Promote of several keys at once.
func (r Ring) PromoteTogether(now time.Time, hold time.Duration, names ...string) (Ring, error) {
	return r.advanced(now, names, func(out *Ring, name string, i int) {
		if v := out.keys[name][i]; v.State == Current {
			out.keys[name][i] = v.in(Retiring, out.Generation, now, now.Add(hold))
		}
	})
}

// ReplaceTogether makes the next versions of several keys current and destroys every other version of them at
// once: of keys under which nothing that was begun can be finished. ErrUnknown if one has no next version.
func (r Ring) ReplaceTogether(now time.Time, names ...string) (Ring, error) {
	return r.advanced(now, names, func(out *Ring, name string, i int) {
		if v := out.keys[name][i]; v.State != Destroyed {
			out.destroy(name, v, now)
		}
	})
}

// advanced makes the next versions of several keys current; leave says what becomes of each other one.
func (r Ring) advanced(now time.Time, names []string, leave func(out *Ring, name string, i int)) (Ring, error) {
	out := r.Changed()
	for _, name := range names {
		if _, err := r.Next(name); err != nil {
			return r, err
		}
		for i, v := range out.keys[name] {
			if v.State == Next {
				out.keys[name][i] = v.in(Current, out.Generation, now, time.Time{})
			} else {
				leave(&out, name, i)
			}
		}
	}
	return out, nil
}

// DestroyTogether is Destroy of one version of several keys at once. A key that has had no version with the
// number, such as the part of a draft that was never received, is passed over; ErrUnknown if none has.
func (r Ring) DestroyTogether(number uint32, now time.Time, names ...string) (Ring, error) {
	out, found := r.Changed(), false
	for _, name := range names {
		if _, err := r.Version(name, number); err != nil {
			continue
		}
		v, err := r.destroyable(name, number, now)
		if err != nil {
			return r, err
		}
		found = true
		out.destroy(name, v, now)
	}
	if !found {
		return r, fmt.Errorf("version %d: %w", number, ErrUnknown)
	}
	return out, nil
}
