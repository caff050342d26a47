package signals

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"

	"medunion/api/fhirbundle"
)

// sampledData is FHIR R4's SampledData: value = origin + factor * sample, and
// factor is 1 where it is not written.
type sampledData struct {
	Origin     quantity    `json:"origin"`
	Period     json.Number `json:"period"` // milliseconds between samples
	Dimensions int         `json:"dimensions"`
	Data       string      `json:"data"`
}

type quantity struct {
	Value  int    `json:"value"`
	Unit   string `json:"unit"`
	System string `json:"system"`
	Code   string `json:"code"`
}

type component struct {
	Code             concept      `json:"code"`
	ValueSampledData *sampledData `json:"valueSampledData"`
}

type period struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

type note struct {
	Text string `json:"text"`
}

type resource struct {
	ResourceType     string       `json:"resourceType"`
	ID               string       `json:"id,omitempty"`
	Status           string       `json:"status"`
	Category         []concept    `json:"category"`
	Code             concept      `json:"code"`
	EffectivePeriod  *period      `json:"effectivePeriod,omitempty"`
	ValueSampledData *sampledData `json:"valueSampledData,omitempty"`
	Note             []note       `json:"note"`
	Component        []component  `json:"component,omitempty"`
}

// observation builds the Observation of a recording.
func observation(columns []*column, samples int, rate *big.Rat, o Options) (fhirbundle.Entry, error) {
	m, ok := meanings[o.Kind]
	if !ok {
		return fhirbundle.Entry{}, errors.New("unknown kind of recording")
	}
	r := resource{
		ResourceType:    "Observation",
		Status:          "final",
		Category:        []concept{{Coding: []coding{{System: systemCategory, Code: m.category}}}},
		Code:            m.code,
		EffectivePeriod: effective(o.Start, samples, rate),
		Note:            []note{{"Self-measured. Sampled at " + decimalText(rate) + " Hz; values as recorded."}},
	}
	if err := r.fill(columns, m, rate, o.Kind); err != nil {
		return fhirbundle.Entry{}, err
	}
	return finish(r)
}

// fill adds the samples: an ECG's leads as components, else the only channel
// as the value.
func (r *resource) fill(columns []*column, m meaning, rate *big.Rat, k Kind) error {
	if k != ECG && len(columns) != 1 {
		return errors.New("a recording of this kind has one channel")
	}
	for i, c := range columns {
		u, ok := m.units[c.unit]
		if !ok {
			return fmt.Errorf("channel %d: its unit does not fit the kind of recording; "+
				"the header states it as name_unit, an ECG's in mV, uV or V", i+1)
		}
		if k == ECG {
			r.Component = append(r.Component, component{leadCode(c.name), sampled(c, u, rate)})
		} else {
			r.ValueSampledData = sampled(c, u, rate)
		}
	}
	return nil
}

func sampled(c *column, u unit, rate *big.Rat) *sampledData {
	return &sampledData{
		Origin:     quantity{0, u.text, systemUCUM, u.code},
		Period:     json.Number(periodMillis(rate)),
		Dimensions: 1,
		Data:       c.data.String(),
	}
}

// periodMillis is 1000/rate, exact if 12 decimals suffice, else rounded to
// them: over a day at 100 kHz the error stays below 10 microseconds.
func periodMillis(rate *big.Rat) string {
	return decimalText(new(big.Rat).Quo(big.NewRat(1000, 1), rate))
}

func decimalText(x *big.Rat) string {
	digits, exact := x.FloatPrec()
	if !exact || digits > 12 {
		digits = 12
	}
	return x.FloatString(digits)
}

// effective is when the recording took place, to the millisecond.
func effective(start time.Time, samples int, rate *big.Rat) *period {
	if start.IsZero() {
		return nil
	}
	const layout = "2006-01-02T15:04:05.000Z07:00"
	nanos := new(big.Rat).Quo(big.NewRat(int64(samples), 1), rate)
	nanos.Mul(nanos, big.NewRat(int64(time.Second), 1))
	length := new(big.Int).Quo(nanos.Num(), nanos.Denom()).Int64()
	return &period{start.Format(layout), start.Add(time.Duration(length)).Format(layout)}
}

// finish identifies the resource by its content, so that the same recording
// is the same resource, and returns it as an entry.
func finish(r resource) (fhirbundle.Entry, error) {
	content, err := json.Marshal(r)
	if err != nil {
		return fhirbundle.Entry{}, fmt.Errorf("encoding the observation: %w", err)
	}
	r.ID = contentUUID(content)
	text, err := json.Marshal(r)
	if err != nil {
		return fhirbundle.Entry{}, fmt.Errorf("encoding the observation: %w", err)
	}
	return fhirbundle.NewEntry("urn:uuid:"+r.ID, text)
}

// contentUUID is a UUID of version 8 (RFC 9562, section 5.8) whose free bits
// are the content's SHA-256.
func contentUUID(content []byte) string {
	h := sha256.Sum256(content)
	h[6] = h[6]&0x0f | 0x80
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
