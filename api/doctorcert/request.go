package doctorcert

import (
	"encoding/json"
	"errors"
	"fmt"

	"medunion/api/message"
)

// ErrRequest says that a certificate request is not signed by the key in it, or
// is meant for another authority.
var ErrRequest = errors.New("doctor certificate: invalid request")

// request is a certificate request on the wire.
type request struct {
	Authority   string   `json:"authority"`
	Licence     string   `json:"licence"`
	Name        string   `json:"name"`
	Departments []string `json:"departments"`
	Affiliation string   `json:"affiliation"`
	SigningKey  string   `json:"signing_key"`
	Suite       uint8    `json:"hpke_suite"`
	KEMKey      string   `json:"hpke_key"`
	Signature   string   `json:"signature"`
}

// EncodeRequest is the JSON form of a request with the doctor's signature over
// q.TBS(), 64 bytes.
func EncodeRequest(q message.CertificateRequest, signature []byte) ([]byte, error) {
	if err := q.Keys.Sign.Verify(q.TBS(), signature); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return json.Marshal(request{
		Authority: q.Authority, Licence: q.Licence, Name: q.Name, Departments: q.Departments, Affiliation: q.Affiliation,
		SigningKey: encode(q.Keys.Sign.Bytes()), Suite: uint8(q.Keys.KEM.Suite()), KEMKey: encode(q.Keys.KEM.Bytes()),
		Signature: encode(signature),
	})
}
