package practice

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/keystore"
)

func TestReadEvents(t *testing.T) {
	const stream = ": hello\n\nevent: letter\nid: 1-0\ndata: AAA\n\n" +
		"event: other\ndata: x\n\n" + // of no interest
		"event:letter\ndata:BBB\nid:2-0\nretry: 5\n\n" + // no space, another order, an unknown field
		"event: letter\nid: 3-0\ndata: cut" // not ended: not taken
	var got []string
	lines := 0
	err := readEvents(strings.NewReader(stream), func() { lines++ }, func(l letter) error {
		got = append(got, l.id+" "+l.message)
		return nil
	})
	if want := "[1-0 AAA 2-0 BBB]"; err != nil || fmt.Sprint(got) != want || lines < 10 {
		t.Errorf("%v, %v after %d lines, want %s", got, err, lines, want)
	}
	stop := errors.New("stop")
	if err := readEvents(strings.NewReader(stream), func() {}, func(letter) error { return stop }); err != stop {
		t.Errorf("the taker's error: %v", err)
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add("event: letter\nid: 1-0\ndata: AAA\n\n")
	f.Add(":\n\nevent: letter\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		_ = readEvents(strings.NewReader(stream), func() {}, func(l letter) error {
			if strings.ContainsAny(l.id+l.message, "\n") {
				t.Fatalf("a line break in %+v", l)
			}
			return nil
		})
	})
}

func TestLetterIDs(t *testing.T) {
	for id, want := range map[string]bool{"0-0": true, "1732147200123-12": true, "": false, "1": false, "1-": false, "-1": false,
		"1-2-3": false, "1-a": false, "1-2\r\nX: y": false, strings.Repeat("1", 21) + "-0": false} {
		if validID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}

// TestEvents: in order, one at a time, and not twice what waits already.
func TestEvents(t *testing.T) {
	var mu sync.Mutex
	var got []string
	busy := make(chan struct{})
	e := events{changed: func(v Event) {
		<-busy
		mu.Lock()
		defer mu.Unlock()
		got = append(got, v.Type+v.ID)
	}}
	for range 3 {
		e.emit(Event{Type: "a"})
		e.emit(Event{Type: "b", ID: "1"})
	}
	close(busy)
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		mu.Lock()
		text := strings.Join(got, " ")
		mu.Unlock()
		if text == "a b1" || text == "a b1 a" || text == "a b1 a b1" {
			time.Sleep(5 * time.Millisecond) // nothing more comes
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) < 2 || len(got) > 4 || got[0] != "a" || got[1] != "b1" {
		t.Errorf("heard %v", got)
	}
	(&events{}).emit(Event{}) // nobody listens
}

func TestProblems(t *testing.T) {
	peers := remoteOf(problem.Refused(nil))
	for name, c := range map[string]struct {
		err  error
		want Problem
	}{
		"refused without a word": {problem.Refused(errors.New("secret")), Problem{Kind: "refused", Detail: "The request is refused."}},
		"of our own":             {failed(problem.Conflict("No."), "no"), Problem{Kind: "conflict", Detail: "No.", Code: "no"}},
		"the store's":            {problem.Refused(keystore.ErrOpener), Problem{Kind: "refused", Detail: codesOf[2].Says, Code: "wrong-opener"}},
		"a peer's":               {blame(peers, peerCloud), Problem{Kind: "refused", Detail: "The public cloud refused.", Code: "cloud-refused"}},
		"silence": {blame(unavailable("x"), peerPortal),
			Problem{Kind: "unavailable", Detail: "The portal does not answer.", Code: "portal-silent", RetryAfter: 1}},
		"too much": {problem.TooMany(3 * time.Second), Problem{Kind: "tooMany", Detail: problem.TooMany(0).Document("").Detail, RetryAfter: 3}},
		"unknown":  {errors.New("secret"), Problem{Kind: "internal", Detail: problem.Internal(nil).Document("").Detail}},
	} {
		if got := ProblemOf(c.err); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	if ProblemOf(nil) != (Problem{}) || blame(nil, peerCloud) != nil {
		t.Error("nothing is a problem")
	}
}

func remoteOf(p *problem.Error) error { return p.Because(&remoteError{p.Unwrap()}) }

func TestReasons(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"silent": {problem.Unavailable(0, nil), "hospital-silent"}, "refused": {remoteOf(problem.Refused(errors.New("x"))), "hospital-refused"},
		"unverified": {problem.Refused(errors.New("x")), "hospital-unverified"}, "unlisted": {problem.NotFound("x"), "hospital-unlisted"},
		"clock": {problem.Stale(time.Now()), "hospital-clock"}, "busy": {problem.TooMany(0), "hospital-busy"},
		"expired": {problem.Refused(message.ErrConsent), "consent-expired"}, "else": {problem.Conflict("x"), "hospital-failed"},
	} {
		if r := because(c.err, peerHospital); r.Code != c.want || r.Says == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := reasonUnstored.with(because(problem.Unavailable(0, nil), peerHospital)); r.Code != "not-stored" || r.Because != "hospital-silent" ||
		r.Says != "Not stored at the hospital. The hospital does not answer." {
		t.Errorf("%+v", r)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Config{}); problem.KindOf(err) != problem.KindInvalid {
		t.Errorf("an empty configuration: %v", err)
	}
}

// TestSecretsDoNotPrint: an opener ends in no log.
func TestSecretsDoNotPrint(t *testing.T) {
	o := Opener{Passphrase: "correct horse", PRF: []byte("secret")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, o); strings.Contains(text, "horse") || strings.Contains(text, "secret") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

// A diagnosis covers what was verified, also what could not be read: the preview names it.
func TestUnreadableReleaseStandsInThePreview(t *testing.T) {
	v := &visit{hospitals: []*hospital{
		{progress: HospitalProgress{Hospital: "anna", State: HospitalVerified, Receipt: 4}},
		{progress: HospitalProgress{Hospital: "mercy", State: HospitalFailed}},
	}, taken: 1}
	v.unreadable(&doctor.Release{Hospital: "mercy", Receipt: 7})
	want := []Receipt{{Hospital: "anna", Receipt: 4}, {Hospital: "mercy", Receipt: 7}}
	if got := v.releases(); !slices.Equal(got, want) || v.taken != len(want) {
		t.Errorf("the preview names %v of %d releases, want %v", got, v.taken, want)
	}
}
