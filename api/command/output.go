package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// Print prints what a command has come to, unless it has failed.
func Print(result any, err error) error {
	if err == nil {
		_, err = fmt.Print(result)
	}
	return err
}

// PrintJSON prints one JSON object for people and programs.
func PrintJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Stamp is a time in a table, "-" for none.
func Stamp(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// RefuseFor gives code 2 to an error that is one of these, which say that nothing was tried. An
// error that has a code keeps it.
func RefuseFor(err error, refusals ...error) error {
	if errors.As(err, new(Exit)) {
		return err
	}
	for _, r := range refusals {
		if errors.Is(err, r) {
			return Refuse("%w", err)
		}
	}
	return err
}
