package main

import (
	"context"
	"errors"
	"fmt"

	"medunion/api/command"
	"medunion/api/message"
	"medunion/publiccloud/server"
)

type revoke struct {
	server.Revoker
	command.Confirmation
	Role       string `arg:"" enum:"doctor,hospital,patient" help:"Whose credential it is: doctor, hospital or patient (a patient's lost device)."`
	Credential string `arg:"" help:"The credential: 64 hexadecimal digits."`
	NotShown   bool   `help:"Revoke also what the public cloud does not show, such as a doctor who has not been there for days."`
	Keep       string `help:"A credential of the same line that stays good (64 hexadecimal digits): of a holder who has renewed with new keys, since somebody else may have the old ones, and may have renewed with them." xor:"line"`
	Unknown    bool   `help:"Revoke also what the public cloud has no record of: one that was issued after the backup from which it was restored. Goes with --not-shown." xor:"line"`
}

// Run revokes the credential.
func (r *revoke) Run(ctx context.Context) error {
	c, err := server.ParseCredential(r.Credential)
	if err != nil {
		return command.Refuse("%w", err)
	}
	keep, err := r.kept()
	if err != nil {
		return command.Refuse("--keep: %w", err)
	}
	who, err := r.look(ctx, c)
	if err != nil {
		return err
	}
	if r.DryRun {
		fmt.Printf("would revoke %s\n", who)
		return nil
	}
	if err := r.Confirm(r.question(who)); err != nil {
		return err
	}
	if err := r.revoke(ctx, c, keep); err != nil {
		return err
	}
	fmt.Printf("revoked: %s\n", who)
	return nil
}

func (r *revoke) kept() (keep message.Hash, err error) {
	if r.Keep == "" {
		return keep, nil
	}
	return server.ParseCredential(r.Keep)
}

func (r *revoke) revoke(ctx context.Context, c, keep message.Hash) error {
	switch {
	case r.Unknown:
		return r.RevokeUnknown(ctx, c)
	case r.Keep == "":
		return r.Revoke(ctx, c)
	}
	return r.RevokeAllBut(ctx, c, keep)
}

func (r *revoke) question(who string) string {
	if r.Keep != "" {
		return fmt.Sprintf("The credential of %s is revoked, for good, and all those by which it was renewed but the one to keep.", who)
	}
	return fmt.Sprintf("The credential of %s is revoked, for good, and all those by which it was renewed: its holder registers anew.", who)
}

func (r *revoke) look(ctx context.Context, c message.Hash) (string, error) {
	who, err := r.Look(ctx, r.Role, c)
	switch {
	case errors.Is(err, server.ErrNotShown) && r.NotShown:
		return "a " + r.Role + " who is not shown", nil
	case errors.Is(err, server.ErrNotShown):
		return "", command.Refuse("%w as a %s's: it may be revoked already, of another role, or not in use; --not-shown revokes it nevertheless", err, r.Role)
	}
	return who, err
}
