package hospital_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

type storedReceipt struct {
	ID     []byte `bson:"_id"` // handle, number
	Access []byte `bson:"access"`
	Answer []byte `bson:"answer"`
}

// receiptDocs are the receipts as they lie in the database, and the patients' keys.
func (s *scene) receiptDocs() (receipts []storedReceipt, deks map[string][]byte) {
	s.t.Helper()
	ctx := s.t.Context()
	client := peers.Must(mongo.Connect(ctx, options.Client().ApplyURI(mongoURI)))
	defer client.Disconnect(context.Background())
	db := client.Database(s.s.Database)
	var patients []struct {
		Handle []byte `bson:"_id"`
		DEK    []byte `bson:"dek"`
	}
	err := errors.Join(peers.Must(db.Collection("receipts").Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))).All(ctx, &receipts),
		peers.Must(db.Collection("patients").Find(ctx, bson.D{})).All(ctx, &patients))
	if err != nil {
		s.t.Fatal(err)
	}
	deks = map[string][]byte{}
	wrap := ecc.HMAC(s.h.Storage[:], ecc.LabelAtRest, []byte("wrap"))
	for _, p := range patients {
		deks[string(p.Handle)] = peers.Must(ecc.OpenAtRest(wrap[:], ecc.Encode(ecc.LabelWrap, p.Handle), p.DEK))
	}
	return receipts, deks
}

// unsealed opens the evidence beside a receipt as whoever holds the key file does.
func (s *scene) unsealed(r storedReceipt, deks map[string][]byte) (access message.AccessEvidence, answer []byte) {
	s.t.Helper()
	handle, number := r.ID[:16], r.ID[16:]
	aead := ecc.HMAC(deks[string(handle)], ecc.LabelAtRest, []byte("seal"))
	open := func(use string, sealed []byte) []byte {
		b, err := ecc.OpenAtRest(aead[:], ecc.Encode(ecc.LabelAtRest, []byte(use), handle, number), sealed)
		if err != nil {
			s.t.Fatalf("%s: %v", use, err)
		}
		return b
	}
	access, err := message.DecodeAccessEvidence(open("evidence of access", r.Access))
	if err != nil {
		s.t.Fatal(err)
	}
	if r.Answer != nil {
		answer = open("evidence of answer", r.Answer)
	}
	return access, answer
}

func TestEvidenceOfAVisit(t *testing.T) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		t.Run(suite.String(), func(t *testing.T) {
			s := newScene(t, suite)
			x := s.open()
			r, err := s.h.Release(t.Context(), x.M8(message.Filter{}))
			if err != nil {
				t.Fatal(problem.Reason(err))
			}
			_, _, pages := x.Pages(t, peers.Must(peers.All(r)))
			salted, d5 := x.D5(diagnosis)
			m, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
			if err != nil {
				t.Fatal(problem.Reason(err))
			}
			x.Stored(t, m, salted, d5)

			receipts, deks := s.receiptDocs()
			if len(receipts) != 2 {
				t.Fatalf("%d receipts", len(receipts))
			}
			access, answer := s.unsealed(receipts[0], deks)
			released := peers.Must(message.DecodeSigned(answer))
			got, err := access.VerifyRelease(s.w.Pins, s.w.VerifyCertificate, 1, released)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(pages) {
				t.Errorf("release: %v", err)
			}
			if suite == ecc.SuiteX25519 {
				s.everyByteCounts(access, released)
			}

			access, answer = s.unsealed(receipts[1], deks)
			write := peers.Must(message.DecodeWriteEvidence(answer))
			if h, err := access.VerifyWrite(s.w.Pins, s.w.VerifyCertificate, write); err != nil || h != ecc.Sum(salted) {
				t.Errorf("diagnosis: %v", err)
			}
			if binary.BigEndian.Uint64(receipts[1].ID[16:]) != 2 || !bytes.Equal(write.SigD5.Encode(), d5.Encode()) {
				t.Error("another diagnosis")
			}
		})
	}
}

// everyByteCounts fails if a byte of the stored evidence may be another (attack 17).
func (s *scene) everyByteCounts(access message.AccessEvidence, released message.Signed) {
	s.t.Helper()
	for i, stored := 0, access.Encode(); i < len(stored); i++ {
		b := bytes.Clone(stored)
		b[i] ^= 1
		if a, err := message.DecodeAccessEvidence(b); err == nil && a.Verify(s.w.Pins, s.w.VerifyCertificate) == nil {
			s.t.Fatalf("access: byte %d may be changed", i)
		}
	}
	for i, stored := 0, released.Encode(); i < len(stored); i++ {
		b := bytes.Clone(stored)
		b[i] ^= 1
		if r, err := message.DecodeSigned(b); err == nil {
			if _, err := access.VerifyRelease(s.w.Pins, s.w.VerifyCertificate, 1, r); err == nil {
				s.t.Fatalf("release: byte %d may be changed", i)
			}
		}
	}
}

// receiptPort has a name that its own method does not bear.
type receiptPort = hospital.Receipts

// incomplete is a store that cannot add the answer to a receipt.
type incomplete struct{ receiptPort }

func (incomplete) CompleteReceipt(context.Context, hospital.Handle, uint64, []byte) error {
	return errors.New("down")
}

// The last page stays here as long as its signature is not kept; what let the doctor in is
// kept before the first.
func TestEvidenceIsDurableBeforeTheLastPage(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	whole := s.h
	s.h = s.w.Instance(t, whole.Party, whole.Storage, s.s, func(c *hospital.Config) { c.Receipts = incomplete{c.Receipts} })
	x := s.open()
	r, err := s.h.Release(t.Context(), x.M8(message.Filter{}))
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
	receipts, deks := s.receiptDocs()
	access, answer := s.unsealed(receipts[0], deks)
	if err := access.Verify(s.w.Pins, s.w.VerifyCertificate); err != nil || answer != nil {
		t.Errorf("before the first page: %v", err)
	}
	for range 2 { // and it goes on failing
		if m, err := r.Next(t.Context()); problem.KindOf(err) != problem.KindUnavailable || m.Ciphertext != nil {
			t.Errorf("the last page left without its evidence: %v", err)
		}
	}
}

// An answer is added once: nobody replaces what was signed.
func TestEvidenceIsNotReplaced(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.release(s.open(), message.Filter{})
	receipts, _ := s.receiptDocs()
	err := s.h.Mongo.CompleteReceipt(t.Context(), hospital.Handle(receipts[0].ID[:16]), 1, []byte("other"))
	if !errors.Is(err, hospital.ErrLost) {
		t.Error(err)
	}
	if again, _ := s.receiptDocs(); !bytes.Equal(again[0].Answer, receipts[0].Answer) {
		t.Error("the answer was replaced")
	}
}
