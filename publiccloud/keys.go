package main

import (
	"context"
	"slices"

	"medunion/api/command"
	"medunion/api/keycommands"
	"medunion/api/keyroll"
	"medunion/publiccloud/server"
)

type keyCommands struct {
	keycommands.Tree[keyTools]
	Root   rootKeys  `cmd:"" help:"Have the public cloud's root, its master key and the key that signs, succeeded by another."`
	Rewrap keyRewrap `cmd:"" help:"Seal the key file anew: under the newest version of Vault's key, another passphrase, or another provider."`
}

type keyRewrap struct {
	server.KeyTools
	keycommands.Rewrap `embed:"" envprefix:"PUBLICCLOUD_"`
}

// Run seals the key file anew.
func (k *keyRewrap) Run(ctx context.Context) error {
	return k.Rewrap.Do(ctx, k.KeyProvider, k.PassphraseFile, k.KeyTools.Rewrap)
}

// keyTools are told of refusals that only the public cloud has.
type keyTools struct{ server.KeyTools }

// With implements keycommands.Tools.
func (t keyTools) With(ctx context.Context, do func(*keyroll.Roll) error) error {
	return refusedOr(t.KeyTools.With(ctx, do))
}

// ofTheRoot are the refusals of a succession.
var ofTheRoot = []error{server.ErrAnnounced, server.ErrTooSoon, server.ErrNoneEnded, server.ErrSucceeded}

// refusedOr is code 2 for what was not tried.
func refusedOr(err error) error {
	return command.RefuseFor(err, slices.Concat(keyroll.Refusals, ofTheRoot)...)
}
