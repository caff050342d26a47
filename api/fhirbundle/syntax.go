package fhirbundle

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep objects and arrays may nest. FHIR R4 resources stay
// below 20 levels; the limit keeps hostile input from exhausting the stack.
const MaxDepth = 64

// SyntaxError says where and by which rule a text is not strict JSON. It
// carries nothing of the text itself.
type SyntaxError struct {
	Offset int // bytes from the start of the text
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("JSON refused at byte %d: %s", e.Offset, e.Reason)
}

// Check returns nil if data is exactly one JSON value (RFC 8259) with
// surrounding white space, in valid UTF-8, without an object that has the same
// name twice, without lone surrogates in its escapes (RFC 7493, section 2.1)
// and nested at most MaxDepth deep. Otherwise it returns a *SyntaxError.
func Check(data []byte) error {
	if !utf8.Valid(data) {
		return &SyntaxError{invalidUTF8At(data), "invalid UTF-8"}
	}
	s := scanner{data: data}
	s.space()
	if err := s.value(); err != nil {
		return err
	}
	if s.space(); s.pos != len(data) {
		return s.fail("bytes after the value")
	}
	return nil
}

func invalidUTF8At(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}

// scanner checks a text in one pass. names is a stack: the names of the
// objects that are open, the innermost last.
type scanner struct {
	data  []byte
	pos   int
	depth int
	names [][]byte
}

func (s *scanner) fail(reason string) error {
	return &SyntaxError{s.pos, reason}
}

func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) value() error {
	switch c := s.peek(); {
	case c == '{':
		return s.nested(s.object)
	case c == '[':
		return s.nested(s.array)
	case c == '"':
		return s.str()
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return s.fail("a value is missing")
}

func (s *scanner) nested(inner func() error) error {
	if s.depth == MaxDepth {
		return s.fail("nested too deep")
	}
	s.depth++
	s.pos++
	err := inner()
	s.depth--
	return err
}

func (s *scanner) object() error {
	base := len(s.names)
	defer func() { s.names = s.names[:base] }()
	var seen nameSet
	if s.space(); s.peek() == '}' {
		s.pos++
		return nil
	}
	for {
		if err := s.member(&seen, base); err != nil {
			return err
		}
		if more, err := s.more('}'); !more {
			return err
		}
	}
}

func (s *scanner) member(seen *nameSet, base int) error {
	start := s.pos
	if s.peek() != '"' {
		return s.fail("a member's name is missing")
	}
	if err := s.str(); err != nil {
		return err
	}
	name := nameBytes(s.data[start:s.pos])
	if seen.has(s.names[base:], name) {
		s.pos = start
		return s.fail("a name twice in one object")
	}
	s.names = append(s.names, name)
	if s.space(); s.peek() != ':' {
		return s.fail("a colon is missing")
	}
	s.pos++
	s.space()
	return s.value()
}

func (s *scanner) array() error {
	if s.space(); s.peek() == ']' {
		s.pos++
		return nil
	}
	for {
		if err := s.value(); err != nil {
			return err
		}
		if more, err := s.more(']'); !more {
			return err
		}
	}
}

// more moves past the comma before a next item, or past the closing byte.
func (s *scanner) more(closing byte) (bool, error) {
	s.space()
	switch s.peek() {
	case ',':
		s.pos++
		s.space()
		return true, nil
	case closing:
		s.pos++
		return false, nil
	}
	return false, s.fail("a comma or a closing bracket is missing")
}

func (s *scanner) literal(word string) error {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return s.fail("a value is missing")
	}
	s.pos += len(word)
	return nil
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return s.fail("malformed number")
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return s.fail("malformed number")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.fail("malformed number")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) str() error {
	s.pos++
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case c < 0x20:
			return s.fail("control character in a string")
		default:
			s.pos++
		}
	}
	return s.fail("unterminated string")
}

func (s *scanner) escape() error {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		return s.unicodeEscape()
	}
	return s.fail("malformed escape")
}

func (s *scanner) unicodeEscape() error {
	r, ok := s.hex4()
	switch {
	case !ok:
		return s.fail("malformed escape")
	case r < 0xD800 || r > 0xDFFF:
		return nil
	case r >= 0xDC00 || s.peek() != '\\':
		return s.fail("lone surrogate")
	}
	if s.pos++; s.peek() != 'u' {
		return s.fail("lone surrogate")
	}
	if low, ok := s.hex4(); !ok || low < 0xDC00 || low > 0xDFFF {
		return s.fail("lone surrogate")
	}
	return nil
}

// hex4 reads the four digits after the u at the current position.
func (s *scanner) hex4() (r rune, ok bool) {
	s.pos++
	for range 4 {
		c := s.peek()
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
		s.pos++
	}
	return r, true
}

// nameSet finds repeated names. Objects have a handful of names, so it
// compares with each of them; beyond that it turns to a map, so that an object
// of many names costs no quadratic time.
type nameSet struct {
	many map[string]struct{}
}

const fewNames = 16

// has reports whether name is among the names before it in the same object,
// and remembers it.
func (n *nameSet) has(before [][]byte, name []byte) bool {
	if n.many == nil && len(before) < fewNames {
		for _, b := range before {
			if string(b) == string(name) {
				return true
			}
		}
		return false
	}
	if n.many == nil {
		n.many = make(map[string]struct{}, 2*fewNames)
		for _, b := range before {
			n.many[string(b)] = struct{}{}
		}
	}
	_, found := n.many[string(name)]
	n.many[string(name)] = struct{}{}
	return found
}

// nameBytes returns what a quoted, already checked string stands for.
func nameBytes(quoted []byte) []byte {
	for _, c := range quoted {
		if c == '\\' {
			var s string
			if err := json.Unmarshal(quoted, &s); err != nil {
				return quoted
			}
			return []byte(s)
		}
	}
	return quoted[1 : len(quoted)-1]
}
