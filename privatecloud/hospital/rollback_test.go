package hospital_test

import (
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/replay/redistest"
	"medunion/ecc"
	"medunion/privatecloud/internal/peers"
)

// A Redis that comes back with an older state of a session would have the hospital number
// its next answer as one that it has sent: two plaintexts under one key and nonce. The
// session is refused instead, and a new one works.
func TestSessionDoesNotOutliveItsRedis(t *testing.T) {
	whole := redisAddr
	t.Cleanup(func() { redisAddr = whole })
	server := redistest.Start(t)
	redisAddr = server.Addr()
	awaitWindow(t)
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	server.Do("SAVE")
	s.release(x, message.Filter{}) // H>D 2 is sent
	server.Kill9()
	server.Restart()
	awaitWindow(t)
	if found := server.Do("KEYS", "session:"+s.s.Database+":*").([]any); len(found) != 1 {
		t.Fatal("nothing came from the disk: this shows nothing")
	}
	salted, d5 := x.D5(diagnosis)
	_, err := s.h.StoreDiagnosis(t.Context(), x.M11(salted, d5))
	s.refused(err, "M11 in a session from the snapshot")
	if _, err := s.h.Release(t.Context(), x.M8(message.Filter{})); problem.KindOf(err) != problem.KindRefused {
		t.Errorf("M8 in a session from the snapshot: %v", err)
	}
	if got, _ := s.release(s.open(), message.Filter{}); len(got) != 3 {
		t.Errorf("a new session released %v", names(got))
	}
}

func awaitWindow(t *testing.T) {
	t.Helper()
	if err := peers.AwaitWindow(redisAddr, "tests"); err != nil {
		t.Fatal(err)
	}
}
