package redisstore

import (
	"context"
	"errors"
	"time"

	"medunion/api/problem"
	"medunion/api/replay"
	"medunion/privatecloud/hospital"
)

// Window gives a replay window the errors of package problem.
type Window struct{ *replay.Window }

var _ hospital.Window = Window{}

// Fresh implements hospital.Window.
func (w Window) Fresh(t time.Time) error { return translate(w.Window.Fresh(t)) }

// Accept implements hospital.Window.
func (w Window) Accept(ctx context.Context, id [16]byte, t time.Time) error {
	return translate(w.Window.Accept(ctx, id, t))
}

func translate(err error) error {
	var stale *replay.StaleError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &stale):
		return problem.Stale(stale.Now).Because(err)
	case errors.Is(err, replay.ErrReplayed):
		return problem.Refused(err)
	}
	return problem.Unavailable(time.Second, err)
}
