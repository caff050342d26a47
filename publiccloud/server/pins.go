package server

import (
	"context"

	"medunion/api/message"
)

// ReadPins is what every other party must hold of the public cloud of this configuration,
// from its key file, which must exist. It needs no store and no other machine than that
// of the key provider.
func ReadPins(ctx context.Context, c Config) (message.Pins, error) {
	c = c.withDefaults()
	f, err := keyFile(c.Keys, c.PassphraseFile, c.KeyProvider, c.Rand)
	if err != nil {
		return message.Pins{}, err
	}
	r, err := f.Load(ctx)
	if err != nil {
		return message.Pins{}, err
	}
	k, err := keysOf(r, message.ID(c.ID))
	return k.roots.Pins, err
}
