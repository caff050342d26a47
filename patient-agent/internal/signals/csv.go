package signals

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"medunion/api/fhirbundle"
)

// MaxBytes is the most that M_SD may have, in bytes. The message around it
// (M3) is capped at 4 MiB with the consent and the encryption.
const MaxBytes = 3 << 20

// ErrTooLarge: the measurements exceed MaxBytes.
var ErrTooLarge = errors.New("the measurements are larger than 3 MiB; send fewer files or only the first seconds")

// Options say what a CSV file does not.
type Options struct {
	Kind Kind

	// Hz is the sampling rate in samples per second, a decimal number. If it
	// is empty, the file's name must tell it, as "ecg-360hz.csv" does.
	Hz string

	Start time.Time     // of the recording; zero if unknown
	First time.Duration // take only so much from the beginning; 0: all
}

// FromCSV reads a recording from comma-separated text and returns it as an
// Observation whose identifier follows from its content.
//
// Without a header line the file has one column. With one, each column is
// named name_unit, and a column t_s or t_ms (or time_s, time_ms) is the time,
// which must agree with the sampling rate: a gap would shift all that follows.
// Values are decimal numbers as FHIR writes them; an empty field ("" if it is the
// only one of its line) or NaN becomes E (no valid value), and E, L and U
// (error, below and above the sensor's range) are taken as they are.
//
// Errors name lines and columns.
func FromCSV(name string, r io.Reader, o Options) (fhirbundle.Entry, error) {
	rate, err := samplingRate(name, o.Hz)
	if err != nil {
		return fhirbundle.Entry{}, err
	}
	reader := csvReader{lines: bufio.NewScanner(r), rate: rate, limit: sampleLimit(rate, o.First), timeColumn: -1}
	if err := reader.read(); err != nil {
		return fhirbundle.Entry{}, err
	}
	if o.Kind == Auto {
		o.Kind = PPG
		if reader.header {
			o.Kind = ECG
		}
	}
	return observation(reader.columns, reader.samples, rate, o)
}

// decimal is FHIR R4's form of a decimal number.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

var rateInName = regexp.MustCompile(`(?i)(?:^|[^0-9.])([0-9]+(?:\.[0-9]+)?) ?hz`)

var minRate, maxRate = big.NewRat(1, 1000), big.NewRat(100_000, 1)

// samplingRate returns the rate in Hz, from 0.001 to 100,000.
func samplingRate(name, hz string) (*big.Rat, error) {
	if hz == "" {
		match := rateInName.FindStringSubmatch(name)
		if match == nil {
			return nil, errors.New("the sampling rate is unknown: state it in Hz")
		}
		hz = match[1]
	}
	if len(hz) <= 20 && decimal.MatchString(hz) && !strings.ContainsAny(hz, "eE") {
		rate, ok := new(big.Rat).SetString(hz)
		if ok && rate.Cmp(minRate) >= 0 && rate.Cmp(maxRate) <= 0 {
			return rate, nil
		}
	}
	return nil, errors.New("the sampling rate must be a decimal number of Hz, from 0.001 to 100000")
}

// sampleLimit is how many samples the first part of a recording has.
func sampleLimit(rate *big.Rat, first time.Duration) int {
	if first <= 0 {
		return math.MaxInt
	}
	n := new(big.Rat).Mul(rate, big.NewRat(int64(first), int64(time.Second)))
	whole := new(big.Int).Quo(n.Num(), n.Denom())
	if !whole.IsInt64() {
		return math.MaxInt
	}
	return int(whole.Int64())
}

// column is one channel of a recording.
type column struct {
	name string
	unit string
	data strings.Builder // the samples, separated by single spaces
}

type csvReader struct {
	lines   *bufio.Scanner
	rate    *big.Rat
	limit   int
	header  bool
	columns []*column
	samples int
	size    int

	timeColumn int     // -1 if there is none
	timeScale  float64 // seconds per unit of the time column
	startTime  float64
	timeUnit   float64 // value of the last digit in the finest time so far
}

