package ecc

import "io"

// PossessionSize is the length of a proof of possession in bytes: commitment and response.
const PossessionSize = PointSize + ScalarSize

// ProvePossession proves knowledge of x for X = xP (Schnorr, made non-interactive by
// hashing) and binds the proof to context, the hash of the request that carries X.
// The proof is T || z, 64 bytes.
//
// Not circl/zk/dl: it uses otherInfo as the domain separation tag, and for Ristretto its
// nonce ignores the reader. Here the nonce is hedged: it depends on rand, x and context, so that
// a source that repeats itself never pairs one nonce with two challenges.
func ProvePossession(rand io.Reader, x Scalar, context Hash) ([]byte, error) {
	if !x.Valid() {
		return nil, ErrScalar
	}
	seed, err := randomBytes(rand, 64)
	if err != nil {
		return nil, err
	}
	k := HashToScalar(Encode(LabelPossessionNonce, seed, x.SecretBytes(), context[:]))
	T := k.Public()
	cx, err := possessionChallenge(x.Public(), T, context).mul(x)
	if err != nil {
		return nil, err
	}
	z, err := k.add(cx)
	if err != nil {
		return nil, err
	}
	return append(T.Bytes(), z.SecretBytes()...), nil
}

// VerifyPossession checks zP = T + cX. A proof of any other length, form, key or
// context is ErrSignature.
func VerifyPossession(X Point, context Hash, proof []byte) error {
	if !X.Valid() || len(proof) != PossessionSize {
		return ErrSignature
	}
	T, err := DecodePoint(proof[:PointSize])
	if err != nil {
		return ErrSignature
	}
	z, err := DecodeScalar(proof[PointSize:])
	if err != nil {
		return ErrSignature
	}
	cX, err := X.mul(possessionChallenge(X, T, context))
	if err != nil {
		return ErrSignature
	}
	want, err := T.add(cX)
	if err != nil || !z.Public().Equal(want) {
		return ErrSignature
	}
	return nil
}

// possessionChallenge hashes the statement X too: otherwise a proof could be fitted to
// a key chosen after it.
func possessionChallenge(X, T Point, context Hash) Scalar {
	return HashToScalar(Encode(LabelPossession, X.Bytes(), T.Bytes(), context[:]))
}
