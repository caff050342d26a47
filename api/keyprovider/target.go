package keyprovider

import (
	"crypto/rand"
	"errors"
)

// Target says under what a key file is to be sealed anew.
type Target struct {
	Now           Config // what seals it now
	NowPassphrase string
	New           Config // with provider vault, or
	NewPassphrase string // the file of a passphrase, or
	Unseal        bool   // nothing; if none of the three is set, what seals it now, anew
}

// Open makes the provider; nil for Unseal. It fails where the file would come to lie in the
// clear without that having been asked for, and where more than one thing was.
func (t Target) Open() (Provider, error) {
	vault := t.New.Provider == "vault"
	asked := 0
	for _, x := range []bool{vault, t.NewPassphrase != "", t.Unseal} {
		if x {
			asked++
		}
	}
	config, file := t.Now, t.NowPassphrase
	switch {
	case asked > 1:
		return nil, errors.New("only one of another provider, another passphrase and --unseal can be meant")
	case t.Unseal:
		return nil, nil
	case vault:
		config, file = t.New, ""
	case t.NewPassphrase != "":
		config, file = Config{}, t.NewPassphrase
	}
	p, err := config.Open(file, rand.Reader)
	if err == nil && p == nil {
		err = errors.New("the key file would lie in the clear; give --unseal to mean it")
	}
	return p, err
}
