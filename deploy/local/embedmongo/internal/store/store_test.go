package store

import (
	"errors"
	"path/filepath"
	"sort"
	"strconv"
	"testing"

	"github.com/256dpi/lungo/bsonkit"
	"github.com/256dpi/lungo/mongokit"
	"go.etcd.io/bbolt"
	"go.mongodb.org/mongo-driver/bson"
	"pgregory.net/rapid"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
)

const ns = "db.c"

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustWrite(t testing.TB, s *Store, f func(*Tx) error) {
	t.Helper()
	if err := s.Write(f); err != nil {
		t.Fatal(err)
	}
}

func keys(fields ...string) (d bson.D) {
	for _, f := range fields {
		direction := int32(1)
		if f[0] == '-' {
			f, direction = f[1:], -1
		}
		d = append(d, bson.E{Key: f, Value: direction})
	}
	return d
}

func where(pairs ...any) (d bson.D) {
	for i := 0; i < len(pairs); i += 2 {
		d = append(d, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	return d
}

// TestPlansUseIndexes holds that an indexed search looks at what it returns, not at the collection.
func TestPlansUseIndexes(t *testing.T) {
	s := open(t, "")
	mustWrite(t, s, func(tx *Tx) error {
		for _, spec := range []IndexSpec{
			{Name: "u", Key: keys("u"), Unique: true},
			{Name: "g_seq", Key: keys("g", "-seq")},
			{Name: "tags", Key: keys("tags")},
			{Name: "live", Key: keys("p"), Partial: where("live", true)},
		} {
			if _, err := tx.CreateIndex(ns, spec); err != nil {
				return err
			}
		}
		for i := range 1000 {
			d := where("_id", int32(i), "u", strconv.Itoa(i), "g", int32(i%10), "seq", int32(i), "p", int32(i), "live", i%2 == 0, "tags", bson.A{int32(i), int32(i + 1)})
			if _, err := tx.Insert(ns, d); err != nil {
				return err
			}
		}
		return nil
	})
	c := s.View().collection(ns)
	for _, test := range []struct {
		filter, sort bson.D
		limit        int
		index        string
		looks        int // at most, to find what is asked
	}{
		{filter: where("_id", int32(7)), index: "_id_", looks: 1},
		{filter: where("_id", 7.0, "g", int32(7)), index: "_id_", looks: 1},
		{filter: where("u", "500"), index: "u", looks: 1},
		{filter: where("u", where("$in", bson.A{"1", "2", "x"})), index: "u", looks: 2},
		{filter: where("$and", bson.A{where("x", nil), where("u", "5")}), index: "u", looks: 1},
		{filter: where("g", int32(3)), index: "g_seq", looks: 100},
		{filter: where("g", int32(3), "seq", where("$gt", int32(900))), index: "g_seq", looks: 10},
		{filter: where("g", int32(3)), sort: keys("-seq"), limit: 1, index: "g_seq", looks: 1},
		{filter: where("g", int32(3)), sort: keys("seq"), limit: 1, index: "g_seq", looks: 1},
		{filter: bson.D{}, sort: keys("-_id"), limit: 3, index: "_id_", looks: 3},
		{filter: where("_id", where("$gte", int32(990))), index: "_id_", looks: 10},
		{filter: where("tags", int32(70)), index: "tags", looks: 2},
		{filter: where("p", int32(8), "live", true), index: "live", looks: 1},
		{filter: where("p", int32(8)), looks: 1000}, // outside the partial index, too
		{filter: where("seq", int32(8)), looks: 1000},
		{filter: bson.D{}, limit: 5, looks: 5},
	} {
		columns, err := mongokit.Columns(&test.sort)
		if err != nil {
			t.Fatal(err)
		}
		p := c.planFor(test.filter, columns)
		name, looked := "", 0
		if p.index != nil {
			name = p.index.spec.Name
		}
		p.visit(c, func(*Document) bool {
			looked++
			return test.limit == 0 || !p.sorted || looked < test.limit
		})
		if name != test.index || looked > test.looks {
			t.Errorf("%v sorted %v: index %q, looked at %d, want %q and at most %d", test.filter, test.sort, name, looked, test.index, test.looks)
		}
	}
}

// TestIndexesFindWhatAScanFinds changes a collection at random and compares each search with
// one that looks at every document.
func TestIndexesFindWhatAScanFinds(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) any {
		n := rapid.Int32Range(0, 4).Draw(t, "n")
		return rapid.SampledFrom([]any{n, int64(n), float64(n) / 2, nil, strconv.Itoa(int(n)), bson.A{n, n + 1}, bson.A{}, where("x", n), n > 2}).Draw(t, "v")
	})
	condition := rapid.Custom(func(t *rapid.T) any {
		v := value.Draw(t, "v")
		op := rapid.SampledFrom([]string{"", "$eq", "$gt", "$gte", "$lt", "$lte", "$in", "between"}).Draw(t, "op")
		switch op {
		case "":
			return v
		case "$in":
			return where(op, bson.A{v, value.Draw(t, "w")})
		case "between":
			return where("$gte", v, "$lt", value.Draw(t, "w"))
		}
		return where(op, v)
	})
	field := rapid.SampledFrom([]string{"a", "b", "a.x"})
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t, "")
		defer s.Close()
		for _, spec := range []IndexSpec{
			{Name: "1", Key: keys(rapid.SampledFrom([]string{"a", "-a", "a.x"}).Draw(rt, "index"))},
			{Name: "2", Key: keys("b", rapid.SampledFrom([]string{"a", "-a"}).Draw(rt, "second"))},
			{Name: "3", Key: keys("b"), Partial: where("live", true)},
		} {
			mustWrite(t, s, func(tx *Tx) error { _, err := tx.CreateIndex(ns, spec); return err })
		}
		rt.Repeat(map[string]func(*rapid.T){
			"insert": func(rt *rapid.T) {
				d := where("a", value.Draw(rt, "a"), "b", value.Draw(rt, "b"), "live", rapid.Bool().Draw(rt, "live"))
				_ = s.Write(func(tx *Tx) error { _, err := tx.Insert(ns, d); return err }) // two arrays are refused
			},
			"update": func(rt *rapid.T) {
				u := Update{Filter: where("a", condition.Draw(rt, "f")), Change: where("$set", where("b", value.Draw(rt, "b")))}
				_ = s.Write(func(tx *Tx) error { _, err := tx.Update(ns, u); return err })
			},
			"delete": func(rt *rapid.T) {
				q := Query{Filter: where("b", condition.Draw(rt, "f")), Limit: 1}
				mustWrite(t, s, func(tx *Tx) error { _, err := tx.Delete(ns, q); return err })
			},
			"": func(rt *rapid.T) {
				filter := where(field.Draw(rt, "field"), condition.Draw(rt, "f"))
				if rapid.Bool().Draw(rt, "more") {
					filter = append(filter, where("b", condition.Draw(rt, "g"), "live", true)...)
				}
				q := Query{Filter: filter, Sort: keys(rapid.SampledFrom([]string{"_id", "b", "-a"}).Draw(rt, "sort"))}
				compareWithScan(rt, s.View().collection(ns), q)
			},
		})
	})
}

