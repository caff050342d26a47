package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/bson"

	"medunion/ecc"
)

// maxDocument bounds one record: MongoDB's 16 MiB and what is around it.
const maxDocument = 17 << 20

// Read reads a whole backup and holds it against its manifest, which one of the trusted keys
// must have signed. visit, which may be nil, is
// given each document before the manifest has been seen: it must do nothing that lasts
// until Read has returned nil. An error of visit ends it.
func Read(r io.Reader, identities []age.Identity, trusted []ecc.VerifyKey, visit func(collection string, doc bson.Raw) error) (Manifest, error) {
	opened, err := age.Decrypt(r, identities...)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	in := reader{r: bufio.NewReaderSize(opened, 1<<20), visit: visit}
	if err := in.head(); err != nil {
		return Manifest{}, err
	}
	end, err := in.documents()
	if err != nil {
		return Manifest{}, err
	}
	m, err := openManifest(end.Manifest, end.Signature, trusted)
	if err != nil {
		return m, err
	}
	return m, in.compare(m)
}

type reader struct {
	r     *bufio.Reader
	visit func(string, bson.Raw) error
	seen  []*counter
}

func (in *reader) head() error {
	h, err := in.next()
	if err == nil && (h.Kind != kindHead || h.Format != Format) {
		err = ErrFormat
	}
	return err
}

// next reads one record: a BSON document begins with its length.
func (in *reader) next() (x record, err error) {
	length, err := in.r.Peek(4)
	if err != nil {
		return x, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	n := binary.LittleEndian.Uint32(length)
	if n < 5 || n > maxDocument {
		return x, ErrFormat
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(in.r, b); err != nil {
		return x, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err := bson.Unmarshal(b, &x); err != nil {
		return x, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return x, nil
}

func (in *reader) documents() (end record, err error) {
	for {
		x, err := in.next()
		switch {
		case err != nil:
			return x, err
		case x.Kind == kindEnd:
			if _, err := in.r.ReadByte(); !errors.Is(err, io.EOF) {
				return x, fmt.Errorf("%w: something behind its end", ErrFormat)
			}
			return x, nil
		case x.Kind != kindDoc || x.Document.Validate() != nil:
			return x, ErrFormat
		}
		in.count(x)
		if in.visit != nil {
			if err := in.visit(x.Collection, x.Document); err != nil {
				return x, err
			}
		}
	}
}

// count adds a document to its collection, which is the last one or a new one.
func (in *reader) count(x record) {
	if n := len(in.seen); n == 0 || in.seen[n-1].Name != x.Collection {
		in.seen = append(in.seen, &counter{Collection: Collection{Name: x.Collection}, sum: sha256.New()})
	}
	in.seen[len(in.seen)-1].add(x.Document)
}

// compare holds what was read against the manifest, whose empty collections have left
// nothing to read.
func (in *reader) compare(m Manifest) error {
	i := 0
	for _, want := range m.Collections {
		if want.Documents == 0 {
			continue
		}
		if i >= len(in.seen) || in.seen[i].done() != want {
			return fmt.Errorf("%w: %s is not what the manifest says", ErrFormat, want.Name)
		}
		i++
	}
	if i != len(in.seen) {
		return fmt.Errorf("%w: more than the manifest says", ErrFormat)
	}
	return nil
}
