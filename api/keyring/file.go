package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"medunion/api/keyprovider"
	"medunion/api/secretfile"
	"medunion/ecc"
)

// A key file is a ring's bytes, alone (nothing but the file's mode protects them), or in
// an envelope:
//
//	⟨key envelope: format (1), provider, service, wrapped, sealed⟩
//
// sealed is the ring under a random key, new with each writing, that the provider has
// wrapped. The older forms, without a ring or sealed as a whole under a passphrase, are
// read, and stay as they are until a step writes the file.
const (
	envelopeFormat = 1
	envelopeFields = 5
	vaultMagic     = "EMRvault"
)

// ErrUnsealed says that a provider is configured and the file lies in the clear.
var ErrUnsealed = errors.New("the key file is not sealed, but a provider for that is configured: seal it by rewrapping, or configure none")

// ErrGeneration says that a key file is older than what has been seen of it.
var ErrGeneration = errors.New("the key file is older than one that has been in use")

// ErrForked says that two copies of a key file were changed apart from each other.
var ErrForked = errors.New("the key file is another one of the same generation: two copies of it were changed apart from each other")

// File is a key file.
type File struct {
	path, service string
	provider      keyprovider.Provider // nil: not sealed
	rand          io.Reader
	legacy        func([]byte) (Ring, error)
}

// NewFile names a service's key file, which may be absent. provider may be nil. legacy
// reads the form that the service's file had before there were rings; it may be nil.
func NewFile(path, service string, provider keyprovider.Provider, rand io.Reader, legacy func([]byte) (Ring, error)) File {
	return File{path: path, service: service, provider: provider, rand: rand, legacy: legacy}
}

// Load reads the ring; fs.ErrNotExist if there is no file.
func (f File) Load(ctx context.Context) (Ring, error) {
	raw, err := secretfile.Read(f.path)
	if err != nil {
		return Ring{}, err
	}
	return f.decode(ctx, raw)
}

// Check says what keeps a service from starting with the file, and asks no other machine: of a file
// that a remote provider seals it sees only that it can be read, and the ring is empty. fs.ErrNotExist
// if there is no file.
func (f File) Check(ctx context.Context, remote bool) (Ring, error) {
	if remote {
		_, err := secretfile.Read(f.path)
		return Ring{}, err
	}
	return f.Load(ctx)
}

// Create writes a new key file, never over another: fs.ErrExist.
func (f File) Create(ctx context.Context, r Ring) error { return f.write(ctx, r, secretfile.Create) }

// Update changes the ring by one step, as the only one who changes it: ErrInUse of
// secretfile if another does. A step that fails changes nothing. Services that read
// the file meanwhile get the old ring or the new one.
func (f File) Update(ctx context.Context, step func(Ring) (Ring, error)) (Ring, error) {
	return f.exchange(ctx, f, step)
}

// Rewrap writes the same ring anew: under the provider's newest version, or another
// provider's. The ring keeps its generation.
func (f File) Rewrap(ctx context.Context, to keyprovider.Provider) error {
	next := f
	next.provider = to
	_, err := f.exchange(ctx, next, func(r Ring) (Ring, error) { return r, nil })
	return err
}

func (f File) exchange(ctx context.Context, to File, step func(Ring) (Ring, error)) (Ring, error) {
	lock, err := secretfile.Lock(f.path)
	if err != nil {
		return Ring{}, fmt.Errorf("key file: %w", err)
	}
	defer lock.Close()
	r, err := f.Load(ctx)
	if err != nil {
		return Ring{}, fmt.Errorf("key file: %w", err)
	}
	if r, err = step(r); err != nil {
		return Ring{}, err
	}
	return r, to.write(ctx, r, secretfile.Replace)
}

