package attack_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/privatecloud/hospital"
	"medunion/publiccloud/cloud"
)

type refresher interface{ Refresh(context.Context) error }

// node is a cloud as the network sees it: bytes in, messages out.
type node interface {
	deliver(ctx context.Context, raw []byte) ([]message.Message, error)
}

// cloudNode is the public cloud.
type cloudNode struct{ *cloud.Cloud }

func (n cloudNode) deliver(ctx context.Context, raw []byte) ([]message.Message, error) {
	m, err := message.Decode(raw)
	if err != nil {
		return nil, problem.Invalid("no message").Because(err)
	}
	handle, found := map[message.Type]func(context.Context, []byte) ([]byte, error){message.TypeM4: n.Search, message.TypeIndex: n.WriteEntry,
		message.TypeM12: n.WriteDiagnosisEntry, message.TypeAsk: n.Ask}[m.Header.Type]
	if !found {
		return nil, problem.Invalid("not for the public cloud")
	}
	b, err := handle(ctx, raw)
	if err != nil {
		return nil, err
	}
	return []message.Message{must(message.Decode(b))}, nil
}

// hospitalNode is one instance of a hospital.
type hospitalNode struct{ *hospital.Hospital }

func (n *hospitalNode) deliver(ctx context.Context, raw []byte) ([]message.Message, error) {
	m, err := message.Decode(raw)
	if err != nil {
		return nil, problem.Invalid("no message").Because(err)
	}
	if m.Header.Type == message.TypeM8 {
		return n.pages(ctx, m)
	}
	handle, found := map[message.Type]func(context.Context, message.Message) (message.Message, error){message.TypeEnrol: n.Enrol,
		message.TypeM6: n.OpenSession, message.TypeM11: n.StoreDiagnosis, message.TypeAsk: n.Ask}[m.Header.Type]
	if !found {
		return nil, problem.Invalid("not for a hospital")
	}
	r, err := handle(ctx, m)
	if err != nil {
		return nil, err
	}
	return []message.Message{must(message.Decode(r.Encode()))}, nil
}

func (n *hospitalNode) pages(ctx context.Context, m message.Message) (out []message.Message, err error) {
	r, err := n.Release(ctx, m)
	if err != nil {
		return nil, err
	}
	for {
		p, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, must(message.Decode(p.Encode())))
	}
}

// sent is one message as it was delivered.
type sent struct {
	to  node
	raw []byte
	t   message.Type
}

func (u *union) pc() node { return cloudNode{u.cloud} }

// record switches the tape on and begins it anew.
func (u *union) record() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.on, u.tape = true, nil
}

// recorded switches the tape off and returns what is on it.
func (u *union) recorded() []sent {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.on = false
	return u.tape
}

func (u *union) note(s sent) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.on {
		u.tape = append(u.tape, s)
	}
}

// noteBody notes a hospital's index write.
func (u *union) noteBody(r *http.Request) {
	b := must(io.ReadAll(r.Body))
	r.Body = io.NopCloser(bytes.NewReader(b))
	var body struct{ Message string }
	if json.Unmarshal(b, &body) == nil {
		u.note(sent{u.pc(), must(base64.RawURLEncoding.DecodeString(body.Message)), message.TypeIndex})
	}
}

// send passes a message on and returns what comes back.
func (u *union) send(to node, m message.Message) ([]message.Message, error) {
	raw := m.Encode()
	replies, err := to.deliver(u.Context(), raw)
	if err == nil {
		u.note(sent{to, raw, m.Header.Type})
	}
	return replies, err
}

// ask passes a message on for which one comes back.
func (u *union) ask(to node, m message.Message) (message.Message, error) {
	replies, err := u.send(to, m)
	if err != nil {
		return message.Message{}, err
	}
	return replies[0], nil
}

// mustAsk is ask between honest parties.
func (u *union) mustAsk(to node, m message.Message) message.Message {
	u.Helper()
	r, err := u.ask(to, m)
	ok(u, err)
	return r
}
