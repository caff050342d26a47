package hospital

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

const useRecord = "record"

// seal makes the version that follows head.
func (h *Hospital) sealVersion(d dataKey, head Head, r Resource) (Version, error) {
	v := Version{Handle: d.handle, Number: head.Number + 1, Prev: head.Hash, Key: d.key(r), Content: d.content(r)}
	blob, err := d.seal(h.Rand, useRecord, v.place(), r.encode())
	if err != nil {
		return Version{}, err
	}
	v.Blob = blob
	v.Hash = v.chain()
	return v, nil
}

// place is what the seal of a version is bound to besides the handle.
func (v Version) place() []byte {
	return ecc.Encode(ecc.LabelRecord, number(v.Number), v.Prev[:])
}

// chain is the hash that the next version names as its predecessor.
func (v Version) chain() message.Hash {
	return ecc.H(ecc.LabelRecord, v.Handle[:], number(v.Number), v.Prev[:], v.Key[:], v.Content[:], v.Blob)
}

// follows reports whether v is the next link after head.
func (v Version) follows(head Head) bool {
	return v.Number == head.Number+1 && v.Prev == head.Hash && v.Hash == v.chain()
}

// headAt is a head with its tag under the current version of the storage key.
func (h *Hospital) headAt(d dataKey, n uint64, hash message.Hash) (Head, error) {
	v, err := h.keys.sealing()
	if err != nil {
		return Head{}, err
	}
	return v.head(d.handle, n, hash)
}

func (v Versions) head(handle Handle, n uint64, hash message.Hash) (Head, error) {
	tag, err := v.tag(v.Current, handle, n, hash)
	return Head{Number: n, Hash: hash, Tag: tag, Under: v.Current}, err
}

// tag authenticates a head under one version; errNoVersion if the ring has not its secret.
func (v Versions) tag(version uint32, handle Handle, n uint64, hash message.Hash) (message.Hash, error) {
	key, ok := v.key(useHead, version)
	if !ok {
		return message.Hash{}, fmt.Errorf("%w: version %d", errNoVersion, version)
	}
	return ecc.HMAC(key[:], ecc.LabelRecord, handle[:], number(n), hash[:]), nil
}

// checkHead takes a tag of any version that is left: a head that nobody moves keeps its tag
// until the record is brought under the current one.
func (h *Hospital) checkHead(d dataKey, head Head) error {
	v, good := h.Keys.Storage.Opening(), 0
	for version := range v.Secrets {
		want, err := v.tag(version, d.handle, head.Number, head.Hash)
		if err != nil {
			return err
		}
		good |= subtle.ConstantTimeCompare(want[:], head.Tag[:])
	}
	if good != 1 {
		return fmt.Errorf("%w: head", errRecord)
	}
	return nil
}

// openVersion decrypts a version and checks its keyed hashes against what is inside.
func openVersion(d dataKey, v Version) (Resource, error) {
	b, err := d.open(useRecord, v.place(), v.Blob)
	if err != nil {
		return Resource{}, fmt.Errorf("%w: seal", errRecord)
	}
	r, err := decodeResource(b)
	if err != nil {
		return Resource{}, err
	}
	if d.key(r) != v.Key {
		return Resource{}, fmt.Errorf("%w: key", errRecord)
	}
	return r, nil
}

// walk visits the versions 1 to head and proves on the way that none is missing,
// exchanged or added: the last link must be the head's.
func (h *Hospital) walk(ctx context.Context, p Patient, d dataKey, visit func(Version, Resource) error) error {
	if err := h.checkHead(d, p.Head); err != nil {
		return problem.Internal(err)
	}
	at := Head{}
	err := h.Records.Versions(ctx, p.Handle, 1, p.Head.Number, func(v Version) error {
		if !v.follows(at) {
			return problem.Internal(fmt.Errorf("%w: link %d", errRecord, at.Number+1))
		}
		r, err := openVersion(d, v)
		if err != nil {
			return problem.Internal(err)
		}
		at = Head{Number: v.Number, Hash: v.Hash}
		return visit(v, r)
	})
	if err != nil {
		return stored(err)
	}
	if at.Number != p.Head.Number || at.Hash != p.Head.Hash {
		return problem.Internal(fmt.Errorf("%w: ends at %d", errRecord, at.Number))
	}
	return nil
}

// item is the newest version of a resource.
type item struct {
	Number uint64
	Resource
}

