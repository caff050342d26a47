package message

import (
	"encoding/binary"
	"unicode/utf8"
)

// cbor reads the little of CBOR (RFC 8949) that authenticators write, in the strict
// form that CTAP2 prescribes: definite lengths, shortest heads, UTF-8. It keeps the
// first failure, so that a reader reads like the list of its items.
type cbor struct {
	b   []byte
	bad bool
}

// The major types.
const (
	cborUint  = 0
	cborNint  = 1
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
	cborOther = 7
)

// maxDepth bounds nesting: CTAP2 allows four levels.
const maxDepth = 4

// head reads the head of an item: its major type and argument.
func (c *cbor) head() (major byte, arg uint64) {
	if c.bad || len(c.b) == 0 {
		c.bad = true
		return 0, 0
	}
	major, info := c.b[0]>>5, c.b[0]&31
	c.b = c.b[1:]
	if info < 24 {
		return major, uint64(info)
	}
	size := 1 << (info - 24)
	if info > 27 || len(c.b) < size { // 31 is an indefinite length
		c.bad = true
		return 0, 0
	}
	var wide [8]byte
	copy(wide[8-size:], c.b[:size])
	c.b = c.b[size:]
	arg = binary.BigEndian.Uint64(wide[:])
	least := [...]uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]
	if arg < least && major != cborOther { // of a float the argument is its bits
		c.bad = true
	}
	return major, arg
}

// want reads a head of the major type and returns its argument.
func (c *cbor) want(major byte) uint64 {
	m, arg := c.head()
	if m != major {
		c.bad = true
	}
	return arg
}

// take returns the next n bytes.
func (c *cbor) take(n uint64) []byte {
	if c.bad || n > uint64(len(c.b)) {
		c.bad = true
		return nil
	}
	out := c.b[:n:n]
	c.b = c.b[n:]
	return out
}

func (c *cbor) bytes() []byte { return c.take(c.want(cborBytes)) }

func (c *cbor) text() string { return string(c.take(c.want(cborText))) }

// key reads the text s, and fails for any other.
func (c *cbor) key(s string) {
	if c.text() != s {
		c.bad = true
	}
}

// skip reads any one item.
func (c *cbor) skip(depth int) {
	major, arg := c.head()
	if c.bad || depth > maxDepth {
		c.bad = true
		return
	}
	switch major {
	case cborUint, cborNint, cborOther:
	case cborBytes:
		c.take(arg)
	case cborText:
		c.bad = !utf8.Valid(c.take(arg)) || c.bad
	case cborArray, cborMap:
		for range c.items(major, arg) {
			c.skip(depth + 1)
		}
	default: // tags are not allowed
		c.bad = true
	}
}

// items is how many items follow the head of an array or a map. Each takes a byte at
// least: a head that promises more than is there has no items, and fails.
func (c *cbor) items(major byte, n uint64) int {
	if n > uint64(len(c.b)) {
		c.bad = true
		return 0
	}
	if major == cborMap {
		n *= 2
	}
	return int(n)
}

// done reports whether everything was read and nothing failed.
func (c *cbor) done() bool { return !c.bad && len(c.b) == 0 }
