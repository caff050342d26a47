package server

import (
	"context"
	"errors"
	"os"
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
	k, err := f.load()
	if errors.Is(err, os.ErrNotExist) || err == nil && !k.registered {
		return nil, errors.New("the hospital is not registered yet: start it once")
	}
	if err != nil {
		return nil, err
	}
	w, err := c.wire()
	if err != nil {
		return nil, err
	}
	return open(ctx, c, w, k)
}

// offline runs a command over the stores, and explains to the operator what has failed.
func offline(ctx context.Context, c Config, command func(*parts) error) error {
	p, err := openOffline(ctx, c.withDefaults())
	if err != nil {
		return err
	}
	if err = command(p); err != nil {
		err = explained(err)
	}
	return errors.Join(err, p.close())
}
