package cloud

import (
	"context"
	"errors"
	"fmt"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// SealedKind is a collection in which sealed pieces lie.
type SealedKind uint8

// The kinds.
const (
	SealedPrekeys  SealedKind = iota // one piece a document: a private key
	SealedEntries                    // the evidence of an index entry
	SealedConsents                   // the grounds, then the evidence of each use
)

// SealedKinds are all of them.
var SealedKinds = []SealedKind{SealedPrekeys, SealedEntries, SealedConsents}

// SealedDocument is what lies sealed in one document of a store, and what of the document
// tells its places and whether it has changed since it was read.
type SealedDocument struct {
	Kind       SealedKind
	ID         []byte
	Under      uint32 // the oldest version of the sealing key that a piece may lie under
	Pieces     [][]byte
	Suite      ecc.Suite      // of a prekey
	Slot       uint64         // of a prekey
	Locator    message.Hash   // of an entry
	Hospital   message.Hash   // of an entry
	Time       message.Millis // of an entry
	Operations [][16]byte     // of a consent's uses, in the order of their evidence
}

// Sealed lets the pieces that lie under an older version of the sealing key be brought
// under the current one. What is appended to a document keeps the older of the two
// versions, in the same write.
type Sealed interface {
	// MarkSealed writes version 1 to the documents from before versions were written down.
	MarkSealed(ctx context.Context) error
	// SealedUnder returns up to limit documents with a piece under a version older than
	// current, by ID, after the given one.
	SealedUnder(ctx context.Context, kind SealedKind, current uint32, after []byte, limit int) ([]SealedDocument, error)
	// ExchangeSealed puts pieces, all under the given version, in the place of those of d
	// if the document has not changed since d was read. Otherwise it changes nothing and says false.
	ExchangeSealed(ctx context.Context, d SealedDocument, pieces [][]byte, under uint32) (bool, error)
	// CountSealed counts the documents by the oldest version that they lie under.
	CountSealed(ctx context.Context) (map[uint32]int64, error)
}

// Resealed is what one pass has done.
type Resealed struct {
	Done    int // documents
	Changed int // by somebody else in between: the next pass finds them
	Broken  int // that did not open, and stay as they are
}

// resealBatch bounds the documents in memory: a consent's may be of 4 MB.
const resealBatch = 16

// Reseal brings all that lies under older versions of the sealing key under the current
// one. Instances may do it at once, and it may be cut off anywhere: each document is one
// compare-and-set, and what is left is found again. A piece that does not open is kept as
// it is, and the document with it.
func (c *Cloud) Reseal(ctx context.Context) (Resealed, error) {
	var sum Resealed
	v, err := c.AtRest.Sealing()
	if err != nil {
		return sum, problem.Unavailable(unsealable, err)
	}
	if v.Current == 1 {
		return sum, nil
	}
	if err := c.Sealed.MarkSealed(ctx); err != nil {
		return sum, err
	}
	for _, kind := range SealedKinds {
		if err := c.resealKind(ctx, v, kind, &sum); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func (c *Cloud) resealKind(ctx context.Context, v Versions, kind SealedKind, sum *Resealed) error {
	var after []byte
	for {
		documents, err := c.Sealed.SealedUnder(ctx, kind, v.Current, after, resealBatch)
		if err != nil || len(documents) == 0 {
			return err
		}
		for _, d := range documents {
			if err := c.resealOne(ctx, v, d, sum); err != nil {
				return err
			}
			after = d.ID
		}
	}
}

func (c *Cloud) resealOne(ctx context.Context, v Versions, d SealedDocument, sum *Resealed) error {
	pieces, err := c.resealPieces(v, d)
	if err != nil {
		sum.Broken++
		return nil
	}
	done, err := c.Sealed.ExchangeSealed(ctx, d, pieces, v.Current)
	if done {
		sum.Done++
	} else if err == nil {
		sum.Changed++
	}
	return err
}

var errPieces = errors.New("a document has more sealed pieces than places")

func (c *Cloud) resealPieces(v Versions, d SealedDocument) ([][]byte, error) {
	out := make([][]byte, len(d.Pieces))
	for i, old := range d.Pieces {
		use, place, err := d.place(i)
		if err != nil {
			return nil, err
		}
		content, err := v.open(use, place, old)
		if err != nil {
			return nil, fmt.Errorf("piece %d: %w", i, err)
		}
		out[i], err = sealUnder(c, v, use, place, content)
		clear(content)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Open fails if a piece of the document does not open under these versions.
func (d SealedDocument) Open(v Versions) error {
	for i, piece := range d.Pieces {
		use, place, err := d.place(i)
		if err != nil {
			return err
		}
		content, err := v.open(use, place, piece)
		if err != nil {
			return fmt.Errorf("piece %d: %w", i, err)
		}
		clear(content)
	}
	return nil
}

// place is what piece i is bound to.
func (d SealedDocument) place(i int) (purpose, []byte, error) {
	switch {
	case d.Kind == SealedPrekeys:
		return forPrekeys, prekeyPlace(d.Suite, d.Slot), nil
	case d.Kind == SealedEntries:
		return forEvidence, entryPlace(d.Locator, d.Hospital, d.Time), nil
	case len(d.ID) != len(message.Hash{}) || i > len(d.Operations):
		return nil, nil, errPieces
	case i == 0:
		return forEvidence, groundsPlace(message.Hash(d.ID)), nil
	}
	return forEvidence, searchPlace(message.Hash(d.ID), d.Operations[i-1]), nil
}
