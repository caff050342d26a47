package auditevents_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"medunion/api/auditexport"
	"medunion/api/message"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/auditevents"
)

// kept is a trail in memory, of whatever lines a test puts there.
type kept struct{ lines []cloud.OperationLine }

func (k *kept) LastOperation(context.Context) (cloud.OperationLine, error) {
	if len(k.lines) == 0 {
		return cloud.OperationLine{}, nil
	}
	return k.lines[len(k.lines)-1], nil
}

func (k *kept) AppendOperation(_ context.Context, l cloud.OperationLine) error {
	k.lines = append(k.lines, l)
	return nil
}

func (*kept) ProbeOperations(context.Context) error { return nil }

func (k *kept) OperationsFrom(_ context.Context, from uint64, limit int) ([]cloud.OperationLine, error) {
	rest := k.lines[min(uint64(len(k.lines)), from-1):]
	return rest[:min(len(rest), limit)], nil
}

// logged is a registration log in memory.
type logged []message.LogEntry

func (logged) Append(context.Context, message.Hash, message.Role, message.Millis) error { return nil }

func (l logged) Read(_ context.Context, from uint64, limit int) ([]message.LogEntry, error) {
	rest := l[min(uint64(len(l)), from):]
	return rest[:min(len(rest), limit)], nil
}

func registrations() logged {
	var l logged
	var previous message.Hash
	for i, r := range []message.Role{message.Patient, message.Doctor, message.Hospital} {
		l = append(l, message.LogEntry{Index: uint64(i), Credential: message.Hash{0xc, byte(i)}, Role: r, Time: 1_700_000_000_123, Previous: previous})
		previous = l[i].Hash()
	}
	return l
}

var site = auditevents.Site{ID: "cloud"}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile("../../../api/auditexport/testdata/auditevent.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("r4.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("r4.json#/definitions/AuditEvent")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, e auditexport.Entry) string {
	t.Helper()
	b, err := json.Marshal(e.Event)
	if err != nil {
		t.Fatal(err)
	}
	x, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(x); err != nil {
		t.Errorf("%s: %v\n%s", e.What, err, b)
	}
	return string(b)
}

// Every operation, with all that it can say and with nothing, succeeded and failed, is an AuditEvent of FHIR R4
// that says what was done, by whom, and where it stands in the trail. So is one that the export does not know.
func TestEveryOperation(t *testing.T) {
	k, s := &kept{}, schema(t)
	trail := cloud.Trail{Store: k, HandleKey: make([]byte, 32), Now: time.Now}
	full := cloud.Operation{Operator: "kim", Credential: message.Hash{0xab}, Key: "sealing", Version: 7, Generation: 9, Note: "all of it"}
	for _, what := range append(auditevents.OfOperations(), "something new") {
		for _, o := range []cloud.Operation{full, {}, {Failed: true, Subject: "operator-1"}} {
			o.What = what
			if err := trail.Record(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := (auditevents.Operations{Trail: trail, Site: site}).After(t.Context(), auditexport.Link{}, 1000)
	if err != nil || len(entries) != 3*(len(auditevents.OfOperations())+1) {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for i, e := range entries {
		text := valid(t, s, e)
		want := []string{`"` + e.What + `"`, auditexport.Hex(e.Hash), [3]string{`"kim"`, "not identified", `"operator-1"`}[i%3], [3]string{`"outcome":"0"`, `"outcome":"0"`, `"outcome":"8"`}[i%3]}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %s in %s", e.What, w, text)
			}
		}
	}
}

// No operation is forgotten: the table has all that the role's source names.
func TestNoOperationIsForgotten(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../cloud/operations.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(x ast.Node) bool {
		if v, ok := x.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Operation") && len(v.Values) == 1 {
			n++
			if what := strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`); !slices.Contains(auditevents.OfOperations(), what) {
				t.Errorf("%q has no AuditEvent", what)
			}
		}
		return true
	})
	if n != len(auditevents.OfOperations()) || n == 0 {
		t.Errorf("%d in the role, %d in the table", n, len(auditevents.OfOperations()))
	}
}

// A line of the registration log becomes an event with the credential's hash and role, as everybody can read
// them there, and a log that was altered anywhere is exported no further than to that place.
func TestRegistrations(t *testing.T) {
	l, s := registrations(), schema(t)
	trail := auditevents.Registrations{Log: l, Site: site}
	entries, err := trail.After(t.Context(), auditexport.Link{}, 10)
	if err != nil || len(entries) != 3 {
		t.Fatal(entries, err)
	}
	for i, e := range entries {
		text := valid(t, s, e)
		for _, want := range []string{auditexport.Hex(l[i].Credential), [3]string{`"Patient"`, `"Practitioner"`, `"Organization"`}[i], auditexport.Hex(l[i].Hash())} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in %s", want, text)
			}
		}
	}
	if rest, err := trail.After(t.Context(), entries[1].Link, 10); err != nil || len(rest) != 1 || rest[0].Link != entries[2].Link {
		t.Errorf("%+v %v", rest, err)
	}
	for name, spoil := range map[string]func(logged){
		"altered": func(l logged) { l[1].Credential[0]++ }, "exchanged": func(l logged) { l[0], l[1] = l[1], l[0] }, "renumbered": func(l logged) { l[2].Index = 7 },
	} {
		bad := slices.Clone(l)
		spoil(bad)
		if _, err := (auditevents.Registrations{Log: bad, Site: site}).After(t.Context(), auditexport.Link{}, 10); !errors.Is(err, auditexport.ErrTrail) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (auditevents.Registrations{Log: l[:1], Site: site}).After(t.Context(), entries[1].Link, 10); !errors.Is(err, auditexport.ErrTrail) {
		t.Errorf("cut off behind the cursor: %v", err)
	}
}
