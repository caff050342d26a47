package server

import (
	"context"
	"log/slog"
	"time"

	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/problem"
	"medunion/publiccloud/cloud"
)

// resealEvery is how often an instance looks for what lies under an older version of the sealing key,
// when no new ring has told it to.
const resealEvery = 5 * time.Minute

// atRest is cloud.AtRest over a ring and the right to seal under it.
type atRest struct{ *keyroll.Lease }

// Challenge implements cloud.AtRest.
func (a atRest) Challenge() cloud.Versions { return versions(a.Ring(), keyChallenge) }

// Opening implements cloud.AtRest.
func (a atRest) Opening() cloud.Versions { return versions(a.Ring(), keySealing) }

// Sealing implements cloud.AtRest.
func (a atRest) Sealing() (cloud.Versions, error) { return a.Opening(), a.Held() }

func versions(r keyring.Ring, name string) cloud.Versions {
	out := cloud.Versions{Secrets: map[uint32][]byte{}}
	for _, v := range r.Versions(name) {
		if v.State == keyring.Destroyed {
			continue
		}
		out.Secrets[v.Number] = v.SecretBytes()
		if v.State == keyring.Current {
			out.Current = v.Number
		}
	}
	return out
}

// followKeys takes over each new ring, and has what follows from it done, until ctx ends.
func (p *parts) followKeys(ctx context.Context, c Config) {
	anew := make(chan struct{}, 1)
	go reseal(ctx, p.cloud, c.Logger, anew)
	p.lease.Run(ctx, c.KeyPoll, c.Logger, keyroll.Follow{
		Load: func(r keyring.Ring) { p.followRoots(r, c) },
		Changed: func() {
			select {
			case anew <- struct{}{}:
			default: // one waits already
			}
		}})
}

// reseal brings what lies under older versions under the current one: at the start,
// when there is a new ring, and now and then for what came in between.
func reseal(ctx context.Context, c *cloud.Cloud, log *slog.Logger, changed <-chan struct{}) {
	tick := time.NewTicker(resealEvery)
	defer tick.Stop()
	for {
		switch r, err := c.Reseal(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Error("what lies under an older key was not sealed anew", "reason", problem.Reason(err))
		case r != cloud.Resealed{}:
			log.Info("sealed anew under the current key", "documents", r.Done, "changed", r.Changed, "broken", r.Broken)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-changed:
		}
	}
}
