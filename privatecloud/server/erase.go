package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/secretfile"
	"medunion/privatecloud/hospital"
)

// maxMRN bounds the line that a medical record number stands on, in bytes.
const maxMRN = 1024

// ReadMRN reads a medical record number: the first line of a file of mode 0600, or of in where the path is
// "-". It never comes as an argument, which every user of the machine can read.
func ReadMRN(path string, in io.Reader) (string, error) {
	if path != "-" {
		b, err := secretfile.Read(path)
		if err != nil {
			return "", fmt.Errorf("medical record number: %w", err)
		}
		in = bytes.NewReader(b)
	}
	line, err := bufio.NewReader(io.LimitReader(in, maxMRN)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("medical record number: %w", err)
	}
	mrn := strings.TrimRight(line, "\r\n")
	if mrn == "" || len(line) == maxMRN {
		return "", errors.New("medical record number: there is none on the first line")
	}
	return mrn, nil
}

// PreviewErasure says what EraseRecord would destroy.
func PreviewErasure(ctx context.Context, c Config, mrn string) (e hospital.Erasing, err error) {
	err = offline(ctx, c, func(p *parts) error {
		e, err = p.hospital.PreviewErasure(ctx, mrn)
		return err
	})
	return e, err
}

// EraseRecord destroys the record with a medical record number and writes the receipt into a
// folder. Receipts of earlier erasures that are not there yet, because a run broke off, are written too. It works beside
// running instances, which empty the index; without them the next start does.
func EraseRecord(ctx context.Context, c Config, mrn string, o hospital.Order, receipts string) (r ErasureReceipt, err error) {
	if err := folder(receipts); err != nil {
		return r, err
	}
	err = offline(ctx, c, func(p *parts) error {
		s, err := p.hospital.Erase(ctx, mrn, o)
		if err != nil {
			return err
		}
		if r, err = p.receiptOf(s); err != nil {
			return err
		}
		return errors.Join(r.write(receipts), p.collect(ctx, receipts), p.finish(ctx))
	})
	return r, err
}

// collect writes every receipt that the store has and the folder has not. Of
// those that do not hold it says so, and goes on with the others.
func (p *parts) collect(ctx context.Context, receipts string) error {
	var broken []error
	err := p.store.EachErasure(ctx, func(e hospital.Erasure) error {
		if len(e.Receipt) == 0 {
			return nil
		}
		r, err := p.receipt(e.Receipt)
		if err != nil {
			broken = append(broken, err)
			return nil
		}
		return r.write(receipts)
	})
	return errors.Join(append(broken, err)...)
}

// receipt reads a receipt of the store.
func (p *parts) receipt(stored []byte) (ErasureReceipt, error) {
	s, err := message.DecodeSigned(stored)
	if err != nil {
		return ErasureReceipt{}, fmt.Errorf("a receipt in the store: %w", err)
	}
	return p.receiptOf(s)
}

// receiptOf verifies a statement under the credential that it names, which may be a former one.
func (p *parts) receiptOf(s message.Signed) (ErasureReceipt, error) {
	e, err := message.DecodeErasure(s.TBS)
	if err != nil {
		return ErasureReceipt{}, fmt.Errorf("a receipt in the store: %w", err)
	}
	c, known := p.hospital.Credential(e.Hospital)
	if !known {
		return ErasureReceipt{}, fmt.Errorf("the receipt of record %x: %w: the hospital has had no such credential", e.Record, ErrReceipt)
	}
	r, err := newReceipt(p.trust(), c, s)
	if err != nil {
		err = fmt.Errorf("the receipt of record %x: %w", e.Record, err)
	}
	return r, err
}

func (p *parts) trust() trust {
	ids := p.hospital.Keys.Identities.Identities()
	return trust{p.pins.Pins(), append([]message.Credential{ids.Current.Credential}, ids.Former...)}
}

// finish tries to empty the index at once. If the public cloud is away a running hospital goes on with it: that is no failure of the erasure.
func (p *parts) finish(ctx context.Context) error {
	if _, err := p.hospital.FinishErasures(ctx); err != nil {
		p.config.Logger.Warn("the index entries of erased records wait for the public cloud", "reason", problem.Reason(err))
	}
	return nil
}

// ReplayErasures erases again what a restored backup has brought back: every record whose
// receipt lies in the folder. It returns how many there were; with dryRun it only counts them. The hospital must not
// serve meanwhile.
func ReplayErasures(ctx context.Context, c Config, receipts string, operator string, dryRun bool) (n int, err error) {
	err = offline(ctx, c, func(p *parts) error {
		names, err := receiptsIn(receipts, p.trust())
		if err != nil {
			return err
		}
		if !dryRun {
			n, err = p.eraseNamed(ctx, names, operator)
			return errors.Join(err, p.finish(ctx))
		}
		return p.hospital.RecordsNamed(ctx, names, func(hospital.Handle, message.Hash) error { n++; return nil })
	})
	return n, err
}

