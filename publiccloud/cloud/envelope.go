package cloud

import (
	"context"
	"errors"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

var (
	errSeq     = errors.New("the first message of an exchange has another number than 1")
	errSuite   = errors.New("the suites in the exchange differ")
	errRevoked = errors.New("a credential or the consent is revoked")
)

// refused classifies what a check of package message or ecc returned: bytes that
// are no canonical encoding are Invalid, everything else is Refused.
func refused(err error) error {
	if errors.Is(err, message.ErrFormat) || errors.Is(err, ecc.ErrEncoding) {
		return problem.Invalid("The message is not in its canonical form.").Because(err)
	}
	return problem.Refused(err)
}

// open takes a sealed message apart: size and form, freshness, decryption.
func (c *Cloud) open(ctx context.Context, raw []byte, want message.Type) (message.Header, []byte, error) {
	m, err := message.DecodeType(raw, want)
	if err != nil {
		return message.Header{}, nil, refused(err)
	}
	if err := c.Window.Fresh(m.Header.Time.Time()); err != nil {
		return message.Header{}, nil, err
	}
	key, err := c.privateKey(ctx, m.Header.To)
	if err != nil {
		return message.Header{}, nil, err
	}
	opened, err := message.Open(m, key, c.ID)
	if err != nil {
		return message.Header{}, nil, problem.Refused(err)
	}
	if m.Header.Seq != 1 {
		return message.Header{}, nil, problem.Refused(errSeq)
	}
	return m.Header, opened.Plaintext, nil
}

// accept is the replay window's decision about a message whose signatures hold.
// It returns the id under which the effect is recorded.
func (c *Cloud) accept(ctx context.Context, sender message.Hash, h message.Header) ([16]byte, error) {
	id := message.WindowID(c.ID, sender, h)
	return id, c.Window.Accept(ctx, id, h.Time.Time())
}

// beginReply starts the answer to a message: same suite and sid, under the
// one-time key, for the named recipient.
func (c *Cloud) beginReply(to message.Header, t message.Type, pke ecc.KEMPublicKey, recipient message.ID) (*message.Sealing, error) {
	h, err := message.NewHeader(c.Rand, to.Suite, t, to.Session, c.now())
	if err != nil {
		return nil, problem.Internal(err)
	}
	s, err := message.Begin(c.Rand, pke, recipient, h)
	if err != nil {
		return nil, problem.Refused(err)
	}
	return s, nil
}

func sealReply(s *message.Sealing, body []byte) ([]byte, error) {
	m, err := s.Seal(body)
	if err != nil {
		return nil, problem.Internal(err)
	}
	raw := m.Encode()
	if len(raw) > m.Header.Type.Limit() {
		return nil, problem.Internal(errors.New("an answer exceeds its type's limit"))
	}
	return raw, nil
}

// unrevoked asks for credentials and consents in one operation of the store.
func (c *Cloud) unrevoked(ctx context.Context, names ...message.Hash) error {
	revoked, err := c.Revocations.AnyRevoked(ctx, names)
	if err != nil {
		return err
	}
	if revoked {
		return problem.Refused(errRevoked)
	}
	return nil
}
