package mongostore_test

import (
	"errors"
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

// A backup that is torn is found out without a key: a gap in the trail, in a record or in
// receipts, a head whose version is missing. What an erasure has left is not missed.
func TestCheck(t *testing.T) {
	const a = "aaaaaaaaaaaaaaaa"
	head := doc("_id", []byte(a), "number", int64(2), "hash", []byte("2"))
	whole := []any{"patients", head, "versions", version(a, 1, "", "1"), "versions", version(a, 2, "1", "2"), "versions", version(a, 3, "2", "3")}
	erased := []any{"erasures", doc("_id", []byte(a), "receipt", []byte("r"))}
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
		"versions lost by an erasure":      {append(append([]any{}, whole[:4]...), erased...), true},
		"receipts":                         {[]any{"receipts", receipt(1), "receipts", receipt(2)}, true},
		"a receipt is lost":                {[]any{"receipts", receipt(1), "receipts", receipt(3)}, false},
		"a trail":                          {[]any{"audit", line(1, "", "1"), "audit", line(2, "1", "2")}, true},
		"a trail without its first line":   {[]any{"audit", line(2, "1", "2")}, false},
		"a trail with a line of another's": {[]any{"audit", line(1, "", "1"), "audit", line(2, "x", "2")}, false},
	} {
		c := mongostore.NewCheck()
		var err error
		for i := 0; i < len(x.docs) && err == nil; i += 2 {
			raw, merr := bson.Marshal(x.docs[i+1])
			ok(t, name, merr)
			err = c.See(x.docs[i].(string), raw)
		}
		if err == nil {
			err = c.End()
		}
		if (err == nil) != x.holds || err != nil && !errors.Is(err, backup.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
