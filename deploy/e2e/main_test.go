package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"medunion/deploy/e2e/browser"
	doctorweb "medunion/doctor-portal/web"
	patientweb "medunion/patient-agent/web"
)

// partVariable makes this program play the portal, in a process of its own.
const partVariable = "E2E_PART"

// chromium is one for all tests; absent says why there is none.
var (
	chromium *browser.Browser
	absent   error
	camera   string // what the camera shows
)

func TestMain(m *testing.M) {
	if os.Getenv(partVariable) == "portal" {
		exit(servePortal())
	}
	os.Exit(tests(m))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func tests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		exit(err)
	}
	camera = filepath.Join(dir, "camera.y4m")
	if err := start(); err != nil {
		absent = err
	}
	code := m.Run()
	if chromium != nil {
		chromium.Close()
	}
	if err := errors.Join(closeShared(), os.RemoveAll(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// start opens the browser. axe-core comes with the pages' packages.
func start() error {
	axe, err := os.ReadFile("../../api/ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		return fmt.Errorf("axe-core is not installed: run deploy/pages: %w", err)
	}
	if err := show(camera, "nothing yet"); err != nil {
		return err
	}
	chromium, err = browser.Start(context.Background(), browser.Options{Shots: os.Getenv("E2E_SCREENSHOTS"), Camera: camera, Axe: string(axe)})
	return err
}

// people skips a test that has nobody to act in it. Pages that are not built are no
// reason to skip: whoever runs the tests builds them first.
func people(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("people take their time")
	}
	if errors.Is(absent, browser.ErrAbsent) {
		t.Skip(absent)
	}
	if absent != nil {
		t.Fatal(absent)
	}
	if _, err := doctorweb.Built().Open("index.html"); err != nil {
		t.Fatalf("the doctor's page is not built: run deploy/pages: %v", err)
	}
	if _, err := patientweb.Built().Open("index.html"); err != nil {
		t.Fatalf("the patient's page is not built: run deploy/pages: %v", err)
	}
}
