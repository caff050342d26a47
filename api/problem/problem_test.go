package problem_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"medunion/api/problem"
)

var (
	errSecret = errors.New("consent 4711 is expired")
	noon      = time.UnixMilli(1_732_147_200_123)
)

func everyKind() map[problem.Kind]*problem.Error {
	return map[problem.Kind]*problem.Error{
		problem.KindInternal:         problem.Internal(errSecret),
		problem.KindInvalid:          problem.Invalid("The header is cut short.").Because(errSecret),
		problem.KindRefused:          problem.Refused(errSecret),
		problem.KindNotFound:         problem.NotFound("There is no such prekey.").Because(errSecret),
		problem.KindConflict:         problem.Conflict("The identity is registered.").Because(errSecret),
		problem.KindStale:            problem.Stale(noon).Because(errSecret),
		problem.KindUnavailable:      problem.Unavailable(1500*time.Millisecond, errSecret),
		problem.KindUnauthenticated:  problem.Unauthenticated(errSecret),
		problem.KindMethodNotAllowed: problem.MethodNotAllowed().Because(errSecret),
		problem.KindTooLarge:         problem.TooLarge().Because(errSecret),
		problem.KindUnsupportedMedia: problem.UnsupportedMedia("Send application/json.").Because(errSecret),
		problem.KindTooMany:          problem.TooMany(0).Because(errSecret),
	}
}

// The golden form of every kind: a changed byte here is a changed interface.
func TestDocuments(t *testing.T) {
	want := map[problem.Kind]string{
		problem.KindInternal:         `{"type":"urn:medunion:problem:internal","title":"Internal error","status":500,"detail":"The request could not be completed.","instance":"urn:medunion:request:r1"}`,
		problem.KindInvalid:          `{"type":"urn:medunion:problem:invalid","title":"Invalid request","status":400,"detail":"The header is cut short.","instance":"urn:medunion:request:r1"}`,
		problem.KindRefused:          `{"type":"urn:medunion:problem:refused","title":"Refused","status":403,"detail":"The request is refused.","instance":"urn:medunion:request:r1"}`,
		problem.KindNotFound:         `{"type":"urn:medunion:problem:not-found","title":"Not found","status":404,"detail":"There is no such prekey.","instance":"urn:medunion:request:r1"}`,
		problem.KindConflict:         `{"type":"urn:medunion:problem:conflict","title":"Conflict","status":409,"detail":"The identity is registered.","instance":"urn:medunion:request:r1"}`,
		problem.KindStale:            `{"type":"urn:medunion:problem:stale","title":"Stale message","status":422,"detail":"The time of the message is outside the accepted window.","instance":"urn:medunion:request:r1","now":"2024-11-21T00:00:00.123Z"}`,
		problem.KindUnavailable:      `{"type":"urn:medunion:problem:unavailable","title":"Unavailable","status":503,"detail":"The service cannot answer now; try again later.","instance":"urn:medunion:request:r1","retryAfter":2}`,
		problem.KindUnauthenticated:  `{"type":"urn:medunion:problem:unauthenticated","title":"Authentication required","status":401,"detail":"A valid bearer token is required.","instance":"urn:medunion:request:r1"}`,
		problem.KindMethodNotAllowed: `{"type":"urn:medunion:problem:method-not-allowed","title":"Method not allowed","status":405,"detail":"This address does not know the method.","instance":"urn:medunion:request:r1"}`,
		problem.KindTooLarge:         `{"type":"urn:medunion:problem:too-large","title":"Too large","status":413,"detail":"The request body is too large.","instance":"urn:medunion:request:r1"}`,
		problem.KindUnsupportedMedia: `{"type":"urn:medunion:problem:unsupported-media-type","title":"Unsupported media type","status":415,"detail":"Send application/json.","instance":"urn:medunion:request:r1"}`,
		problem.KindTooMany:          `{"type":"urn:medunion:problem:too-many","title":"Too many requests","status":429,"detail":"The caller sends too many requests; try again later.","instance":"urn:medunion:request:r1","retryAfter":1}`,
	}
	all := everyKind()
	if len(all) != len(want) {
		t.Fatalf("%d kinds, %d documents", len(all), len(want))
	}
	for k, e := range all {
		t.Run(k.String(), func(t *testing.T) {
			if got := encode(t, e); got != want[k] {
				t.Fatalf("got  %s\nwant %s", got, want[k])
			}
		})
	}
}

