package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

func frame(op uint32, payload ...[]byte) []byte {
	b := make([]byte, headerLength)
	for _, p := range payload {
		b = append(b, p...)
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint32(b[4:], 7)
	binary.LittleEndian.PutUint32(b[12:], op)
	return b
}

func document(t testing.TB, d bson.D) []byte {
	t.Helper()
	b, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sequence(name string, docs ...[]byte) []byte {
	b := append([]byte{1, 0, 0, 0, 0}, name...)
	b = append(b, 0)
	for _, d := range docs {
		b = append(b, d...)
	}
	binary.LittleEndian.PutUint32(b[1:], uint32(len(b)-1))
	return b
}

var noFlags = []byte{0, 0, 0, 0}

func TestReadMessage(t *testing.T) {
	ping, one := document(t, bson.D{{Key: "ping", Value: 1}}), document(t, bson.D{{Key: "a", Value: "b"}})
	b := frame(opMsg, noFlags, sequence("documents", one, one), []byte{0}, ping)
	m, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != 7 || m.Legacy || m.NoReply || !bytes.Equal(m.Body, ping) || len(m.Sequences["documents"]) != 2 || !bytes.Equal(m.Sequences["documents"][1], one) {
		t.Errorf("read %+v", m)
	}
	if m, err = Read(bytes.NewReader(frame(opMsg, []byte{2, 0, 0, 0, 0}, ping))); err != nil || !m.NoReply {
		t.Errorf("moreToCome: %+v, %v", m, err)
	}
	legacy := frame(opQuery, noFlags, []byte("admin.$cmd\x00"), make([]byte, 8), ping)
	if m, err = Read(bytes.NewReader(legacy)); err != nil || !m.Legacy || !bytes.Equal(m.Body, ping) {
		t.Errorf("legacy: %+v, %v", m, err)
	}
}

func TestChecksum(t *testing.T) {
	b := frame(opMsg, []byte{1, 0, 0, 0, 0}, document(t, bson.D{{Key: "ping", Value: 1}}), make([]byte, 4))
	sum := crc32.Checksum(b[:len(b)-4], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(b[len(b)-4:], sum)
	if _, err := Read(bytes.NewReader(b)); err != nil {
		t.Errorf("right checksum: %v", err)
	}
	b[len(b)-1] ^= 1
	if _, err := Read(bytes.NewReader(b)); !errors.Is(err, ErrMalformed) {
		t.Errorf("wrong checksum: %v", err)
	}
}

func TestMalformedMessages(t *testing.T) {
	ping := document(t, bson.D{{Key: "ping", Value: 1}})
	body := append([]byte{0}, ping...)
	for name, b := range map[string][]byte{
		"no flags":            frame(opMsg),
		"no body":             frame(opMsg, noFlags),
		"two bodies":          frame(opMsg, noFlags, body, body),
		"same sequence twice": frame(opMsg, noFlags, body, sequence("a"), sequence("a")),
		"nameless sequence":   frame(opMsg, noFlags, body, sequence("")),
		"sequence too long":   frame(opMsg, noFlags, body, []byte{1, 255, 255, 255, 255, 'a', 0}),
		"sequence too short":  frame(opMsg, noFlags, body, []byte{1, 2, 0, 0, 0, 'a', 0}),
		"sequence cut":        frame(opMsg, noFlags, body, []byte{1, 9}),
		"document too long":   frame(opMsg, noFlags, []byte{0, 255, 255, 255, 127, 0}),
		"negative document":   frame(opMsg, noFlags, []byte{0, 255, 255, 255, 255, 0}),
		"legacy on data":      frame(opQuery, noFlags, []byte("db.c\x00"), make([]byte, 8), ping),
		"legacy cut":          frame(opQuery, noFlags, []byte("admin.$cmd\x00")),
		"legacy trailing":     frame(opQuery, noFlags, []byte("admin.$cmd\x00"), make([]byte, 8), ping, []byte{1}),
	} {
		if _, err := Read(bytes.NewReader(b)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read(bytes.NewReader(nil)); err != io.EOF {
		t.Errorf("nothing: %v", err)
	}
	if _, err := Read(bytes.NewReader(frame(opMsg, noFlags, body)[:30])); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut short: %v", err)
	}
}

// TestMemoryFollowsWhatArrives claims messages of 48 MB that never come.
func TestMemoryFollowsWhatArrives(t *testing.T) {
	b := frame(opMsg, noFlags)
	binary.LittleEndian.PutUint32(b, MaxMessage)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		if _, err := Read(bytes.NewReader(b)); err == nil {
			t.Fatal("read a message that was cut short")
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / 100; each > 16<<10 {
		t.Errorf("%d bytes were taken for a message of which %d came", each, len(b))
	}
}

func TestReplies(t *testing.T) {
	for _, legacy := range []bool{false, true} {
		m := Message{ID: 9, Legacy: legacy}
		b, err := m.Encode(3, bson.D{{Key: "ok", Value: 1.0}})
		if err != nil {
			t.Fatal(err)
		}
		prefix := 5
		if legacy {
			prefix = 20
		}
		if binary.LittleEndian.Uint32(b) != uint32(len(b)) || binary.LittleEndian.Uint32(b[8:]) != 9 || CheckDocument(b[headerLength+prefix:]) != nil {
			t.Errorf("legacy %v: % x", legacy, b)
		}
	}
	if _, err := (&Message{}).Encode(1, bson.D{{Key: "x", Value: make([]byte, MaxMessage)}}); err == nil {
		t.Error("a reply that no message can hold was encoded")
	}
}

// FuzzRead holds that any bytes give a message whose documents decode, or an error.
func FuzzRead(f *testing.F) {
	ping := document(f, bson.D{{Key: "ping", Value: 1}, {Key: "x", Value: bson.A{bson.D{{Key: "y", Value: nil}}, "z", 1.5}}})
	f.Add(frame(opMsg, noFlags, []byte{0}, ping))
	f.Add(frame(opMsg, []byte{1, 0, 0, 0, 0}, ping, noFlags))
	f.Add(frame(opMsg, noFlags, sequence("documents", ping, ping), []byte{0}, ping))
	f.Add(frame(opQuery, noFlags, []byte("admin.$cmd\x00"), make([]byte, 8), ping))
	f.Add(frame(2012, ping))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		documents := []bson.Raw{m.Body}
		for _, s := range m.Sequences {
			documents = append(documents, s...)
		}
		for _, d := range documents {
			var decoded bson.D
			if err := bson.Unmarshal(d, &decoded); err != nil {
				t.Fatalf("a checked document does not decode: %v", err)
			}
		}
	})
}