// latest returns the newest version of every resource that want accepts, in the order in
// which the resources first came: positions never change, however often one is updated.
// It fails with a problem if more than limit bytes would have to be held.
func (h *Hospital) latest(ctx context.Context, p Patient, d dataKey, limit int, want func(Resource) bool) ([]item, error) {
	var items []item
	place := map[message.Hash]int{}
	held := 0
	err := h.walk(ctx, p, d, func(v Version, r Resource) error {
		i, known := place[v.Key]
		if !known {
			i = len(items)
			place[v.Key], items = i, append(items, item{})
		}
		held -= len(items[i].Bytes)
		items[i] = item{}
		if want(r) {
			held += len(r.Bytes)
			items[i] = item{Number: v.Number, Resource: r}
		}
		if held > limit {
			return problem.Invalid("The selection is too large; narrow it.")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return existing(items), nil
}

func existing(items []item) []item {
	out := items[:0]
	for _, i := range items {
		if i.Number != 0 {
			out = append(out, i)
		}
	}
	return out
}

// adopt moves the head over versions that an interrupted or a concurrent writer has
// stored behind it. They are sealed under the patient's key and chained to the head,
// so nothing but a writer of this hospital can have made them.
func (h *Hospital) adopt(ctx context.Context, p Patient, d dataKey) (Patient, error) {
	if err := h.checkHead(d, p.Head); err != nil {
		return p, problem.Internal(err)
	}
	at := p.Head
	err := h.Records.Versions(ctx, p.Handle, at.Number+1, math.MaxInt64, func(v Version) error {
		if !v.follows(at) {
			return problem.Internal(fmt.Errorf("%w: behind the head", errRecord))
		}
		if _, err := openVersion(d, v); err != nil {
			return problem.Internal(err)
		}
		at = Head{Number: v.Number, Hash: v.Hash}
		return nil
	})
	if err != nil {
		return p, stored(err)
	}
	if at.Number == p.Head.Number {
		return p, nil
	}
	return h.moveHead(ctx, p, d, at)
}

func (h *Hospital) moveHead(ctx context.Context, p Patient, d dataKey, at Head) (Patient, error) {
	to, err := h.headAt(d, at.Number, at.Hash)
	if err != nil {
		return p, err
	}
	if err := h.Records.MoveHead(ctx, p.Handle, p.Head, to); err != nil {
		return p, err // ErrLost goes to the caller, who begins again
	}
	p.Head = to
	return p, nil
}

// Batches of one append: small enough for one command of the database.
const (
	maxBatch      = 500
	maxBatchBytes = 4 << 20
)

// appendAll seals resources behind the head and moves it, in batches. A batch is
// durable before the head moves over it. It fails with ErrExists or ErrLost if another
// writer was faster; what was written until then stays valid.
func (h *Hospital) appendAll(ctx context.Context, p Patient, d dataKey, rs []Resource) (Patient, error) {
	for len(rs) > 0 {
		batch, at, err := h.sealBatch(d, p.Head, rs)
		if err != nil {
			return p, err
		}
		if err := h.Records.AppendVersions(ctx, batch); err != nil {
			return p, err
		}
		if p, err = h.moveHead(ctx, p, d, at); err != nil {
			return p, err
		}
		rs = rs[len(batch):]
	}
	return p, nil
}

func (h *Hospital) sealBatch(d dataKey, head Head, rs []Resource) ([]Version, Head, error) {
	var batch []Version
	size := 0
	for _, r := range rs {
		if len(batch) == maxBatch || len(batch) > 0 && size+len(r.Bytes) > maxBatchBytes {
			break
		}
		v, err := h.sealVersion(d, head, r)
		if err != nil {
			return nil, head, problem.Internal(err)
		}
		batch, size = append(batch, v), size+len(v.Blob)
		head = Head{Number: v.Number, Hash: v.Hash}
	}
	return batch, head, nil
}

// patientByHandle reads a patient and opens her data key.
func (h *Hospital) patientByHandle(ctx context.Context, handle Handle) (Patient, dataKey, error) {
	p, err := h.Records.Patient(ctx, handle)
	if err != nil {
		return p, dataKey{}, stored(err)
	}
	d, err := h.keys.unwrap(p)
	if err != nil {
		return p, d, problem.Internal(fmt.Errorf("%w: data key", errRecord))
	}
	return p, d, nil
}

// raced reports whether a writer lost to another and should begin again.
func raced(err error) bool { return errors.Is(err, ErrExists) || errors.Is(err, ErrLost) }
