package main

import (
	"context"

	"medunion/api/keycommands"
	"medunion/privatecloud/server"
)

type keyCommands struct {
	keycommands.Tree[server.KeyTools]
	Rewrap keyRewrap `cmd:"" help:"Seal the key file anew: under the newest version of Vault's key, another passphrase, or another provider."`
}

type keyRewrap struct {
	server.KeyTools
	keycommands.Rewrap `embed:"" envprefix:"PRIVATECLOUD_"`
}

// Run seals the key file anew.
func (k *keyRewrap) Run(ctx context.Context) error {
	return k.Rewrap.Do(ctx, k.KeyProvider, k.PassphraseFile, k.KeyTools.Rewrap)
}
