package hospital_test

import (
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

// A record to which something happens while the records before it are erased is not taken for idle: what is
// destroyed was looked at right before, not when the run began.
func TestActivityDuringRetention(t *testing.T) {
	for name, happens := range map[string]func(s *scene, mrn string){
		"a desk code": func(s *scene, mrn string) { _, _, err := s.h.NewDeskCode(t.Context(), mrn); ok(t, err) },
		"an import":   func(s *scene, mrn string) { s.load(mrn, s.rec[1:2]) },
		"an erasure":  func(s *scene, mrn string) { _, err := s.h.Erase(t.Context(), mrn, order); ok(t, err) },
		"":            func(*scene, string) {},
	} {
		s := newScene(t, ecc.SuiteX25519)
		other := map[message.Hash]string{}
		for mrn, next := range map[string]string{"idle-1": "idle-2", "idle-2": "idle-1"} {
			s.load(mrn, s.rec[:1])
			other[peers.Must(s.h.RecordOf(t.Context(), mrn))] = next
		}
		visits := 0
		err := s.h.IdleSince(t.Context(), message.MillisOf(time.Now().Add(1000*24*time.Hour)), func(i hospital.Idle) error {
			if mrn := other[i.Record]; mrn != "" {
				if visits++; visits == 1 {
					happens(s, mrn)
				}
			}
			return nil
		})
		want := 1
		if name == "" {
			want = 2
		}
		if err != nil || visits != want {
			t.Errorf("%q: %d visits, want %d, %v", name, visits, want, err)
		}
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
}
