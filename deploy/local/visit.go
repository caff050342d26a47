package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
)

// visitCmd runs one whole visit.
type visitCmd struct {
	JSON bool   `help:"Print exactly one JSON object on standard output."`
	Out  string `help:"Write what the doctor received in the first visit to this folder, one file a resource, byte for byte." placeholder:"DIR"`
}

// errNotHeld makes the command fail although everything ran.
var errNotHeld = errors.New("not all of it held; the report says what")

// Run is called by kong.
func (c visitCmd) Run(ctx context.Context, o *options) error {
	src, err := o.source(os.Stderr)
	if err != nil {
		return err
	}
	dir, remove, err := o.dir()
	if err != nil {
		return err
	}
	log := &visit.Log{}
	s, err := o.start(ctx, dir, suite.Options{Trace: log.Add})
	if err != nil {
		return errors.Join(err, remove())
	}
	plan := visit.NewPlan(src)
	err = c.run(ctx, s, plan, log, func() error { return visit.Import(ctx, s, src) })
	return errors.Join(err, s.Close(), remove())
}

func (c visitCmd) run(ctx context.Context, s *suite.Suite, plan visit.Plan, log *visit.Log, load func() error) error {
	if err := load(); err != nil {
		return err
	}
	parties, err := visit.Join(ctx, s, plan, log)
	if err != nil {
		return err
	}
	if parties.Recording, err = testdata.ReadFile("testdata/signals/mitdb-100-60s-360hz.csv"); err != nil {
		return err
	}
	report, received, err := parties.Run(ctx, plan)
	if err == nil && !report.OK {
		err = errNotHeld
	}
	return errors.Join(err, c.print(report), c.write(s, received))
}

func (c visitCmd) print(r visit.Report) error {
	if c.JSON {
		return r.JSON(os.Stdout)
	}
	return r.Text(os.Stdout)
}

// write stores the received bytes as DIR/<hospital>/<Type>-<id>.json.
func (c visitCmd) write(s *suite.Suite, received []visit.Resource) error {
	if c.Out == "" {
		return nil
	}
	for _, r := range received {
		if r.Hospital < 0 {
			return errors.New("a resource from a hospital that is not in the suite")
		}
		path := filepath.Join(c.Out, string(s.Hospitals[r.Hospital].ID), fmt.Sprintf("%s-%s.json", r.Type, r.ID))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, r.Raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}
