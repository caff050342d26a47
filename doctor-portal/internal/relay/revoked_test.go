package relay

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
)

// lists is a public cloud that serves a list of revoked credentials, and counts.
type lists struct {
	c       *clouds
	r       *Relay
	now     time.Time
	issued  time.Time
	revoked []message.Hash
	asked   int
	down    bool
}

func newLists(t *testing.T) *lists {
	l := &lists{c: start(t), now: time.Now()}
	l.issued = l.now
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked++
		if l.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		v := message.Revocations{Issued: message.MillisOf(l.issued), Revoked: message.SortHashes(l.revoked)}
		writeSigned(w, message.Sign(l.c.sign, v.Encode()))
	}))
	t.Cleanup(s.Close)
	l.r = must(New(s.URL, keeper(t, l.c.pins), func() time.Time { return l.now }, onLoopback))
	return l
}

// is holds the answer for a credential against what is wanted.
func (l *lists) is(t *testing.T, ctx context.Context, c message.Hash, want bool) {
	t.Helper()
	if got, err := l.r.Revoked(ctx, c); err != nil || got != want {
		t.Errorf("revoked %v, %v; want %v", got, err, want)
	}
}

func TestRevoked(t *testing.T) {
	l, ctx := newLists(t), t.Context()
	bad := message.Hash{7}
	l.is(t, ctx, bad, false)
	l.revoked = append(l.revoked, bad)
	l.now, l.issued = l.now.Add(revokedLife-time.Second), l.now.Add(revokedLife-time.Second)
	l.is(t, ctx, bad, false)
	if l.asked != 1 {
		t.Errorf("asked %d times in a minute", l.asked)
	}
	l.now = l.now.Add(2 * time.Second)
	gone, leave := context.WithCancel(ctx)
	leave() // a caller who leaves does not keep the list old
	l.is(t, gone, bad, true)
	l.is(t, ctx, message.Hash{8}, false)

	l.revoked, l.issued = nil, l.issued.Add(-time.Minute) // an older list brings nobody back
	l.now = l.now.Add(2 * revokedLife)
	l.is(t, ctx, bad, true)
}

// A login asks for the list as it stands now, and with that ends sessions.
func TestALoginRenewsTheList(t *testing.T) {
	l := newLists(t)
	bad := message.Hash{7}
	l.is(t, t.Context(), bad, false)
	l.revoked = []message.Hash{bad}
	if v, err := l.r.Revocations(t.Context()); err != nil || !v.Contains(bad) {
		t.Errorf("%v, %v", v, err)
	}
	l.is(t, t.Context(), bad, true)
}

// Without the public cloud the last list serves, no longer than it may be used.
func TestRevokedWithoutTheCloud(t *testing.T) {
	l, ctx := newLists(t), t.Context()
	bad := message.Hash{7}
	l.down = true
	if _, err := l.r.Revoked(ctx, bad); kind(err) != problem.KindUnavailable {
		t.Errorf("no list ever: %v", err)
	}
	l.down, l.revoked = false, []message.Hash{bad}
	l.is(t, ctx, bad, true)
	l.down, l.now = true, l.now.Add(message.MaxRevocationAge-time.Second)
	before := l.asked
	l.is(t, ctx, bad, true)
	l.is(t, ctx, bad, true)
	if l.asked != before+1 {
		t.Errorf("a public cloud that is down is asked %d times at once", l.asked-before)
	}
	l.now = l.now.Add(2 * time.Second)
	if _, err := l.r.Revoked(ctx, bad); kind(err) != problem.KindUnavailable {
		t.Errorf("a list too old: %v", err)
	}
}
