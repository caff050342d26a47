// Command pages builds the doctor's and the patient's web page into the folders that
// their servers embed: the npm packages by their lock files, the doctor's role as
// WebAssembly, the bundles, and beside each file what is served compressed. It runs in
// the repository's root.
//
//	pages          builds what is out of date
//	pages install  only installs the npm packages, also those of api/postman and api/openapi
//
// What is out of date is decided by content: each step notes a hash of all that it
// read and of what it made, and runs again when either differs. It prints one line to
// standard error for each step that runs and nothing else.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "deploy/pages:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	steps := builds()
	switch {
	case len(args) == 1 && args[0] == "install":
		steps = installs()
	case len(args) > 0:
		return fmt.Errorf("%q: the only argument is install", args)
	}
	b, err := open(filepath.Join("deploy", ".pages"))
	if err != nil {
		return err
	}
	return b.run(ctx, steps)
}
