package httpserver_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"medunion/api/httpserver"
)

// Each line says which build and which instance it is of; lines below the level are left out.
func TestLogger(t *testing.T) {
	for level, lines := range map[string]int{"": 3, "debug": 4, "info": 3, "warn": 2, "error": 1, "loud": 3} {
		var b bytes.Buffer
		log := httpserver.Edge{LogLevel: level}.NewLogger(&b)
		log.Debug("d")
		log.Info("i")
		log.Warn("w")
		log.Error("e")
		if n := bytes.Count(b.Bytes(), []byte("\n")); n != lines {
			t.Errorf("%s: %d lines", level, n)
		}
		var line struct{ Version, Instance, Msg string }
		if err := json.Unmarshal(bytes.SplitAfter(b.Bytes(), []byte("\n"))[0], &line); err != nil || line.Version == "" || len(line.Instance) != 8 || line.Msg == "" {
			t.Errorf("%s: %s", level, b.Bytes())
		}
	}
}
