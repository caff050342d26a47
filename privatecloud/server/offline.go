package server

import (
	"context"
	"errors"
	"os"
	"sync"
)

// openOffline opens the stores of a registered hospital for a command that does not serve.
// It works beside running instances.
func openOffline(ctx context.Context, c Config) (*parts, error) {
	if err := c.guard().Err(); err != nil {
		return nil, err
	}
	f, err := openKeyFile(c)
	if err != nil {
		return nil, err
	}
	k, err := loadKeys(ctx, f)
	if errors.Is(err, os.ErrNotExist) || err == nil && !k.registered {
		return nil, errors.New("the hospital is not registered yet: start it once")
	}
	if err = errors.Join(err, k.unfinished); err != nil {
		return nil, err
	}
	w, err := c.wire()
	if err != nil {
		return nil, err
	}
	c.command = true
	return open(ctx, c, w, k)
}

// offline runs a command over the stores, and explains to the operator what has failed.
func offline(ctx context.Context, c Config, command func(*parts) error) error {
	p, err := openOffline(ctx, c.withDefaults())
	if err != nil {
		return err
	}
	// A command may run for long: it follows the keys as a serving instance does.
	following, stop := context.WithCancel(ctx)
	var keys sync.WaitGroup
	keys.Go(func() { p.followKeys(following) })
	if err = command(p); err != nil {
		err = explained(err)
	}
	stop()
	keys.Wait()
	return errors.Join(err, p.close())
}

// reading is offline for a command that signs nothing: evidence is read also when the credential has ended or its root is
// over, as after a registration under another ID.
func reading(ctx context.Context, c Config, command func(*parts) error) error {
	c.past = true
	return offline(ctx, c, command)
}
