package main

import (
	"context"

	"medunion/api/keycommands"
	"medunion/privatecloud/server"
)

type keyCommands struct {
	Status     keyStatus                           `cmd:"" help:"Show the versions of each key, who has loaded them, what lies under them, and the credentials."`
	Rotate     keycommands.Rotate[server.KeyTools] `cmd:"" help:"Roll a key: ${rolled}. An interrupted roll goes on where it was."`
	Renew      keyRenew                            `cmd:"" help:"Renew the hospital's credential with new keys, while it serves. An interrupted renewal goes on where it was."`
	Reregister keyReregister                       `cmd:"" help:"Register the hospital anew, with its records, when its credential has ended or is revoked, or the public cloud's root was replaced. No instance may run. An interrupted registration goes on where it was."`
	Destroy    keyDestroy                          `cmd:"" help:"Destroy a version that nothing lies under any more."`
	Rewrap     keyRewrap                           `cmd:"" help:"Seal the key file anew: under the newest version of Vault's key, another passphrase, or another provider."`
}

type keyRewrap struct {
	server.KeyTools
	keycommands.Rewrap `embed:"" envprefix:"PRIVATECLOUD_"`
}

// Run seals the key file anew.
func (k *keyRewrap) Run(ctx context.Context) error {
	return k.Rewrap.Do(ctx, k.KeyProvider, k.PassphraseFile, k.KeyTools.Rewrap)
}
