package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"medunion/deploy/internal/freeport"
	"medunion/deploy/local/authority"
)

// What only the people of the canary's visit may read: her name as she says it, the
// doctor's note, and from the record what stands beside it.
const (
	canaryNote  = "canary-note-7f3a91: drink less of it"
	canaryWords = "canary-diagnosis-55d0c2"
)

// A portal in a process of its own carries a whole visit between the two pages. Neither
// its memory, at rest and in the middle of the visit, nor anything that it ever wrote to
// Redis, nor its log holds a word of the visit or the patient's identifier.
func TestPortalHoldsNothing(t *testing.T) {
	w := newWorld(t, slog.DiscardHandler)
	portal := startPortal(t, w)
	d, p := w.registered(t, "dr-canary"), w.ready(t, "canary")
	p.consult(d)
	d.callIn()
	d.Reads("Kirsten Weber")
	d.fetch()
	needles := canaries(t, w, p)
	portal.holdsNothing(t, "in the visit", needles)
	d.diagnose(canaryWords, canaryNote)
	p.Reads("The diagnosis is here")
	d.end()
	portal.holdsNothing(t, "after the visit", needles)
}

// canaries are the words to search for, each in the forms in which it could be held.
func canaries(t *testing.T, w *world, p *patient) map[string][][]byte {
	t.Helper()
	id, err := p.agent.Identity()
	if err != nil {
		t.Fatal(err)
	}
	var name struct{ Name []struct{ Family string } }
	if err := json.Unmarshal(w.plan.File.Patient().Raw, &name); err != nil || len(name.Name) == 0 {
		t.Fatalf("the patient of the record has no name: %v", err)
	}
	words := map[string]string{"what she calls herself": "Kirsten Weber", "the record's family name": name.Name[0].Family, "her record number": w.mrn,
		"the note": canaryNote, "the diagnosis": canaryWords, "her identifier": string(id.ID)}
	out := map[string][][]byte{}
	for what, word := range words {
		if len(word) < 5 {
			t.Fatalf("%s is too short to search for: %q", what, word)
		}
		out[what] = forms(word)
	}
	return out
}

// forms are the word itself and the base64 of it at each offset.
func forms(word string) [][]byte {
	out := [][]byte{[]byte(word)}
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("_", shift) + word))
		// What depends on the neighbours is left out at both ends.
		out = append(out, []byte(text[[]int{0, 2, 3}[shift]:len(text)-2]))
	}
	return out
}

// portalProcess is a portal and its Redis, started for one test.
type portalProcess struct {
	cmd    *exec.Cmd
	log    string // what it wrote
	redis  string // folder of all that was ever written to its Redis
	origin string
}

// startPortal starts both and makes the portal that of the world.
func startPortal(t *testing.T, w *world) *portalProcess {
	t.Helper()
	p := &portalProcess{log: filepath.Join(t.TempDir(), "portal.log"), redis: t.TempDir()}
	redis := port(freeport.For(t))
	server := exec.Command("redis-server", "--port", redis, "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always",
		"--auto-aof-rewrite-percentage", "0", "--save", "", "--dir", p.redis)
	run(t, server)
	own := port(freeport.For(t))
	pins, keys := w.Files()
	p.origin = "http://localhost:" + own
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), partVariable+"=portal", "PORTAL_LISTEN=127.0.0.1:"+own, "PORTAL_ORIGIN="+p.origin, "PORTAL_CLOUD="+w.Cloud,
		"PORTAL_DEV=true", "PORTAL_PINS="+pins, "PORTAL_AUTHORITY="+authority.DefaultName, "PORTAL_AUTHORITY_JWKS="+keys,
		"PORTAL_SESSION_KEY="+filepath.Join(t.TempDir(), "key"), "PORTAL_REDIS_ADDRS=127.0.0.1:"+redis)
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr, p.cmd.Stdout = log, log
	run(t, p.cmd)
	awaitReady(t, p.origin+"/readyz")
	w.Portal = p.origin
	return p
}

// run starts a program that ends with the test.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

func awaitReady(t *testing.T, url string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if a, err := http.Get(url); err == nil {
			_ = a.Body.Close()
			if a.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatalf("%s is not ready after a minute", url)
}

// holdsNothing searches everything that the portal holds and has written. It would find
// what is there: the portal's own address is in its memory, and mail was in its Redis.
func (p *portalProcess) holdsNothing(t *testing.T, when string, needles map[string][][]byte) {
	t.Helper()
	memory := p.memory(t)
	log, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	written := p.written(t)
	if !bytes.Contains(memory, []byte(p.origin)) || len(log) == 0 || !bytes.Contains(written, []byte("portal")) {
		t.Errorf("%s: the search sees too little: %d bytes of memory, %d of the log, %d of Redis", when, len(memory), len(log), len(written))
	}
	for place, held := range map[string][]byte{"memory": memory, "log": log, "Redis": written} {
		for what, forms := range needles {
			for _, f := range forms {
				if bytes.Contains(held, f) {
					t.Errorf("%s, the portal's %s holds %s", when, place, what)
				}
			}
		}
	}
}

var writable = regexp.MustCompile(`^([0-9a-f]+)-([0-9a-f]+) rw`)

// memory is all that the process can write to, as the kernel shows it to its parent.
func (p *portalProcess) memory(t *testing.T) []byte {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)
	maps, err := os.ReadFile(folder + "/maps")
	if err != nil {
		t.Skipf("the memory of a process cannot be read here: %v", err)
	}
	mem, err := os.Open(folder + "/mem")
	if err != nil {
		t.Skipf("the memory of a process cannot be read here: %v", err)
	}
	defer mem.Close()
	var all bytes.Buffer
	for line := range strings.Lines(string(maps)) {
		m := writable.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		from, _ := strconv.ParseInt(m[1], 16, 64)
		to, _ := strconv.ParseInt(m[2], 16, 64)
		_, _ = io.Copy(&all, io.NewSectionReader(mem, from, to-from)) // a part may be gone, or reserved only
	}
	return all.Bytes()
}

// written is every command that changed the portal's Redis since its start.
func (p *portalProcess) written(t *testing.T) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.redis, "appendonlydir", "*.aof"))
	if err != nil || len(files) == 0 {
		t.Fatalf("Redis has written nothing: %v", err)
	}
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}
