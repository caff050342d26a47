package keyring_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"medunion/api/keyring"
)

// SIGHUP has a changed key file read at once, without waiting for the next look, and does not end the process.
func TestWatchOnHangup(t *testing.T) {
	ours := make(chan os.Signal, 1)
	signal.Notify(ours, syscall.SIGHUP) // until the watch has begun, the signal would end the tests
	defer signal.Stop(ours)
	f := keyring.NewFile(filepath.Join(t.TempDir(), "keys"), "service", nil, rand.Reader, nil)
	if err := f.Create(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	w := must[*keyring.Watch](t)(f.Watch(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan uint64, 1)
	var done sync.WaitGroup
	done.Go(func() {
		w.Run(ctx, time.Hour, slog.New(slog.DiscardHandler), func(r keyring.Ring) { told <- r.Generation })
	})
	must[keyring.Ring](t)(f.Update(t.Context(), func(r keyring.Ring) (keyring.Ring, error) { return r.Add("sealing", rand.Reader, start) }))
	for end := time.After(30 * time.Second); ; {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		select {
		case g := <-told:
			if g != 2 {
				t.Errorf("generation %d", g)
			}
			cancel()
			done.Wait()
			return
		case <-time.After(20 * time.Millisecond):
		case <-end:
			t.Fatal("the file is not read")
		}
	}
}
