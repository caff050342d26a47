package token_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
	"medunion/api/token"
)

func request(headers ...string) echo.Context {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, h := range headers {
		r.Header.Add("Authorization", h)
	}
	return echo.New().NewContext(r, httptest.NewRecorder())
}

func TestLocal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	l, err := token.OpenLocal(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if again, err := token.OpenLocal(path); err != nil || again.Secret() != l.Secret() || len(l.Secret()) != 64 {
		t.Errorf("%q, then %q, %v", l.Secret(), again.Secret(), err)
	}
	good := "Bearer " + l.Secret()
	if err := l.Authenticate(request(good), "", nil); err != nil {
		t.Error(err)
	}
	for name, headers := range map[string][]string{"none": {}, "two": {good, good}, "another": {"Bearer " + strings.Repeat("0", 64)},
		"a part": {good[:len(good)-1]}, "longer": {good + "0"}, "no scheme": {l.Secret()}, "basic": {"Basic " + l.Secret()}, "empty": {"Bearer "}} {
		if err := l.Authenticate(request(headers...), "", nil); problem.KindOf(err) != problem.KindUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", l, l, l, l); strings.Contains(text, l.Secret()) {
		t.Error("a token prints itself")
	}
	if err := (token.Local{}).Authenticate(request("Bearer "), "", nil); err == nil {
		t.Error("no token lets the empty one in")
	}
}

func TestLocalRefusesFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for name, mode := range map[string]os.FileMode{strings.Repeat("a", 64): 0o644, strings.Repeat("a", 31): 0o600, "": 0o600} {
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := token.OpenLocal(path); err == nil {
			t.Errorf("taken: %q, mode %o", name, mode)
		}
	}
	if _, err := token.OpenLocal(filepath.Join(path, "x")); err == nil {
		t.Error("taken without a folder")
	}
}
