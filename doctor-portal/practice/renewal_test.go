package practice

import (
	"testing"
	"time"

	"medunion/api/message"
)

// A credential is renewed in the last quarter of its life, in the last 30 days of a long one,
// and only if the next one lasts a day longer: otherwise each turn would take a number.
func TestRenewable(t *testing.T) {
	begins := message.MillisOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	day := func(n int) message.Millis { return begins.Add(time.Duration(n) * 24 * time.Hour) }
	for name, c := range map[string]struct {
		ends, next, now message.Millis
		want            bool
	}{
		"at its beginning":             {day(730), day(1825), day(1), false},
		"31 days before the end":       {day(730), day(1825), day(699), false},
		"29 days before the end":       {day(730), day(1825), day(701), true},
		"ended":                        {day(730), day(1825), day(730), false},
		"short, in its third quarter":  {day(8), day(1825), day(5), false},
		"short, in its last quarter":   {day(8), day(1825), day(7), true},
		"the certificate ends with it": {day(730), day(730), day(729), false},
		"it gains an hour":             {day(730), day(730).Add(time.Hour), day(729), false},
		"it gains a day":               {day(730), day(731), day(729), true},
	} {
		if got := renewable(begins, c.ends, c.next, c.now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// No registration is renewed while a visit is not closed: its portal session is the old
// credential's.
func TestNoRenewalDuringAVisit(t *testing.T) {
	for _, state := range []VisitState{VisitAnswered, VisitWaiting, VisitOpen, VisitClosed} {
		s := &session{visits: []*visit{{state: VisitClosed}, {state: state}}}
		if s.visiting() != (state != VisitClosed) {
			t.Errorf("%s: %v", state, s.visiting())
		}
	}
	if e := ProblemOf(errVisiting()); e.Kind != "conflict" || e.Code != "visit-open" {
		t.Errorf("%+v", e)
	}
}
