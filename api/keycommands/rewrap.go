package keycommands

import (
	"context"
	"fmt"

	"medunion/api/command"
	"medunion/api/keyprovider"
)

// Rewrap are the flags of the command that seals the key file anew, beside those that name the file. A
// service embeds them with the prefix of its variables.
type Rewrap struct {
	command.Confirmation
	NewPassphraseFile string             `help:"File whose first line seals the key file from now on." env:"NEW_PASSPHRASE_FILE"`
	New               keyprovider.Config `embed:"" prefix:"new-" envprefix:"NEW_"`
	Unseal            bool               `help:"Leave the key file in the clear, protected by its mode only."`
}

// Do has rewrap seal the file, which now and passphraseFile open.
func (r Rewrap) Do(ctx context.Context, now keyprovider.Config, passphraseFile string, rewrap func(context.Context, keyprovider.Provider) error) error {
	to, err := keyprovider.Target{Now: now, NowPassphrase: passphraseFile, New: r.New, NewPassphrase: r.NewPassphraseFile, Unseal: r.Unseal}.Open()
	if err != nil {
		return command.Refuse("%w", err)
	}
	ahead, err := r.Ahead("would seal the key file anew", "The key file is sealed anew. Services that are told of the old provider or passphrase do not start any more.")
	if !ahead {
		return err
	}
	if err := rewrap(ctx, to); err != nil {
		return err
	}
	fmt.Println("the key file is sealed anew")
	return nil
}
