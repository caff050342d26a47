package httpserver

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// Callers beyond the bound are counted together, so that inventing callers buys nothing;
// whoever has waited is forgotten, and there is room again.
func TestMoreCallersThanAreRemembered(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLimiter(1)
	l.now = func() time.Time { return now }
	take := func(caller string) error {
		c := echo.New().NewContext(httptest.NewRequest("GET", "/", nil), httptest.NewRecorder())
		return l.take(c, "search", "address", caller, 2)
	}
	for i := range maxBuckets {
		if err := take(fmt.Sprint("caller ", i)); err != nil {
			t.Fatal(i, err)
		}
	}
	for i, want := range []bool{true, true, false, false} {
		if err := take(fmt.Sprint("stranger ", i)); (err == nil) != want || !want && problem.KindOf(err) != problem.KindTooMany {
			t.Errorf("stranger %d: %v", i, err)
		}
	}
	if len(l.buckets) > maxBuckets+1 {
		t.Errorf("%d buckets", len(l.buckets))
	}
	if err := take("caller 7"); err != nil {
		t.Errorf("a known caller: %v", err)
	}
	now = now.Add(time.Minute)
	if err := take("stranger 9"); err != nil || len(l.buckets) > 2 {
		t.Errorf("after a minute: %v, %d buckets", err, len(l.buckets))
	}
}
