package doctest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"medunion/api/message"
	"medunion/api/openapi"
)

// shown are the media types whose bodies the documents show by an example.
var shown = []string{"application/json", "application/fhir+json", "application/x-ndjson", "text/event-stream"}

// body is a request or a success of an operation.
type body struct {
	where string // document.operation.request, document.operation.answer
	openapi3.Content
}

func bodies(t *testing.T) (all []body) {
	t.Helper()
	for _, name := range openapi.Documents {
		spec, err := openapi.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := spec.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, item := range spec.Paths.Map() {
			for _, op := range item.Operations() {
				where := string(name) + "." + op.OperationID
				if op.RequestBody != nil {
					all = append(all, body{where + ".request", op.RequestBody.Value.Content})
				}
				for status, r := range op.Responses.Map() {
					if strings.HasPrefix(status, "2") {
						all = append(all, body{where + ".answer", r.Value.Content})
					}
				}
			}
		}
	}
	return all
}

// Every body that can be shown is shown, by examples that fit its schema.
func TestExamplesFit(t *testing.T) {
	n := 0
	for _, b := range bodies(t) {
		for kind, m := range b.Content {
			if len(m.Examples) == 0 && m.Example == nil && slices.Contains(shown, kind) {
				t.Errorf("%s, %s: no example", b.where, kind)
			}
			for name, e := range m.Examples {
				n++
				if err := m.Schema.Value.VisitJSON(e.Value.Value, openapi3.EnableFormatValidation()); err != nil {
					t.Errorf("%s: the example %s does not fit: %v", b.where, name, err)
				}
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d examples", n)
	}
}

// What the recorded run has shown stands in the documents.
func TestExamplesAreReferredTo(t *testing.T) {
	for _, name := range openapi.Documents {
		var file struct {
			Components struct{ Examples map[string]any }
		}
		if err := json.Unmarshal([]byte(read(t, "api", "openapi", "examples", string(name)+".json")), &file); err != nil {
			t.Fatal(err)
		}
		text := read(t, "api", "openapi", string(name)+".yaml")
		for _, example := range slices.Sorted(maps.Keys(file.Components.Examples)) {
			if !strings.Contains(text, fmt.Sprintf("%q", "examples/"+string(name)+".json#/components/examples/"+example)) {
				t.Errorf("%s does not refer to its example %s", name, example)
			}
		}
	}
}

// carried are the messages that an operation takes and answers with.
var carried = map[string]string{
	"publiccloud.register.request": "M0", "publiccloud.register.answer": "M0R",
	"publiccloud.search.request": "M4", "publiccloud.search.answer": "M5",
	"publiccloud.writeIndexEntry.request": "index", "publiccloud.writeIndexEntry.answer": "M12R",
	"publiccloud.writeDiagnosisEntry.request": "M12", "publiccloud.writeDiagnosisEntry.answer": "M12R",
	"publiccloud.ask.request": "ask", "publiccloud.ask.answer": "answer",
	"privatecloud.enrol.request": "enrol", "privatecloud.enrol.answer": "enrolled",
	"privatecloud.ask.request": "ask", "privatecloud.ask.answer": "answer",
	"privatecloud.openSession.request": "M6", "privatecloud.openSession.answer": "M7",
	"privatecloud.release.request": "M8", "privatecloud.release.answer": "M9",
	"privatecloud.storeDiagnosis.request": "M11", "privatecloud.storeDiagnosis.answer": "M11R",
	"portal.consult.request": "M1", "portal.sendToDoctor.request": "M3", "portal.sendToPatient.request": "M2 M10",
	"portal.fetchForPatient.answer": "M2 M10", "portal.fetchInbox.answer": "M1 M3", "portal.streamInbox.answer": "M1 M3",
	"portal.relayRegistration.request": "M0", "portal.relayRegistration.answer": "M0R",
	"portal.relaySearch.request": "M4", "portal.relaySearch.answer": "M5",
	"portal.relayDiagnosisEntry.request": "M12", "portal.relayDiagnosisEntry.answer": "M12R",
	"portal.relaySession.request": "M6", "portal.relaySession.answer": "M7",
	"portal.relayRelease.request": "M8", "portal.relayRelease.answer": "M9",
	"portal.relayDiagnosis.request": "M11", "portal.relayDiagnosis.answer": "M11R",
	"privateadmin.prepareIndexEntry.answer": "index", "privateadmin.openReply.request": "M12R",
	"doctoragent.prepareMessage.answer": "M0 M4 M6 M8 M11 M12", "doctoragent.openReply.request": "M0R M5 M7 M9 M11R M12R",
	"patientagent.prepareMessage.answer": "M0 M1 M3 ask enrol", "patientagent.openReply.request": "M0R M2 answer enrolled",
}

// The messages of the examples decode, and are of the types that their operation carries:
// each of them is shown, and no other.
func TestExampleMessages(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range bodies(t) {
		found := map[string]bool{}
		for _, m := range b.Content {
			for name, e := range m.Examples {
				for _, text := range messages(e.Value.Value) {
					kind, err := kindOf(text)
					if err != nil {
						t.Errorf("%s: the message of the example %s: %v", b.where, name, err)
					}
					found[kind] = true
				}
			}
		}
		want := carried[b.where]
		for kind := range found {
			if !strings.Contains(" "+want+" ", " "+kind+" ") {
				t.Errorf("%s: %s in an example; the operation carries %q", b.where, kind, want)
			}
			want = strings.TrimSpace(strings.Replace(" "+want+" ", " "+kind+" ", " ", 1))
		}
		if want != "" {
			t.Errorf("%s: no example of %s", b.where, want)
		}
		seen[b.where] = true
	}
	for where := range carried {
		if !seen[where] {
			t.Errorf("%s is no operation", where)
		}
	}
}

// messages are the canonical bytes in an example: members `message`, of lists too, and the
// lines and events of a stream.
func messages(v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		if m, ok := v["message"].(string); ok {
			out = append(out, m)
		}
		list, _ := v["messages"].([]any)
		for _, letter := range list {
			out = append(out, messages(letter)...)
		}
	case string:
		for line := range strings.Lines(v) {
			var page struct{ Message string }
			if json.Unmarshal([]byte(line), &page) == nil && page.Message != "" {
				out = append(out, page.Message)
			}
			if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok && !strings.HasPrefix(data, "{") {
				out = append(out, data)
			}
		}
	}
	return out
}

// kindOf is the type of a message. M0 has no header.
func kindOf(text string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	if _, err := message.DecodeRegistrationRequest(raw); err == nil {
		return "M0", nil
	}
	if _, err := message.DecodeRegistrationReply(raw); err == nil {
		return "M0R", nil
	}
	m, err := message.Decode(raw)
	return string(m.Header.Type), err
}

// example returns the recorded value of an operation.
func example(t *testing.T, document, name string, into any) {
	t.Helper()
	var file struct {
		Components struct {
			Examples map[string]struct{ Value json.RawMessage }
		}
	}
	err := json.Unmarshal([]byte(read(t, filepath.Join("api", "openapi", "examples", document+".json"))), &file)
	if err == nil {
		err = json.Unmarshal(file.Components.Examples[name].Value, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The statements of the examples hold under the pins of the examples.
func TestExampleStatements(t *testing.T) {
	var config struct{ Pins message.Pins }
	example(t, "portal", "getConfig.answer.example", &config)
	var status struct{ Now time.Time }
	example(t, "patientagent", "getStatus.answer.example", &status)
	now := message.MillisOf(status.Now)
	signed := func(name string) message.Signed {
		var out struct{ Signed string }
		example(t, "publiccloud", name+".answer.example", &out)
		raw, err := base64.RawURLEncoding.DecodeString(out.Signed)
		if err != nil {
			t.Fatal(err)
		}
		s, err := message.DecodeSigned(raw)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if p, err := message.OpenParameters(signed("getParameters"), config.Pins, now); err != nil || len(p.Departments) == 0 {
		t.Error("parameters:", err)
	}
	if d, err := message.OpenDirectory(signed("getDirectory"), config.Pins, now); err != nil || len(d.Hospitals) != 2 {
		t.Error("directory:", err)
	}
	if _, err := message.OpenRevocations(signed("getRevocations"), config.Pins, now); err != nil {
		t.Error("revocations:", err)
	}
	var card struct{ Credential string }
	example(t, "publiccloud", "getDoctor.answer.example", &card)
	raw, err := base64.RawURLEncoding.DecodeString(card.Credential)
	if err != nil {
		t.Fatal(err)
	}
	c, err := message.DecodeCredential(raw)
	if err == nil {
		_, err = message.OpenPrekey(signed("getPrekey"), c.Hash(), c.Info.Suite, c.Info.Keys.Sign, now)
	}
	if err != nil {
		t.Error("prekey:", err)
	}
}

// Headers stand in the documents as the extensions say.
func TestHeadersAreDocumented(t *testing.T) {
	tagged := 0
	for _, name := range openapi.Documents {
		spec, err := openapi.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for path, item := range spec.Paths.Map() {
			for method, op := range item.Operations() {
				for status, r := range op.Responses.Map() {
					want := []string{"X-Request-Id"}
					if spec.Extensions["x-rate-limit"] != nil {
						want = append(want, "RateLimit", "RateLimit-Policy")
					}
					if op.Extensions["x-etag"] == true && (status == "200" || status == "304") {
						want = append(want, "ETag")
						tagged++
					}
					if status == "429" || status == "503" {
						want = append(want, "Retry-After")
					}
					for _, header := range want {
						if r.Value.Headers[header] == nil {
							t.Errorf("%s: %s %s, %s: no %s", name, method, path, status, header)
						}
					}
				}
			}
		}
	}
	if tagged < 20 {
		t.Errorf("%d answers with an ETag: not each of them can be 304", tagged)
	}
}
