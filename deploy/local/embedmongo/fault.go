package embedmongo

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/wire"
)

// Fault is what goes wrong with a command, as it does when a replica set loses its primary.
type Fault int

// The faults.
const (
	Sound       Fault = iota
	NotPrimary        // refused: this node is no primary any more (code 10107)
	SteppedDown       // refused: the primary stepped down while the command waited (code 189)
	CutBefore         // the connection ends before the command is executed
	CutAfter          // the command is executed and the connection ends before the answer
)

// Labels that a server of a replica set gives its errors, so that drivers send the command
// again under the same number.
const retryableWrite = "RetryableWriteError"

var notPrimary = map[Fault]mongoerr.Kind{
	NotPrimary: {Code: 10107, Name: "NotWritablePrimary"}, SteppedDown: {Code: 189, Name: "PrimarySteppedDown"},
}

var handshake = set("hello", "isMaster", "ismaster", "ping", "buildInfo")

// faulty answers m, or does to it what was asked for; cut says that no answer is sent.
func (s *Server) faulty(m *wire.Message) (reply bson.D, cut bool) {
	f := s.faultOf(m)
	switch f {
	case NotPrimary, SteppedDown:
		e := mongoerr.New(notPrimary[f], "not primary")
		e.Labels = []string{retryableWrite}
		return failure(e), false
	case CutBefore:
		return nil, true
	}
	return s.answer(m), f == CutAfter
}

func (s *Server) faultOf(m *wire.Message) Fault {
	if s.fault == nil || m.Legacy {
		return Sound
	}
	elements, err := m.Body.Elements()
	if err != nil || len(elements) == 0 {
		return Sound
	}
	command := elements[0].Key()
	if handshake[command] || strings.HasPrefix(command, "endSessions") {
		return Sound
	}
	return s.fault(command)
}
