// Package redisstore gives the role its replay window: api/replay, with the
// errors of the role.
package redisstore

import (
	"context"
	"errors"
	"time"

	"medunion/api/problem"
	"medunion/api/replay"
	"medunion/publiccloud/cloud"
)

// Window implements cloud.Window. It fails closed: whatever api/replay does not
// take for certain is refused.
type Window struct {
	replay *replay.Window
	now    func() time.Time
}

var _ cloud.Window = Window{}

// NewWindow adapts a window; now is the clock that was given to it.
func NewWindow(w *replay.Window, now func() time.Time) Window { return Window{replay: w, now: now} }

// Fresh implements cloud.Window.
func (w Window) Fresh(t time.Time) error { return w.problem(w.replay.Fresh(t)) }

// Accept implements cloud.Window.
func (w Window) Accept(ctx context.Context, id [16]byte, t time.Time) error {
	return w.problem(w.replay.Accept(ctx, id, t))
}

// problem turns the window's error into the role's. A replay looks like every
// other refusal.
func (w Window) problem(err error) error {
	var stale *replay.StaleError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, replay.ErrReplayed):
		return problem.Refused(err)
	case errors.As(err, &stale):
		return problem.Stale(stale.Now).Because(err)
	case errors.Is(err, replay.ErrStale):
		return problem.Stale(w.now()).Because(err)
	}
	return problem.Unavailable(time.Second, err)
}