func encode(t *testing.T, e *problem.Error) string {
	t.Helper()
	data, err := json.Marshal(e.Document("r1"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The cause is found by errors.Is and by Reason, and by nothing that is shown.
func TestCauseStaysInside(t *testing.T) {
	for k, e := range everyKind() {
		t.Run(k.String(), func(t *testing.T) {
			shown := e.Error() + fmt.Sprintf("%v %+v %s %q", e, e, e, e) + encode(t, e)
			if strings.Contains(shown, "4711") {
				t.Fatalf("the cause is shown: %s", shown)
			}
			if !errors.Is(e, errSecret) {
				t.Fatal("errors.Is does not find the cause")
			}
			if want := k.String() + ": consent 4711 is expired"; problem.Reason(fmt.Errorf("at M8: %w", e)) != want {
				t.Fatalf("reason %q, want %q", problem.Reason(e), want)
			}
		})
	}
}

func TestRefusalsAreAlike(t *testing.T) {
	first := []byte(encode(t, problem.Refused(errors.New("bad signature"))))
	edited := problem.Refused(errors.New("revoked"))
	edited.Detail = "The consent is revoked."
	edited.Now, edited.RetryAfter = noon, time.Minute
	for _, e := range []*problem.Error{edited, problem.Refused(nil), problem.Refused(problem.Stale(noon))} {
		if got := []byte(encode(t, e)); !bytes.Equal(got, first) {
			t.Fatalf("a refusal differs: %s", got)
		}
	}
}

func TestKinds(t *testing.T) {
	for k, e := range everyKind() {
		wrapped := fmt.Errorf("outer: %w", e)
		if !errors.Is(wrapped, k) || problem.KindOf(wrapped) != k || problem.From(wrapped) != e {
			t.Errorf("%s is not recognised", k)
		}
		if k != problem.KindRefused && errors.Is(wrapped, problem.KindRefused) {
			t.Errorf("%s counts as a refusal", k)
		}
	}
	if k := problem.Kind(200); k.Status() != 500 || k.String() != "internal" {
		t.Error("a kind out of the table is not internal")
	}
}

func TestFrom(t *testing.T) {
	if problem.From(nil) != nil || problem.Reason(nil) != "" {
		t.Error("nil is a problem")
	}
	if k := problem.KindOf(errSecret); k != problem.KindInternal {
		t.Errorf("a plain error is %s", k)
	}
	for _, end := range []error{context.DeadlineExceeded, context.Canceled} {
		if k := problem.KindOf(fmt.Errorf("find: %w", end)); k != problem.KindUnavailable {
			t.Errorf("%v is %s", end, k)
		}
	}
	nested := problem.Refused(problem.Stale(noon).Because(errSecret))
	if got := problem.Reason(nested); got != "refused: stale: consent 4711 is expired" {
		t.Errorf("nested reason %q", got)
	}
	base := problem.Invalid("The list is empty.")
	if base.Because(errSecret); errors.Is(base, errSecret) {
		t.Error("Because changes its receiver")
	}
}

func TestParse(t *testing.T) {
	for k, e := range everyKind() {
		got, err := problem.Parse([]byte(encode(t, e)))
		if err != nil || got.Kind != k {
			t.Fatalf("%s: parsed %v, %v", k, got, err)
		}
		if k == problem.KindStale && !got.Now.Equal(noon) {
			t.Errorf("stale: time %v", got.Now)
		}
		if k == problem.KindUnavailable && got.RetryAfter != 2*time.Second {
			t.Errorf("unavailable: wait %v", got.RetryAfter)
		}
	}
	for _, bad := range []string{"", "[]", "null", "{}", `{"type":"about:blank"}`, `{"type":"urn:medunion:problem:"}`, `{"type":"refused"}`} {
		if e, err := problem.Parse([]byte(bad)); err == nil {
			t.Errorf("%q parsed as %v", bad, e)
		}
	}
}

// What a peer says stays inside, and cannot make a client wait for ever.
func TestParseDistrusts(t *testing.T) {
	e, err := problem.Parse([]byte(`{"type":"urn:medunion:problem:unavailable","detail":"<script>","retryAfter":9223372036854775807}`))
	if err != nil {
		t.Fatal(err)
	}
	if e.RetryAfter != time.Hour || strings.Contains(encode(t, e), "script") {
		t.Fatalf("the peer's words are passed on: %+v", e)
	}
}

// A code stands beside a sentence of its own, and never tells refusals apart.
func TestCodes(t *testing.T) {
	if got := problem.Invalid("The passphrase is wrong.").Coded("wrong-passphrase").Document("").Code; got != "wrong-passphrase" {
		t.Errorf("code %q", got)
	}
	cause := errors.New("x")
	for _, e := range []*problem.Error{problem.Refused(cause), problem.Unauthenticated(cause), problem.Internal(cause)} {
		if got := e.Coded("why").Document("").Code; got != "" {
			t.Errorf("%v shows %q", e.Kind, got)
		}
	}
}
