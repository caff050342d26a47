package system_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// A login that the agent prepares opens a session at the portal once, for the origin that it
// was signed for.
func TestPreparedLogin(t *testing.T) {
	x := newTester(t)
	challenge := func() string {
		var c struct{ Challenge string }
		ok(t, ask(t.Context(), http.MethodPost, x.s.Portal+"/v1/logins/challenges", "", nil, &c))
		return c.Challenge
	}
	login := func(challenge, origin string) (status int, session struct{ Expires time.Time }) {
		var p struct{ Login json.RawMessage }
		ok(t, ask(t.Context(), http.MethodPost, x.doctor.url+"/v1/development/messages", x.doctor.bearer,
			object{"step": "login", "challenge": challenge, "origin": origin}, &p))
		a, err := call(t.Context(), http.MethodPost, x.s.Portal+"/v1/logins", "", "application/json", p.Login)
		ok(t, err)
		if a.status == http.StatusOK {
			ok(t, json.Unmarshal(a.body, &session))
		}
		return a.status, session
	}
	c := challenge()
	if status, _ := login(c, "https://portal.example"); status != http.StatusForbidden {
		t.Errorf("for another origin: %d", status)
	}
	status, session := login(c, x.s.Portal)
	if life := time.Until(session.Expires); status != http.StatusOK || life < 10*time.Minute {
		t.Errorf("for the portal's origin: %d, good for %v", status, life)
	}
	if status, _ := login(c, x.s.Portal); status != http.StatusForbidden {
		t.Errorf("with a challenge that was used: %d", status)
	}
}
