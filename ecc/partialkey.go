package ecc

import "io"

// Issuer is the registrar's side of Eq. 2-10: it holds the master secret s and the
// key that hedges the nonces r. It prints as "[redacted]".
type Issuer struct {
	redacted
	s     Scalar
	pk    Point
	hedge hidden[Hash]
}

// PartialKey is what the registrar hands to a party X: R_X1, public, and d_X, which
// is secret but worthless without the party's own x_X.
type PartialKey struct {
	R Point
	D Scalar
}

// NewIssuer takes the master secret s and a hedging key of at least 32 bytes, independent of s.
func NewIssuer(s Scalar, hedgeKey []byte) (*Issuer, error) {
	if !s.Valid() {
		return nil, ErrScalar
	}
	if len(hedgeKey) < 32 || allZero(hedgeKey) {
		return nil, ErrKey
	}
	return &Issuer{s: s, pk: s.Public(), hedge: hide(Sum(hedgeKey))}, nil
}

// Public returns PK = sP.
func (i *Issuer) Public() Point {
	if i == nil {
		return Point{}
	}
	return i.pk
}

// Issue makes the partial key for a party whose commitment is X = xP and whose
// identity data, as they will stand in the credential, are info. req is the party's
// whole request. The caller has checked the proof of possession of x: without it a
// party could choose X = X' - R and take over what was issued for X'.
func (i *Issuer) Issue(rand io.Reader, req []byte, X Point, info []byte) (PartialKey, error) {
	if i == nil || !i.s.Valid() {
		return PartialKey{}, ErrKey
	}
	r, err := i.nonce(rand, req, X, info)
	if err != nil {
		return PartialKey{}, err
	}
	R, err := r.Public().add(X) // R_X1 = rP + X_X (2, 5, 8)
	if err != nil {
		return PartialKey{}, err
	}
	es, err := challenge(info, R, i.pk).mul(i.s)
	if err != nil {
		return PartialKey{}, err
	}
	d, err := r.add(es) // d_X = r + e_X s (3, 6, 9)
	if err != nil {
		return PartialKey{}, err
	}
	return PartialKey{R: R, D: d}, nil
}

// nonce makes r. Two partial keys with one r and different e give s away by
// subtraction, so r depends not only on rand but, under a key, on everything that e depends
// on: even a source that repeats itself gives one r to one (req, X, info) only, and then
// the answer is the same too.
func (i *Issuer) nonce(rand io.Reader, req []byte, X Point, info []byte) (Scalar, error) {
	seed, err := randomBytes(rand, 64)
	if err != nil {
		return Scalar{}, err
	}
	key := i.hedge()
	hedge := HMAC(key[:], LabelPartialKeyHedge, req, X.Bytes(), info)
	return HashToScalar(Encode(LabelPartialKeyNonce, seed, hedge[:])), nil
}

// challenge is e_X = HashToScalar⟨e: Info_X, R_X1, PK⟩. It is public.
func challenge(info []byte, R, PK Point) Scalar {
	return HashToScalar(Encode(LabelPartialKey, info, R.Bytes(), PK.Bytes()))
}

// Accept completes the party's key: S_X = d_X + x_X, which the registrar does not know.
// A partial key that does not fit (info, R, PK) is ErrKey.
func Accept(x Scalar, info []byte, pk PartialKey, PK Point) (Scalar, error) {
	S, err := pk.D.add(x)
	if err != nil {
		return Scalar{}, err
	}
	A, err := ImplicitKey(info, pk.R, PK)
	if err != nil {
		return Scalar{}, err
	}
	if !S.Public().Equal(A) { // S_X P = R_X1 + e_X PK (4, 7, 10)
		return Scalar{}, ErrKey
	}
	return S, nil
}

// ImplicitKey returns A_X = R_X1 + e_X PK, the public key that anybody computes from
// a credential, without trusting it: only the holder of S_X can use it.
func ImplicitKey(info []byte, R, PK Point) (Point, error) {
	if !R.Valid() {
		return Point{}, ErrPoint
	}
	ePK, err := PK.mul(challenge(info, R, PK))
	if err != nil {
		return Point{}, err
	}
	return R.add(ePK)
}
