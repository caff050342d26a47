package message

import (
	"fmt"
	"io"

	"medunion/ecc"
)

// Version is the protocol version in every header: EMR-AUTH v1.
const Version = 1

// Header is hdr = ⟨hdr: version, suite, type, sid, seq, kid_to, T, N⟩, the
// associated data of every message: 128 bytes at most.
type Header struct {
	Suite   ecc.Suite // u8
	Type    Type      // 1 to 16 bytes
	Session [16]byte  // sid, random, chosen by the first sender and echoed
	Seq     uint64    // from 1, in each direction
	To      Hash      // kid_to: the recipient's HPKE key, in a session its credential
	Time    Millis    // T
	Nonce   [16]byte  // N, random
}

// Encode returns the canonical bytes.
func (h Header) Encode() []byte {
	return ecc.Encode(ecc.LabelHeader, u8(Version), u8(uint8(h.Suite)), []byte(h.Type), h.Session[:],
		u64(h.Seq), h.To[:], u64(uint64(h.Time)), h.Nonce[:])
}

// DecodeHeader is the inverse of Encode; it fails with ErrFormat.
func DecodeHeader(b []byte) (Header, error) {
	r := read(ecc.LabelHeader, b, 8)
	if r.u8() != Version {
		r.fail()
	}
	h := Header{Suite: r.suite(), Type: Type(r.bytes(1, 16)), Session: r.array16(), Seq: r.u64(),
		To: r.hash(), Time: r.millis(), Nonce: r.array16()}
	if !h.Type.Valid() || h.Seq == 0 {
		r.fail()
	}
	return h, r.done()
}

// NewHeader draws N, and for the first message of an exchange (zero session) the
// session id, from rand. Seq is 1 and kid_to empty until the message is sealed.
func NewHeader(rand io.Reader, s ecc.Suite, t Type, session [16]byte, now Millis) (Header, error) {
	h := Header{Suite: s, Type: t, Session: session, Seq: 1, Time: now}
	if session == ([16]byte{}) {
		if _, err := io.ReadFull(rand, h.Session[:]); err != nil {
			return Header{}, err
		}
	}
	_, err := io.ReadFull(rand, h.Nonce[:])
	return h, err
}

// Message is what travels: ⟨msg: hdr, C⟩, at most Type.Limit bytes.
type Message struct {
	Header     Header
	Ciphertext []byte // C: HPKE enc || ct, or a session AEAD's ciphertext
}

// Encode returns the canonical bytes.
func (m Message) Encode() []byte {
	return ecc.Encode(ecc.LabelMessage, m.Header.Encode(), m.Ciphertext)
}

// Decode is the inverse of Encode; it fails with ErrFormat, also for a message
// that is larger than its type allows.
func Decode(b []byte) (Message, error) {
	r := read(ecc.LabelMessage, b, 2)
	h, err := DecodeHeader(r.take())
	if err != nil {
		return Message{}, err
	}
	m := Message{Header: h, Ciphertext: r.bytes(16, h.Type.Limit())}
	if len(b) > h.Type.Limit() {
		r.fail()
	}
	return m, r.done()
}

// DecodeType decodes a message and checks that it is of the wanted type.
func DecodeType(b []byte, want Type) (Message, error) {
	m, err := Decode(b)
	if err == nil && m.Header.Type != want {
		err = fmt.Errorf("%w: not of type %s", ErrFormat, want)
	}
	return m, err
}

// PeerID is kid_to inside a session: H⟨kid c: c_recipient⟩.
func PeerID(c Hash) Hash { return ecc.H(ecc.LabelPeerID, c[:]) }

// CloudHash stands for the public cloud wherever a party is named by c_X, as it
// has no credential: a hash of its role and PUK_C.
func CloudHash(pukC ecc.VerifyKey) Hash {
	return ecc.H(ecc.LabelPeerID, []byte(PublicCloud), pukC.Bytes())
}

// Sealing is a message for the holder of one HPKE key, begun and not yet sealed.
// Its header, enc and export are needed to compute what is inside (kc, signatures).
type Sealing struct {
	header Header
	sender *ecc.Sender
}

// Begin sets up HPKE to the key with info = ⟨hpke: type, suite, ID_recv, kid⟩ and
// completes the header's kid_to. recipient is empty for a party that has not
// named itself. Suites must agree.
func Begin(rand io.Reader, to ecc.KEMPublicKey, recipient ID, h Header) (*Sealing, error) {
	if to.Suite() != h.Suite {
		return nil, fmt.Errorf("%w: suite differs from the recipient's key", ErrFormat)
	}
	h.To = to.ID()
	s, err := to.Setup(rand, hpkeInfo(h, recipient))
	if err != nil {
		return nil, err
	}
	return &Sealing{header: h, sender: s}, nil
}

func hpkeInfo(h Header, recipient ID) []byte {
	return ecc.Encode(ecc.LabelHPKEInfo, []byte(h.Type), u8(uint8(h.Suite)), []byte(recipient), h.To[:])
}

// Header returns the final header, Enc the encapsulated key and Export the
// 32-byte secret Export("emr/x").
func (s *Sealing) Header() Header { return s.header }

// Enc returns the encapsulated key: 32 bytes for suite 1, 1120 for suite 2.
func (s *Sealing) Enc() []byte { return s.sender.Enc() }

// Export returns the 32-byte exporter secret for the label "emr/x".
func (s *Sealing) Export() []byte { return s.sender.Export() }

// Seal encrypts the body with hdr as associated data.
func (s *Sealing) Seal(body []byte) (Message, error) {
	c, err := s.sender.Seal(s.header.Encode(), body)
	return Message{Header: s.header, Ciphertext: c}, err
}

// Open decrypts a message under the private key that its kid_to names. It fails
// with ecc.ErrOpen for a foreign key, another recipient or any changed byte.
func Open(m Message, k ecc.KEMPrivateKey, recipient ID) (ecc.Opened, error) {
	if k.Suite() != m.Header.Suite || k.Public().ID() != m.Header.To {
		return ecc.Opened{}, ecc.ErrOpen
	}
	return k.Open(hpkeInfo(m.Header, recipient), m.Header.Encode(), m.Ciphertext)
}

// SealSession encrypts a body inside a session; the header carries its sequence
// number and the recipient's PeerID.
func SealSession(c ecc.Channel, h Header, body []byte) (Message, error) {
	ct, err := c.Seal(h.Seq, h.Encode(), body)
	return Message{Header: h, Ciphertext: ct}, err
}

// OpenSession decrypts a message of a session. The caller has compared type,
// session id and sequence number with what it expects.
func OpenSession(c ecc.Channel, m Message) ([]byte, error) {
	return c.Open(m.Header.Seq, m.Header.Encode(), m.Ciphertext)
}

// Transcript0 is th_0 = H⟨th0: suite, sid⟩.
func Transcript0(s ecc.Suite, session [16]byte) Hash {
	return ecc.H(ecc.LabelTranscript0, u8(uint8(s)), session[:])
}

// Transcript is th_i = H⟨th: th_(i-1), hdr_i, C_i⟩.
func Transcript(th Hash, m Message) Hash {
	return ecc.H(ecc.LabelTranscript, th[:], m.Header.Encode(), m.Ciphertext)
}
