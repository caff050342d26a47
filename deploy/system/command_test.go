package system_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopTime is how long deploy/up may take to stop.
const stopTime = 15 * time.Second

// up is deploy/up as a user runs it in a terminal: a process group of its own, to which
// Ctrl-C goes as a whole.
type up struct {
	*process
	temp string // its TMPDIR
}

func startUp(t *testing.T, args ...string) *up {
	t.Helper()
	u := &up{temp: t.TempDir()}
	cmd := exec.Command("bash", append([]string{"../up"}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+u.temp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	u.process = run(t, cmd)
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); <-u.ended })
	return u
}

// guide waits for what is printed when everything runs.
func (u *up) guide(t *testing.T) string {
	t.Helper()
	var text string
	u.await(2*time.Minute, "deploy/up saying that everything runs", func() bool {
		text = string(u.read(u.stdout))
		return strings.Contains(text, "Ctrl-C") && strings.Contains(text, "doctor's agent") && strings.HasSuffix(text, "\n\n")
	})
	return text
}

// interrupt is Ctrl-C. Nothing may be left: no process, no temporary file.
func (u *up) interrupt(t *testing.T) {
	t.Helper()
	group := -u.cmd.Process.Pid
	began := time.Now()
	ok(t, syscall.Kill(group, syscall.SIGINT))
	u.awaitEnd(stopTime)
	// "go run" ends with 1 after a signal whatever its program does, and says
	// "exit status" only if that one failed.
	if said := u.read(u.stderr); bytes.Contains(said, []byte("exit status")) || bytes.Contains(said, []byte("deploy/up:")) {
		t.Errorf("deploy/up fails after Ctrl-C:\n%s", tail(said))
	}
	for syscall.Kill(group, 0) == nil && time.Since(began) < stopTime {
		time.Sleep(20 * time.Millisecond)
	}
	if err := syscall.Kill(group, 0); err != syscall.ESRCH {
		t.Errorf("a process is left behind: %v", err)
	}
	left, err := os.ReadDir(u.temp)
	ok(t, err)
	for _, f := range left {
		t.Errorf("%s is left behind", f.Name())
	}
}

var (
	addressPattern = regexp.MustCompile(`http://(?:127\.0\.0\.1|localhost):\d+`)
	cardPattern    = regexp.MustCompile(`her card\s+(\S+)`)
)

// answers checks that everybody whose address was printed is there.
func answers(t *testing.T, guide string) {
	t.Helper()
	seen := map[string]bool{}
	for _, a := range addressPattern.FindAllString(guide, -1) {
		if seen[a] {
			continue
		}
		seen[a] = true
		r, err := call(t.Context(), http.MethodGet, a+"/livez", "", "", nil)
		if err != nil || r.status != http.StatusOK {
			t.Errorf("%s: %d %v", a, r.status, err)
		}
	}
	// Public cloud, two hospitals with their administration, portal, authority, the
	// doctor's agent, the patient's by number and by name, the new patient's.
	if len(seen) < 11 {
		t.Errorf("deploy/up prints %d addresses:\n%s", len(seen), guide)
	}
}

// deploy/up without a folder leaves nothing; with one it keeps doctor and patient, and
// a second one on the same folder at the same time says why it cannot start.
func TestUpStartsAndStops(t *testing.T) {
	heavy(t)
	t.Parallel()
	u := startUp(t)
	guide := u.guide(t)
	answers(t, guide)
	newPatientJoins(t, guide)
	filesLie(t, guide)
	visitByHand(t, guide)
	u.interrupt(t)
}

var (
	newPatientPattern = regexp.MustCompile(`new patient\s+http://localhost:(\d+)/#(\S+)\s+registration code (\S+);`)
	deskPattern       = regexp.MustCompile(`(?m)^\s+(hospital-\d+)  ([A-Z0-9-]{19})$`)
	filePattern       = regexp.MustCompile(`(?m)^\s+(?:file|measurements)\s+(/\S+)`)
)

// newPatientJoins uses the printed codes as somebody who begins would.
func newPatientJoins(t *testing.T, guide string) {
	t.Helper()
	found := newPatientPattern.FindStringSubmatch(guide)
	if found == nil {
		t.Fatalf("no new patient in %s", guide)
	}
	agent, token := "http://127.0.0.1:"+found[1]+"/v1", found[2]
	ok(t, ask(t.Context(), http.MethodPost, agent+"/registration", token, map[string]string{"code": found[3], "passphrase": "of the new patient"}, nil))
	desks := deskPattern.FindAllStringSubmatch(guide, -1)
	if len(desks) == 0 {
		t.Errorf("no desk code in %s", guide)
	}
	for _, d := range desks {
		ok(t, ask(t.Context(), http.MethodPost, agent+"/hospitals/"+d[1]+"/enrolment", token, map[string]string{"code": d[2]}, nil))
	}
}

