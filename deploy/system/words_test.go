package system_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
)

// words are strings that occur nowhere but where the canary patient's data do.
type words struct {
	family, given, mrn, address, phone       string // of the Patient resource
	practitioner, condition, document, value string // of her records
	stated, measured                         string // of M_SD
	finding, note                            string // of M_DINF
	doctor, passphrase                       string
}

func newWords() words {
	w := func(kind string) string { return kind + rand.Text()[:18] }
	return words{family: w("Family"), given: w("Given"), mrn: w("MRN"), address: w("Street"), phone: w("555"),
		practitioner: w("Practitioner"), condition: w("Condition"), document: w("Letter"), value: w("Value"),
		stated: w("Stated"), measured: w("Measured"), finding: w("Finding"), note: w("Note"), doctor: w("Doctor"), passphrase: w("Passphrase")}
}

func (w words) inRecord() []string {
	return []string{w.family, w.given, w.mrn, w.address, w.phone, w.practitioner, w.condition, w.document, w.value}
}

func (w words) inSignals() []string { return []string{w.stated, w.measured} }

// all are the words that stand nowhere readable.
func (w words) all() []string {
	return append(append(w.inRecord(), w.inSignals()...), w.finding, w.note)
}

// bundle is her record at two organizations.
func (w words) bundle() []byte {
	resources := []string{
		fmt.Sprintf(`{"resourceType":"Patient","id":"canary","identifier":[{"type":{"coding":[{"code":"MR"}]},"value":%q}],
			"name":[{"family":%q,"given":[%q]}],"telecom":[{"system":"phone","value":%q}],"address":[{"line":[%q]}]}`, w.mrn, w.family, w.given, w.phone, w.address),
		fmt.Sprintf(`{"resourceType":"Practitioner","id":"pr","name":[{"family":%q}]}`, w.practitioner),
		`{"resourceType":"Organization","id":"o1","name":"one"}`, `{"resourceType":"Organization","id":"o2","name":"two"}`,
	}
	for _, n := range []string{"1", "2"} {
		resources = append(resources,
			fmt.Sprintf(`{"resourceType":"Encounter","id":"e%s","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/canary"},
				"participant":[{"individual":{"reference":"Practitioner/pr"}}],"serviceProvider":{"reference":"Organization/o%s"}}`, n, n),
			fmt.Sprintf(`{"resourceType":"Condition","id":"c%s","subject":{"reference":"Patient/canary"},"encounter":{"reference":"Encounter/e%s"},
				"code":{"text":%q},"note":[{"text":"since %s, she says"}]}`, n, n, w.condition, w.condition),
			fmt.Sprintf(`{"resourceType":"Observation","id":"ob%s","status":"final","code":{"text":"n"},"subject":{"reference":"Patient/canary"},
				"encounter":{"reference":"Encounter/e%s"},"valueString":%q}`, n, n, w.value),
			fmt.Sprintf(`{"resourceType":"DocumentReference","id":"d%s","status":"current","subject":{"reference":"Patient/canary"},
				"context":{"encounter":[{"reference":"Encounter/e%s"}]},"content":[{"attachment":{"contentType":"text/plain","data":%q}}]}`,
				n, n, base64.StdEncoding.EncodeToString([]byte(w.document))))
	}
	return collection(resources)
}

// signals are what she brings from home: who she says she is, and an observation.
func (w words) signals() []byte {
	return collection([]string{fmt.Sprintf(`{"resourceType":"Patient","id":"me","name":[{"text":%q}]}`, w.stated),
		fmt.Sprintf(`{"resourceType":"Observation","id":"home","status":"final","code":{"text":"pain"},"valueString":%q}`, w.measured)})
}

func collection(resources []string) []byte {
	return []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + strings.Join(resources, `},{"resource":`) + `}]}`)
}
