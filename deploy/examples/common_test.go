package examples_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"medunion/api/httpclient"
	"medunion/api/message"
	"medunion/api/problem"
)

// caller is the HTTP client of every example: TLS 1.3, no redirect followed, half a minute
// for an exchange with all of its body.
var caller = httpclient.New(httpclient.Transport(), 30*time.Second)

// failure is the error of an answer other than the one hoped for: the problem in its body.
func failure(answer *http.Response, body []byte) error {
	p, err := problem.Parse(body)
	if err != nil {
		return fmt.Errorf("%s, and no problem document", answer.Status)
	}
	return p
}

// show prints an error, where an example has no caller to return it to.
func show(err error) {
	if err != nil {
		fmt.Println(err)
	}
}

// readPins reads the public cloud's keys, which its operator publishes out of band.
func readPins() (pins message.Pins, err error) {
	b, err := os.ReadFile(os.Getenv("PINS"))
	if err != nil {
		return pins, err
	}
	return pins, json.Unmarshal(b, &pins)
}

// decodeSigned takes a signed statement out of its form on the wire.
func decodeSigned(text string) (message.Signed, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return message.Signed{}, err
	}
	return message.DecodeSigned(b)
}
