package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"medunion/api/command"
	"medunion/api/keyprovider"
	"medunion/api/keyroll"
	"medunion/privatecloud/server"
)

type keyCommands struct {
	Status  keyStatus  `cmd:"" help:"Show the versions of each key, who has loaded them, and what lies under them."`
	Rotate  keyRotate  `cmd:"" help:"Roll the storage key, under which all records lie. An interrupted roll goes on where it was."`
	Renew   keyRenew   `cmd:"" help:"Renew the hospital's credential with new keys, while it serves. An interrupted renewal goes on where it was."`
	Destroy keyDestroy `cmd:"" help:"Destroy a version that nothing lies under any more."`
	Rewrap  keyRewrap  `cmd:"" help:"Seal the key file anew: under the newest version of Vault's key, another passphrase, or another provider."`
}

type keyStatus struct {
	server.KeyTools
	JSON bool `help:"One JSON object."`
}

// Run prints the status.
func (k *keyStatus) Run(ctx context.Context) error {
	return refused(k.With(ctx, func(w *keyroll.Roll) error {
		s, err := w.Status(ctx)
		if err != nil {
			return err
		}
		all, err := k.Credentials(ctx)
		if err != nil {
			return err
		}
		if k.JSON {
			e := json.NewEncoder(os.Stdout)
			e.SetIndent("", "  ")
			return e.Encode(struct {
				keyroll.Status
				Credentials server.Credentials `json:"credentials"`
			}{s, all})
		}
		return errors.Join(printStatus(s), printCredentials(all))
	}))
}

func printStatus(s keyroll.Status) error {
	fmt.Printf("generation %d, %d instances, %d behind; the file is sealed by: %s\n", s.Generation, s.Instances, s.Behind, s.Provider)
	if s.Newest > s.Wrapped {
		fmt.Printf("the provider has version %d, the file lies under %d: rewrap\n", s.Newest, s.Wrapped)
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tVERSION\tSTATE\tSINCE\tKEPT UNTIL\tDOCUMENTS")
	for _, v := range s.Keys {
		documents := "-"
		if v.Documents != nil {
			documents = fmt.Sprint(*v.Documents)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", v.Key, v.Version, v.State, stamp(v.Since), stamp(v.Until), documents)
	}
	return t.Flush()
}

func stamp(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

type keyRotate struct {
	server.KeyTools
	command.Confirmation
	Key  string        `arg:"" help:"storage."`
	Wait time.Duration `help:"How long to wait for the instances, and for what lies under older versions." default:"5m"`
}

// Run rolls the key.
func (k *keyRotate) Run(ctx context.Context) error {
	return refused(k.With(ctx, func(w *keyroll.Roll) error {
		words, err := w.Next(ctx, k.Key)
		if err != nil {
			return err
		}
		if k.DryRun {
			fmt.Println(words)
			return nil
		}
		if err := k.Confirm("The key " + k.Key + " is rolled. The old version stays until it is destroyed."); err != nil {
			return err
		}
		return w.Rotate(ctx, k.Key, k.Wait, func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
	}))
}

type keyDestroy struct {
	server.KeyTools
	command.Confirmation
	Key     string `arg:"" help:"storage, or identity: the keys of a credential."`
	Version uint32 `required:"" help:"Number of the version."`
}

// Run destroys the version.
func (k *keyDestroy) Run(ctx context.Context) error {
	if k.Key == identityName {
		return k.identity(ctx)
	}
	return refused(k.With(ctx, func(w *keyroll.Roll) error {
		if err := w.CheckDestroy(ctx, k.Key, k.Version); err != nil {
			return err
		}
		if k.DryRun {
			fmt.Printf("would destroy version %d of %s\n", k.Version, k.Key)
			return nil
		}
		if err := k.Confirm(fmt.Sprintf("Version %d of %s is destroyed, for good: backups of the database that lie under it can then be read with a backup of the key file only.", k.Version, k.Key)); err != nil {
			return err
		}
		if err := w.Destroy(ctx, k.Key, k.Version); err != nil {
			return err
		}
		fmt.Printf("version %d of %s is destroyed\n", k.Version, k.Key)
		return nil
	}))
}

type keyRewrap struct {
	server.KeyTools
	command.Confirmation
	NewPassphraseFile string             `help:"File whose first line seals the key file from now on." env:"PRIVATECLOUD_NEW_PASSPHRASE_FILE"`
	New               keyprovider.Config `embed:"" prefix:"new-" envprefix:"PRIVATECLOUD_NEW_"`
	Unseal            bool               `help:"Leave the key file in the clear, protected by its mode only."`
}

// Run seals the key file anew.
func (k *keyRewrap) Run(ctx context.Context) error {
	to, err := keyprovider.Target{Now: k.KeyProvider, NowPassphrase: k.PassphraseFile, New: k.New, NewPassphrase: k.NewPassphraseFile, Unseal: k.Unseal}.Open()
	if err != nil {
		return command.Refuse("%w", err)
	}
	if k.DryRun {
		fmt.Println("would seal the key file anew")
		return nil
	}
	if err := k.Confirm("The key file is sealed anew. Services that are told of the old provider or passphrase do not start any more."); err != nil {
		return err
	}
	if err := k.Rewrap(ctx, to); err != nil {
		return err
	}
	fmt.Println("the key file is sealed anew")
	return nil
}

// refused is code 2 for what was not tried.
func refused(err error) error {
	for _, r := range keyroll.Refusals {
		if errors.Is(err, r) {
			return command.Refuse("%w", err)
		}
	}
	return err
}
