package signals

import "strings"

// Kind is what a CSV file records.
type Kind int

// Kinds. Auto is ECG for a file with a header and PPG for one without.
const (
	Auto      Kind = iota
	PPG            // photoplethysmogram
	HeartRate      // series of heart rates
	ECG            // electrocardiogram, one column per lead
)

const (
	systemLOINC    = "http://loinc.org"
	systemMDC      = "urn:iso:std:iso:11073:10101"
	systemUCUM     = "http://unitsofmeasure.org"
	systemCategory = "http://terminology.hl7.org/CodeSystem/observation-category"
)

type coding struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Coding []coding `json:"coding"`
	Text   string   `json:"text,omitempty"`
}

// unit is a unit of measure with its UCUM code.
type unit struct{ text, code string }

// meaning is how a kind is coded.
type meaning struct {
	category string
	code     concept
	units    map[string]unit // by the name in the header; "" for a file without header
}

var (
	ecgPotential = coding{systemMDC, "131328", "MDC_ECG_ELEC_POTL"}

	arbitrary = unit{"arbitrary unit", "[arb'U]"}
	perMinute = unit{"beats/minute", "/min"}
	milliVolt = unit{"mV", "mV"}
	microVolt = unit{"uV", "uV"}
	volt      = unit{"V", "V"}
)

var meanings = map[Kind]meaning{
	ECG: {
		"procedure",
		concept{[]coding{{systemLOINC, "11524-6", "EKG study"}, ecgPotential}, "Electrocardiogram"},
		map[string]unit{"mV": milliVolt, "uV": microVolt, "µV": microVolt, "V": volt},
	},
	PPG: {
		"vital-signs",
		concept{[]coding{{systemMDC, "150452", "MDC_PULS_OXIM_PLETH"}}, "Photoplethysmogram"},
		map[string]unit{"": arbitrary, "au": arbitrary, "mV": milliVolt, "uV": microVolt, "µV": microVolt, "V": volt},
	},
	HeartRate: {
		"vital-signs",
		concept{[]coding{{systemLOINC, "8867-4", "Heart rate"}, {systemMDC, "149530", "MDC_PULS_OXIM_PULS_RATE"}}, "Heart rate"},
		map[string]unit{"": perMinute, "bpm": perMinute},
	},
}

// leads are the MDC codes of the standard leads, by name in upper case.
var leads = map[string]coding{
	"I":   {systemMDC, "131329", "MDC_ECG_ELEC_POTL_I"},
	"II":  {systemMDC, "131330", "MDC_ECG_ELEC_POTL_II"},
	"III": {systemMDC, "131389", "MDC_ECG_ELEC_POTL_III"},
	"AVR": {systemMDC, "131390", "MDC_ECG_ELEC_POTL_AVR"},
	"AVL": {systemMDC, "131391", "MDC_ECG_ELEC_POTL_AVL"},
	"AVF": {systemMDC, "131392", "MDC_ECG_ELEC_POTL_AVF"},
	"V1":  {systemMDC, "131331", "MDC_ECG_ELEC_POTL_V1"},
	"V2":  {systemMDC, "131332", "MDC_ECG_ELEC_POTL_V2"},
	"V3":  {systemMDC, "131333", "MDC_ECG_ELEC_POTL_V3"},
	"V4":  {systemMDC, "131334", "MDC_ECG_ELEC_POTL_V4"},
	"V5":  {systemMDC, "131335", "MDC_ECG_ELEC_POTL_V5"},
	"V6":  {systemMDC, "131336", "MDC_ECG_ELEC_POTL_V6"},
}

func leadCode(name string) concept {
	c, standard := leads[strings.ToUpper(name)]
	if !standard {
		c = ecgPotential
	}
	return concept{[]coding{c}, name}
}
