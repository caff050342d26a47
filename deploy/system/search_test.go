package system_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/deploy/local/embedmongo"
	"medunion/deploy/local/embedredis"
)

// needle is a secret in every form in which it would be readable.
type needle struct {
	name  string
	forms [][]byte
}

// needleOf covers the bytes themselves, hexadecimal, base64 wherever in a longer text
// they begin, and both orders of UTF-16.
func needleOf(name string, secret []byte) needle {
	h := hex.EncodeToString(secret)
	n := needle{name, [][]byte{secret, []byte(h), []byte(strings.ToUpper(h))}}
	for shift := range 3 {
		inner := base64Inner(secret, shift)
		n.forms = append(n.forms, []byte(inner), []byte(strings.NewReplacer("+", "-", "/", "_").Replace(inner)))
	}
	little, big := utf16Of(string(secret))
	n.forms = append(n.forms, little, big)
	return n
}

// base64Inner is the part of the base64 text that the secret decides by itself if it
// begins shift bytes behind a group of three.
func base64Inner(secret []byte, shift int) string {
	text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), secret...))
	return text[(shift*8+5)/6 : (shift+len(secret))*8/6]
}

func utf16Of(s string) (little, big []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		little = append(little, byte(u), byte(u>>8))
		big = append(big, byte(u>>8), byte(u))
	}
	return little, big
}

// in returns the needles that occur in some text.
func in(text []byte, needles []needle) (found []string) {
	for _, n := range needles {
		for i, form := range n.forms {
			if bytes.Contains(text, form) {
				found = append(found, fmt.Sprintf("%s (form %d)", n.name, i))
				break
			}
		}
	}
	return found
}

// search looks through every file below a folder and returns "file: needle" for each
// hit. Names of files are searched too.
func search(t testing.TB, dir string, needles []needle) (hits []string, files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		name, _ := filepath.Rel(dir, path)
		for _, n := range append(in(b, needles), in([]byte(name), needles)...) {
			hits = append(hits, name+": "+n)
		}
		return nil
	})
	ok(t, err)
	return hits, files
}

// redisDump is every key and every value of a Redis server.
func redisDump(ctx context.Context, addr string) ([]byte, error) {
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	var out bytes.Buffer
	keys := c.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		v, err := redisValue(ctx, c, keys.Val())
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s\n%s\n", keys.Val(), strings.Join(v, "\n"))
	}
	return out.Bytes(), keys.Err()
}

// redisValue is a key's whole value; none if the key has expired meanwhile.
func redisValue(ctx context.Context, c *redis.Client, key string) ([]string, error) {
	kind, err := c.Type(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "none":
		return nil, nil
	case "string":
		v, err := c.Get(ctx, key).Result()
		if err == redis.Nil {
			err = nil
		}
		return []string{v}, err
	case "list":
		return c.LRange(ctx, key, 0, -1).Result()
	case "set":
		return c.SMembers(ctx, key).Result()
	case "zset":
		return c.ZRange(ctx, key, 0, -1).Result()
	case "hash":
		return flatten(c.HGetAll(ctx, key).Result())
	case "stream":
		return entriesOf(c.XRange(ctx, key, "-", "+").Result())
	}
	return nil, fmt.Errorf("redis: a %s cannot be searched", kind)
}

func flatten(m map[string]string, err error) (out []string, _ error) {
	for k, v := range m {
		out = append(out, k, v)
	}
	return out, err
}

func entriesOf(list []redis.XMessage, err error) (out []string, _ error) {
	for _, m := range list {
		for k, v := range m.Values {
			out = append(out, k, fmt.Sprint(v))
		}
	}
	return out, err
}

// The search finds what is there: in a file, in a file's name, in MongoDB's files, in
// Redis' keys and every type of value, in each form.
func TestSearchFindsWhatIsPlanted(t *testing.T) {
	secret := "Canary of " + t.Name()
	needles := []needle{needleOf("it", []byte(secret)), needleOf("other", []byte("never planted"))}
	for form, b := range needles[0].forms {
		dir := t.TempDir()
		ok(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o700))
		ok(t, os.WriteFile(filepath.Join(dir, "a/b/c"), append(append(make([]byte, 5000), b...), 'x'), 0o600))
		if hits, files := search(t, dir, needles); files != 1 || len(hits) != 1 || !strings.HasPrefix(hits[0], "a/b/c: it") {
			t.Errorf("form %d: %d files, hits %v", form, files, hits)
		}
	}
	for shift := range 7 {
		long := strings.Repeat("-", shift) + secret + strings.Repeat("+", 9-shift)
		for _, text := range []string{base64.StdEncoding.EncodeToString([]byte(long)), base64.RawURLEncoding.EncodeToString([]byte(long))} {
			if len(in([]byte(text), needles)) != 1 {
				t.Errorf("not found in base64 at %d", shift)
			}
		}
	}
	if len(in([]byte("nothing of "+t.Name()), needles)) != 0 {
		t.Error("it finds what is not there")
	}
	plantInStores(t, secret, needles)
}

func plantInStores(t *testing.T, secret string, needles []needle) {
	ctx := t.Context()
	r, err := embedredis.Start(embedredis.Options{})
	ok(t, err)
	defer r.Close()
	c := redis.NewClient(&redis.Options{Addr: r.Addr()})
	defer c.Close()
	for name, plant := range map[string]func() error{
		"key":    func() error { return c.Set(ctx, secret, "", 0).Err() },
		"string": func() error { return c.Set(ctx, "k", secret, 0).Err() },
		"list":   func() error { return c.RPush(ctx, "k", "", secret).Err() },
		"set":    func() error { return c.SAdd(ctx, "k", secret).Err() },
		"zset":   func() error { return c.ZAdd(ctx, "k", redis.Z{Member: secret}).Err() },
		"hash":   func() error { return c.HSet(ctx, "k", "f", secret).Err() },
		"field":  func() error { return c.HSet(ctx, "k", secret, "v").Err() },
		"stream": func() error { return c.XAdd(ctx, &redis.XAddArgs{Stream: "k", Values: []any{"m", secret}}).Err() },
	} {
		ok(t, c.FlushAll(ctx).Err())
		ok(t, plant())
		dump, err := redisDump(ctx, r.Addr())
		ok(t, err)
		if len(in(dump, needles)) != 1 {
			t.Errorf("not found in Redis as %s", name)
		}
	}
	dir := t.TempDir()
	m, err := embedmongo.Start(embedmongo.Options{Dir: dir})
	ok(t, err)
	defer m.Close()
	client, err := mongo.Connect(ctx, options.Client().ApplyURI(m.URI()))
	ok(t, err)
	defer client.Disconnect(ctx)
	_, err = client.Database("d").Collection("c").InsertOne(ctx, bson.D{{Key: "x", Value: bson.A{secret}}})
	ok(t, err)
	if hits, _ := search(t, dir, needles); len(hits) != 1 {
		t.Errorf("in MongoDB's files: %v", hits)
	}
}
