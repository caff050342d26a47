package server

import (
	"errors"
	"io"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
)

// rootKey are the secrets of one root.
type rootKey struct {
	master  ecc.Scalar     // s
	hedge   []byte         // of the registrar's nonces under this s, 32 bytes
	signing ecc.SigningKey // PRK_C
}

func newRootKey(rand io.Reader) (rootKey, error) {
	k := rootKey{hedge: make([]byte, 32)}
	var err1, err2 error
	k.master, err1 = ecc.GenerateScalar(rand)
	k.signing, err2 = ecc.GenerateSigningKey(rand)
	_, err3 := io.ReadFull(rand, k.hedge)
	return k, errors.Join(err1, err2, err3)
}

func (k rootKey) public() message.Root {
	return message.Root{PK: k.master.Public(), PUKC: k.signing.Public()}
}

// encode is ⟨cloud root: s, hedge, seed of PRK_C, PK, PUK_C⟩, 32 bytes each.
func (k rootKey) encode() []byte {
	p := k.public()
	return ecc.Encode(ecc.LabelCloudRoot, k.master.SecretBytes(), k.hedge, k.signing.Seed(), p.PK.Bytes(), p.PUKC.Bytes())
}

func decodeRootKey(b []byte) (rootKey, error) {
	f, err := ecc.Decode(ecc.LabelCloudRoot, b, 5)
	if err != nil || len(f[1]) != 32 {
		return rootKey{}, errKeyFile
	}
	k := rootKey{hedge: f[1]}
	var err1, err2 error
	k.master, err1 = ecc.DecodeScalar(f[0])
	k.signing, err2 = ecc.SigningKeyFromSeed(f[2])
	if err1 != nil || err2 != nil || !sameBytes(k.encode(), b) {
		return rootKey{}, errKeyFile
	}
	return k, nil
}

// rootKeys are the roots that are held, oldest first, the public halves of the first one, and
// the successions since.
type rootKeys struct {
	held        []rootKey
	first       message.Root
	successions []message.SignedSuccession
}

// onlyFirst reports whether nothing has ever succeeded the first root.
func (r rootKeys) onlyFirst() bool { return len(r.successions) == 0 && len(r.held) == 1 }

// encode is ⟨cloud roots: PK and PUK_C of the first, list of roots, list of successions⟩.
func (r rootKeys) encode() []byte {
	held, links := make([][]byte, len(r.held)), make([][]byte, len(r.successions))
	for i, k := range r.held {
		held[i] = k.encode()
	}
	for i, s := range r.successions {
		links[i] = s.Encode()
	}
	return ecc.Encode(ecc.LabelCloudRoots, r.first.PK.Bytes(), r.first.PUKC.Bytes(), ecc.Encode(ecc.LabelList, held...), ecc.Encode(ecc.LabelList, links...))
}

const maxRootKeys = 256

func decodeRootKeys(b []byte) (rootKeys, error) {
	f, err := ecc.Decode(ecc.LabelCloudRoots, b, 4)
	if err != nil {
		return rootKeys{}, errKeyFile
	}
	var r rootKeys
	var errs [4]error
	r.first.PK, errs[0] = ecc.DecodePoint(f[0])
	r.first.PUKC, errs[1] = ecc.DecodeVerifyKey(f[1])
	held, err := ecc.DecodeList(ecc.LabelList, f[2], maxRootKeys)
	links, err2 := ecc.DecodeList(ecc.LabelList, f[3], maxRootKeys)
	if errors.Join(err, err2) != nil {
		return rootKeys{}, errKeyFile
	}
	for _, b := range held {
		k, err := decodeRootKey(b)
		errs[2] = errors.Join(errs[2], err)
		r.held = append(r.held, k)
	}
	r.successions, errs[3] = message.DecodeSuccessions(links)
	if errors.Join(errs[:]...) != nil || len(r.held) == 0 {
		return rootKeys{}, errKeyFile
	}
	return r, nil
}

// pins verifies the chain.
func (r rootKeys) pins(id message.ID) (message.Pins, error) {
	return message.Pins{CloudID: id, First: r.first}.Extend(r.successions...)
}

// roots are the roots as the role takes them.
func (r rootKeys) roots(id message.ID) (cloud.Roots, error) {
	pins, err := r.pins(id)
	if err != nil {
		return cloud.Roots{}, err
	}
	out := cloud.Roots{Pins: pins}
	for _, k := range r.held {
		issuer, err := ecc.NewIssuer(k.master, k.hedge)
		if err != nil {
			return cloud.Roots{}, err
		}
		out.Held = append(out.Held, cloud.OwnRoot{Issuer: issuer, SigningKey: k.signing})
	}
	return out, nil
}

// find returns the secrets of a root, if they are held.
func (r rootKeys) find(root message.Root) (rootKey, bool) {
	for _, k := range r.held {
		if k.public().Equal(root) {
			return k, true
		}
	}
	return rootKey{}, false
}
