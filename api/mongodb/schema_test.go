package mongodb_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"medunion/api/mongodb"
)

// releases are programs of three versions: the second expands, the third takes away what
// the first looks at.
func releases(ran *sync.Map) (one, two, three mongodb.Schema) {
	step := func(n, oldest int) mongodb.Migration {
		return mongodb.Migration{What: fmt.Sprint("step ", n), Oldest: oldest, Run: func(ctx context.Context, db mongodb.Database) error {
			ran.Store(n, true)
			return db.CreateIndexes(ctx, []mongodb.Index{mongodb.Ordered("things", fmt.Sprint("field", n))})
		}}
	}
	one = mongodb.Schema{Needs: 1, Migrations: []mongodb.Migration{step(1, 1)}}
	two = mongodb.Schema{Needs: 1, Migrations: append(one.Migrations, step(2, 1))}
	three = mongodb.Schema{Needs: 2, Migrations: append(two.Migrations[:2:2], step(3, 2))}
	return one, two, three
}

func opens(t *testing.T, at, name string, s mongodb.Schema) error {
	t.Helper()
	db, err := mongodb.Open(t.Context(), at, name, s)
	if err == nil {
		err = db.Close(t.Context())
	}
	return err
}

// Programs of neighbouring versions work on one database while one is exchanged for the
// other, whichever is first; one that does not fit does not start; a migration is run once,
// and only by Migrate.
func TestMixedVersions(t *testing.T) {
	at, name := uri(t), "mixed_versions"
	var ran sync.Map
	one, two, three := releases(&ran)
	must(t, opens(t, at, name, one))
	must(t, opens(t, at, name, two)) // needs no more than version 1: it starts before the migration
	if _, made := ran.Load(2); made {
		t.Error("an instance that starts has migrated")
	}
	if err := opens(t, at, name, three); !errors.Is(err, mongodb.ErrSchema) || !strings.Contains(err.Error(), "migrate") {
		t.Errorf("a program that needs version 2 starts on 1: %v", err)
	}
	would, err := mongodb.Migrate(t.Context(), at, name, two, true)
	if _, made := ran.Load(2); err != nil || made || len(would) != 1 {
		t.Errorf("dry run: %v %v", would, err)
	}
	done, err := mongodb.Migrate(t.Context(), at, name, two, false)
	if err != nil || len(done) != 1 || done[0] != "step 2" {
		t.Errorf("%v %v", done, err)
	}
	for _, s := range []mongodb.Schema{one, two, three} { // old, new and newer side by side
		must(t, opens(t, at, name, s))
	}
	if again, err := mongodb.Migrate(t.Context(), at, name, two, false); err != nil || len(again) != 0 {
		t.Errorf("again: %v %v", again, err)
	}
	if _, err := mongodb.Migrate(t.Context(), at, name, three, false); err != nil {
		t.Error(err)
	}
	if err := opens(t, at, name, one); !errors.Is(err, mongodb.ErrSchema) || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("a program that the schema has left behind starts: %v", err)
	}
	must(t, opens(t, at, name, two))
	drop(t, at, name)
}

// Two that migrate at once do the same, and an older one does not take the version back.
func TestMigrateTogether(t *testing.T) {
	at, name := uri(t), "migrate_together"
	var ran sync.Map
	one, two, three := releases(&ran)
	must(t, opens(t, at, name, one))
	var all sync.WaitGroup
	for _, s := range []mongodb.Schema{two, three, three, two} {
		all.Go(func() {
			if _, err := mongodb.Migrate(t.Context(), at, name, s, false); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := opens(t, at, name, one); !errors.Is(err, mongodb.ErrSchema) {
		t.Errorf("the version was taken back: %v", err)
	}
	drop(t, at, name)
}

// A server that is no mongos says so, and nothing is changed.
func TestShardNeedsACluster(t *testing.T) {
	_, err := mongodb.Shard(t.Context(), uri(t), "unsharded", mongodb.Schema{Sharded: []mongodb.ShardKey{{Collection: "a", Field: "_id"}}})
	if err == nil || !strings.Contains(err.Error(), "mongos") {
		t.Error(err)
	}
}

// A unique index that does not begin with the shard key is found.
func TestCheckShardKeys(t *testing.T) {
	s := mongodb.Schema{Sharded: []mongodb.ShardKey{{Collection: "things", Field: "owner"}}}
	for _, x := range []struct {
		index mongodb.Index
		fits  bool
	}{{mongodb.Unique("things", "owner", "n"), true}, {mongodb.Unique("things", "n"), false}, {mongodb.Ordered("things", "n"), true}, {mongodb.Unique("others", "n"), true}} {
		if err := s.CheckShardKeys([]mongodb.Index{x.index}); (err == nil) != x.fits {
			t.Errorf("%+v: %v", x.index, err)
		}
	}
}

func drop(t *testing.T, at, name string) {
	t.Helper()
	db, err := mongodb.Open(t.Context(), at, name, mongodb.Schema{Migrations: make([]mongodb.Migration, 9)})
	must(t, err)
	must(t, db.Drop(t.Context()))
	must(t, db.Close(t.Context()))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A command about what is there does not take an empty database for one in which there is nothing: it is refused, and stays
// empty.
func TestUsed(t *testing.T) {
	var ran sync.Map
	at, name := uri(t), "used_"+rand.Text()[:8]
	one, _, _ := releases(&ran)
	if err := opens(t, at, name, one.Used()); !errors.Is(err, mongodb.ErrEmpty) {
		t.Errorf("an empty database: %v", err)
	}
	if _, made := ran.Load(1); made {
		t.Error("something was made in it")
	}
	must(t, opens(t, at, name, one))
	must(t, opens(t, at, name, one.Used()))
}
