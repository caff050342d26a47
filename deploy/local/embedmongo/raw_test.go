package embedmongo_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"medunion/deploy/local/embedmongo"
)

// wireClient sends messages byte by byte, which the driver would not.
type wireClient struct {
	t    *testing.T
	conn net.Conn
}

func dial(t *testing.T, s *embedmongo.Server) wireClient {
	t.Helper()
	address, _, _ := strings.Cut(strings.TrimPrefix(s.URI(), "mongodb://"), "/")
	conn, err := net.Dial("tcp", address)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return wireClient{t, conn}
}

func message(t *testing.T, command any) []byte {
	t.Helper()
	body, err := bson.Marshal(command)
	must(t, err)
	b := make([]byte, 21, 21+len(body))
	binary.LittleEndian.PutUint32(b, uint32(21+len(body)))
	binary.LittleEndian.PutUint32(b[4:], 42)
	binary.LittleEndian.PutUint32(b[12:], 2013)
	return append(b, body...)
}

func (c wireClient) run(command bson.D) bson.M {
	c.t.Helper()
	_, err := c.conn.Write(message(c.t, command))
	must(c.t, err)
	var header [21]byte
	_, err = io.ReadFull(c.conn, header[:])
	must(c.t, err)
	equal(c.t, binary.LittleEndian.Uint32(header[8:]), uint32(42))
	body := make([]byte, binary.LittleEndian.Uint32(header[:])-21)
	_, err = io.ReadFull(c.conn, body)
	must(c.t, err)
	var reply bson.M
	must(c.t, bson.Unmarshal(body, &reply))
	return reply
}

// TestRetriedWritesHappenOnce repeats a write under its number, also after a restart, as a
// driver does that has not seen the answer.
func TestRetriedWritesHappenOnce(t *testing.T) {
	dir := t.TempDir()
	s, err := embedmongo.Start(embedmongo.Options{Dir: dir})
	must(t, err)
	increment := func(number int64) bson.D {
		return bson.D{
			{Key: "update", Value: "c"}, {Key: "$db", Value: "d"}, {Key: "txnNumber", Value: number},
			{Key: "lsid", Value: bson.D{{Key: "id", Value: primitive.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}}}},
			{Key: "updates", Value: bson.A{bson.D{{Key: "q", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "u", Value: bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}}, {Key: "upsert", Value: true}}}},
		}
	}
	c := dial(t, s)
	first := c.run(increment(1))
	equal(t, first["n"], int32(1))
	equal(t, c.run(increment(1)), first)
	equal(t, c.run(increment(2))["nModified"], int32(1))
	equal(t, c.run(increment(1))["code"], int32(225)) // too old
	second := c.run(increment(2))
	must(t, s.Close())

	s = start(t, embedmongo.Options{Dir: dir})
	equal(t, dial(t, s).run(increment(2)), second)
	equal(t, findAll(t, connect(t, s.URI()).Database("d").Collection("c"), bson.M{})[0]["n"], int32(2))
}

// TestMalformedBytesEndTheConnectionOnly sends bytes that are no message; the server stays up.
func TestMalformedBytesEndTheConnectionOnly(t *testing.T) {
	s := start(t, embedmongo.Options{})
	ping := message(t, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "d"}})
	damaged := func(f func(b []byte)) []byte {
		b := bytes.Clone(ping)
		f(b)
		return b
	}
	for name, b := range map[string][]byte{
		"http":             []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"zeros":            make([]byte, 64),
		"too short":        damaged(func(b []byte) { binary.LittleEndian.PutUint32(b, 15) }),
		"too long":         damaged(func(b []byte) { binary.LittleEndian.PutUint32(b, 1<<31) }),
		"operation":        damaged(func(b []byte) { b[12] = 1 }),
		"compressed":       damaged(func(b []byte) { binary.LittleEndian.PutUint32(b[12:], 2012) }),
		"flags":            damaged(func(b []byte) { b[16] = 4 }),
		"no checksum":      damaged(func(b []byte) { b[16] = 1 }),
		"section kind":     damaged(func(b []byte) { b[20] = 7 }),
		"document length":  damaged(func(b []byte) { b[21]++ }),
		"document element": damaged(func(b []byte) { b[25] = 0x6f }),
		"document end":     damaged(func(b []byte) { b[len(b)-1] = 1 }),
		"nested too deep":  message(t, nested(200)),
		"trailing bytes":   binary.LittleEndian.AppendUint32(damaged(func(b []byte) { b[0] += 4 }), 0),
	} {
		c := dial(t, s)
		if _, err := c.conn.Write(b); err != nil {
			t.Fatal(name, err)
		}
		c.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := c.conn.Read(make([]byte, 1)); n != 0 || errors.Is(err, net.ErrClosed) || isTimeout(err) {
			t.Errorf("%s: answered %d bytes, %v", name, n, err)
		}
	}
	equal(t, dial(t, s).run(bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "d"}})["ok"], 1.0)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func nested(depth int) bson.D {
	d := bson.D{}
	for range depth {
		d = bson.D{{Key: "a", Value: d}}
	}
	return d
}

func TestCommandsWithoutTheirFields(t *testing.T) {
	c := dial(t, start(t, embedmongo.Options{}))
	session := bson.D{{Key: "id", Value: primitive.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}}}
	for _, command := range []bson.D{
		{},
		{{Key: "find", Value: "c"}},
		{{Key: "find", Value: 1}, {Key: "$db", Value: "d"}},
		{{Key: "insert", Value: "c"}, {Key: "$db", Value: "d"}},
		{{Key: "aggregate", Value: "c"}, {Key: "pipeline", Value: bson.A{}}, {Key: "$db", Value: "d"}},
		{{Key: "ping", Value: 1}, {Key: "$db", Value: "d"}, {Key: "lsid", Value: bson.D{{Key: "id", Value: "short"}}}},
		{{Key: "ping", Value: 1}, {Key: "$db", Value: "d"}, {Key: "lsid", Value: session}, {Key: "txnNumber", Value: 1}, {Key: "autocommit", Value: false}, {Key: "startTransaction", Value: true}},
		{{Key: "commitTransaction", Value: 1}, {Key: "$db", Value: "admin"}},
		{{Key: "commitTransaction", Value: 1}, {Key: "$db", Value: "admin"}, {Key: "lsid", Value: session}, {Key: "txnNumber", Value: 9}, {Key: "autocommit", Value: false}},
		{{Key: "getMore", Value: int64(1)}, {Key: "collection", Value: "c"}, {Key: "$db", Value: "d"}},
		{{Key: "killCursors", Value: "c"}, {Key: "$db", Value: "d"}},
	} {
		reply := c.run(command)
		if code, ok := reply["code"].(int32); reply["ok"] != 0.0 || !ok || code == 1 {
			t.Errorf("%v: %v", command, reply)
		}
	}
}
