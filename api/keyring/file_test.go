package keyring_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/keyprovider"
	"medunion/api/keyring"
	"medunion/api/secretfile"
	"medunion/ecc/vault"
)

func passphrase(t *testing.T, words string) keyprovider.Provider {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passphrase")
	must[struct{}](t)(struct{}{}, os.WriteFile(path, []byte(words+"\n"), 0o600))
	return must[keyprovider.Provider](t)(keyprovider.Config{}.Open(path, rand.Reader))
}

func fileAt(path string, p keyprovider.Provider) keyring.File {
	return keyring.NewFile(path, "service", p, rand.Reader, func(b []byte) (keyring.Ring, error) {
		return keyring.New("service").WithKey("sealing", b, time.Time{}), nil
	})
}

func add(r keyring.Ring) (keyring.Ring, error) { return r.Add("sealing", rand.Reader, start) }

// TestFile: what is created reads back, alone and sealed, and only for whom it is meant:
// another passphrase, another service, no provider, or a provider for an open file is refused.
func TestFile(t *testing.T) {
	path, ctx, p := filepath.Join(t.TempDir(), "keys"), t.Context(), passphrase(t, "correct horse")
	f := fileAt(path, p)
	if _, err := f.Load(ctx); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	must[struct{}](t)(struct{}{}, f.Create(ctx, sample()))
	if err := f.Create(ctx, sample()); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	r := must[keyring.Ring](t)(f.Load(ctx))
	raw, _ := os.ReadFile(path)
	if !bytes.Equal(r.SecretBytes(), sample().SecretBytes()) || bytes.Contains(raw, []byte("SSSS")) {
		t.Error("another ring, or one in the clear")
	}
	if _, err := fileAt(path, passphrase(t, "wrong")).Load(ctx); !errors.Is(err, keyprovider.ErrRefused) {
		t.Error(err)
	}
	if _, err := fileAt(path, nil).Load(ctx); err == nil || !strings.Contains(err.Error(), "no provider") {
		t.Error(err)
	}
	if _, err := keyring.NewFile(path, "other", p, rand.Reader, nil).Load(ctx); !errors.Is(err, keyring.ErrService) {
		t.Error(err)
	}
	open := fileAt(filepath.Join(t.TempDir(), "open"), nil)
	must[struct{}](t)(struct{}{}, open.Create(ctx, sample()))
	if err := open.Rewrap(ctx, p); err != nil {
		t.Error(err)
	}
	if _, err := open.Load(ctx); err == nil {
		t.Error("still open")
	}
}

// TestUnsealedIsRefused: whoever can write the file cannot put keys of his own there in the
// clear where a provider is configured.
func TestUnsealedIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	must[struct{}](t)(struct{}{}, fileAt(path, nil).Create(t.Context(), sample()))
	if _, err := fileAt(path, passphrase(t, "p")).Load(t.Context()); !errors.Is(err, keyring.ErrUnsealed) {
		t.Error(err)
	}
}

// TestOldForms: a file from before there were rings is read, alone and sealed, stays as it
// is while it is only read, and is a ring in an envelope after the first step.
func TestOldForms(t *testing.T) {
	old, p := bytes.Repeat([]byte("o"), 32), passphrase(t, "words")
	sealed := must[[]byte](t)(vault.Seal(rand.Reader, []byte("words"), old, vault.DefaultParams))
	for name, x := range map[string]struct {
		content  []byte
		provider keyprovider.Provider
	}{"alone": {old, nil}, "sealed": {sealed, p}} {
		path := filepath.Join(t.TempDir(), "keys")
		must[struct{}](t)(struct{}{}, secretfile.Create(path, x.content))
		f := fileAt(path, x.provider)
		r := must[keyring.Ring](t)(f.Load(t.Context()))
		if v, err := r.Current("sealing"); err != nil || !bytes.Equal(v.SecretBytes(), old) || r.Generation != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if raw, _ := os.ReadFile(path); !bytes.Equal(raw, x.content) {
			t.Errorf("%s: reading has changed it", name)
		}
		must[keyring.Ring](t)(f.Update(t.Context(), add))
		if r = must[keyring.Ring](t)(f.Load(t.Context())); r.Generation != 2 {
			t.Errorf("%s: generation %d", name, r.Generation)
		}
	}
}

// TestTwoOperators: of steps taken at once one is done and the others are told that the
// file is in use; no step is lost and none is done twice.
func TestTwoOperators(t *testing.T) {
	f := fileAt(filepath.Join(t.TempDir(), "keys"), nil)
	must[struct{}](t)(struct{}{}, f.Create(t.Context(), sample()))
	var wg sync.WaitGroup
	results := make(chan error, 8)
	for range 8 {
		wg.Go(func() {
			_, err := f.Update(t.Context(), func(r keyring.Ring) (keyring.Ring, error) {
				time.Sleep(10 * time.Millisecond) // the others meet the lock
				return add(r)
			})
			results <- err
		})
	}
	wg.Wait()
	close(results)
	done := 0
	for err := range results {
		if err == nil {
			done++
		} else if !errors.Is(err, secretfile.ErrInUse) && !errors.Is(err, keyring.ErrState) {
			t.Error(err)
		}
	}
	if r := must[keyring.Ring](t)(f.Load(t.Context())); done != 1 || r.Generation != 2 {
		t.Errorf("%d done, generation %d", done, r.Generation)
	}
}

