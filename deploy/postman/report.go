package postman

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
)

// report is what newman's JUnit reporter writes of one collection.
type report struct {
	Requests []request `xml:"testsuite"`
}

// request is one request with its assertions.
type request struct {
	Name       string      `xml:"name,attr"` // of its folders and itself
	Errors     int         `xml:"errors,attr"`
	SystemErr  string      `xml:"system-err"` // what scripts threw, or why no answer came
	Assertions []assertion `xml:"testcase"`
}

type assertion struct {
	Name     string    `xml:"name,attr"`
	Failures []failure `xml:"failure"`
	Errors   []failure `xml:"error"`
}

type failure struct {
	Message string `xml:"message,attr"`
}

func readReport(path string) (report, error) {
	var r report
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := xml.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// wrong is everything that did not hold, one sentence each. A request without any assertion is
// wrong too: its collection asserts something of every answer.
func (r request) wrong() (out []string) {
	if r.Errors > 0 {
		out = append(out, strings.TrimSpace(r.SystemErr))
	}
	if len(r.Assertions) == 0 {
		out = append(out, "nothing was asserted")
	}
	for _, a := range r.Assertions {
		for _, f := range append(a.Failures, a.Errors...) {
			out = append(out, a.Name+": "+f.Message)
		}
	}
	return out
}
