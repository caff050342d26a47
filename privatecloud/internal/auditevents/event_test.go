package auditevents_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"medunion/api/message"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/auditevents"
)

var site = auditevents.Site{ID: "st-anna", Credential: message.Hash{0xc}, Address: "https://st-anna.example",
	Record: func(h hospital.Handle) message.Hash { return message.Hash{0xee, h[0]} }}

// full has everything that an event can say; bare has nothing but what happened.
func full(what string) hospital.Audited {
	return hospital.Audited{Number: 7, Prev: message.Hash{6}, Hash: message.Hash{7}, Event: hospital.Event{What: what, Time: 1_700_000_000_123,
		Step: message.TypeM8, Reason: "a reason", Request: "req-1", Doctor: message.Hash{0xd}, Licence: "L-1", Patient: "patient-1",
		Handle: hospital.Handle{5}, Consent: message.Hash{0xab}, Receipt: 3, Count: 12, Operator: "kim", Note: "all of it"}}
}

func bare(what string) hospital.Audited {
	return hospital.Audited{Number: 1, Hash: message.Hash{1}, Event: hospital.Event{What: what, Time: 1}}
}

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

func tree(t *testing.T, a hospital.Audited) map[string]any {
	t.Helper()
	b, err := json.Marshal(auditevents.Event(site, a))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

// Every kind of event, with all that it can say and with nothing, is an AuditEvent of FHIR
// R4, says which entry of the trail it is, and names the hospital as its observer. So is an event of a kind
// that the export does not know.
func TestEveryEvent(t *testing.T) {
	s := schema(t)
	for _, what := range append(auditevents.Events(), "something new") {
		for _, a := range []hospital.Audited{full(what), bare(what)} {
			x := tree(t, a)
			if err := s.Validate(x); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			b, _ := json.Marshal(x)
			for _, want := range []string{hex.EncodeToString(a.Hash[:]), hex.EncodeToString(a.Prev[:]), `"` + what + `"`, "st-anna"} {
				if !bytes.Contains(b, []byte(want)) {
					t.Errorf("%s: %s is not in %s", what, want, b)
				}
			}
			for _, e := range x["agent"].([]any) {
				if _, ok := e.(map[string]any)["requestor"].(bool); !ok { // required, but the schema does not ask for primitives
					t.Errorf("%s: an agent without requestor", what)
				}
			}
			for _, must := range []string{"recorded", "outcome", "action"} {
				if _, ok := x[must].(string); !ok {
					t.Errorf("%s: no %s", what, must)
				}
			}
		}
	}
}

// No kind of event is forgotten: the table has all that the role's source names.
func TestNoEventIsForgotten(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../hospital/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(x ast.Node) bool {
		if v, ok := x.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Event") && len(v.Values) == 1 {
			n++
			if what := strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`); !slices.Contains(auditevents.Events(), what) {
				t.Errorf("%q has no AuditEvent", what)
			}
		}
		return true
	})
	if n != len(auditevents.Events()) {
		t.Errorf("%d kinds in the role, %d in the table", n, len(auditevents.Events()))
	}
}

// The schema itself refuses: a test that it passes anything would prove nothing.
func TestTheSchemaRefuses(t *testing.T) {
	s := schema(t)
	for name, spoil := range map[string]func(map[string]any){
		"no agent":        func(x map[string]any) { delete(x, "agent") },
		"another outcome": func(x map[string]any) { x["outcome"] = "1" },
		"a local time":    func(x map[string]any) { x["recorded"] = "2023-11-14T22:13:20" },
		"a new element":   func(x map[string]any) { x["severity"] = "high" },
	} {
		x := tree(t, full(hospital.EventReleased))
		spoil(x)
		if s.Validate(x) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// slice is what a profile of BALP fixes of an agent or entity: the code of its type.
func codes(x map[string]any, list, at string) (out []string) {
	for _, e := range x[list].([]any) {
		typ := e.(map[string]any)[at].(map[string]any)
		if c, ok := typ["coding"].([]any); ok {
			typ = c[0].(map[string]any)
		}
		out = append(out, typ["code"].(string))
	}
	return out
}

// The events that name a profile of BALP keep what it fixes: type, subtype, action, outcome,
// the agents' and entities' types; both machines have a network, people have none.
func TestProfiles(t *testing.T) {
	for what, want := range map[string]struct{ profile, typ, subtype, action, agents, entities string }{
		hospital.EventReleased:  {"PrivacyDisclosure.Source", "110106", "disclose", "R", "110153 110152 IRCP", "1 2 Consent XrequestId"},
		hospital.EventDiagnosis: {"PatientCreate", "rest", "create", "C", "110153 110152 AUT", "1 2 Consent XrequestId"},
		hospital.EventImported:  {"PatientCreate", "rest", "create", "C", "110153 110152", "1 2 XrequestId"},
		hospital.EventErased:    {"PatientDelete", "rest", "delete", "D", "110150 custodian CST", "1 2"},
		hospital.EventAsked:     {"PatientRead", "rest", "read", "R", "110152 110153 IRCP", "1 2 XrequestId"},
	} {
		x := tree(t, full(what))
		profile := x["meta"].(map[string]any)["profile"].([]any)[0].(string)
		if !strings.HasSuffix(profile, "IHE.BasicAudit."+want.profile) {
			t.Errorf("%s: profile %s", what, profile)
		}
		subtype := x["subtype"].([]any)[0].(map[string]any)["code"]
		if x["type"].(map[string]any)["code"] != want.typ || subtype != want.subtype || x["action"] != want.action || x["outcome"] != "0" {
			t.Errorf("%s: %v %v %v %v", what, x["type"], subtype, x["action"], x["outcome"])
		}
		if got := strings.Join(codes(x, "agent", "type"), " "); got != want.agents {
			t.Errorf("%s: agents %s", what, got)
		}
		if got := strings.Join(codes(x, "entity", "type"), " "); got != want.entities {
			t.Errorf("%s: entities %s", what, got)
		}
		for _, a := range x["agent"].([]any) {
			a := a.(map[string]any)
			if _, network := a["network"]; network == a["requestor"].(bool) {
				t.Errorf("%s: network and person: %v", what, a)
			}
		}
	}
	refused := tree(t, full(hospital.EventRefused))
	if refused["outcome"] != "8" || refused["outcomeDesc"] != "a reason" {
		t.Errorf("a refusal: %v", refused)
	}
}

// The handle of a record, by which the stores know it, is in no export.
func TestNoHandle(t *testing.T) {
	a := full("")
	a.Handle = hospital.Handle{0x5e, 0xc4, 0xe7, 0x5e, 0xc4, 0xe7}
	for _, what := range auditevents.Events() {
		a.What = what
		if b, _ := json.Marshal(auditevents.Event(site, a)); bytes.Contains(b, []byte("5ec4e75ec4e7")) {
			t.Errorf("%s: %s", what, b)
		}
	}
}
