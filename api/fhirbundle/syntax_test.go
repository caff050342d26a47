package fhirbundle_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"medunion/api/fhirbundle"
)

func TestCheckAccepts(t *testing.T) {
	for _, s := range []string{
		`{}`, ` [ ] `, `"x"`, `-0`, `0.10`, `1e5`, `-12.5E-7`, `true`, `false`, `null`,
		"\t{\"a\" : [1, 2 , {\"a\":\"\\u00e9\\ud83d\\ude00\"}]}\r\n",
		`{"a":{"a":{"a":1}},"b":1}`,
		`{"e":"ü","\u0065x":1}`,
		strings.Repeat("[", fhirbundle.MaxDepth) + strings.Repeat("]", fhirbundle.MaxDepth),
	} {
		if err := fhirbundle.Check([]byte(s)); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	deep := fhirbundle.MaxDepth + 1
	for _, tt := range []struct {
		name, text, reason string
		offset             int
	}{
		{"nothing", ``, "value is missing", 0},
		{"byte order mark", "\ufeff{}", "value is missing", 0},
		{"trailing bytes", `{} x`, "after the value", 3},
		{"two values", `{}{}`, "after the value", 2},
		{"NUL after", "{}\x00", "after the value", 2},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "invalid UTF-8", 6},
		{"overlong UTF-8", "\"\xc0\xaf\"", "invalid UTF-8", 1},
		{"UTF-8 surrogate", "\"\xed\xa0\x80\"", "invalid UTF-8", 1},
		{"same name", `{"a":1,"b":2,"a":3}`, "a name twice", 13},
		{"same name, escaped", `{"ab":1,"a\u0062":2}`, "a name twice", 8},
		{"same name, inside", `[{"x":{"b":1,"b":1}}]`, "a name twice", 13},
		{"same name among many", manyNames(100, `,"n7":0`), "a name twice", len(manyNames(100, "")) - 1 + 1},
		{"too deep", strings.Repeat("[", deep), "too deep", fhirbundle.MaxDepth},
		{"too deep, mixed", strings.Repeat(`{"a":[`, deep), "too deep", 6 * fhirbundle.MaxDepth / 2},
		{"lone high surrogate", `"\ud800"`, "lone surrogate", 7},
		{"lone low surrogate", `"\udc00"`, "lone surrogate", 7},
		{"high surrogate twice", `"\ud800\ud800"`, "lone surrogate", 13},
		{"high surrogate and escape", `"\ud800\n"`, "lone surrogate", 8},
		{"bad escape", `"\x"`, "malformed escape", 2},
		{"short escape", `"\u12"`, "malformed escape", 5},
		{"line break in string", "\"a\nb\"", "control character", 2},
		{"open string", `"abc`, "unterminated string", 4},
		{"open escape", `"abc\`, "malformed escape", 5},
		{"leading zero", `01`, "after the value", 1},
		{"plus sign", `+1`, "value is missing", 0},
		{"no digits", `-`, "malformed number", 1},
		{"no fraction", `1.`, "malformed number", 2},
		{"no exponent", `1e+`, "malformed number", 3},
		{"trailing comma", `[1,]`, "value is missing", 3},
		{"trailing comma in object", `{"a":1,}`, "name is missing", 7},
		{"no comma", `[1 2]`, "comma or a closing", 3},
		{"no colon", `{"a" 1}`, "colon is missing", 5},
		{"comment", `[/**/]`, "value is missing", 1},
		{"not a number", `NaN`, "value is missing", 0},
		{"truncated literal", `tru`, "value is missing", 0},
		{"truncated object", `{"a":1`, "comma or a closing", 6},
	} {
		var syntax *fhirbundle.SyntaxError
		if err := fhirbundle.Check([]byte(tt.text)); !errors.As(err, &syntax) {
			t.Errorf("%s: %v", tt.name, err)
		} else if !strings.Contains(syntax.Reason, tt.reason) || syntax.Offset != tt.offset {
			t.Errorf("%s: %v, want %q at %d", tt.name, err, tt.reason, tt.offset)
		}
	}
}

// manyNames is an object of n names followed by more, before the closing brace.
func manyNames(n int, more string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		b.WriteString(`"n` + strings.Repeat("_", i/10) + string(rune('0'+i%10)) + `":0`)
	}
	return b.String() + more + "}"
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"\ud83d\ude00",null]}`, `{"a":1,"a":2}`, "[\"\xff\"]", `[[[`, `{"a" : "\\"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := fhirbundle.Check(data)
		if err == nil && !json.Valid(data) {
			t.Fatal("accepts what encoding/json refuses")
		}
		var syntax *fhirbundle.SyntaxError
		if err != nil && (!errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(data)) {
			t.Fatalf("%v", err)
		}
	})
}
