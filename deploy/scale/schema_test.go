package scale_test

import (
	"bytes"
	"context"
	"os/exec"
	"time"

	"medunion/api/mongodb"
)

// newerSchema lets a newer release migrate the hospital's database while these programs
// serve: one that expands changes nothing for them, also not for one that is started again;
// one that leaves them behind lets those go on that run, and none start.
func (w *world) newerSchema(ctx context.Context, p *people) {
	w.t.Helper()
	nothing := func(context.Context, mongodb.Database) error { return nil }
	index := func(ctx context.Context, db mongodb.Database) error {
		return db.CreateIndexes(ctx, []mongodb.Index{mongodb.Ordered("versions", "key"), mongodb.Ordered("newer", "field")})
	}
	ofNow := mongodb.Migration{What: "of now", Oldest: 1, Run: nothing}
	migrations := []mongodb.Migration{ofNow, ofNow, {What: "expand", Oldest: 1, Run: index}, {What: "contract", Oldest: 3, Run: nothing}}
	migrate := func(to int) {
		w.t.Helper()
		done, err := mongodb.Migrate(ctx, w.mongo, w.database("hospital"), mongodb.Schema{Needs: 1, Migrations: migrations[:to]}, false)
		if err != nil || len(done) != 1 {
			w.t.Fatalf("migration to %d: %v %v", to, done, err)
		}
	}
	migrate(3)
	w.process[hospitalName][0].kill9()
	w.start(hospitalName, 0, w.hospitalArgs(0))
	ok(w.t, p.visit(ctx))

	migrate(4)
	ok(w.t, p.visit(ctx))
	w.process[hospitalName][0].kill9()
	left := run(w.t, exec.Command(program(w.t, programs[hospitalName]), append(w.hospitalArgs(0), w.redis...)...))
	select {
	case <-left.ended:
	case <-time.After(30 * time.Second):
		w.t.Fatal("a program that the schema has left behind serves")
	}
	if !bytes.Contains(left.log(), []byte("use a newer program")) {
		w.t.Errorf("it ends without a word of the schema: %s", left.log())
	}
}
