package replay_test

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/replay/redistest"
)

// BenchmarkAccept measures new messages from parallel senders against one real Redis, beside the bare
// SET NX PX that the window replaces, in the same run. "x of SET NX" is the part of its throughput that is
// kept.
func BenchmarkAccept(b *testing.B) {
	s := redistest.Start(b)
	c := config(s)
	c.Timeout = time.Second // throughput is measured here, not the limit
	w := open(b, c)
	ready(b, w)
	plain := s.Client()

	var bare float64
	b.Run("SET NX PX", func(b *testing.B) {
		bare = perSecond(b, func(m message) error {
			return plain.SetArgs(context.Background(), hex.EncodeToString(m.id[:]), 1, redis.SetArgs{Mode: "NX", TTL: 32 * time.Second}).Err()
		})
	})
	b.Run("window", func(b *testing.B) {
		if bare == 0 {
			b.Skip("there is no baseline to compare with")
		}
		b.ReportMetric(perSecond(b, func(m message) error { return accept(w, m) })/bare, "x_of_SET_NX")
	})
}

func perSecond(b *testing.B, send func(message) error) float64 {
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := send(newMessage()); err != nil {
				b.Error(err)
				return
			}
		}
	})
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "msg/s")
	return rate
}
