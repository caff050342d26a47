package signals

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"medunion/api/fhirbundle"
)

// ErrFormat is wrapped by the errors about FHIR files that hold something else
// than measurements.
var ErrFormat = errors.New("not acceptable as measurements")

// Load reads one file by the ending of its name: .csv as FromCSV does, .json as
// FromFHIR does.
func Load(name string, r io.Reader, o Options) ([]fhirbundle.Entry, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv":
		e, err := FromCSV(filepath.Base(name), r, o)
		if err != nil {
			return nil, err
		}
		return []fhirbundle.Entry{e}, nil
	case ".json":
		return FromFHIR(r)
	}
	return nil, fmt.Errorf("%w: the file is neither .csv nor .json", ErrFormat)
}

// FromFHIR reads an Observation, a Patient, or a collection or searchset Bundle
// of Observations and at most one Patient. It checks that the JSON is strict,
// and of each Observation that it has a known status and a code; the bytes stay
// as they are. The receiver validates the rest.
func FromFHIR(r io.Reader) ([]fhirbundle.Entry, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the measurements: %w", err)
	}
	if len(data) > MaxBytes {
		return nil, ErrTooLarge
	}
	entries, err := fhirEntries(data)
	if err != nil {
		return nil, err
	}
	return entries, check(entries)
}

func fhirEntries(data []byte) ([]fhirbundle.Entry, error) {
	single, err := fhirbundle.NewEntry("", data)
	if err != nil {
		return nil, err
	}
	if single.Type != "Bundle" {
		return []fhirbundle.Entry{single}, nil
	}
	b, err := fhirbundle.Decode(data)
	if err != nil {
		return nil, err
	}
	if b.Type != "collection" && b.Type != "searchset" {
		return nil, fmt.Errorf("%w: the bundle is neither a collection nor a searchset", ErrFormat)
	}
	return b.Entries, nil
}

// Bundle builds M_SD of the entries that Load, FromCSV and FromFHIR returned,
// at most MaxBytes (else ErrTooLarge). It refuses a second Patient and a
// resource that is there twice. Without entries it is a Bundle without any.
func Bundle(entries []fhirbundle.Entry) ([]byte, error) {
	if err := check(entries); err != nil {
		return nil, err
	}
	b := fhirbundle.Collection(entries)
	if len(b) > MaxBytes {
		return nil, ErrTooLarge
	}
	return b, nil
}

// check applies the rules of M_SD to all its entries together.
func check(entries []fhirbundle.Entry) error {
	patients := 0
	seen := map[string]bool{}
	for i, e := range entries {
		var err error
		switch e.Type {
		case "Observation":
			err = checkObservation(e.Resource)
		case "Patient":
			if patients++; patients > 1 {
				err = errors.New("a second patient")
			}
		default:
			err = errors.New("neither an Observation nor a Patient")
		}
		key := e.Type + "/" + e.ID
		if e.ID != "" && seen[key] {
			err = errors.New("the same resource twice")
		}
		seen[key] = true
		if err != nil {
			return fmt.Errorf("%w: entry %d: %w", ErrFormat, i, err)
		}
	}
	return nil
}

// statuses are the values of Observation.status in R4.
var statuses = []string{"registered", "preliminary", "final", "amended", "corrected",
	"cancelled", "entered-in-error", "unknown"}

func checkObservation(raw json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return errors.New("not an object")
	}
	var status string
	if json.Unmarshal(members["status"], &status) != nil || !slices.Contains(statuses, status) {
		return errors.New("no known status")
	}
	var code map[string]json.RawMessage
	if json.Unmarshal(members["code"], &code) != nil || len(code) == 0 {
		return errors.New("no code")
	}
	return nil
}
