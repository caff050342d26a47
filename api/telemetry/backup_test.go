package telemetry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"medunion/api/telemetry"
)

// The gauge follows the store within a minute, is 0 while there was no backup, keeps what it knows while the store
// is away, and asks no more often than once a minute.
func TestBackupAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at time.Time
		var fails error
		asked := 0
		r := prometheus.NewRegistry()
		r.MustRegister(telemetry.BackupAge(func(context.Context) (time.Time, error) { asked++; return at, fails }))
		value := func() float64 {
			m, err := r.Gather()
			if err != nil || len(m) != 1 || m[0].GetName() != "medunion_backup_timestamp_seconds" {
				t.Fatal(m, err)
			}
			return m[0].GetMetric()[0].GetGauge().GetValue()
		}
		fails = errors.New("away")
		if v := value(); v == v {
			t.Errorf("%v before the store has answered", v)
		}
		time.Sleep(time.Minute)
		fails = nil
		if v := value(); v != 0 {
			t.Errorf("%v without a backup", v)
		}
		at = time.UnixMilli(1_700_000_000_500)
		if v := value(); v != 0 || asked != 2 {
			t.Errorf("%v, asked %d times", v, asked)
		}
		time.Sleep(time.Minute)
		if v := value(); v != 1_700_000_000.5 {
			t.Error(v)
		}
		time.Sleep(time.Minute)
		fails = errors.New("away")
		if v := value(); v != 1_700_000_000.5 {
			t.Error(v)
		}
	})
}
