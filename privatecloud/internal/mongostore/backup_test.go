package mongostore_test

import (
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/api/backup"
	"medunion/privatecloud/internal/mongostore"
)

type d = bson.D

func doc(fields ...any) d {
	var out d
	for i := 0; i < len(fields); i += 2 {
		out = append(out, bson.E{Key: fields[i].(string), Value: fields[i+1]})
	}
	return out
}

func version(h string, n int64, prev, hash string) d {
	return doc("_id", []byte(h), "h", []byte(h), "n", n, "prev", []byte(prev), "hash", []byte(hash))
}

// check sees documents (collection, document, …) in the order in which a backup holds them.
func check(t *testing.T, docs []any) error {
	t.Helper()
	c := mongostore.NewCheck()
	seen := 0
	for _, collection := range mongostore.BackedUp {
		for i := 0; i < len(docs); i += 2 {
			if docs[i] != collection {
				continue
			}
			seen++
			raw, err := bson.Marshal(docs[i+1])
			ok(t, collection, err)
			if err := c.See(collection, raw); err != nil {
				return err
			}
		}
	}
	if seen != len(docs)/2 {
		t.Errorf("%d of %d documents are of collections that are backed up", seen, len(docs)/2)
	}
	return c.End()
}

// A backup that is torn is found out without a key: a gap in the trail, in a record or in
// receipts, a head whose version is missing. What an erasure has left is not missed.
func TestCheck(t *testing.T) {
	const a, other = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"
	head := doc("_id", []byte(a), "number", int64(2), "hash", []byte("2"))
	whole := []any{"patients", head, "versions", version(a, 1, "", "1"), "versions", version(a, 2, "1", "2"), "versions", version(a, 3, "2", "3")}
	done := []any{"erasures", doc("_id", []byte(a), "state", int32(3), "receipt", []byte("r"))}
	begun := []any{"erasures", doc("_id", []byte(a), "state", int32(1))}
	others := []any{"erasures", doc("_id", []byte(other), "state", int32(3), "receipt", []byte("r"))}
	receipt := func(n int64) d { return doc("h", []byte(a), "n", n) }
	line := func(n int64, prev, hash string) d { return doc("_id", n, "prev", []byte(prev), "hash", []byte(hash)) }
	for name, x := range map[string]struct {
		docs  []any
		holds bool
	}{
		"whole, and newer than the head":   {whole, true},
		"the newest version is missing":    {whole[:4], false},
		"the head is another version":      {[]any{"patients", head, "versions", version(a, 1, "", "1"), "versions", version(a, 2, "1", "x")}, false},
		"a version in the middle is lost":  {[]any{"versions", version(a, 1, "", "1"), "versions", version(a, 3, "2", "3")}, false},
		"a link is another":                {[]any{"versions", version(a, 1, "", "1"), "versions", version(a, 2, "x", "2")}, false},
		"the first version is lost":        {[]any{"versions", version(a, 2, "1", "2")}, false},
		"a version lost by an erasure":     {slices.Concat(whole[:4], done), true},
		"all versions lost by an erasure":  {slices.Concat(whole[:2], done), true},
		"lost by an erasure just begun":    {slices.Concat(whole[:2], begun), true},
		"lost, and another was erased":     {slices.Concat(whole[:4], others), false},
		"a gap left by an erasure":         {slices.Concat(whole[:2], whole[4:], done), true},
		"a receipt lost by an erasure":     {slices.Concat([]any{"receipts", receipt(2)}, begun), true},
		"receipts":                         {[]any{"receipts", receipt(1), "receipts", receipt(2)}, true},
		"a receipt is lost":                {[]any{"receipts", receipt(1), "receipts", receipt(3)}, false},
		"a trail":                          {[]any{"audit", line(1, "", "1"), "audit", line(2, "1", "2")}, true},
		"a trail without its first line":   {[]any{"audit", line(2, "1", "2")}, false},
		"a trail with a line of another's": {[]any{"audit", line(1, "", "1"), "audit", line(2, "x", "2")}, false},
	} {
		err := check(t, x.docs)
		if (err == nil) != x.holds || err != nil && !errors.Is(err, backup.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
