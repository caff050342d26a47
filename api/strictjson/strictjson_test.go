package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"medunion/api/strictjson"
)

type base struct {
	ID string `json:"id"`
}

type inner struct {
	N int `json:"n"`
}

type document struct {
	base
	Name    string            `json:"name"`
	List    []inner           `json:"list"`
	Maybe   *inner            `json:"maybe"`
	Map     map[string]inner  `json:"map"`
	Raw     json.RawMessage   `json:"raw"`
	Any     any               `json:"any"`
	Time    time.Time         `json:"time"`
	Labels  map[string]string `json:"labels"`
	Plain   bool
	Ignored string `json:"-"`
}

func TestAccepts(t *testing.T) {
	const text = ` {"id":"i","name":"n","list":[{"n":1},{"n":2}],"maybe":null,"map":{"a":{"n":3}},` +
		`"raw":{"x":[null]},"any":{"y":null},"time":"2025-01-02T03:04:05Z","labels":{"k":"v"},"Plain":true} ` + "\n"
	var d document
	if err := strictjson.Decode([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if d.ID != "i" || d.Name != "n" || len(d.List) != 2 || d.List[1].N != 2 || d.Maybe != nil || d.Map["a"].N != 3 ||
		string(d.Raw) != `{"x":[null]}` || d.Time.Year() != 2025 || d.Labels["k"] != "v" || !d.Plain {
		t.Fatalf("decoded %+v", d)
	}
}

func TestRefuses(t *testing.T) {
	cases := map[string]struct {
		text string
		want error
	}{
		"nothing":                    {``, strictjson.ErrSyntax},
		"cut short":                  {`{"name":"n"`, strictjson.ErrSyntax},
		"cut in a list":              {`{"list":[`, strictjson.ErrSyntax},
		"comma at the end":           {`{"name":"n",}`, strictjson.ErrSyntax},
		"single quotes":              {`{'name':'n'}`, strictjson.ErrSyntax},
		"number as a key":            {`{1:2}`, strictjson.ErrSyntax},
		"second value":               {`{"name":"n"}{}`, strictjson.ErrTrailing},
		"garbage behind":             {`{"name":"n"} x`, strictjson.ErrTrailing},
		"closing bracket behind":     {`{"name":"n"}]`, strictjson.ErrTrailing},
		"duplicate":                  {`{"name":"n","name":"n"}`, strictjson.ErrDuplicate},
		"duplicate by escape":        {`{"name":"n","\u006eame":"m"}`, strictjson.ErrDuplicate},
		"duplicate in a raw part":    {`{"raw":{"a":1,"a":2}}`, strictjson.ErrDuplicate},
		"duplicate in any":           {`{"any":[{"a":1,"a":2}]}`, strictjson.ErrDuplicate},
		"duplicate in a map":         {`{"labels":{"k":"v","k":"w"}}`, strictjson.ErrDuplicate},
		"unknown":                    {`{"nom":"n"}`, strictjson.ErrUnknown},
		"other case":                 {`{"Name":"n"}`, strictjson.ErrUnknown},
		"unknown in a list":          {`{"list":[{"m":1}]}`, strictjson.ErrUnknown},
		"unknown in a map":           {`{"map":{"a":{"m":1}}}`, strictjson.ErrUnknown},
		"unknown behind a pointer":   {`{"maybe":{"m":1}}`, strictjson.ErrUnknown},
		"field that is not decoded":  {`{"Ignored":"x"}`, strictjson.ErrUnknown},
		"the embedded type's name":   {`{"base":{"id":"x"}}`, strictjson.ErrUnknown},
		"null document":              {`null`, strictjson.ErrNull},
		"null string":                {`{"name":null}`, strictjson.ErrNull},
		"null list":                  {`{"list":null}`, strictjson.ErrNull},
		"null element":               {`{"list":[null]}`, strictjson.ErrNull},
		"number for a string":        {`{"name":1}`, strictjson.ErrType},
		"list for a document":        {`[]`, strictjson.ErrType},
		"list for a string":          {`{"name":["n"]}`, strictjson.ErrType},
		"object for a list":          {`{"list":{"n":1}}`, strictjson.ErrType},
		"fraction for a whole":       {`{"list":[{"n":1.5}]}`, strictjson.ErrType},
		"broken UTF-8":               {"{\"name\":\"\xff\"}", strictjson.ErrUTF8},
		"deep nesting":               {`{"any":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}`, strictjson.ErrDepth},
		"deep nesting, never closed": {`{"any":` + strings.Repeat("[", 60000), strictjson.ErrDepth},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := strictjson.Decode([]byte(c.text), new(document))
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

// Whatever Decode accepts, a decoder that keeps nothing but the first reading
// of each name agrees with: writing it out and reading it again changes nothing.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"id":"i","list":[{"n":1}]}`, `{"any":{"a":1,"a":2}}`, `{"Name":""}`, `null`, `{"map":{"":{}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second document
		if strictjson.Decode(data, &first) != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatal("accepted what is no JSON")
		}
		var loose map[string]json.RawMessage
		if err := json.Unmarshal(data, &loose); err != nil {
			t.Fatal("accepted what is no object")
		}
		again, err := json.Marshal(loose)
		if err != nil {
			t.Fatal(err)
		}
		if err := strictjson.Decode(again, &second); err != nil {
			t.Fatalf("the same members in another order: %v", err)
		}
		first.Raw, second.Raw = compact(first.Raw), compact(second.Raw)
		a, _ := json.Marshal(first)
		b, _ := json.Marshal(second)
		if !bytes.Equal(a, b) {
			t.Fatalf("two readings: %s and %s", a, b)
		}
	})
}

func compact(raw []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, raw) != nil {
		return raw
	}
	return out.Bytes()
}
