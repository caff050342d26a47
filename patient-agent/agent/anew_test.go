package agent_test

import (
	"testing"

	"medunion/api/problem"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/peers"
)

// TestRegistrationAnewKeepsWhatHolds: a store is deleted for a new one only if there will be
// a new one, and never once its identity is registered, however late that was.
func TestRegistrationAnewKeepsWhatHolds(t *testing.T) {
	u := newUnion(t)
	u.cfg.Origin = pageOrigin
	a := u.agent()
	_, err := a.RegisterWith(ctx, "WRONG", agent.Means{Passkey: created(newKey(1), peers.Must(a.ChallengePasskey()).Challenge)})
	kind(t, "a wrong code", err, problem.KindRefused)
	_, err = a.RegisterWith(ctx, "CODE-1234", agent.Means{Passkey: created(newKey(2), make([]byte, 32))})
	kind(t, "a passkey of no challenge", err, problem.KindInvalid)
	_, err = a.RegisterWith(ctx, "CODE-1234", agent.Means{Passphrase: []byte("short")})
	kind(t, "a short passphrase", err, problem.KindInvalid)
	if !a.Status().Open {
		t.Fatal("the store is gone")
	}
	u.ok(errOf(a.RegisterWith(ctx, "CODE-1234", agent.Means{})))
	kind(t, "another registration that was slower", a.Discard(), problem.KindConflict)
	u.ok(errOf(a.Identity()))
}
