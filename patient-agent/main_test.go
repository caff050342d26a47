package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/patient-agent/agent"
)

// parse reads a command line as main does.
func parse(t *testing.T, args ...string) (*cli, error) {
	t.Helper()
	var c cli
	k, err := kong.New(&c, kong.Exit(func(int) { t.Fatal("exited") }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(append([]string{"--store", "s", "--cloud", "http://127.0.0.1:1", "--pins", "p", "--authority", "a", "--authority-jwks", "f"}, args...))
	return &c, err
}

func TestVisitOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ring-100hz.csv")
	if err := os.WriteFile(file, []byte("1\n2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := parse(t, "visit", "LINK", "--department", "SURGERY", "--grant", "st-anna:GENERAL,SURGERY:LAB", "--grant", "elsewhere:GENERAL:LAB,VITAL",
		"--write-to", "none", "--uses", "1", "--signals", file, "--kind", "ppg")
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.Visit.request()
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Grants) != 2 || !slices.Equal(q.Grants[0].Departments, []message.Code{"GENERAL", "SURGERY"}) || !slices.Equal(q.Grants[1].Classes, []message.Code{"LAB", "VITAL"}) {
		t.Errorf("grants %+v", q.Grants)
	}
	if q.WriteTo == nil || *q.WriteTo != "" || q.MaxUses != 1 || len(q.Recordings) != 1 || q.Recordings[0].Name != "ring-100hz.csv" {
		t.Errorf("%+v", q)
	}
}

func TestVisitDefaults(t *testing.T) {
	c, err := parse(t, "visit", "LINK", "--withhold-classes", "LAB,VITAL")
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.Visit.request()
	if err != nil || q.Grants != nil || q.WriteTo != nil || !slices.Equal(q.Withhold.Classes, []message.Code{"LAB", "VITAL"}) {
		t.Errorf("%+v %v", q, err)
	}
	c, _ = parse(t, "visit", "LINK", "--nothing")
	if q, err := c.Visit.request(); err != nil || q.Grants == nil || len(q.Grants) != 0 {
		t.Errorf("nothing: %+v %v", q.Grants, err)
	}
	c, _ = parse(t, "visit", "LINK", "--grant", "st-anna:GENERAL")
	if _, err := c.Visit.request(); err == nil {
		t.Error("half a grant was taken")
	}
}

// TestNoPassphraseFlag: a passphrase in the process list would be everybody's.
func TestNoPassphraseFlag(t *testing.T) {
	if _, err := parse(t, "hospitals", "--passphrase", "x"); err == nil {
		t.Error("there is a flag for the passphrase")
	}
	c, err := parse(t, "hospitals")
	if err != nil {
		t.Fatal(err)
	}
	c.PassphraseFile = filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(c.PassphraseFile, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := (&session{cli: c}).passphrase("")
	if err != nil || string(p) != "from the file" {
		t.Errorf("%q %v", p, err)
	}
	if err := os.Chmod(c.PassphraseFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (&session{cli: c}).passphrase(""); err == nil {
		t.Error("a file that others can read was taken")
	}
}

func TestPick(t *testing.T) {
	list := []agent.Consent{{Hash: message.Hash{0xab, 0xcd, 0xef, 0x01, 1}}, {Hash: message.Hash{0xab, 0xcd, 0xef, 0x01, 2}}}
	if c, err := pick(list, "abcdef0102"); err != nil || c.Hash != list[1].Hash {
		t.Errorf("%v %v", c.Hash, err)
	}
	for _, text := range []string{"", "abcdef0", "abcdef01", "abcdef0103", strings.Repeat("ab", 40)} {
		if _, err := pick(list, text); err == nil {
			t.Errorf("%q picked one", text)
		}
	}
}

func TestPlain(t *testing.T) {
	if got := plain("Dr\x1b[2J Ö\u202eliam\n"); got != "Dr?[2J Ö?liam?" {
		t.Errorf("%q", got)
	}
}

func TestExplain(t *testing.T) {
	for err, want := range map[error]string{
		problem.Invalid("The passphrase is wrong."):      "The passphrase is wrong.",
		problem.Refused(errors.New("cause")):             "refused: a check failed",
		problem.Unavailable(0, errors.New("x")):          "cannot be reached",
		problem.Internal(errors.New("the disk is full")): "the disk is full",
		errPartly: "repeat the command",
	} {
		if got := explain(err); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}
