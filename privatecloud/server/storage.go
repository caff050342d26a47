package server

import (
	"context"
	"fmt"
	"time"

	"medunion/api/keyroll"
	"medunion/privatecloud/hospital"
)

// rekeyEvery is how often an instance looks for patients under an older version of the
// storage key, when no new ring has told it to.
const rekeyEvery = time.Minute

// storage is hospital.StorageKeys over a ring and the right to seal under it.
type storage struct{ *keyroll.Lease }

// Opening implements hospital.StorageKeys.
func (s storage) Opening() hospital.Versions { return storageOf(s.Ring()) }

// Sealing implements hospital.StorageKeys.
func (s storage) Sealing() (hospital.Versions, error) { return s.Opening(), s.Held() }

// followKeys takes over each new ring until ctx ends.
func (p *parts) followKeys(ctx context.Context) {
	p.lease.Run(ctx, p.config.KeyPoll, p.config.Logger, keyroll.Follow{Changed: func() {
		r := p.lease.Ring()
		note := fmt.Sprintf("generation %d of the key ring, version %d of the storage key, %s", r.Generation, storageOf(r).Current, describe(r))
		p.failed(ctx, "a new key ring was not noted in the audit trail", p.hospital.RecordKeys(ctx, note))
		for _, hint := range []chan struct{}{p.rolled, p.renewed} {
			select {
			case hint <- struct{}{}:
			default: // one waits already
			}
		}
	}})
}

func (p *parts) rekey(ctx context.Context) bool {
	r, err := p.hospital.Rekey(ctx)
	if r != (hospital.Rekeyed{}) {
		p.config.Logger.Info("records were brought under the current storage key", "done", r.Done, "changed", r.Changed, "broken", r.Broken)
	}
	return p.failed(ctx, "records were not brought under the current storage key", err) && r.Changed == 0
}
