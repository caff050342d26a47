package mongostore

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/api/backup"
	"medunion/api/mongodb"
	"medunion/privatecloud/hospital"
)

// BackedUp are the collections of a backup in the order in which they are read: the trail
// first, which speaks of all others; the versions behind the patients, whose heads point to them; and the
// erasures last, so that each one that happened meanwhile is among them: it is noted before anything is
// destroyed. What it has left of the record in the other collections is not missed (Check), and does not
// come back (EraseAgain).
//
// Left out is what must not come back: desk codes, which may have been used since; tries;
// tickets, in whose place the floor stands; and prekeys, whose private halves must be gone
// when they have expired, also from backups.
var BackedUp = []string{colAudit, colDiagnoses, colReceipts, colConsents, colEnrolments, colPatients, colVersions, colErasures}

// Database is the connection, for backups.
func (s *Store) Database() mongodb.Database { return s.db }

// Check looks at the documents of a backup as they pass: chains without a gap, and every
// head's version. It needs no key; what the seals hold is proven after a restore.
type Check struct {
	audit   chain
	version chain
	receipt chain
	heads   map[hospital.Handle]patientDoc
	gaps    map[hospital.Handle]error // of records and receipts: an erasure leaves some
	erased  map[hospital.Handle]bool  // or about to be: what is left of them is not missed
}

// NewCheck begins with nothing seen.
func NewCheck() *Check {
	return &Check{heads: map[hospital.Handle]patientDoc{}, gaps: map[hospital.Handle]error{}, erased: map[hospital.Handle]bool{}}
}

// chain is the last link of one that passes.
type chain struct {
	of     []byte // whose it is
	number int64
	hash   []byte
}

// next takes the next link: of the same owner the next number, of another one the first.
func (c *chain) next(what string, of []byte, number int64, prev, hash []byte) error {
	if !bytes.Equal(of, c.of) {
		*c = chain{of: bytes.Clone(of)}
	}
	if number != c.number+1 || c.number > 0 && !bytes.Equal(prev, c.hash) {
		return fmt.Errorf("%w: a gap in %s before number %d", backup.ErrFormat, what, number)
	}
	c.number, c.hash = number, bytes.Clone(hash)
	return nil
}

// See takes one document.
func (c *Check) See(collection string, raw bson.Raw) error {
	switch collection {
	case colAudit:
		return see(raw, func(d auditDoc) error { return c.audit.next("the trail", nil, d.Number, d.Prev, d.Hash) })
	case colReceipts:
		return see(raw, func(d receiptDoc) error {
			c.gap(d.Handle, c.receipt.next("receipts", d.Handle, d.Number, nil, nil))
			return nil
		})
	case colPatients:
		return see(raw, func(d patientDoc) error {
			if d.Number > 0 {
				c.heads[handle(d.Handle)] = d
			}
			return nil
		})
	case colVersions:
		return see(raw, c.seeVersion)
	case colErasures:
		return see(raw, func(d erasureDoc) error {
			c.erased[handle(d.Handle)] = true
			return nil
		})
	}
	return nil
}

func see[T any](raw bson.Raw, f func(T) error) error {
	var d T
	if err := bson.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf("%w: a document of another form", backup.ErrFormat)
	}
	return f(d)
}

func (c *Check) seeVersion(d versionDoc) error {
	c.gap(d.Handle, c.version.next("a record", d.Handle, d.Number, d.Prev, d.Hash))
	h := handle(d.Handle)
	if head, waits := c.heads[h]; waits && head.Number == d.Number {
		if !bytes.Equal(head.Hash, d.Hash) {
			c.gap(d.Handle, fmt.Errorf("%w: a record's head is another version", backup.ErrFormat))
		}
		delete(c.heads, h)
	}
	return nil
}

// gap notes the first one of a patient.
func (c *Check) gap(of []byte, err error) {
	if h := handle(of); err != nil && c.gaps[h] == nil {
		c.gaps[h] = err
	}
}

// End says whether all that was referred to has come.
func (c *Check) End() error {
	for h, err := range c.gaps {
		if !c.erased[h] {
			return err
		}
	}
	maps.DeleteFunc(c.heads, func(h hospital.Handle, _ patientDoc) bool { return c.erased[h] })
	if n := len(c.heads); n > 0 {
		return fmt.Errorf("%w: the newest versions of %d records are missing", backup.ErrFormat, n)
	}
	return nil
}

// EraseAgain deletes whatever a backup has brought back of a record that it holds an erasure of, however
// far that had come: its order is irrevocable. One that was only begun goes on from there and is signed by
// whichever instance starts first (hospital.FinishErasures). It returns how many it looked at.
func (s *Store) EraseAgain(ctx context.Context) (n int, err error) {
	err = s.EachErasure(ctx, func(e hospital.Erasure) error {
		n++
		if _, err := s.db.Collection(colPatients).DeleteOne(ctx, byID(e.Handle[:])); err != nil {
			return failed("erase patient again", err)
		}
		return s.EraseTraces(ctx, e.Handle)
	})
	return n, err
}
