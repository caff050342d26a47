package httpserver

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"sync"

	"medunion/api/version"
)

// instance tells the lines of one process from those of another: 8 hex digits, new at each
// start. It says nothing of the machine.
var instance = sync.OnceValue(func() string {
	var b [4]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
})

// NewLogger writes one JSON object a line, with the build and the instance that it is of,
// from the level that the edge names on; a level that is none is info.
func (e Edge) NewLogger(w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(e.LogLevel))
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})).With("version", version.Get().Version, "instance", instance())
}
