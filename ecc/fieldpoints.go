package ecc

import (
	"encoding/hex"
	"math/big"
	"slices"
)

// What Ristretto255 points, X25519 and Ed25519 keys must not be. Everything here is public, so
// nothing needs constant time.

// fieldPrime is p = 2^255 - 19; edwardsD is the d of edwards25519.
var (
	fieldPrime  = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edwardsD, _ = new(big.Int).SetString("37095705934669439343138083508754565189542113879843219016388785533085940283555", 10)
)

// smallOrderU are the canonical u-coordinates of Curve25519's points of small order, of
// the curve and of its twist: with such a key the shared secret is zero.
var smallOrderU = unhexAll(
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)

// smallOrderY are the canonical y-coordinates of edwards25519's eight points of small
// order: under such a key one fixed signature verifies for any message.
var smallOrderY = unhexAll(
	"0100000000000000000000000000000000000000000000000000000000000000", // order 1
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
	"0000000000000000000000000000000000000000000000000000000000000000", // order 4
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
)

func unhexAll(in ...string) [][32]byte {
	out := make([][32]byte, len(in))
	for i, s := range in {
		b, err := hex.DecodeString(s)
		if err != nil {
			panic(err)
		}
		out[i] = [32]byte(b)
	}
	return out
}

// belowFieldPrime reports whether 32 bytes, little-endian, are less than p.
func belowFieldPrime(b []byte) bool { return littleEndian(b).Cmp(fieldPrime) < 0 }

// goodX25519 reports whether 32 bytes are a canonical u-coordinate, not of small order. RFC 7748 lets
// a receiver mask the top bit and reduce; then one key would have several key ids.
func goodX25519(u []byte) bool {
	return belowFieldPrime(u) && !slices.Contains(smallOrderU, [32]byte(u))
}

// goodEd25519 reports whether 32 bytes are a canonical point of edwards25519, not of
// small order. "Negative zero", x = 0 with the sign bit set, has y = 1 or -1 and so falls under small order.
func goodEd25519(b []byte) bool {
	raw := [32]byte(b)
	raw[31] &= 0x7f
	return belowFieldPrime(raw[:]) && !slices.Contains(smallOrderY, raw) && onEdwards(littleEndian(raw[:]))
}

// onEdwards reports whether some x satisfies -x² + y² = 1 + d x² y² (RFC 8032, section 5.1.3):
// x² = u/v with u = y² - 1, v = d y² + 1 is a square if and only if uv is.
func onEdwards(y *big.Int) bool {
	yy := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(yy, big.NewInt(1))
	v := new(big.Int).Mul(edwardsD, yy)
	v.Add(v, big.NewInt(1))
	uv := u.Mul(u, v)
	return big.Jacobi(uv.Mod(uv, fieldPrime), fieldPrime) == 1
}

func littleEndian(b []byte) *big.Int {
	be := slices.Clone(b)
	slices.Reverse(be)
	return new(big.Int).SetBytes(be)
}
