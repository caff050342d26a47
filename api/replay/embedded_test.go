package replay_test

import (
	"errors"
	"testing"

	"medunion/api/replay"
	"medunion/api/replay/redistest"
	"medunion/deploy/local/embedredis"
)

// The embedded server says what it is, to a user of the documented ACL too; a real one is
// none, and one that cannot be reached is left to the service's readiness.
func TestRefuseEmbedded(t *testing.T) {
	e, err := embedredis.Start(embedredis.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := replay.RefuseEmbedded(t.Context(), replay.Config{Addrs: []string{e.Addr()}, Namespace: "x"}); !errors.Is(err, replay.ErrEmbedded) {
		t.Errorf("the embedded server: %v", err)
	}
	s := redistest.Start(t)
	s.Do(documentedACL(t, "x", "a-password")...)
	for what, c := range map[string]replay.Config{
		"a real server":    {Addrs: []string{s.Addr()}, Namespace: "x"},
		"a user of little": {Addrs: []string{s.Addr()}, Namespace: "x", Username: "x-window", Password: "a-password"},
		"nobody":           {Addrs: []string{"127.0.0.1:1"}, Namespace: "x"},
	} {
		if err := replay.RefuseEmbedded(t.Context(), c); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	noDenials(t, s)
	if err := replay.RefuseEmbedded(t.Context(), replay.Config{}); err == nil {
		t.Error("a configuration without an address is taken")
	}
}
