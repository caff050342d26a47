package httpserver

import (
	"encoding/base64"
	"strings"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// The caps of messages, in bytes of their canonical encoding: MessageCap for
// all but M3, M5, M9, M10, M11 and answers to questions, which have
// LargeMessageCap (message.Type.Limit).
const (
	MessageCap      = 64 << 10
	LargeMessageCap = 4 << 20
)

// envelopeBytes is what JSON adds to a message: the member's name and brackets,
// with room for white space.
const envelopeBytes = 64

// Message is the JSON form of a message on the wire: base64url without padding
// of its canonical bytes.
type Message struct {
	Message string `json:"message"`
}

// MessageBody is the size in bytes of an HTTP body that carries a message of n
// bytes, for Limits.Body.
func MessageBody(n int64) int64 { return (n*8+5)/6 + envelopeBytes }

// NewMessage wraps canonical bytes for the wire.
func NewMessage(canonical []byte) Message {
	return Message{Message: base64.RawURLEncoding.EncodeToString(canonical)}
}

// Bytes are the canonical bytes, at least one and at most limit of them. The
// text must be the one text that stands for them: no padding, no white space, no
// stray bits. Its errors are Invalid and TooLarge.
func (m Message) Bytes(limit int) ([]byte, error) {
	if m.Message == "" {
		return nil, problem.Invalid("The message is empty.")
	}
	if base64.RawURLEncoding.DecodedLen(len(m.Message)) > limit {
		return nil, problem.TooLarge()
	}
	// Go's decoder skips line breaks even when it is strict.
	canonical, err := base64.RawURLEncoding.Strict().DecodeString(m.Message)
	if err != nil || strings.ContainsAny(m.Message, "\r\n") {
		return nil, problem.Invalid("The message is not base64url without padding.")
	}
	return canonical, nil
}

// ReadMessage reads a request whose body is a Message of at most limit
// canonical bytes.
func ReadMessage(c echo.Context, limit int) ([]byte, error) {
	var m Message
	if err := ReadJSON(c, &m); err != nil {
		return nil, err
	}
	return m.Bytes(limit)
}

// WriteMessage answers with a Message.
func WriteMessage(c echo.Context, status int, canonical []byte) error {
	return c.JSON(status, NewMessage(canonical))
}
