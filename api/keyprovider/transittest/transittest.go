// Package transittest gives the tests a transit engine: that of VAULT_ADDR with the root's
// token VAULT_TOKEN, such as a development server of Vault or OpenBao, or else Vault's own
// engine code in the small server deploy/internal/transitd. It is built once, from its own
// module, into the user's cache.
package transittest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Server is a transit engine, with a key of the test's own.
type Server struct {
	Address string
	Root    string // token that may everything
	Key     string // name of the transit key, of the type aes256-gcm96
	Own     bool   // it is this test's: it may be sealed and ended

	t    testing.TB
	stop func()
}

// Start starts a server or takes the one of the environment. The test is skipped where
// the server can neither be built nor is there one.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Address: os.Getenv("VAULT_ADDR"), Root: os.Getenv("VAULT_TOKEN"), Key: "test-" + strings.ToLower(rand.Text()), t: t}
	if s.Address == "" {
		s.run()
	} else {
		s.Mount("transit")
	}
	s.Call(http.MethodPost, "transit/keys/"+s.Key, map[string]any{"type": "aes256-gcm96"}, nil)
	return s
}

// Mount mounts the engine at a real server, where it is not.
func (s *Server) Mount(engine string) {
	_, _ = s.try(http.MethodPost, "sys/mounts/"+engine, map[string]any{"type": engine}) // fails if it is there
}

func (s *Server) run() {
	s.t.Helper()
	cmd := exec.Command(build(s.t))
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		s.t.Fatal(err1, err2)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := false
	s.stop = func() {
		if !ended {
			ended = true
			_ = in.Close()
			_ = cmd.Wait()
		}
	}
	s.t.Cleanup(s.stop)
	var line struct{ Address, Token string }
	if err := json.NewDecoder(out).Decode(&line); err != nil {
		s.t.Fatalf("transitd: %v", err)
	}
	s.Address, s.Root, s.Own = line.Address, line.Token, true
}

// Stop ends the test's own server, as if it had crashed.
func (s *Server) Stop() { s.stop() }

// Call asks the server as its root, and fails the test if it says no. out may be nil.
func (s *Server) Call(method, path string, in, out any) {
	s.t.Helper()
	b, err := s.try(method, path, in)
	if err == nil && out != nil {
		err = json.Unmarshal(b, out)
	}
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
}

func (s *Server) try(method, path string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(method, s.Address+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Vault-Token", s.Root)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%d %s", res.StatusCode, b)
	}
	return b, err
}

// Token makes a token that may use the transit keys, for so long ("1h"). At a real server it is the
// root's child with the default policy and the root's own.
func (s *Server) Token(ttl string) string {
	s.t.Helper()
	var out struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	s.Call(http.MethodPost, "auth/token/create", map[string]any{"ttl": ttl}, &out)
	return out.Auth.Token
}

// build makes the server's program, if it is not in the cache nor in the folder
// $MEDUNION_TOOLS of programs that were built before the tests.
func build(t testing.TB) string {
	t.Helper()
	if tools := os.Getenv("MEDUNION_TOOLS"); tools != "" {
		if path := filepath.Join(tools, "transitd"); executable(path) {
			return path
		}
	}
	source := filepath.Join(root(t), "deploy", "internal", "transitd")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "medunion", "transitd-"+sum(t, source))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	fresh := path + "." + rand.Text()
	cmd := exec.Command("go", "build", "-o", fresh, ".")
	cmd.Dir, cmd.Env = source, append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("no transit engine: VAULT_ADDR is not set, and Vault's modules cannot be built here: %v\n%s", err, out)
	}
	if err := os.Rename(fresh, path); err != nil { // of two who build at once, both have the same
		t.Fatal(err)
	}
	return path
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o100 != 0
}

// root is the folder of the suite's module.
func root(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "medunion").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// sum names what the program is built of.
func sum(t testing.TB, folder string) string {
	t.Helper()
	h := sha256.New()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) < 3 {
		t.Fatal(folder, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(h, "%s %d\n%s\n", filepath.Base(f), len(b), b)
	}
	fmt.Fprint(h, runtime.Version())
	return hex.EncodeToString(h.Sum(nil)[:8])
}
