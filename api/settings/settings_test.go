package settings_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"medunion/api/command"
	"medunion/api/settings"
)

// config has a field of each kind that the services have.
type config struct {
	ConfigFile string        `name:"config" env:"T_CONFIG"`
	Name       string        `required:"" env:"T_NAME"`
	Wait       time.Duration `default:"1s" env:"T_WAIT"`
	Addrs      []string      `default:"a:1" env:"T_ADDRS"`
	Redis      []string      `default:"a:1" env:"T_REDIS" secret:"address"`
	Suites     []uint8       `default:"1,2" env:"T_SUITES"`
	On         bool          `env:"T_ON"`
	Password   string        `env:"T_PASSWORD" hidden:"" secret:"value"`
	URI        string        `env:"T_URI" secret:"uri"`
	Other      string        `env:"T_OTHER"`
	Level      string        `default:"a" enum:"a,b" env:"T_LEVEL"`
}

type tree struct {
	Serve serve `cmd:"" default:"withargs"`
	Look  look  `cmd:""`
}

type serve struct {
	config
	settings.Actions
}

// got is what a command saw.
type got struct{ config }

func (s *serve) Run(k *kong.Context, from *settings.Sources, g *got) error {
	g.config = s.config
	check := func() error { return settings.Problems{"--name: is wrong"} }
	return s.Do(k, from, check, func() error { return nil })
}

// look has some of the settings, and a flag that is none.
type look struct {
	ConfigFile string `name:"config" env:"T_CONFIG"`
	Name       string `env:"T_NAME"`
	Deep       bool
}

func (l *look) Run(g *got) error {
	g.Name = fmt.Sprint(l.Name, l.Deep)
	return nil
}

// run is one run of a program with these settings.
func run(t *testing.T, args ...string) (g got, code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	p := command.Program{Name: "prog", Options: []kong.Option{settings.Option(), kong.Bind(&g)}}
	code = p.Run(context.Background(), &tree{}, args, &o, &e)
	return g, code, o.String(), e.String()
}

