package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"medunion/api/command"
	"medunion/api/keyprovider"
	"medunion/api/keyring"
	"medunion/doctor-portal/server"
)

type keyCommands struct {
	Status  keyStatus  `cmd:"" help:"Show the versions of the session key."`
	Rotate  keyRotate  `cmd:"" help:"Roll the session key. An interrupted roll goes on where it was."`
	Destroy keyDestroy `cmd:"" help:"Destroy a version under which no session can hold any more."`
	Rewrap  keyRewrap  `cmd:"" help:"Seal the key file anew: under the newest version of Vault's key, another passphrase, or another provider."`
}

type keyStatus struct {
	server.KeyTools
	JSON bool `help:"One JSON object."`
}

type versionStatus struct {
	Key     string     `json:"key"`
	Version uint32     `json:"version"`
	State   string     `json:"state"`
	Until   *time.Time `json:"until,omitempty"`
}

// Run prints the status.
func (k *keyStatus) Run(ctx context.Context) error {
	f, err := k.Open()
	if err != nil {
		return err
	}
	r, err := f.Load(ctx)
	if err != nil {
		return err
	}
	provider, _, _, err := f.Sealing(ctx)
	if err != nil {
		return err
	}
	var all []versionStatus
	for _, name := range r.Names() {
		for _, v := range r.Versions(name) {
			s := versionStatus{Key: name, Version: v.Number, State: v.State.String()}
			if !v.Until.IsZero() {
				s.Until = &v.Until
			}
			all = append(all, s)
		}
	}
	if k.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"generation": r.Generation, "provider": provider, "keys": all})
	}
	fmt.Printf("generation %d; the file is sealed by: %s\n", r.Generation, provider)
	for _, s := range all {
		until := ""
		if s.Until != nil {
			until = ", kept until " + s.Until.UTC().Format(time.RFC3339)
		}
		fmt.Printf("%s %d: %s%s\n", s.Key, s.Version, s.State, until)
	}
	return nil
}

type keyRotate struct {
	server.KeyTools
	command.Confirmation
	Key string `arg:"" enum:"session" help:"session."`
}

// Run rolls the key.
func (k *keyRotate) Run(ctx context.Context) error {
	words, err := k.Next(ctx)
	if err != nil {
		return err
	}
	if k.DryRun {
		fmt.Println(words)
		return nil
	}
	if err := k.Confirm("The session key is rolled. The old version stays until it is destroyed."); err != nil {
		return err
	}
	return k.Rotate(ctx, func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
}

type keyDestroy struct {
	server.KeyTools
	command.Confirmation
	Key     string `arg:"" enum:"session" help:"session."`
	Version uint32 `required:"" help:"Number of the version."`
}

// Run destroys the version.
func (k *keyDestroy) Run(ctx context.Context) error {
	if err := k.Destroy(ctx, k.Version, true); err != nil {
		return refusedOr(err)
	}
	if k.DryRun {
		fmt.Printf("would destroy version %d of session\n", k.Version)
		return nil
	}
	if err := k.Confirm(fmt.Sprintf("Version %d of the session key is destroyed, for good.", k.Version)); err != nil {
		return err
	}
	if err := k.Destroy(ctx, k.Version, false); err != nil {
		return refusedOr(err)
	}
	fmt.Printf("version %d of session is destroyed\n", k.Version)
	return nil
}

type keyRewrap struct {
	server.KeyTools
	command.Confirmation
	NewPassphraseFile string             `help:"File whose first line seals the key file from now on." env:"PORTAL_NEW_PASSPHRASE_FILE"`
	New               keyprovider.Config `embed:"" prefix:"new-" envprefix:"PORTAL_NEW_"`
	Unseal            bool               `help:"Leave the key file in the clear, protected by its mode only."`
}

// Run seals the key file anew.
func (k *keyRewrap) Run(ctx context.Context) error {
	f, err := k.Open()
	if err != nil {
		return command.Refuse("%w", err)
	}
	to, err := keyprovider.Target{Now: k.KeyProvider, NowPassphrase: k.PassphraseFile, New: k.New, NewPassphrase: k.NewPassphraseFile, Unseal: k.Unseal}.Open()
	if err != nil {
		return command.Refuse("%w", err)
	}
	if k.DryRun {
		fmt.Println("would seal the key file anew")
		return nil
	}
	if err := k.Confirm("The key file is sealed anew. Instances that are told of the old provider or passphrase do not start any more."); err != nil {
		return err
	}
	if err := f.Rewrap(ctx, to); err != nil {
		return err
	}
	fmt.Println("the key file is sealed anew")
	return nil
}

// refusedOr is code 2 for what was not tried.
func refusedOr(err error) error {
	for _, refused := range []error{keyring.ErrState, keyring.ErrEarly, keyring.ErrUnknown} {
		if errors.Is(err, refused) {
			return command.Refuse("%w", err)
		}
	}
	return err
}
