package server

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/secretfile"
)

// ErasureReceipt is the signed statement that a record was destroyed, with what verifies it. Only
// Statement and Credential count; the rest is what they say, for people.
type ErasureReceipt struct {
	Hospital   string    `json:"hospital"`
	Record     string    `json:"record"` // the record's name, in hex
	Versions   uint64    `json:"versions"`
	Bytes      uint64    `json:"bytes"`
	Releases   uint64    `json:"releases"`
	Diagnoses  uint64    `json:"diagnoses"`
	Time       time.Time `json:"time"`
	Ground     string    `json:"ground"`
	Operator   string    `json:"operator"`
	Statement  []byte    `json:"statement"`  // message.Signed
	Credential []byte    `json:"credential"` // Cred_HPC
}

// ErrReceipt says that a receipt of an erasure does not hold.
var ErrReceipt = errors.New("the receipt does not hold")

// trust is what a receipt is held against. What is signed under one of the hospital's own credentials, as its key file has
// them, holds also when the root is not pinned any more that issued it.
type trust struct {
	pins message.Pins
	own  []message.Credential
}

func (t trust) erasure(c message.Credential, s message.Signed) (message.Erasure, error) {
	e, err := message.VerifyErasure(t.pins, c, s)
	if err != nil && slices.ContainsFunc(t.own, func(o message.Credential) bool { return o.Hash() == c.Hash() }) {
		return message.OpenErasure(c, s)
	}
	return e, err
}

func newReceipt(t trust, c message.Credential, s message.Signed) (ErasureReceipt, error) {
	e, err := t.erasure(c, s)
	if err != nil {
		return ErasureReceipt{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	return ErasureReceipt{Hospital: string(c.Info.ID), Record: hex.EncodeToString(e.Record[:]), Versions: e.Versions, Bytes: e.Bytes,
		Releases: e.Releases, Diagnoses: e.Diagnoses, Time: e.Time.Time().UTC(), Ground: e.Ground, Operator: e.Operator,
		Statement: s.Encode(), Credential: c.Encode()}, nil
}

// write puts the receipt into a folder, durably. One of the same record that is there stays: it says when the
// record was erased first.
func (r ErasureReceipt) write(dir string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := secretfile.Create(r.path(dir), append(b, '\n')); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (r ErasureReceipt) path(dir string) string {
	return filepath.Join(dir, "erasure-"+r.Record+".json")
}

// readReceipt reads a receipt's file and verifies it, offline: the signature,
// the hospital's credential, and that what it says for people is what was signed.
func readReceipt(path string, t trust) (ErasureReceipt, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return ErasureReceipt{}, err
	}
	var r ErasureReceipt
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, ErrReceipt)
	}
	s, e1 := message.DecodeSigned(r.Statement)
	c, e2 := message.DecodeCredential(r.Credential)
	if err := errors.Join(e1, e2); err != nil {
		return r, fmt.Errorf("%s: %w: %w", path, ErrReceipt, err)
	}
	want, err := newReceipt(t, c, s)
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	if a, b := fmt.Sprint(want), fmt.Sprint(r); a != b {
		return r, fmt.Errorf("%s: %w: it says something else than was signed", path, ErrReceipt)
	}
	return r, nil
}

// VerifyErasureReceipt reads a receipt's file and verifies it, offline, under the configured pins, or as of a credential that
// the key file has, if that is there.
func VerifyErasureReceipt(c Config, path string) (ErasureReceipt, error) {
	pins, err := c.pins()
	if err != nil {
		return ErasureReceipt{}, err
	}
	return readReceipt(path, trust{pins, c.withDefaults().own()})
}

// own are the hospital's credentials; none without a key file that can be read.
func (c Config) own() []message.Credential {
	k, err := c.registered(context.Background())
	if err != nil {
		return nil
	}
	return k.own()
}

// CountReceipts verifies all receipts of a folder under the configured pins and returns how many there are.
func CountReceipts(c Config, dir string) (int, error) {
	names, err := c.withDefaults().receipts(dir)
	return len(names), err
}

// receipts names the records of which a receipt lies in the folder; none without a folder.
func (c Config) receipts(dir string) (map[message.Hash]bool, error) {
	if dir == "" {
		return nil, nil
	}
	keeper, err := c.keeper()
	if err != nil {
		return nil, err
	}
	return receiptsIn(dir, trust{keeper.Pins(), c.own()})
}

// receiptsIn reads all receipts of a folder; one that does not hold is an error.
func receiptsIn(dir string, t trust) (map[message.Hash]bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "erasure-*.json"))
	if err != nil {
		return nil, err
	}
	out := map[message.Hash]bool{}
	for _, f := range files {
		r, err := readReceipt(f, t)
		if err != nil {
			return nil, err
		}
		name, err := hex.DecodeString(r.Record)
		if err != nil {
			return nil, err
		}
		out[message.Hash(name)] = true
	}
	return out, nil
}

// folder checks that receipts can be written, before anything is destroyed.
func folder(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fs.ErrInvalid
	}
	if err != nil {
		return fmt.Errorf("the folder of receipts: %w", err)
	}
	probe := filepath.Join(dir, ".probe")
	return errors.Join(secretfile.Replace(probe, []byte{}), os.Remove(probe))
}