func (c *csvReader) read() error {
	empty := 0
	for line := 1; c.samples < c.limit && c.lines.Scan(); line++ {
		text := strings.TrimSpace(c.lines.Text())
		if line == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		if empty > 0 && text != "" {
			return fmt.Errorf("line %d is empty", empty)
		}
		if text == "" { // harmless at the end
			empty = line
			continue
		}
		fields := strings.Split(text, ",")
		if line == 1 && c.begin(fields) {
			if err := c.readHeader(fields); err != nil {
				return err
			}
			continue
		}
		if err := c.sample(fields); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
	if err := c.lines.Err(); err != nil {
		return fmt.Errorf("reading the recording: %w", err)
	}
	if c.samples == 0 {
		return errors.New("the recording has no samples")
	}
	return nil
}

// begin tells whether the first line is a header.
func (c *csvReader) begin(fields []string) bool {
	for _, f := range fields {
		if _, ok := sampleText(f); !ok {
			c.header = true
			return true
		}
	}
	c.columns = []*column{{}}
	return false
}

var timeScales = map[string]float64{"t_s": 1, "time_s": 1, "t_ms": 1e-3, "time_ms": 1e-3}

func (c *csvReader) readHeader(fields []string) error {
	for i, f := range fields {
		f = strings.TrimSpace(f)
		if scale, ok := timeScales[strings.ToLower(f)]; ok {
			if c.timeColumn >= 0 {
				return errors.New("the header has two time columns")
			}
			c.timeColumn, c.timeScale = i, scale
			continue
		}
		at := strings.LastIndexByte(f, '_')
		if at < 1 || at == len(f)-1 || len(f) > 40 {
			return fmt.Errorf("column %d of the header is not of the form name_unit", i+1)
		}
		c.columns = append(c.columns, &column{name: f[:at], unit: f[at+1:]})
	}
	if len(c.columns) == 0 || len(c.columns) > 64 {
		return errors.New("a recording has 1 to 64 channels")
	}
	return nil
}

func (c *csvReader) sample(fields []string) error {
	want := len(c.columns)
	if c.timeColumn >= 0 {
		want++
	}
	if len(fields) != want {
		return fmt.Errorf("%d fields, %d are expected", len(fields), want)
	}
	next := 0
	for i, f := range fields {
		if i == c.timeColumn {
			if err := c.checkTime(strings.TrimSpace(f)); err != nil {
				return err
			}
			continue
		}
		value, ok := sampleText(f)
		if !ok {
			return fmt.Errorf("field %d is not a decimal number", i+1)
		}
		c.add(c.columns[next], value)
		next++
	}
	c.samples++
	if c.size > MaxBytes {
		return ErrTooLarge
	}
	return nil
}

func (c *csvReader) add(to *column, value string) {
	if c.samples > 0 {
		to.data.WriteByte(' ')
	}
	to.data.WriteString(value)
	c.size += len(value) + 1
}

// sampleText returns a field as SampledData.data has it.
func sampleText(field string) (string, bool) {
	field = strings.TrimSpace(field)
	if n := len(field); n >= 2 && field[0] == '"' && field[n-1] == '"' {
		field = field[1 : n-1]
	}
	switch field {
	case "", "NaN", "nan":
		return "E", true
	case "E", "L", "U":
		return field, true
	}
	return field, len(field) <= 40 && decimal.MatchString(field)
}

// checkTime refuses a time that is not where the sampling rate puts it, give
// or take the rounding of its last printed digit and that of the first time.
// Some programs leave out trailing zeros, so the finest time so far tells how
// exact the times are.
func (c *csvReader) checkTime(text string) error {
	if !decimal.MatchString(text) || strings.ContainsAny(text, "eE") {
		return errors.New("the time is not a decimal number")
	}
	t, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return errors.New("the time is out of range")
	}
	_, fraction, _ := strings.Cut(text, ".")
	unit := math.Pow10(-len(fraction))
	if c.samples == 0 {
		c.startTime, c.timeUnit = t, unit
		return nil
	}
	c.timeUnit = min(c.timeUnit, unit)
	rate, _ := c.rate.Float64()
	due := c.startTime + float64(c.samples)/rate/c.timeScale
	if off := math.Abs(t - due); off > c.timeUnit+1e-9*math.Abs(t) {
		return errors.New("the time does not agree with the sampling rate")
	}
	return nil
}