// visitByHand runs the printed commands as somebody does who pastes all of them.
func visitByHand(t *testing.T, guide string) {
	t.Helper()
	_, commands, found := strings.Cut(guide, "In another terminal")
	_, commands, _ = strings.Cut(commands, "\n")
	var script strings.Builder
	for line := range strings.Lines(commands) {
		if strings.HasPrefix(line, "  ") {
			script.WriteString(line)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script.String()).CombinedOutput()
	for _, part := range []string{`"name":"Maya Okafor"`, `"state":"verified"`, `"delivered":true`, `"conclusion":"Hypertension"`, `"mode":"write"`, `"type":"M5"`} {
		if !found || err != nil || !bytes.Contains(out, []byte(part)) {
			t.Fatalf("the visit by hand lacks %s: %v\n%s", part, err, tail(out))
		}
	}
}

// filesLie checks that the printed files are there.
func filesLie(t *testing.T, guide string) {
	t.Helper()
	files := filePattern.FindAllStringSubmatch(guide, -1)
	if len(files) != 2 {
		t.Errorf("%d files in %s", len(files), guide)
	}
	for _, f := range files {
		if i, err := os.Stat(f[1]); err != nil || i.Size() == 0 {
			t.Errorf("%s: %v", f[1], err)
		}
	}
}

func TestUpKeepsItsFolder(t *testing.T) {
	heavy(t)
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first := startUp(t, "--data", dir)
	guide := first.guide(t)
	answers(t, guide)
	refusesSecond(t, dir)
	answers(t, guide) // the first was not disturbed
	patient := identity(t, guide, dir)
	first.interrupt(t)

	again := startUp(t, "--data", dir)
	second := again.guide(t)
	answers(t, second)
	if was, is := cardPattern.FindString(guide), cardPattern.FindString(second); was == "" || was != is {
		t.Errorf("the doctor's card was %q and is %q", was, is)
	}
	if is := identity(t, second, dir); is != patient {
		t.Errorf("the patient was %s and is %s", patient, is)
	}
	if was, is := addresses(guide), addresses(second); was != is {
		t.Errorf("the addresses were %s and are %s", was, is)
	}
	again.interrupt(t)
}

var patientPattern = regexp.MustCompile(`patient's agent\s+(http://127\.0\.0\.1:\d+)`)

// identity is what the patient's agent says of her, with where she is enrolled.
func identity(t *testing.T, guide, dir string) string {
	t.Helper()
	found := patientPattern.FindStringSubmatch(guide)
	if found == nil {
		t.Fatalf("no patient's agent in %s", guide)
	}
	token := strings.TrimSpace(string(must(os.ReadFile(filepath.Join(dir, "agents/patient/token")))))
	var id struct{ Credential string }
	ok(t, ask(t.Context(), http.MethodGet, found[1]+"/v1/identity", token, nil, &id))
	var at struct {
		Hospitals []struct {
			ID       string
			Enrolled bool
		}
	}
	ok(t, patiently(t.Context(), func() error { return ask(t.Context(), http.MethodGet, found[1]+"/v1/hospitals", token, nil, &at) }))
	if len(id.Credential) != 64 || len(at.Hospitals) != 2 || !at.Hospitals[0].Enrolled || !at.Hospitals[1].Enrolled {
		t.Errorf("the patient's agent says %+v %+v", id, at)
	}
	return id.Credential
}

// addresses are those that people keep: not the embedded stores'.
func addresses(guide string) string {
	return strings.Join(addressPattern.FindAllString(guide, -1), " ")
}

func refusesSecond(t *testing.T, dir string) {
	t.Helper()
	before := must(os.ReadFile(filepath.Join(dir, "suite.json")))
	u := startUp(t, "--data", dir)
	u.awaitEnd(2 * time.Minute)
	said := string(u.read(u.stderr))
	if u.cmd.ProcessState.ExitCode() == 0 || !strings.Contains(said, "another process uses this folder") {
		t.Errorf("a second deploy/up on the folder ends with %d and says %q", u.cmd.ProcessState.ExitCode(), said)
	}
	if after := must(os.ReadFile(filepath.Join(dir, "suite.json"))); !bytes.Equal(before, after) {
		t.Error("a second deploy/up changes the folder")
	}
	left, err := os.ReadDir(u.temp)
	ok(t, err)
	if len(left) > 0 {
		t.Errorf("a second deploy/up leaves %v", left)
	}
}
