package system_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// must panics on an error, in fixtures that cannot fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what came back of a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request. Its error means that no whole answer came.
func call(ctx context.Context, method, url, bearer, contentType string, body []byte) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return do(r)
}

func do(r *http.Request) (answer, error) {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// ask is call for JSON: a problem document becomes its error, a success is decoded
// into v unless v is nil.
func ask(ctx context.Context, method, url, bearer string, body, v any) error {
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			return err
		}
	}
	a, err := call(ctx, method, url, bearer, "application/json", b)
	if err != nil {
		return err
	}
	return a.into(v)
}

func (a answer) into(v any) error {
	if a.status >= 300 {
		p, err := problem.Parse(a.body)
		if err != nil {
			return fmt.Errorf("status %d: %.200s", a.status, a.body)
		}
		return p
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(a.body, v)
}

// post sends a message and returns the canonical bytes of the answer.
func post(ctx context.Context, url, bearer string, raw []byte) ([]byte, error) {
	var out httpserver.Message
	if err := ask(ctx, http.MethodPost, url, bearer, httpserver.NewMessage(raw), &out); err != nil {
		return nil, err
	}
	return out.Bytes(httpserver.LargeMessageCap)
}

// cloudPeer speaks to a public cloud as a stranger who holds its pins.
type cloudPeer struct {
	url    string
	pins   message.Pins
	prekey message.Prekey
}

// meet fetches and verifies the public cloud's prekey of suite 1.
func meet(ctx context.Context, s site) (cloudPeer, error) {
	c := cloudPeer{url: s.Cloud, pins: s.Pins}
	var out struct{ Signed string }
	if err := ask(ctx, http.MethodGet, s.Cloud+"/v1/prekeys/cloud?suite=1", "", nil, &out); err != nil {
		return c, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(out.Signed)
	if err != nil {
		return c, err
	}
	signed, err := message.DecodeSigned(raw)
	if err != nil {
		return c, err
	}
	c.prekey, err = message.OpenPrekey(signed, message.CloudHash(s.Pins.First.PUKC), ecc.SuiteX25519, s.Pins.First.PUKC, message.MillisOf(time.Now()))
	return c, err
}

// sealed is a message for somebody, with the key that opens the answer.
type sealed struct {
	raw    []byte
	header message.Header
	pke    ecc.KEMPrivateKey
}

// seal makes a message for the holder of an HPKE key; body gets the final header and pk_e.
func seal(to ecc.KEMPublicKey, recipient message.ID, t message.Type, now time.Time, body func(message.Header, ecc.KEMPublicKey) []byte) (sealed, error) {
	h, err := message.NewHeader(rand.Reader, to.Suite(), t, [16]byte{}, message.MillisOf(now))
	if err != nil {
		return sealed{}, err
	}
	s, err := message.Begin(rand.Reader, to, recipient, h)
	if err != nil {
		return sealed{}, err
	}
	pke, err := ecc.GenerateKEM(to.Suite(), rand.Reader)
	if err != nil {
		return sealed{}, err
	}
	m, err := s.Seal(body(s.Header(), pke.Public()))
	return sealed{m.Encode(), s.Header(), pke}, err
}

func (c cloudPeer) seal(t message.Type, now time.Time, body func(message.Header, ecc.KEMPublicKey) []byte) (sealed, error) {
	return seal(c.prekey.Key, c.pins.CloudID, t, now, body)
}

// open reads the answer to a message.
func (s sealed) open(raw []byte, want message.Type, self message.ID) (message.Header, []byte, error) {
	m, err := message.DecodeType(raw, want)
	if err != nil {
		return message.Header{}, nil, err
	}
	if m.Header.Session != s.header.Session {
		return message.Header{}, nil, errors.New("the answer is of another exchange")
	}
	o, err := message.Open(m, s.pke, self)
	return m.Header, o.Plaintext, err
}
