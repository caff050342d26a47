package telemetry

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// backupAsk bounds one question of a scrape, backupEvery how often the store is asked at most.
const (
	backupAsk   = 2 * time.Second
	backupEvery = time.Minute
)

// BackupAge is the gauge medunion_backup_timestamp_seconds: when the newest backup was begun that was completed, 0
// if none was. While the store does not answer it stays at what the store said last; it is not a number before that.
func BackupAge(last func(context.Context) (time.Time, error)) prometheus.Collector {
	b := &backupAge{last: last, value: math.NaN()}
	return Gauge("backup_timestamp_seconds", "When the newest backup was begun that this program has completed; 0 if none was.", b.seconds)
}

type backupAge struct {
	last func(context.Context) (time.Time, error)

	mu    sync.Mutex
	asked time.Time
	value float64
}

func (b *backupAge) seconds() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.asked.IsZero() && time.Since(b.asked) < backupEvery {
		return b.value
	}
	ctx, cancel := context.WithTimeout(context.Background(), backupAsk)
	defer cancel()
	at, err := b.last(ctx)
	if b.asked = time.Now(); err != nil {
		return b.value
	}
	if b.value = 0; !at.IsZero() {
		b.value = float64(at.UnixMilli()) / 1000
	}
	return b.value
}
