package embedmongo

import (
	"bufio"
	"errors"
	"net"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/wire"
)

// serve answers the requests of one connection, one after the other, until it ends or sends
// bytes that are no message.
func (s *Server) serve(c net.Conn) {
	defer s.untrack(c)
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		m, err := wire.Read(r)
		if err != nil {
			return
		}
		reply, cut := s.faulty(m)
		if cut {
			return
		}
		if m.NoReply {
			continue
		}
		b, err := m.Encode(s.replies.Add(1), reply)
		if err != nil {
			b, err = m.Encode(s.replies.Add(1), failure(err))
		}
		if err != nil {
			return
		}
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// answer runs the command of m and returns its reply, which says ok: 0 for an error.
func (s *Server) answer(m *wire.Message) (reply bson.D) {
	defer func() {
		if r := recover(); r != nil {
			reply = failure(mongoerr.New(mongoerr.InternalError, "the command failed unexpectedly: %v", r))
		}
	}()
	reply, err := s.run(m)
	if err != nil {
		return failure(err)
	}
	return append(reply, bson.E{Key: "ok", Value: 1.0})
}

// failure is the reply to a command that failed.
func failure(err error) bson.D {
	e := asMongoError(err)
	reply := bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: e.Message}, {Key: "code", Value: e.Code}, {Key: "codeName", Value: e.Name}}
	if len(e.Labels) > 0 {
		reply = append(reply, bson.E{Key: "errorLabels", Value: e.Labels})
	}
	return reply
}

func asMongoError(err error) *mongoerr.Error {
	var e *mongoerr.Error
	if errors.As(err, &e) {
		return e
	}
	return mongoerr.New(mongoerr.InternalError, "%v", err)
}
