package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"medunion/api/command"
	"medunion/api/keycommands"
	"medunion/api/keyroll"
	"medunion/privatecloud/server"
)

type keyRenew struct {
	server.Config
	command.Confirmation
	Wait time.Duration `help:"How long to wait for the instances, and for the index entries." default:"5m"`
}

// Run renews the credential. A renewal that has begun and is not over when the time is ends with code 1.
func (k *keyRenew) Run(ctx context.Context) error {
	words, err := server.NextOfRenewal(ctx, k.Config)
	if err != nil {
		return refused(err)
	}
	ahead, err := k.Ahead(words, "The hospital's credential is renewed with new keys. The old keys are destroyed a day later, when nothing needs them any more.")
	if !ahead {
		return err
	}
	if err := server.Renew(ctx, k.Config, k.Wait, keycommands.Say); err != nil {
		return command.Exit{Code: command.Failed, Err: err}
	}
	return nil
}

type keyReregister struct {
	server.Config
	command.Confirmation
}

// Run registers the hospital anew. One that has begun and is not over ends with code 1.
func (k *keyReregister) Run(ctx context.Context) error {
	words, err := server.NextOfReregistration(ctx, k.Config)
	if err != nil {
		return refused(err)
	}
	ahead, err := k.Ahead(words, "The hospital is registered anew, with new keys. The keys of its credential are destroyed at once; its records, enrolments and trail stay.")
	if !ahead {
		return err
	}
	return refused(server.Reregister(ctx, k.Config, keycommands.Say))
}

// refused is code 2 for what was not tried.
func refused(err error) error {
	return command.RefuseFor(err, append(slices.Clone(keyroll.Refusals), server.Unregistered...)...)
}

// keyStatus shows the credentials too.
type keyStatus struct {
	keycommands.Status[server.KeyTools]
}

// Run prints the status.
func (k *keyStatus) Run(ctx context.Context) error {
	return refused(k.Tools.With(ctx, func(w *keyroll.Roll) error {
		s, err := w.Status(ctx)
		if err != nil {
			return err
		}
		all, err := k.Tools.Credentials(ctx)
		if err != nil {
			return err
		}
		if k.JSON {
			return command.PrintJSON(struct {
				keyroll.Status
				Credentials server.Credentials `json:"credentials"`
			}{s, all})
		}
		if err := errors.Join(keycommands.PrintStatus(s), printCredentials(all)); err != nil {
			return err
		}
		if server.RegisteringAnew(w.Ring()) {
			fmt.Println(server.ErrAnew)
		}
		return nil
	}))
}

// keyDestroy also destroys the keys of a credential, all at once.
type keyDestroy struct {
	keycommands.Destroy[server.KeyTools]
}

// Run destroys the version.
func (k *keyDestroy) Run(ctx context.Context) error {
	if k.Key == identityName {
		return k.identity(ctx)
	}
	return k.Destroy.Run(ctx)
}

// identityName is what `keys destroy` calls the keys of a credential, which are destroyed together.
const identityName = "identity"

func (k *keyDestroy) identity(ctx context.Context) error {
	if err := k.Tools.DestroyIdentity(ctx, k.Version, true); err != nil {
		return refused(err)
	}
	name := fmt.Sprintf("version %d of the credential's keys", k.Version)
	if ahead, err := k.Ahead("would destroy "+name, "You destroy "+name+", for good."); !ahead {
		return err
	}
	if err := k.Tools.DestroyIdentity(ctx, k.Version, false); err != nil {
		return refused(err)
	}
	fmt.Println(name + " is destroyed")
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
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Number, c.State, version, command.Stamp(&c.Ends), command.Stamp(c.Until), c.Credential, remains)
	}
	return t.Flush()
}
