package httpapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	openapi "medunion/api/openapi/privateadmin"
	"medunion/api/problem"
	"medunion/privatecloud/internal/fhir"
)

// Bounds of imports that go on after their request.
const (
	maxImports    = 2 // at once: each holds its bundle in memory
	importTime    = 30 * time.Minute
	importsKept   = time.Hour
	importBeat    = 15 * time.Second
	respondAsync  = "respond-async"
	importsPath   = "/fhir/imports/"
	importWrite   = 20 * time.Second
	importsBusyIn = 5 * time.Second
)

// imports are those that were asked for with Prefer: respond-async. They are forgotten with
// the process: a bundle that is sent again stores what is missing and leaves the rest.
type imports struct {
	ctx   context.Context // ends with the server
	start func(func())
	run   func(ctx context.Context, r io.Reader, dryRun bool) (fhir.Report, error)

	mu      sync.Mutex
	running int
	jobs    map[string]*importJob
}

// importJob is one import. state is replaced, never changed; changed is closed when it is.
type importJob struct {
	state   openapi.Import
	changed chan struct{}
}

func newImports(o AdminOptions) *imports {
	return &imports{ctx: o.Context, start: o.Go, run: o.Import, jobs: map[string]*importJob{}}
}

// begin takes the bundle and imports it in the background. It fails with Unavailable while
// as many as fit into memory are running.
func (i *imports) begin(bundle []byte, dryRun bool) (openapi.Import, error) {
	var b [16]byte
	rand.Read(b[:])
	now := time.Now().UTC().Truncate(time.Millisecond)
	job := &importJob{state: openapi.Import{ID: hex.EncodeToString(b[:]), State: openapi.Running, Started: now}, changed: make(chan struct{})}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.running >= maxImports || i.ctx.Err() != nil {
		return openapi.Import{}, problem.Unavailable(importsBusyIn, errors.New("as many imports run as fit into memory"))
	}
	for id, old := range i.jobs {
		if end := old.state.Ended; end != nil && now.Sub(*end) > importsKept {
			delete(i.jobs, id)
		}
	}
	i.running++
	i.jobs[job.state.ID] = job
	state := job.state
	i.start(func() { i.work(job, state, bundle, dryRun) })
	return state, nil
}

func (i *imports) work(job *importJob, state openapi.Import, bundle []byte, dryRun bool) {
	ctx, cancel := context.WithTimeout(i.ctx, importTime)
	defer cancel()
	report, err := i.run(ctx, bytes.NewReader(bundle), dryRun)
	ended := time.Now().UTC().Truncate(time.Millisecond)
	state.Ended = &ended
	switch refused := problem.From(refusedBundle(report)); {
	case err != nil:
		state.State, state.Reason = openapi.Failed, text(problem.From(err).Document("").Detail)
	case report.Refused > 0:
		state.State, state.Reason = openapi.Refused, text(refused.Detail)
	default:
		state.State, state.Report = openapi.Done, wireReport(report)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running--
	job.state = state
	close(job.changed)
}

// wireReport is the report as the document describes it. Nil says that it is not.
func wireReport(r fhir.Report) *openapi.Report {
	var b bytes.Buffer
	var out openapi.Report
	if r.JSON(&b) != nil || json.Unmarshal(b.Bytes(), &out) != nil {
		return nil
	}
	return &out
}

// find returns how an import stands, and what is closed when that changes. It fails with NotFound.
func (i *imports) find(id string) (openapi.Import, <-chan struct{}, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	job := i.jobs[id]
	if job == nil {
		return openapi.Import{}, nil, problem.NotFound("There is no such import.")
	}
	return job.state, job.changed, nil
}

// wantsAsync reads the Prefer header (RFC 7240, section 2).
func wantsAsync(prefer *string) bool {
	if prefer == nil {
		return false
	}
	for _, p := range strings.Split(*prefer, ",") {
		if name, _, _ := strings.Cut(p, ";"); strings.EqualFold(strings.TrimSpace(name), respondAsync) {
			return true
		}
	}
	return false
}

// importLater answers 202 and imports then.
func (a admin) importLater(c echo.Context, dryRun bool) error {
	bundle, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	state, err := a.imports.begin(bundle, dryRun)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, importsPath+state.ID)
	c.Response().Header().Set("Preference-Applied", respondAsync)
	return c.JSON(http.StatusAccepted, state)
}

// GetImport implements openapi.ServerInterface.
func (a admin) GetImport(c echo.Context, id openapi.ImportInPath) error {
	state, _, err := a.imports.find(id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, state)
}

// WatchImport implements openapi.ServerInterface.
func (a admin) WatchImport(c echo.Context, id openapi.ImportInPath) error {
	state, changed, err := a.imports.find(id)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentType, "text/event-stream")
	c.Response().WriteHeader(http.StatusOK)
	ctx := c.Request().Context()
	tick := time.NewTicker(importBeat)
	defer tick.Stop()
	if writeImport(c.Response(), state) != nil {
		return nil // the reader has left
	}
	for state.Ended == nil {
		select {
		case <-changed:
			if state, _, err = a.imports.find(id); err == nil {
				err = writeImport(c.Response(), state)
			}
		case <-tick.C:
			err = writeEvent(c.Response(), ":\n\n")
		case <-ctx.Done():
			return nil
		case <-httpserver.Stopping(ctx):
			return nil
		}
		if err != nil {
			return nil
		}
	}
	return nil
}

func writeImport(w http.ResponseWriter, state openapi.Import) error {
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return writeEvent(w, fmt.Sprintf("event: import\ndata: %s\n\n", data))
}

func writeEvent(w http.ResponseWriter, text string) error {
	rc := http.NewResponseController(w)
	if err := rc.SetWriteDeadline(time.Now().Add(importWrite)); err != nil {
		return err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return rc.Flush()
}
