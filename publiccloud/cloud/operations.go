package cloud

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// What an operator did, as the trail of operations names it.
const (
	OperationRevoked      = "credential revoked"
	OperationKeyAdded     = "key version added"
	OperationKeyCurrent   = "key version current"
	OperationKeyDestroyed = "key version destroyed"
	OperationRewrapped    = "key file sealed anew"
	OperationAnnounced    = "root announced"
	OperationRetired      = "root retired"
	OperationExported     = "audit exported"
	OperationBackup       = "backup made"
	OperationRestored     = "restored" // from a backup: operations between it and this one are not in the trail
)

// Operation is one act of an operator. It names no patient, and holds no key.
type Operation struct {
	What       string
	Time       message.Millis
	Failed     bool         // an act that the line before told of was not done, as far as is known
	Operator   string       // who ran a command, as the system names him
	Subject    string       // who called over HTTP, as his token names him
	Credential message.Hash // c_X, of what was revoked
	Key        string       // name of a key
	Version    uint32       // of that key; of a root its number, from 0
	Generation uint64       // of the key ring that the act makes
	Note       string
}

// Operated is an operation with its place in the trail.
type Operated struct {
	Number     uint64       // from 1
	Prev, Hash message.Hash // of the line before, and its own
	Operation
}

// OperationLine is one line of the trail as it is stored. Its hash is keyed.
type OperationLine struct {
	Number     uint64
	Prev, Hash message.Hash
	Line       []byte // JSON of the operation
}

// Operations is the append-only trail of what operators did.
type Operations interface {
	// LastOperation returns the newest line, the zero line of an empty trail.
	LastOperation(ctx context.Context) (OperationLine, error)
	// AppendOperation fails with Conflict if the number is taken by another line.
	AppendOperation(ctx context.Context, l OperationLine) error
	// OperationsFrom returns up to limit lines, beginning with the number from.
	OperationsFrom(ctx context.Context, from uint64, limit int) ([]OperationLine, error)
	// ProbeOperations writes, as durably as AppendOperation and to the same database, what is
	// no line of the trail and replaces what the probe before it wrote.
	ProbeOperations(ctx context.Context) error
}

// Trail reads and writes the trail of operations. Each line's hash is made under a key: whoever can write
// into the store cannot make a trail that holds.
type Trail struct {
	Store     Operations
	HandleKey []byte // that of Config
	Now       func() time.Time
}

// ErrOperations says that the trail of operations is not the one that was written: a line is
// lost, exchanged or altered, or the trail is shorter than it was.
var ErrOperations = errors.New("cloud: the trail of operations is broken")

// operationTries bounds how often one line loses against others.
const operationTries = 64

// Do makes an act known before it is done, and says if it has failed: no act goes unrecorded, whatever
// breaks in between. A line may tell of an act that a crash has prevented.
func (t Trail) Do(ctx context.Context, o Operation, act func() error) error {
	if err := t.Record(ctx, o); err != nil {
		return err
	}
	err := act()
	if err == nil {
		return nil
	}
	o.Failed = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failedTimeout)
	defer cancel()
	if unsaid := t.Record(ctx, o); unsaid != nil {
		return fmt.Errorf("%w (and the trail of operations does not say that it failed: %s)", err, problem.Reason(unsaid))
	}
	return err
}

// failedTimeout bounds the line about an act that failed.
const failedTimeout = 10 * time.Second

// Record appends an operation; it returns nil when that is durable.
func (t Trail) Record(ctx context.Context, o Operation) error {
	o.Time = message.MillisOf(t.Now())
	line, err := o.encode()
	if err != nil {
		return problem.Internal(err)
	}
	for range operationTries {
		last, err := t.Store.LastOperation(ctx)
		if err != nil {
			return err
		}
		n := OperationLine{Number: last.Number + 1, Prev: last.Hash, Line: line}
		n.Hash = t.hash(n)
		if err = t.Store.AppendOperation(ctx, n); problem.KindOf(err) != problem.KindConflict || err == nil {
			return err
		}
	}
	return problem.Unavailable(0, errors.New("the trail of operations is too busy"))
}

// Ready reports whether the trail can be written: its newest line is one that was made under
// the key, and the database takes writes. It adds no line.
func (t Trail) Ready(ctx context.Context) error {
	last, err := t.Store.LastOperation(ctx)
	if err != nil {
		return err
	}
	if last.Number > 0 && last.Hash != t.hash(last) {
		return fmt.Errorf("%w: line %d", ErrOperations, last.Number)
	}
	return t.Store.ProbeOperations(ctx)
}

func (t Trail) hash(l OperationLine) message.Hash {
	return ecc.HMAC(t.HandleKey, ecc.LabelOperation, binary.BigEndian.AppendUint64(nil, l.Number), l.Prev[:], l.Line)
}

// After returns up to limit operations behind a place that was seen before, of which the zero
// number is the place before the first one, after checking that the chain holds from there. It
// fails with ErrOperations if it does not, or if that place is not what it was.
func (t Trail) After(ctx context.Context, number uint64, hash message.Hash, limit int) ([]Operated, error) {
	if number > 0 {
		seen, err := t.Store.OperationsFrom(ctx, number, 1)
		if err != nil {
			return nil, err
		}
		if len(seen) == 0 || seen[0].Number != number || seen[0].Hash != hash {
			return nil, fmt.Errorf("%w: line %d is not what it was", ErrOperations, number)
		}
	}
	lines, err := t.Store.OperationsFrom(ctx, number+1, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Operated, len(lines))
	for i, l := range lines {
		if l.Number != number+1 || l.Prev != hash || l.Hash != t.hash(l) {
			return nil, fmt.Errorf("%w: line %d", ErrOperations, number+1)
		}
		o, err := decodeOperation(l.Line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d", ErrOperations, number+1)
		}
		out[i] = Operated{Number: l.Number, Prev: l.Prev, Hash: l.Hash, Operation: o}
		number, hash = l.Number, l.Hash
	}
	return out, nil
}

// operationJSON is Operation as it is stored.
type operationJSON struct {
	What       string         `json:"what"`
	Time       message.Millis `json:"time"`
	Failed     bool           `json:"failed,omitempty"`
	Operator   string         `json:"operator,omitempty"`
	Subject    string         `json:"subject,omitempty"`
	Credential string         `json:"credential,omitempty"`
	Key        string         `json:"key,omitempty"`
	Version    uint32         `json:"version,omitempty"`
	Generation uint64         `json:"generation,omitempty"`
	Note       string         `json:"note,omitempty"`
}

func (o Operation) encode() ([]byte, error) {
	j := operationJSON{What: o.What, Time: o.Time, Failed: o.Failed, Operator: o.Operator, Subject: o.Subject,
		Key: o.Key, Version: o.Version, Generation: o.Generation, Note: o.Note}
	if o.Credential != (message.Hash{}) {
		j.Credential = hex.EncodeToString(o.Credential[:])
	}
	return json.Marshal(j)
}

func decodeOperation(b []byte) (Operation, error) {
	var j operationJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return Operation{}, err
	}
	o := Operation{What: j.What, Time: j.Time, Failed: j.Failed, Operator: j.Operator, Subject: j.Subject,
		Key: j.Key, Version: j.Version, Generation: j.Generation, Note: j.Note}
	if j.Credential == "" {
		return o, nil
	}
	c, err := hex.DecodeString(j.Credential)
	if err != nil || len(c) != len(o.Credential) {
		return o, errors.New("no credential")
	}
	o.Credential = message.Hash(c)
	return o, nil
}
