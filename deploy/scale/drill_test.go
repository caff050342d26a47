package scale_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	"medunion/api/replay/redistest"
	"medunion/deploy/internal/runbook"
	"medunion/deploy/local/authority"
	"medunion/deploy/local/embedmongo"
)

// writer imports one patient after the other, and keeps a ledger of what was acknowledged.
type writer struct {
	running sync.WaitGroup
	stop    context.CancelFunc

	mu   sync.Mutex
	acks []ack
}

type ack struct {
	mrn string
	at  time.Time
}

func (p *people) write(ctx context.Context) *writer {
	ctx, stop := context.WithCancel(ctx)
	x := &writer{stop: stop}
	x.running.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			mrn := fmt.Sprintf("other-%d", i)
			if p.importOther(ctx, mrn) != nil {
				continue
			}
			x.mu.Lock()
			x.acks = append(x.acks, ack{mrn, time.Now()})
			x.mu.Unlock()
		}
	})
	return x
}

func (x *writer) acknowledged() []ack {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]ack{}, x.acks...)
}

// variables are those of the services on an operator's machine.
func (w *world) variables() []string {
	env := []string{"PATH=" + shared + ":" + os.Getenv("PATH"), "DATA=" + w.dir, "RECEIPTS=" + w.dir,
		"PUBLICCLOUD_DATABASE=" + w.database("cloud"), "PRIVATECLOUD_DATABASE=" + w.database("hospital"), "PRIVATECLOUD_ID=" + hospitalID,
		"PRIVATECLOUD_CLOUD=" + w.url(cloudService), "PRIVATECLOUD_PINS=" + w.path("pins")}
	for prefix, keys := range map[string]string{"PUBLICCLOUD": "cloud.keys", "PRIVATECLOUD": "hospital.keys"} {
		env = append(env, prefix+"_KEYS="+w.path(keys), prefix+"_PASSPHRASE_FILE="+w.path("passphrase"), prefix+"_MONGO_URI="+w.mongo,
			prefix+"_DEV=true", prefix+"_AUTHORITY="+authority.DefaultName, prefix+"_AUTHORITY_JWKS="+w.path("authority.jwks"), prefix+"_OPERATORS=operators",
			prefix+"_OPERATORS_JWKS="+w.path("operators.jwks"))
	}
	return env
}

// page runs a page for operators with the variables of the services.
func (w *world) page(name string, extra ...string) {
	w.t.Helper()
	runbook.Test(w.t, "../doc/"+name, runbook.Options{Env: append(w.variables(), extra...), Least: 2})
}

// erase destroys a record, with its receipt in the folder that the page about disasters uses.
func (w *world) erase(mrn string) {
	w.t.Helper()
	cmd := exec.Command(program(w.t, programs[hospitalName]), "erase", "--mrn-file=-", "--receipts="+w.dir, "--ground=asked by the patient", "--yes")
	cmd.Env = append(os.Environ(), w.variables()...)
	cmd.Stdin = strings.NewReader(mrn)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
}

// destroy drops the databases.
func (w *world) destroy() {
	w.t.Helper()
	c := must(mongo.Connect(w.t.Context(), options.Client().ApplyURI(w.mongo)))
	defer c.Disconnect(context.Background())
	for _, of := range []string{"cloud", "hospital"} {
		ok(w.t, c.Database(w.database(of)).Drop(w.t.Context()))
	}
}