// write proves that what it is about to publish opens again before it takes the place of
// what is there.
func (f File) write(ctx context.Context, r Ring, put func(string, []byte) error) error {
	raw, err := f.encode(ctx, r)
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	if back, err := f.decode(ctx, raw); err != nil || !bytes.Equal(back.SecretBytes(), r.SecretBytes()) {
		return fmt.Errorf("key file: what was sealed does not open again: %w", errors.Join(ErrFormat, err))
	}
	if err := put(f.path, raw); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

func (f File) bind() []byte { return ecc.Encode(ecc.LabelEnvelopeBind, []byte(f.service)) }

func (f File) encode(ctx context.Context, r Ring) ([]byte, error) {
	content := r.SecretBytes()
	if f.provider == nil {
		return content, nil
	}
	defer clear(content)
	key := make([]byte, ecc.AtRestKeySize)
	defer clear(key)
	if _, err := io.ReadFull(f.rand, key); err != nil {
		return nil, err
	}
	wrapped, err := f.provider.Wrap(ctx, f.bind(), key)
	if err != nil {
		return nil, err
	}
	sealed, err := ecc.SealAtRest(f.rand, key, f.bind(), content)
	if err != nil {
		return nil, err
	}
	return ecc.Encode(ecc.LabelKeyEnvelope, []byte{envelopeFormat}, []byte(f.provider.Name()), []byte(f.service), wrapped, sealed), nil
}

func (f File) decode(ctx context.Context, raw []byte) (Ring, error) {
	content, err := f.open(ctx, raw)
	switch {
	case err != nil:
		return Ring{}, err
	case IsRing(content):
		return Decode(f.service, content)
	case f.legacy != nil:
		return f.legacy(content)
	}
	return Ring{}, ErrFormat
}

func (f File) open(ctx context.Context, raw []byte) ([]byte, error) {
	e, is := envelopeOf(raw)
	switch {
	case is && f.provider == nil:
		return nil, fmt.Errorf("the key file is sealed by %s, and no provider is configured", e.provider)
	case is:
		return f.unseal(ctx, e)
	case bytes.HasPrefix(raw, []byte(vaultMagic)):
		return keyprovider.OpenLegacy(f.provider, raw)
	case f.provider != nil:
		return nil, ErrUnsealed
	}
	return raw, nil
}

type envelope struct {
	provider, service string
	wrapped, sealed   []byte
}

func envelopeOf(raw []byte) (envelope, bool) {
	p, err := ecc.Decode(ecc.LabelKeyEnvelope, raw, envelopeFields)
	if err != nil || !bytes.Equal(p[0], []byte{envelopeFormat}) {
		return envelope{}, false
	}
	return envelope{string(p[1]), string(p[2]), p[3], p[4]}, true
}

func (f File) unseal(ctx context.Context, e envelope) ([]byte, error) {
	if e.service != f.service {
		return nil, fmt.Errorf("%w: %q, not %q", ErrService, e.service, f.service)
	}
	if e.provider != f.provider.Name() {
		return nil, fmt.Errorf("the key file is sealed by %s, and the provider configured is %s", e.provider, f.provider.Name())
	}
	key, err := f.provider.Unwrap(ctx, f.bind(), e.wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	content, err := ecc.OpenAtRest(key, f.bind(), e.sealed)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return content, nil
}

// Sealing says what protects a key file: the provider's name, "none" without one, and
// the provider's version that wrapped it beside its newest, 0 where it knows none.
func (f File) Sealing(ctx context.Context) (provider string, of, newest int, err error) {
	raw, err := secretfile.Read(f.path)
	if err != nil {
		return "", 0, 0, err
	}
	e, is := envelopeOf(raw)
	switch {
	case is && f.provider != nil:
		of, newest, err = f.provider.Version(ctx, e.wrapped)
		return e.provider, of, newest, err
	case bytes.HasPrefix(raw, []byte(vaultMagic)):
		return "passphrase", 0, 0, nil
	}
	return "none", 0, 0, nil
}

// Probe says whether a service could read the file now, were it started.
func (f File) Probe(ctx context.Context) error {
	raw, err := secretfile.Read(f.path)
	if err != nil {
		return err
	}
	if e, is := envelopeOf(raw); is && f.provider != nil {
		return f.provider.Probe(ctx, f.bind(), e.wrapped)
	}
	return nil
}
