package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"medunion/api/command"
	"medunion/api/keycommands"
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

type ringStatus struct {
	Generation uint64          `json:"generation"`
	Keys       []versionStatus `json:"keys"`
	Provider   string          `json:"provider"`
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
	s := ringStatus{Generation: r.Generation, Keys: versionsOf(r), Provider: provider}
	if k.JSON {
		return json.NewEncoder(os.Stdout).Encode(s)
	}
	s.print()
	return nil
}

func versionsOf(r keyring.Ring) (all []versionStatus) {
	for _, name := range r.Names() {
		for _, v := range r.Versions(name) {
			s := versionStatus{Key: name, Version: v.Number, State: v.State.String()}
			if !v.Until.IsZero() {
				s.Until = &v.Until
			}
			all = append(all, s)
		}
	}
	return all
}

func (s ringStatus) print() {
	fmt.Printf("generation %d; the file is sealed by: %s\n", s.Generation, s.Provider)
	for _, v := range s.Keys {
		until := ""
		if v.Until != nil {
			until = ", kept until " + command.Stamp(v.Until)
		}
		fmt.Printf("%s %d: %s%s\n", v.Key, v.Version, v.State, until)
	}
}

type keyRotate struct {
	server.KeyTools
	command.Confirmation
	Key string `arg:"" enum:"session" help:"session."`
}

// Run rolls the key.
func (k *keyRotate) Run(ctx context.Context) error {
	would, err := k.Next(ctx)
	if err != nil {
		return err
	}
	if ahead, err := k.Ahead(would, "The session key is rolled. The old version stays until it is destroyed."); !ahead {
		return err
	}
	return k.Rotate(ctx, keycommands.Say)
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
	ahead, err := k.Ahead(fmt.Sprintf("would destroy version %d of session", k.Version), fmt.Sprintf("Version %d of the session key is destroyed, for good.", k.Version))
	if !ahead {
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
	keycommands.Rewrap `embed:"" envprefix:"PORTAL_"`
}

// Run seals the key file anew.
func (k *keyRewrap) Run(ctx context.Context) error {
	return k.Rewrap.Do(ctx, k.KeyProvider, k.PassphraseFile, k.KeyTools.Rewrap)
}

// refusedOr is code 2 for what was not tried.
func refusedOr(err error) error {
	return command.RefuseFor(err, keyring.ErrState, keyring.ErrEarly, keyring.ErrUnknown)
}