// The drill of deploy/doc: both clouds are backed up while a hospital imports without pause
// and a visit is under way, everything is killed and both databases are dropped, both are
// restored into new ones by the commands of the page. What was acknowledged before the
// backups began is there, but for a record that was erased after them; a consent of before is refused; a new visit is completed.
func TestDrill(t *testing.T) {
	heavy(t)
	ctx := t.Context()
	redis := redistest.Start(t)
	w := newWorld(t, "--redis-addrs="+redis.Addr())
	p := w.join(ctx)
	load := p.write(ctx)
	ok(t, p.visit(ctx))
	open, _, err := p.consult(ctx)
	ok(t, err)
	ok(t, p.fetch(ctx, open)) // one use of this consent is in the backup, or not: it may not matter

	before := time.Now()
	w.page("backup.md")
	after := len(load.acknowledged())
	erased := load.acknowledged()[0]
	if !erased.at.Before(before) {
		t.Fatal("nothing was imported before the backup: the test tests nothing")
	}
	w.erase(erased.mrn)
	load.stop()
	load.running.Wait()
	w.killServices()
	w.destroy()

	w.page("disaster.md")
	restored := time.Now()
	w.names = map[string]string{"cloud": "cloud_restored", "hospital": "hospital_restored"}
	w.startServices()

	kept := 0
	for _, a := range load.acknowledged() {
		_, err := w.deskCode(ctx, a.mrn)
		if a == erased {
			if err == nil || !strings.Contains(err.Error(), "status 404") {
				t.Errorf("a record that was erased after the backup is there again: %v", err)
			}
		} else if err == nil {
			kept++
		} else if a.at.Before(before) {
			t.Errorf("a record that was acknowledged before the backup is lost: %v", err)
		}
	}
	t.Logf("of %d imports, %d when the backups were made, %d were restored", len(load.acknowledged()), after, kept)
	if kept == 0 {
		t.Error("nothing was imported: the test tests nothing")
	}
	w.refusesOldConsent(p, open)
	time.Sleep(time.Until(restored.Add(63 * time.Second))) // consents begin a minute early, so that new ones look old until then
	ok(t, p.visit(ctx))
	ok(t, p.diagnosedOnce(ctx))

	w.page("mongodb.md")
	w.deadStores(redis)
	ok(t, p.visit(ctx))
	ok(t, p.diagnosedOnce(ctx))
}

// deadStores kills Redis, then MongoDB, and lets the pages for that bring them back.
func (w *world) deadStores(redis *redistest.Server) {
	w.t.Helper()
	service := []string{"CA=" + filepath.Join(shared, "ca.pem"), "SERVICE=https://" + w.operations[hospitalName][0]}
	redis.Kill9()
	w.notReady(hospitalName)
	start := w.onDemand("redis", redis.Restart)
	w.page("dead-redis.md", append(service, "REDIS_HOST=127.0.0.1", "REDIS_PORT="+redis.Port(), "START_REDIS="+start)...)
	if w.server == nil {
		return // MONGODB_URI is not ours to kill
	}
	address := strings.TrimPrefix(w.mongo, "mongodb://")
	address, _, _ = strings.Cut(address, "/")
	ok(w.t, w.server.Close())
	w.notReady(hospitalName)
	start = w.onDemand("mongodb", func() {
		m, err := embedmongo.Start(embedmongo.Options{Dir: filepath.Join(w.dir, "mongo"), Addr: address})
		ok(w.t, err)
		w.server = m
	})
	w.page("dead-mongodb.md", append(service, "START_MONGODB="+start)...)
}

// notReady waits until an instance has noticed.
func (w *world) notReady(service string) {
	w.t.Helper()
	ok(w.t, eventually(w.t.Context(), "it is not ready", func() (bool, error) { return !w.ready(service, 0), nil }))
}

// onDemand returns a command that has f called, once.
func (w *world) onDemand(name string, f func()) string {
	w.t.Helper()
	path := w.path("start-" + name)
	go func() {
		for w.t.Context().Err() == nil {
			if _, err := os.Stat(path); err == nil {
				f()
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return "touch " + path
}

// refusesOldConsent lets the doctor search once more under a consent of before the restore.
func (w *world) refusesOldConsent(p *people, visit string) {
	w.t.Helper()
	_, err := p.doctor.FetchRecords(visit, message.Filter{})
	ok(w.t, err)
	ok(w.t, eventually(w.t.Context(), "the search ends", func() (bool, error) {
		v, err := p.doctor.Visit(visit)
		if err != nil || v.Search == nil || v.Search.State == doctoragent.SearchStateRunning {
			return false, err
		}
		if v.Search.State != doctoragent.SearchStateFailed {
			w.t.Errorf("a consent that is older than the restored state was searched under: %v", v.Search.State)
		}
		return true, nil
	}))
	said := append(w.process[cloudService][0].log(), w.process[cloudService][1].log()...)
	if !bytes.Contains(said, []byte("restored state")) {
		w.t.Error("it was refused for another reason")
	}
}
