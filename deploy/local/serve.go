package main

import (
	"context"
	"errors"
	"os"

	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
)

// serveCmd starts everything and stays.
type serveCmd struct {
	Postman string `help:"Write the environment for the Postman collections of api/postman to this file; default: in the folder of all state." placeholder:"FILE"`
}

// Run is called by kong. It ends without an error when it is interrupted.
func (c serveCmd) Run(ctx context.Context, o *options) error {
	src, err := o.source(os.Stderr)
	if err != nil {
		return err
	}
	dir, remove, err := o.dir()
	if err != nil {
		return err
	}
	s, err := o.start(ctx, dir, suite.Options{Development: true})
	if err != nil {
		return errors.Join(err, remove())
	}
	err = visit.Import(ctx, s, src)
	if err == nil {
		err = guide(ctx, os.Stdout, s, src, dir, c.Postman)
	}
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, s.Close(), remove())
}
