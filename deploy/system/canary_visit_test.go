package system_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/deploy/local/suite"
	"medunion/ecc"
)

// canary is the story of the patient whose traces are searched for.
type canary struct {
	*story
	dir   string
	dumps int
}

// canaryVisits runs everything that a patient can do, with strings that occur nowhere
// else, and writes what it knows and what only a live process can see (Redis, metrics)
// to the folder "out". The state is in the folder "state", the logs on standard error.
func canaryVisits(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := os.MkdirAll(filepath.Join(dir, "out"), 0o700); err != nil {
		return err
	}
	log := stderrLog(slog.LevelDebug)
	s, err := suite.Start(ctx, suite.Options{Dir: filepath.Join(dir, "state"), Suite: ecc.SuiteX25519, Hospitals: 2, Logger: log})
	if err != nil {
		return err
	}
	c := &canary{dir: dir, story: &story{s: s, words: newWords(), sids: &sidCatcher{}, log: log.With("party", "patient"),
		store: filepath.Join(dir, "state", "agents", "canary", "store")}}
	c.midway = c.dumpRedis
	err = c.play(ctx, c.importRecord, c.startDoctor, c.startPatient, c.enrol, c.visit, c.visit, c.questions, c.misuse, c.finish)
	if err != nil {
		err = fmt.Errorf("canary: %s", problem.Reason(err))
	}
	return errors.Join(err, c.s.Close())
}

func (c *canary) startDoctor(ctx context.Context) (err error) {
	c.doctor, err = c.s.StartDoctor(ctx, suite.DoctorProfile{ID: "dr-of-the-canary", Name: c.words.doctor, Departments: []message.Code{"OUTPATIENT"},
		Affiliation: c.s.Hospitals[0].ID})
	c.logs(c.words.doctor, "L-dr-of-the-canary", c.doctor.Token())
	return err
}

// misuse does what ends in refusals and errors, whose reasons are logged.
func (c *canary) misuse(ctx context.Context) error {
	if _, err := c.doctor.FetchRecords(c.visited[1], message.Filter{}); err == nil {
		_ = eventually(ctx, func() (bool, error) {
			v, err := c.doctor.Visit(c.visited[1])
			return err == nil && v.Search.State != doctoragent.SearchStateRunning, err
		})
	}
	if err := c.agent.Unlock([]byte(c.words.passphrase + "?")); err == nil {
		return errors.New("a wrong passphrase opens the store")
	}
	h := c.s.Hospitals[0]
	if _, err := h.Import(ctx, []byte(strings.Replace(string(c.words.bundle()), `"status":"finished"`, `"status":"`+c.words.family+`"`, 1))); err != nil {
		return err
	}
	if _, err := h.Import(ctx, c.words.bundle()[:1000]); err == nil {
		return errors.New("half a bundle is imported")
	}
	for _, base := range []string{c.s.Cloud, c.s.Portal, h.URL, h.Admin, c.doctor.URL()} {
		for _, path := range []string{"/v1/" + c.words.family, "/v1/log?from=" + c.words.family, "/v1/doctors/" + c.words.family, "/v1/desk-codes", "/v1/searches"} {
			for _, kind := range []string{"application/json", "application/" + c.words.family} {
				_, err := call(ctx, http.MethodPost, base+path, c.words.phone, kind, []byte(`{"`+c.words.family+`":"`+c.words.mrn+`"}`))
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// finish dumps what only a live process shows, and says what is known.
func (c *canary) finish(ctx context.Context) error {
	if err := c.dumpRedis(ctx); err != nil {
		return err
	}
	urls := map[string]string{"cloud": c.s.Cloud, "portal": c.s.Portal, "authority": c.s.Authority, "doctor": c.doctor.URL()}
	for _, h := range c.s.Hospitals {
		urls[string(h.ID)], urls[string(h.ID)+"-admin"] = h.URL, h.Admin
		t, err := h.Token("admin")
		if err != nil {
			return err
		}
		c.logs(t)
	}
	for name, url := range urls {
		a, err := call(ctx, http.MethodGet, url+"/metrics", c.doctor.Token(), "", nil)
		if err != nil || a.status != http.StatusOK || !strings.Contains(string(a.body), "medunion_http_requests_total") {
			return fmt.Errorf("metrics of %s: %d %v", name, a.status, err)
		}
		if err := c.out("metrics-"+name, a.body); err != nil {
			return err
		}
	}
	operator, err := c.s.OperatorToken()
	if err != nil {
		return err
	}
	c.logs(operator)
	c.hashes(c.sids.all()...)
	c.known.Canaries = c.words.all()
	b, err := json.Marshal(c.known)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, "known.json"), b, 0o600)
}

func (c *canary) out(name string, b []byte) error {
	return os.WriteFile(filepath.Join(c.dir, "out", name), b, 0o600)
}

func (c *canary) dumpRedis(ctx context.Context) error {
	b, err := redisDump(ctx, c.s.Redis)
	if err != nil {
		return err
	}
	c.dumps++
	return c.out(fmt.Sprintf("redis-%d", c.dumps), b)
}
