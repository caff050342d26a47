package mongostore

import (
	"fmt"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/api/backup"
	"medunion/api/message"
	"medunion/api/mongodb"
	"medunion/publiccloud/cloud"
)

// BackedUp are the collections of a backup in the order in which they are read: credentials
// before the log, which has a line before a credential is stored; the newest entries before
// the versions, of which they are copies.
//
// Left out is what must not come back: codes, which may have been used since, and the own
// prekeys, whose private halves must be gone when they have expired, also from backups.
var BackedUp = []string{colCredentials, colLog, colRevocations, colConsents, colPrekeys, colLatest, colEntries, colOperations}

// Database is the connection, for backups.
func (s *Store) Database() mongodb.Database { return s.db }

// Check looks at the documents of a backup as they pass: the log without a gap and with
// every credential, the trail of operations without a gap, and a version of every newest entry.
type Check struct {
	credentials map[message.Hash]bool
	line        message.LogEntry
	lines       int64
	latest      map[[72]byte]bool
	operation   cloud.OperationLine
}

// NewCheck begins with nothing seen.
func NewCheck() *Check {
	return &Check{credentials: map[message.Hash]bool{}, latest: map[[72]byte]bool{}}
}

// See takes one document.
func (c *Check) See(collection string, raw bson.Raw) error {
	switch collection {
	case colCredentials:
		return see(raw, func(d credentialDoc) error { c.credentials[hash(d.Credential)] = true; return nil })
	case colLog:
		return see(raw, c.seeLine)
	case colOperations:
		return see(raw, c.seeOperation)
	case colLatest:
		return see(raw, func(d latestDoc) error { c.latest[versionID(d.ID, d.Time)] = true; return nil })
	case colEntries:
		return see(raw, func(d entryDoc) error { delete(c.latest, [72]byte(d.ID)); return nil })
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

func (c *Check) seeLine(d logDoc) error {
	line := d.line()
	previous := message.Hash{}
	if c.lines > 0 {
		previous = c.line.Hash()
	}
	if d.Index != c.lines || line.Previous != previous {
		return fmt.Errorf("%w: the log does not hold at line %d", backup.ErrFormat, c.lines)
	}
	c.line = line
	c.lines++
	delete(c.credentials, line.Credential)
	return nil
}

// seeOperation follows the trail's chain; that its hashes are right needs the keys.
func (c *Check) seeOperation(d operationDoc) error {
	l := d.line()
	if l.Number != c.operation.Number+1 || l.Prev != c.operation.Hash {
		return fmt.Errorf("%w: the trail of operations does not hold at line %d", backup.ErrFormat, c.operation.Number+1)
	}
	c.operation = l
	return nil
}

// End says whether all that was referred to has come.
func (c *Check) End() error {
	if n := len(c.credentials); n > 0 {
		return fmt.Errorf("%w: the log has no line of %d credentials", backup.ErrFormat, n)
	}
	if n := len(c.latest); n > 0 {
		return fmt.Errorf("%w: the versions of %d entries are missing", backup.ErrFormat, n)
	}
	return nil
}