// TestFailedStep: a step that fails, or a file that cannot be replaced, leaves the old one.
func TestFailedStep(t *testing.T) {
	f := fileAt(filepath.Join(t.TempDir(), "keys"), nil)
	must[struct{}](t)(struct{}{}, f.Create(t.Context(), sample()))
	broken := errors.New("broken")
	if _, err := f.Update(t.Context(), func(r keyring.Ring) (keyring.Ring, error) { return r.Changed(), broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := f.Rewrap(t.Context(), dead{}); !errors.Is(err, keyprovider.ErrLocked) {
		t.Error(err)
	}
	if err := f.Rewrap(t.Context(), dead{lies: true}); err == nil {
		t.Error("a provider that gives back another key was believed")
	}
	if r := must[keyring.Ring](t)(f.Load(t.Context())); r.Generation != 1 {
		t.Errorf("generation %d", r.Generation)
	}
}

// dead is a provider that does not answer, or that unwraps to something else.
type dead struct{ lies bool }

func (dead) Name() string { return "dead" }
func (d dead) Wrap(context.Context, []byte, []byte) ([]byte, error) {
	if d.lies {
		return []byte("wrapped"), nil
	}
	return nil, keyprovider.ErrLocked
}
func (dead) Unwrap(context.Context, []byte, []byte) ([]byte, error) { return make([]byte, 32), nil }
func (dead) Version(context.Context, []byte) (int, int, error)      { return 0, 0, nil }
func (dead) Probe(context.Context, []byte, []byte) error            { return keyprovider.ErrLocked }

// TestWatch: a running service takes over a newer ring, and keeps the one that it has when
// the file is older, damaged or gone; it says so until that is over.
func TestWatch(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "keys"), t.Context()
	f := fileAt(path, nil)
	must[struct{}](t)(struct{}{}, f.Create(ctx, sample()))
	w := must[*keyring.Watch](t)(f.Watch(ctx))
	first, _ := os.ReadFile(path)
	must[keyring.Ring](t)(f.Update(ctx, add))
	second, _ := os.ReadFile(path)
	if err := w.Reload(ctx); err != nil || w.Ring().Generation != 2 {
		t.Errorf("%v, generation %d", err, w.Ring().Generation)
	}
	for name, bad := range map[string][]byte{"older": first, "damaged": second[:len(second)-1], "gone": nil} {
		_ = os.Remove(path)
		if bad != nil {
			must[struct{}](t)(struct{}{}, secretfile.Create(path, bad))
		}
		if err := w.Reload(ctx); err == nil || w.Degraded(ctx) == nil || w.Ring().Generation != 2 {
			t.Errorf("%s: %v, generation %d", name, err, w.Ring().Generation)
		}
		if name == "older" && !errors.Is(w.Degraded(ctx), keyring.ErrGeneration) {
			t.Error(w.Degraded(ctx))
		}
	}
	must[struct{}](t)(struct{}{}, secretfile.Replace(path, second))
	if err := errors.Join(w.Reload(ctx), w.Degraded(ctx)); err != nil {
		t.Error(err)
	}
}

// TestWatchRuns: without a signal a new generation is told within a few polls.
func TestWatchRuns(t *testing.T) {
	f := fileAt(filepath.Join(t.TempDir(), "keys"), nil)
	must[struct{}](t)(struct{}{}, f.Create(t.Context(), sample()))
	w := must[*keyring.Watch](t)(f.Watch(t.Context()))
	told := make(chan uint64, 1)
	go w.Run(t.Context(), 50*time.Millisecond, slog.New(slog.DiscardHandler), func(r keyring.Ring) { told <- r.Generation })
	must[keyring.Ring](t)(f.Update(t.Context(), add))
	select {
	case g := <-told:
		if g != 2 {
			t.Errorf("generation %d", g)
		}
	case <-time.After(time.Minute):
		t.Error("the new ring was not taken over")
	}
}

// TestWatchRefusesAFork: of two copies of a file that were changed apart from each other, a
// service keeps to the one that it has loaded; sealing the file anew is no fork.
func TestWatchRefusesAFork(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "keys"), t.Context()
	f := fileAt(path, nil)
	must[struct{}](t)(struct{}{}, f.Create(ctx, sample()))
	before, _ := os.ReadFile(path)
	must[keyring.Ring](t)(f.Update(ctx, add))
	w := must[*keyring.Watch](t)(f.Watch(ctx))
	mine, _ := os.ReadFile(path)
	must[struct{}](t)(struct{}{}, os.WriteFile(path, before, 0o600))
	must[keyring.Ring](t)(f.Update(ctx, add)) // draws another secret
	digest := w.Ring().Digest()
	if err := w.Reload(ctx); !errors.Is(err, keyring.ErrForked) || w.Ring().Digest() != digest {
		t.Errorf("a fork: %v", err)
	}
	must[struct{}](t)(struct{}{}, os.WriteFile(path, append([]byte(nil), mine...), 0o600))
	must[struct{}](t)(struct{}{}, w.Reload(ctx))

	p := passphrase(t, "correct horse")
	sealed := fileAt(filepath.Join(t.TempDir(), "keys"), p)
	must[struct{}](t)(struct{}{}, sealed.Create(ctx, sample()))
	w = must[*keyring.Watch](t)(sealed.Watch(ctx))
	must[struct{}](t)(struct{}{}, sealed.Rewrap(ctx, p))
	must[struct{}](t)(struct{}{}, w.Reload(ctx))
}