func compareWithScan(t *rapid.T, c *collection, q Query) {
	found, err := c.find(q)
	if err != nil {
		t.Fatal(err)
	}
	scanned, err := c.matching(plan{}, q.Filter, 0)
	if err != nil {
		t.Fatal(err)
	}
	columns, _ := mongokit.Columns(&q.Sort)
	if !sort.SliceIsSorted(found, func(i, j int) bool { return bsonkit.Order(&found[i].tree, &found[j].tree, columns, false) < 0 }) {
		t.Fatalf("%v: not sorted by %v", q.Filter, q.Sort)
	}
	seqs := func(docs []*Document) []int {
		out := []int{}
		for _, d := range docs {
			out = append(out, int(d.seq))
		}
		sort.Ints(out)
		return out
	}
	a, b := seqs(found), seqs(scanned)
	if len(a) != len(b) {
		t.Fatalf("%v: found %v, a scan %v", q.Filter, a, b)
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("%v: found %v, a scan %v", q.Filter, a, b)
		}
	}
}

// TestFailedDiskStopsWriting shows that no write is accepted, let alone acknowledged, after
// one could not be made durable, while reading goes on from what was.
func TestFailedDiskStopsWriting(t *testing.T) {
	s := open(t, t.TempDir())
	insert := func(id string) error {
		return s.Write(func(tx *Tx) error { _, err := tx.Insert(ns, where("_id", id)); return err })
	}
	if err := insert("kept"); err != nil {
		t.Fatal(err)
	}
	s.disk.close()
	for range 2 {
		var e *mongoerr.Error
		if err := insert("lost"); !errors.As(err, &e) || e.Code != mongoerr.InternalError.Code {
			t.Fatalf("write to a closed disk: %v", err)
		}
	}
	if n := s.View().Len(ns); n != 1 {
		t.Errorf("%d documents are visible, want the durable one", n)
	}
}

func TestFailedStatementChangesNothing(t *testing.T) {
	s := open(t, "")
	failure := errors.New("no")
	err := s.Write(func(tx *Tx) error {
		if _, err := tx.Insert(ns, where("_id", int32(1))); err != nil {
			return err
		}
		return failure
	})
	if err != failure || s.View().Exists(ns) {
		t.Errorf("%v, collection exists: %v", err, s.View().Exists(ns))
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.Write(func(*Tx) error { panic("a bug") })
	}()
	mustWrite(t, s, func(tx *Tx) error { _, err := tx.Insert(ns, where("_id", int32(1))); return err }) // the lock is free
}

func TestForeignFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	db, err := bbolt.Open(filepath.Join(dir, "embedmongo.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket(bucketMeta)
		if err != nil {
			return err
		}
		return b.Put(keyFormat, []byte("something else"))
	})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if s, err := Open(dir); err == nil {
		s.Close()
		t.Fatal("a file of another format was opened")
	}
}

func TestClosedStoreRefusesWrites(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(func(tx *Tx) error { return tx.Create(ns) }); err == nil {
		t.Fatal("a closed store took a write")
	}
}
