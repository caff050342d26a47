package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	openapi "medunion/api/openapi/privateadmin"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
)

var errNotReply = errors.New("httpapi: not the receipt of this index write")

// indexWrite is the last write under one locator.
type indexWrite struct {
	locator ecc.SigningKey // sk_L
	key     message.Hash   // kv
	entry   message.Entry
	reply   ecc.KEMPrivateKey
	session [16]byte
}

// newIndexWrite draws the keys of a locator that belongs to no patient.
func newIndexWrite() (*indexWrite, error) {
	sk, err := ecc.GenerateSigningKey(rand.Reader)
	x := &indexWrite{locator: sk}
	_, _ = rand.Read(x.key[:]) // never fails
	return x, err
}

// PrepareIndexEntry implements openapi.ServerInterface.
func (a admin) PrepareIndexEntry(c echo.Context) error {
	var q openapi.IndexStep
	if err := httpserver.ReadJSON(c, &q); err != nil {
		return err
	}
	signed, err := a.Hospital.Cloud.CloudPrekey(c.Request().Context(), uint8(a.Hospital.Identity().Credential.Info.Suite))
	if err != nil {
		return err
	}
	a.writes.Lock()
	defer a.writes.Unlock()
	x, err := newIndexWrite()
	if q.Handle != nil {
		x, err = a.writes.Find(*q.Handle)
	}
	if err != nil {
		return problem.From(err)
	}
	now := message.MillisOf(a.Hospital.Now())
	m, err := x.make(a.Hospital, signed, now, shifted(now, q.Time), shifted(now, q.EntryTime))
	if err != nil {
		return problem.From(err)
	}
	if q.Handle == nil {
		q.Handle = new(a.writes.Add(x))
	}
	return c.JSON(http.StatusOK, openapi.Prepared{Handle: *q.Handle, Message: httpserver.NewMessage(m.Encode()).Message, Locator: hex.EncodeToString(x.entry.Locator[:])})
}

func shifted(now message.Millis, by *int64) message.Millis {
	if by == nil {
		return now
	}
	return message.Millis(int64(now) + *by)
}

// make seals a new entry at the time T of the header, signed for the time of the entry.
func (x *indexWrite) make(h *hospital.Hospital, prekey message.Signed, now, t, entry message.Millis) (message.Message, error) {
	self := h.Identity()
	cred, suite := self.Credential, self.Credential.Info.Suite
	pins := h.Pins.Pins()
	to, _, err := message.OpenCloudPrekey(prekey, pins, suite, now)
	if err != nil {
		return message.Message{}, err
	}
	if err := x.sign(cred, self.Sign, entry); err != nil {
		return message.Message{}, err
	}
	if x.reply, err = ecc.GenerateKEM(suite, rand.Reader); err != nil {
		return message.Message{}, err
	}
	hdr, err := message.NewHeader(rand.Reader, suite, message.TypeIndex, [16]byte{}, t)
	if err != nil {
		return message.Message{}, err
	}
	s, err := message.Begin(rand.Reader, to.Key, pins.CloudID, hdr)
	if err != nil {
		return message.Message{}, err
	}
	x.session = hdr.Session
	by := self.Sign.Sign(message.TBSIndexWrite(s.Header(), cred.Hash(), x.entry, x.reply.Public()))
	return s.Seal(message.IndexWrite{Entry: x.entry, VK: x.locator.Public(), PKe: x.reply.Public(), Signature: by}.Encode())
}

// sign makes v and Sig_idx.
func (x *indexWrite) sign(by message.Credential, key ecc.SigningKey, t message.Millis) error {
	l, c := message.Locator(x.locator.Public()), by.Hash()
	v, err := message.SealIndex(rand.Reader, x.key, l, c, message.IndexContent{Hospital: by.Info.ID, Departments: []message.Code{"GENERAL"},
		Classes: []message.Code{"LAB"}})
	x.entry = message.Entry{Locator: l, Value: v, Time: t, Hospital: by, SigIndex: key.Sign(message.TBSIndex(c, l, x.locator.Public(), v, t))}
	return err
}

// OpenReply implements openapi.ServerInterface.
func (a admin) OpenReply(c echo.Context) error {
	var q openapi.Reply
	if err := httpserver.ReadJSON(c, &q); err != nil {
		return err
	}
	b, err := httpserver.Message{Message: q.Message}.Bytes(httpserver.MessageCap)
	if err != nil {
		return err
	}
	a.writes.Lock()
	defer a.writes.Unlock()
	x, err := a.writes.Find(q.Handle)
	if err != nil {
		return err
	}
	receipt, err := x.open(a.Hospital, b)
	if err != nil {
		return problem.Refused(err)
	}
	return c.JSON(http.StatusOK, openapi.Opened{Type: openapi.M12R, Time: receipt.Time.Time()})
}

// open verifies the public cloud's receipt.
func (x *indexWrite) open(h *hospital.Hospital, b []byte) (message.Indexed, error) {
	m, err := message.DecodeType(b, message.TypeIndexed)
	if err != nil {
		return message.Indexed{}, err
	}
	if m.Header.Session != x.session {
		return message.Indexed{}, errNotReply
	}
	opened, err := message.Open(m, x.reply, h.ID())
	if err != nil {
		return message.Indexed{}, err
	}
	r, err := message.DecodeIndexed(opened.Plaintext)
	if err != nil {
		return message.Indexed{}, err
	}
	_, err = h.Pins.Pins().Verify(message.TBSIndexed(m.Header, x.entry.Locator, x.entry.Value, r.Time), r.Signature, message.MillisOf(h.Now()))
	return r, err
}