const replayGround = "erased before, and brought back by a backup"

// eraseNamed erases the records of these names and returns how many there were. It leaves the first receipts
// as they are: those say when the records were erased. Their index entries are still to be emptied.
func (p *parts) eraseNamed(ctx context.Context, names map[message.Hash]bool, operator string) (n int, err error) {
	order := hospital.Order{Ground: replayGround, Operator: operator[:min(len(operator), message.MaxErasureOperator)]}
	err = p.hospital.RecordsNamed(ctx, names, func(h hospital.Handle, _ message.Hash) error {
		n++
		_, err := p.hospital.EraseRecord(ctx, h, order)
		return err
	})
	return n, err
}

// Retention is a policy: how long a record is kept after its last activity.
type Retention struct {
	Years int    `name:"retention" required:"" help:"Years for which a record is kept after its last activity."`
	Hold  string `help:"File with the records that are kept all the same, as for a court: a medical record number or a record's name a line." type:"existingfile"`
}

// maxRetention is in years. Beyond it a calendar's arithmetic would end, and every record be old.
const maxRetention = 200

// Check refuses a policy that would erase everything.
func (r Retention) Check() error {
	if r.Years < 1 || r.Years > maxRetention {
		return fmt.Errorf("a record is kept for one year at least, and %d are the most that can be said", maxRetention)
	}
	return nil
}

// OldRecord is a record whose time is over.
type OldRecord struct {
	Record string    // its name, in hex
	Last   time.Time // its last activity
	Held   bool
}

// ListRetention calls visit for each record whose time is over, also for those on hold.
func ListRetention(ctx context.Context, c Config, r Retention, visit func(OldRecord)) error {
	return offline(ctx, c, func(p *parts) error {
		return p.old(ctx, r, func(i hospital.Idle, o OldRecord) error { visit(o); return nil })
	})
}

// ApplyRetention erases the records whose time is over and that are not on hold, and calls
// visit after each.
func ApplyRetention(ctx context.Context, c Config, r Retention, operator, receipts string, visit func(ErasureReceipt)) error {
	if err := folder(receipts); err != nil {
		return err
	}
	ground := fmt.Sprintf("retention of %d years is over", r.Years)
	return offline(ctx, c, func(p *parts) error {
		err := p.old(ctx, r, func(i hospital.Idle, o OldRecord) error {
			if o.Held {
				return nil
			}
			s, err := p.hospital.EraseRecord(ctx, i.Handle, hospital.Order{Ground: ground, Operator: operator})
			if err != nil {
				return err
			}
			receipt, err := p.receiptOf(s)
			if err == nil {
				err = receipt.write(receipts)
			}
			if err == nil {
				visit(receipt)
			}
			return err
		})
		return errors.Join(err, p.collect(ctx, receipts), p.finish(ctx))
	})
}

func (p *parts) old(ctx context.Context, r Retention, visit func(hospital.Idle, OldRecord) error) error {
	if err := r.Check(); err != nil {
		return err
	}
	held, err := p.held(ctx, r.Hold)
	if err != nil {
		return err
	}
	before := message.MillisOf(p.config.Now().AddDate(-r.Years, 0, 0))
	return p.hospital.IdleSince(ctx, before, func(i hospital.Idle) error {
		return visit(i, OldRecord{Record: hex.EncodeToString(i.Record[:]), Last: i.Last.Time().UTC(), Held: held[i.Record]})
	})
}

// held reads the records on hold. A line that names no record is an error: a mistyped number or
// name must not let a record be erased.
func (p *parts) held(ctx context.Context, path string) (map[message.Hash]bool, error) {
	out := map[message.Hash]bool{}
	if path == "" {
		return out, nil
	}
	b, err := secretfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("records on hold: %w", err)
	}
	names := map[message.Hash]int{} // by their lines
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if b, err := hex.DecodeString(line); err == nil && len(b) == len(message.Hash{}) {
			names[message.Hash(b)] = n
			continue
		}
		name, err := p.hospital.RecordOf(ctx, line)
		if err != nil {
			return nil, fmt.Errorf("records on hold, line %d: %w", n, err)
		}
		out[name] = true
	}
	return out, errors.Join(lines.Err(), p.named(ctx, names, out))
}

// named puts the records with these names among those on hold. Each must be there.
func (p *parts) named(ctx context.Context, names map[message.Hash]int, out map[message.Hash]bool) error {
	if len(names) == 0 {
		return nil
	}
	wanted := map[message.Hash]bool{}
	for name := range names {
		wanted[name] = true
	}
	err := p.hospital.RecordsNamed(ctx, wanted, func(_ hospital.Handle, name message.Hash) error {
		out[name] = true
		delete(names, name)
		return nil
	})
	for _, n := range names {
		err = errors.Join(err, fmt.Errorf("records on hold, line %d: no record has this name", n))
	}
	return err
}