func file(t *testing.T, content string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// A flag stands above a variable, the variable above the file, the file above the default.
func TestPrecedence(t *testing.T) {
	f := file(t, "name: file\nwait: 2s\naddrs: [b:2, 'c,d']\nsuites:\n- 2\non: true\nother: 12\n", 0o644)
	t.Setenv("T_CONFIG", f)
	t.Setenv("T_NAME", "variable")
	t.Setenv("T_WAIT", "3s")
	g, code, _, errs := run(t, "--name=flag")
	if code != 0 || g.Name != "flag" || g.Wait != 3*time.Second || fmt.Sprintf("%q %d %v %s %s", g.Addrs, g.Suites, g.On, g.Other, g.Level) != `["b:2" "c,d"] [2] true 12 a` {
		t.Errorf("%d %+v %s", code, g.config, errs)
	}
	if g, _, _, _ = run(t); g.Name != "variable" {
		t.Errorf("%+v", g.config)
	}
	if err := os.Unsetenv("T_NAME"); err != nil {
		t.Fatal(err)
	}
	if g, _, _, _ = run(t, "serve"); g.Name != "file" {
		t.Errorf("%+v", g.config)
	}
	if g, code, _, errs = run(t, "look", "--deep"); code != 0 || g.Name != "filetrue" {
		t.Errorf("a command beside the default: %d %s %s", code, g.Name, errs)
	}
}

const canary = "CANARY-7f3a9e"

// What is wrong with a file is said by its key, never by its value, and nothing starts.
func TestFilesAreRefused(t *testing.T) {
	for content, want := range map[string]string{
		"name: x\nnaem: " + canary + "\nother2: 1\n": "no such setting: naem, other2",
		"name: x\nname: " + canary + "\n":            "line 2: name stands there twice",
		"name: {a: " + canary + "}\n":                "line 1: name must be one value",
		"name: [[" + canary + "]]\n":                 "line 1: name must be one value",
		"name:\n":                                    "line 1: name must be one value",
		"- " + canary + "\n":                         "lines of the form key: value",
		"name: \"" + canary:                          "it is no YAML",
		"name: x\nconfig: y\n":                       "no such setting: config",
		"name: x\nhelp: true\n":                      "no such setting: help",
		"name: x\ncheck-config: true\n":              "no such setting: check-config",
		"name: x\nwait: soon\n":                      "--wait",
		"name: x\nlevel: c\n":                        "--level",
		"name: x\n\tother: " + canary + "\n":         "it is no YAML",
		"other: x\n":                                 "missing flags: --name",
	} {
		g, code, out, errs := run(t, "--config="+file(t, content, 0o600))
		if code != command.Refused || !strings.Contains(errs, want) || strings.Contains(out+errs, canary) || g.Name != "" {
			t.Errorf("%q: %d %s", content, code, errs)
		}
	}
	if _, code, _, errs := run(t, "--config=/nowhere", "--name=x"); code != command.Refused || !strings.Contains(errs, "--config") {
		t.Errorf("no file: %d %s", code, errs)
	}
}

// A file that others can write decides for them whom the service believes; one with a
// secret that others can read has none.
func TestModes(t *testing.T) {
	const plain, password, uri = "name: x\n", "name: x\npassword: " + canary + "\n", "name: x\nuri: mongodb://u:" + canary + "@h/\n"
	const parameter = "name: x\nuri: mongodb://h/?tls=true;tlsCertificateKeyFilePassword=" + canary + "\n"
	for _, c := range []struct {
		content string
		mode    fs.FileMode
		good    bool
	}{{plain, 0o644, true}, {plain, 0o600, true}, {plain, 0o664, false}, {plain, 0o606, false},
		{password, 0o600, true}, {password, 0o400, true}, {password, 0o640, false}, {password, 0o604, false},
		{uri, 0o600, true}, {uri, 0o644, false}, {parameter, 0o600, true}, {parameter, 0o644, false}, {"name: x\nuri: mongodb://h/\n", 0o644, true}} {
		_, code, _, errs := run(t, "--config="+file(t, c.content, c.mode))
		if (code == 0) != c.good || strings.Contains(errs, canary) {
			t.Errorf("%q %o: %d %s", c.content, c.mode, code, errs)
		}
	}
}

// What is printed is a file of settings: read again, it means the same but for the
// secrets, which it does not show wherever they come from.
func TestPrint(t *testing.T) {
	t.Setenv("T_PASSWORD", canary)
	f := file(t, "name: 'a: b'\nuri: mongodb://user:"+canary+"@h:1/?x=1&tlsCertificateKeyFilePassword="+canary+"\n", 0o600)
	g, code, out, errs := run(t, "--config="+f, "--print-config", "--wait=90s", "--other=https://"+canary+"@p/")
	if code != 0 || strings.Contains(out+errs, canary) {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	for _, line := range []string{"# with the file " + f, "name: 'a: b' # file", "wait: 1m30s # flag", "addrs: ['a:1'] # default", "suites: [1, 2] # default",
		"password: '[redacted]' # variable T_PASSWORD", "uri: mongodb://[redacted]@h:1/?x=1&tlsCertificateKeyFilePassword=[redacted] # file"} {
		if !strings.Contains(out, line) {
			t.Errorf("%q is missing in\n%s", line, out)
		}
	}
	again, code, _, errs := run(t, "--config="+file(t, out, 0o600))
	if code != 0 || again.Name != g.Name || again.Wait != g.Wait || fmt.Sprint(again.Addrs, again.Suites) != fmt.Sprint(g.Addrs, g.Suites) {
		t.Errorf("%d %+v %s", code, again.config, errs)
	}
	for _, addr := range []string{"redis://u:" + canary + "@h:1", "u:" + canary + "@h:1", "u:a@" + canary + "@h:1"} {
		_, _, out, _ = run(t, "--name=x", "--print-config", "--redis=g:1,"+addr)
		if strings.Contains(out, canary) || !strings.Contains(out, "redis: ['g:1', '[redacted]@h:1'] # flag") {
			t.Errorf("a password in the place of an address is shown:\n%s", out)
		}
	}
	if _, _, out, _ = run(t, "--name=x", "--print-config", "--uri="+canary); strings.Contains(out, canary) {
		t.Error("what is no URI may be the password alone")
	}
}

// A reload that comes while a service starts or ends does not end it: nothing else listens for
// SIGHUP then. The program is this test's own, so that its end shows as that of another process.
func TestHangupWhileStarting(t *testing.T) {
	if os.Getenv("TEST_HANGUP") != "" {
		err := settings.Actions{}.Do(nil, nil, nil, func() error {
			defer time.Sleep(200 * time.Millisecond) // another thread may be given the signal, a little later
			return syscall.Kill(os.Getpid(), syscall.SIGHUP)
		})
		fmt.Println("served:", err)
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^TestHangupWhileStarting$", "-test.v")
	c.Env = append(os.Environ(), "TEST_HANGUP=yes")
	if out, err := c.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("served: <nil>")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestCheckEndsTheProgram(t *testing.T) {
	_, code, out, errs := run(t, "--name=x", "--check-config")
	if code != command.Refused || out != "" || errs != "prog: configuration: --name: is wrong\n" {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if _, code, out, _ = run(t, "--name=x", "--check-config", "--print-config"); code != command.Refused || !strings.Contains(out, "name: x # flag") {
		t.Errorf("both: %d %q", code, out)
	}
}

// The driver of MongoDB separates parameters by & and by ;, and takes their names in any
// case and with escapes. Whatever it would read as a secret is hidden, and nothing else.
func TestRedactURI(t *testing.T) {
	const hidden = settings.Redacted
	for uri, want := range map[string]string{
		"mongodb://h/?tls=true;tlsCertificateKeyFilePassword=" + canary:             "mongodb://h/?tls=true;tlsCertificateKeyFilePassword=" + hidden,
		"mongodb://h/?tlsCertificateKeyFilePassword=" + canary + ";tls=true&w=1":    "mongodb://h/?tlsCertificateKeyFilePassword=" + hidden + ";tls=true&w=1",
		"mongodb://h/?w=1;TLSCERTIFICATEKEYFILEPASSWORD=" + canary:                  "mongodb://h/?w=1;TLSCERTIFICATEKEYFILEPASSWORD=" + hidden,
		"mongodb://h/?w=1;tlsCertificateKeyFile%50assword=" + canary:                "mongodb://h/?w=1;tlsCertificateKeyFile%50assword=" + hidden,
		"mongodb://h/?tlsCertificateKeyFilePassword=a;" + canary + "&" + canary:     "mongodb://h/?tlsCertificateKeyFilePassword=" + hidden + ";" + hidden + "&" + hidden,
		"mongodb://h/?tlsCertificateKeyFilePassword=a?x=" + canary + ";w=1":         "mongodb://h/?tlsCertificateKeyFilePassword=" + hidden + ";w=1",
		"mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:" + canary + ";w=1": "mongodb://h/?authMechanismProperties=" + hidden + ";w=1",
		"mongodb://u:" + canary + "@h/?w=1;x;y=2":                                   "mongodb://" + hidden + "@h/?w=1;x;y=2",
		"https://h/a;b?": "https://h/a;b?", "mongodb://h/?w=1&&;tls=true;": "mongodb://h/?w=1&&;tls=true;", "a?password=x": "a?password=x",
	} {
		if got := settings.RedactURI(uri); got != want {
			t.Errorf("%s: %s, not %s", uri, got, want)
		}
	}
}
