package server

import (
	"testing"
	"time"

	"medunion/api/keyring"
)

// A service that renews by itself does not use up its line's numbers while all answers are lost: an hour lies
// between the first requests, a day between later ones, and in the 30 days before the end they are fewer
// than a line has numbers. What is not drawn, or accepted already, waits for nothing.
func TestRequestsAreFarApart(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	secret := func(names ...string) map[string][]byte {
		m := map[string][]byte{}
		for _, n := range names {
			m[n] = make([]byte, 32)
		}
		return m
	}
	r := keyring.New("privatecloud")
	for _, name := range identityKeys {
		r = r.WithKey(name, make([]byte, 32), now)
	}
	if !nextRequest(r).IsZero() {
		t.Error("waits for nothing")
	}
	drawn, err := r.AddTogether(2, secret(keyX, keySigning, keyKEM), now)
	if err != nil {
		t.Fatal(err)
	}
	asked, at := uint64(0), now
	for ; at.Before(now.Add(30 * 24 * time.Hour)); at = nextRequest(withAttempts(drawn, asked)) {
		if asked++; asked == 2 && at.Sub(now) != time.Hour {
			t.Errorf("the second after %s", at.Sub(now))
		}
	}
	if asked < 30 || asked > 60 {
		t.Errorf("%d requests in 30 days", asked)
	}
	accepted, err := withAttempts(drawn, 5).AddTogether(2, secret(keyS), now)
	if err != nil || !nextRequest(accepted).IsZero() {
		t.Errorf("accepted, and waits until %s: %v", nextRequest(accepted), err)
	}
}
