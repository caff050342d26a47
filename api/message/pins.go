package message

import (
	"encoding/json"
	"fmt"

	"medunion/ecc"
)

// pinsJSON is the file form of Pins. A file without successions pins one root.
type pinsJSON struct {
	Cloud       string   `json:"cloud"`                 // ID_PC
	PK          []byte   `json:"pk"`                    // 32 bytes, base64
	PUKC        []byte   `json:"puk_c"`                 // 32 bytes, base64
	Successions [][]byte `json:"successions,omitempty"` // SignedSuccession, oldest first, base64
}

// MarshalJSON writes the pins as they stand in a configuration file. Nothing in
// them is secret.
func (p Pins) MarshalJSON() ([]byte, error) {
	j := pinsJSON{Cloud: string(p.CloudID), PK: p.First.PK.Bytes(), PUKC: p.First.PUKC.Bytes()}
	for _, l := range p.chain {
		j.Successions = append(j.Successions, l.Encode())
	}
	return json.Marshal(j)
}

// UnmarshalJSON is the inverse of MarshalJSON; it refuses points and keys that are
// not valid, and successions that do not follow from the first root.
func (p *Pins) UnmarshalJSON(b []byte) error {
	var j pinsJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("%w: pins", ErrFormat)
	}
	pk, err := ecc.DecodePoint(j.PK)
	if err != nil {
		return fmt.Errorf("%w: pins: PK", ErrFormat)
	}
	puk, err := ecc.DecodeVerifyKey(j.PUKC)
	if err != nil || !ID(j.Cloud).Valid() {
		return fmt.Errorf("%w: pins: PUK_C or ID_PC", ErrFormat)
	}
	links, err := DecodeSuccessions(j.Successions)
	if err != nil {
		return fmt.Errorf("pins: %w", err)
	}
	pinned, err := Pins{CloudID: ID(j.Cloud), First: Root{PK: pk, PUKC: puk}}.Extend(links...)
	if err != nil {
		return fmt.Errorf("pins: %w", err)
	}
	*p = pinned
	return nil
}

// DecodeSuccessions decodes the links of a chain; it fails with ErrFormat.
func DecodeSuccessions(list [][]byte) ([]SignedSuccession, error) {
	if len(list) > maxSuccessions {
		return nil, fmt.Errorf("%w: too many successions", ErrFormat)
	}
	out := make([]SignedSuccession, 0, len(list))
	for _, b := range list {
		l, err := DecodeSignedSuccession(b)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}
