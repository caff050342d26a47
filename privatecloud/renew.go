package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"medunion/api/command"
	"medunion/privatecloud/server"
)

type keyRenew struct {
	server.Config
	command.Confirmation
	Wait time.Duration `help:"How long to wait for the instances, and for the index entries." default:"5m"`
}

// Run renews the credential.
func (k *keyRenew) Run(ctx context.Context) error {
	words, err := server.NextOfRenewal(ctx, k.Config)
	if err != nil {
		return refused(err)
	}
	if k.DryRun {
		fmt.Println(words)
		return nil
	}
	if err := k.Confirm("The hospital's credential is renewed with new keys. The old keys are destroyed a day later, when nothing needs them any more."); err != nil {
		return err
	}
	return refused(server.Renew(ctx, k.Config, k.Wait, func(format string, args ...any) { fmt.Printf(format+"\n", args...) }))
}

// identityName is what `keys destroy` calls the keys of a credential, which are destroyed together.
const identityName = "identity"

func (k *keyDestroy) identity(ctx context.Context) error {
	if err := k.DestroyIdentity(ctx, k.Version, true); err != nil {
		return refused(err)
	}
	if k.DryRun {
		fmt.Printf("would destroy version %d of the credential's keys\n", k.Version)
		return nil
	}
	if err := k.Confirm(fmt.Sprintf("Version %d of the credential's keys is destroyed, for good.", k.Version)); err != nil {
		return err
	}
	if err := k.DestroyIdentity(ctx, k.Version, false); err != nil {
		return refused(err)
	}
	fmt.Printf("version %d of the credential's keys is destroyed\n", k.Version)
	return nil
}

func printCredentials(all server.Credentials) error {
	t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NUMBER\tKEYS\tVERSION\tENDS\tKEPT UNTIL\tCREDENTIAL\tREMAINS")
	for _, c := range all {
		version, remains := "-", "-"
		if c.Version != 0 {
			version = fmt.Sprint(c.Version)
		}
		if c.Remains != nil {
			remains = c.Remains.String()
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Number, c.State, version, stamp(&c.Ends), stamp(c.Until), c.Credential, remains)
	}
	return t.Flush()
}
