package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/token"
	"medunion/ecc"
	"medunion/privatecloud/internal/peers"
	"medunion/privatecloud/server"
)

// child runs a hospital from a configuration file and says where, until it is killed.
func child(path string) {
	var c server.Config
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err == nil {
		var h *server.Instance
		if h, err = server.Start(context.Background(), c); err == nil {
			fmt.Println("admin", h.AdminURL())
			err = h.Wait()
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A hospital that is killed again and again while it imports loses no resource that it has
// acknowledged, and its records hold.
func TestKillDuringImport(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	c := s.config
	c.Logger, c.Pins = nil, nil
	dir := t.TempDir()
	c.PinsFile = s.file(dir, "pins", peers.Must(json.Marshal(s.w.Pins)))
	path := s.file(dir, "config", peers.Must(json.Marshal(c)))
	acknowledged := map[string]bool{"Patient/m1": true}
	for round := range 4 {
		admin, kill := spawn(t, path)
		if round == 0 {
			s.post(admin, bundle("m1", "n", "t", 0))
			acknowledged["Condition/m1-c"] = true
		}
		for i := 0; ; i++ {
			if i == 8+3*round { // in the midst of what follows, each round at another place
				time.AfterFunc(time.Duration(3*round+2)*time.Millisecond, kill)
			}
			ids, b := batch(round, i)
			if !s.post(admin, b) {
				break
			}
			for _, id := range ids {
				acknowledged[id] = true
			}
		}
		kill()
	}
	if len(acknowledged) < 20 {
		t.Fatalf("only %d resources were acknowledged: nothing was tested", len(acknowledged))
	}
	s.start()
	_, pages := s.fetch(s.w.Doctor("dr-okafor", "OUTPATIENT"), s.enrol("m1"), peers.Departments)
	all := bytes.Join(pages, nil)
	for id := range acknowledged {
		typ, name, _ := strings.Cut(id, "/")
		if !bytes.Contains(all, fmt.Appendf(nil, `{"resourceType":"%s","id":"%s"`, typ, name)) {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	t.Logf("%d resources acknowledged over 4 kills", len(acknowledged))
}

func batch(round, i int) (ids []string, bundle []byte) {
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Bundle","type":"collection","entry":[`)
	for k := range 5 {
		id := fmt.Sprintf("r%d-%d-%d", round, i, k)
		ids = append(ids, "Observation/"+id)
		if k > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"resource":{"resourceType":"Observation","id":"%s","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/m1"}}}`, id)
	}
	b.WriteString("]}")
	return ids, b.Bytes()
}

// post imports and reports whether it was acknowledged.
func (s *site) post(admin string, b []byte) bool {
	r, err := http.NewRequest("POST", admin+"/fhir/bundles", bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token(token.ScopeFHIRImport))
	r.Header.Set("Content-Type", "application/fhir+json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var report report
	if json.NewDecoder(resp.Body).Decode(&report) != nil {
		return false
	}
	if resp.StatusCode != 200 || report.Total["stored"]+report.Total["unchanged"] != report.Total["found"] {
		s.t.Fatalf("import: %d %+v", resp.StatusCode, report)
	}
	return true
}

// spawn starts this test binary as a hospital.
func spawn(t *testing.T, config string) (admin string, kill func()) {
	t.Helper()
	cmd := exec.Command(peers.Must(os.Executable()))
	cmd.Env = append(os.Environ(), childVariable+"="+config)
	out := peers.Must(os.Create(filepath.Join(t.TempDir(), "out")))
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	kill = func() { _ = cmd.Process.Kill(); <-exited }
	t.Cleanup(kill)
	for range 200 {
		b, _ := os.ReadFile(out.Name())
		for line := range strings.Lines(string(b)) {
			if a, ok := strings.CutPrefix(line, "admin "); ok {
				return strings.TrimSpace(a), kill
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	b, _ := os.ReadFile(out.Name())
	t.Fatalf("the hospital does not start: %s", b)
	return "", nil
}
