package command

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

type tree struct {
	Needed string `required:"" help:"For all commands."`

	Serve   serve   `cmd:"" default:"withargs"`
	Fail    fail    `cmd:""`
	Refuse  refuse  `cmd:""`
	Version Version `cmd:""`
}

type serve struct{ Listen string }

func (s serve) Run(ctx context.Context, said *bytes.Buffer) error {
	said.WriteString("serves " + s.Listen)
	return ctx.Err()
}

type fail struct{}

func (fail) Run() error { return errors.New("it broke") }

type refuse struct{}

func (refuse) Run() error { return Refuse("not %s", "now") }

// Each way to end has its code, and its sentence where the program's user looks: flags
// without a command are those of the default, and the version needs no configuration.
func TestEnds(t *testing.T) {
	for line, want := range map[string]struct {
		code      int
		out, errs string
	}{
		"--needed=x --listen=here":       {Done, "serves here", ""},
		"--needed=x serve --listen=here": {Done, "serves here", ""},
		"--needed=x fail":                {Failed, "", "prog: it broke"},
		"--needed=x refuse":              {Refused, "", "prog: not now"},
		"":                               {Refused, "", "prog: missing flags: --needed"},
		"--needed=x --other":             {Refused, "", "prog: unknown flag --other"},
		"--needed=x elsewhere":           {Refused, "", "prog: unexpected argument elsewhere"},
		"version":                        {Done, "prog ", ""},
		"--help":                         {Done, "Usage: prog", ""},
	} {
		var out, errs bytes.Buffer
		p := Program{Name: "prog", Options: bind(&out)}
		code := p.Run(t.Context(), &tree{}, strings.Fields(line), &out, &errs)
		if code != want.code || !strings.HasPrefix(out.String(), want.out) || !strings.HasPrefix(errs.String(), want.errs) || (want.errs == "") != (errs.Len() == 0) {
			t.Errorf("%q: %d, %q, %q", line, code, &out, &errs)
		}
	}
}

func TestExplain(t *testing.T) {
	var out, errs bytes.Buffer
	p := Program{Name: "prog", Options: bind(&out), Explain: func(error) string { return "in other words" }}
	if code := p.Run(t.Context(), &tree{}, []string{"--needed=x", "fail"}, &out, &errs); code != Failed || errs.String() != "prog: in other words\n" {
		t.Errorf("%d, %q", code, &errs)
	}
}

// Only the whole word confirms; the tests have no terminal, and then only --yes does.
func TestConfirm(t *testing.T) {
	for answer, confirmed := range map[string]bool{"yes\n": true, "yes": true, "y\n": false, "no\n": false, "\n": false, "": false, "yes please\n": false} {
		err := ask(strings.NewReader(answer), &bytes.Buffer{}, "Everything is lost.")
		if (err == nil) != confirmed || err != nil && code(err) != Refused {
			t.Errorf("%q: %v", answer, err)
		}
	}
	if err := (Confirmation{}).Confirm("?"); code(err) != Refused {
		t.Errorf("without a terminal: %v", err)
	}
	if err := (Confirmation{Yes: true}).Confirm("?"); err != nil {
		t.Errorf("with --yes: %v", err)
	}
}

func code(err error) int {
	var e Exit
	if !errors.As(err, &e) {
		return -1
	}
	return e.ExitCode()
}

func bind(out *bytes.Buffer) []kong.Option { return []kong.Option{kong.Bind(out)} }
