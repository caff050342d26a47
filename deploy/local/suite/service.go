package suite

import (
	"context"
	"errors"
)

// service is a party that can be stopped and started again at its address, as its
// operator does.
type service struct {
	start func(context.Context) (stop func() error, err error)
	stop  func() error // nil while it is stopped
}

// errRunning and errStopped say that a party is already what was asked for.
var (
	errRunning = errors.New("suite: it runs")
	errStopped = errors.New("suite: it is stopped")
)

// Start starts the party and returns when it listens.
func (s *service) Start(ctx context.Context) (err error) {
	if s.stop != nil {
		return errRunning
	}
	s.stop, err = s.start(context.WithoutCancel(ctx))
	return err
}

// Stop ends the party; whoever calls it then finds nobody.
func (s *service) Stop() error {
	if s.stop == nil {
		return errStopped
	}
	stop := s.stop
	s.stop = nil
	return stop()
}

// close stops the party if it runs.
func (s *service) close() error {
	if err := s.Stop(); !errors.Is(err, errStopped) {
		return err
	}
	return nil
}
