package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// keysTimeout bounds one look at the keys.
const keysTimeout = 2 * time.Second

// KeysOpenable is the gauge medunion_keys_openable: 1 while a restart would find the key
// file and what opens it, 0 while degraded says that it would not. The service itself goes
// on with the keys in its memory.
func KeysOpenable(degraded func(context.Context) error) prometheus.Collector {
	return Gauge("keys_openable", "1 while a restart would find the keys and what opens them, else 0.", func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), keysTimeout)
		defer cancel()
		if degraded(ctx) != nil {
			return 0
		}
		return 1
	})
}
