// Package roots keeps what a party trusts of the public cloud while the public cloud
// replaces its root: the pins of the configuration and the successions learned since,
// durable before they count.
package roots

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"medunion/api/message"
)

// Store keeps one small file with nothing secret in it.
type Store interface {
	// Read returns the content, or an error that is fs.ErrNotExist.
	Read() ([]byte, error)
	// Replace writes it whole or not at all, and returns once it is durable.
	Replace(content []byte) error
}

// Keeper is a message.Pinned that learns. Its methods may be called concurrently.
type Keeper struct {
	store Store

	learning sync.Mutex
	pins     atomic.Pointer[message.Pins]
}

// Open takes the pins of the configuration together with what the store has of them:
// neither can take a succession back that the other knows. A store about another root
// altogether, as after an emergency in which new pins were given out, is passed over and
// written anew. It fails if pins and store contradict each other.
func Open(pins message.Pins, store Store) (*Keeper, error) {
	k := &Keeper{store: store}
	k.pins.Store(&pins)
	b, err := store.Read()
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	var stored message.Pins
	if err == nil {
		err = json.Unmarshal(b, &stored)
	}
	if err != nil {
		return nil, fmt.Errorf("successions: %w", err)
	}
	if _, _, known := stored.Term(pins.First); !known || stored.CloudID != pins.CloudID {
		return k, nil
	}
	both, err := pins.Extend(stored.Successions()...)
	if err != nil {
		return nil, fmt.Errorf("successions: %w", err)
	}
	k.pins.Store(&both)
	return k, nil
}

// Pins implements message.Pinned.
func (k *Keeper) Pins() message.Pins { return *k.pins.Load() }

// Learn takes successions as the public cloud publishes them, oldest first, and reports
// whether one was new. They are durable before they count. It fails with message.ErrSuccession,
// message.ErrFork or message.ErrFormat, and nothing has changed then.
func (k *Keeper) Learn(published []string) (bool, error) {
	links, err := decode(published)
	if err != nil {
		return false, err
	}
	k.learning.Lock()
	defer k.learning.Unlock()
	before := k.Pins()
	after, err := before.Extend(links...)
	if err != nil || after.Equal(before) {
		return false, err
	}
	b, err := json.MarshalIndent(after, "", "  ")
	if err != nil {
		return false, err
	}
	if err := k.store.Replace(append(b, '\n')); err != nil {
		return false, err
	}
	k.pins.Store(&after)
	return true, nil
}

// decode reads the texts of a published list: base64url without padding.
func decode(list []string) ([]message.SignedSuccession, error) {
	raw := make([][]byte, len(list))
	for i, s := range list {
		b, err := base64.RawURLEncoding.Strict().DecodeString(s)
		if err != nil {
			return nil, fmt.Errorf("%w: succession", message.ErrFormat)
		}
		raw[i] = b
	}
	return message.DecodeSuccessions(raw)
}
