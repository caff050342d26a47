package doctor

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

const (
	// PrekeyLife is from when a prekey is made until its private key is erased.
	PrekeyLife = message.MaxPrekeyLife
	// PrekeyRotation is how often a new one is published.
	PrekeyRotation = 12 * time.Hour

	// An M1 may come MaxM1Age after it was sealed. So a prekey is offered until
	// that much before its erasure, and no patient's message is lost to it.
	prekeyOffer = PrekeyLife - MaxM1Age

	// Its first minute lies in the past, so that a peer whose clock is a little
	// behind does not find it not valid yet.
	prekeyEarly = time.Minute

	maxPrekeys = 16
)

// prekey is a one-day HPKE key pair.
type prekey struct {
	redacted
	key    ecc.KEMPrivateKey
	made   message.Millis
	signed message.Signed // the published statement
}

func (p prekey) erasedAt() message.Millis { return p.made.Add(PrekeyLife) }

func (p prekey) encode() []byte {
	return ecc.Encode(ecc.LabelDoctorPrekey, p.key.SecretBytes(), binary.BigEndian.AppendUint64(nil, uint64(p.made)),
		p.signed.Encode())
}

func decodePrekey(s ecc.Suite, b []byte) (prekey, error) {
	f, err := ecc.Decode(ecc.LabelDoctorPrekey, b, 3)
	if err != nil || len(f[1]) != 8 {
		return prekey{}, ecc.ErrEncoding
	}
	p := prekey{made: message.Millis(binary.BigEndian.Uint64(f[1]))}
	if p.key, err = ecc.DecodeKEMPrivateKey(s, f[0]); err != nil {
		return prekey{}, err
	}
	p.signed, err = message.DecodeSigned(f[2])
	return p, err
}

// Prekey returns the signed prekey to publish and whether it is new. A new one is
// made when none is younger than 12 hours or signed for this credential; those
// older than 24 hours are erased. Store Export before a new one is published: a
// patient may use it at once.
func (d *Doctor) Prekey() (s message.Signed, fresh bool, err error) {
	self, err := d.active()
	if err != nil {
		return message.Signed{}, false, err
	}
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erasePrekeys(now)
	if n := len(d.prekeys); n > 0 {
		last := d.prekeys[n-1]
		p, err := message.DecodePrekey(last.signed.TBS)
		if err == nil && p.Owner == self.c && now < last.made.Add(PrekeyRotation) {
			return last.signed, false, nil
		}
	}
	p, err := d.makePrekey(self, now)
	if err != nil {
		return message.Signed{}, false, err
	}
	d.prekeys = append(d.prekeys, p)
	return p.signed, true, nil
}

func (d *Doctor) makePrekey(self *registered, now message.Millis) (prekey, error) {
	if len(d.prekeys) == maxPrekeys {
		return prekey{}, problem.TooMany(time.Hour)
	}
	key, err := ecc.GenerateKEM(d.suite, d.cfg.Rand)
	if err != nil {
		return prekey{}, problem.Internal(err)
	}
	statement := message.Prekey{Suite: d.suite, Owner: self.c, Key: key.Public(),
		NotBefore: now.Add(-prekeyEarly), NotAfter: now.Add(prekeyOffer)}
	return prekey{key: key, made: now, signed: message.Sign(self.sign, statement.Encode())}, nil
}

// erasePrekeys drops every prekey whose day is over. The caller holds the lock.
func (d *Doctor) erasePrekeys(now message.Millis) {
	kept := d.prekeys[:0:0]
	for _, p := range d.prekeys {
		if now < p.erasedAt() {
			kept = append(kept, p)
		}
	}
	d.prekeys = kept
}

// prekeyFor returns the private prekey with this id, if its day is not over.
func (d *Doctor) prekeyFor(kid message.Hash) (ecc.KEMPrivateKey, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erasePrekeys(d.now())
	for _, p := range d.prekeys {
		if p.key.Public().ID() == kid {
			return p.key, nil
		}
	}
	return ecc.KEMPrivateKey{}, problem.Refused(ErrPrekey)
}

// Card returns the visit link that the doctor shows as a QR code: the portal's
// address with c_D, in hexadecimal, as its fragment. A fragment is not sent to the
// server, and the link never changes, so that it can be printed.
func (d *Doctor) Card(portal string) (string, error) {
	cred, err := d.Credential()
	if err != nil {
		return "", err
	}
	c := cred.Hash()
	return strings.TrimRight(portal, "/") + "/visit#" + hex.EncodeToString(c[:]), nil
}
