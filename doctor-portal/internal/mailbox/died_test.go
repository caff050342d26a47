package mailbox_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/internal/mailbox"
)

// cut loses the commands on keys that contain a text, as a connection that breaks before
// they arrive, or, when late, before their answer does.
type cut struct {
	key  atomic.Pointer[string]
	late bool
}

var errCut = errors.New("the connection is cut")

func (c *cut) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *cut) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (c *cut) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		key := c.key.Load()
		if key == nil || !strings.HasPrefix(cmd.Name(), "eval") || !strings.Contains(cmd.Args()[3].(string), *key) {
			return next(ctx, cmd)
		}
		if c.late {
			_ = next(ctx, cmd)
		}
		cmd.SetErr(errCut)
		return errCut
	}
}

func (c *cut) on(key string) { c.key.Store(&key) }
func (c *cut) off()          { c.key.Store(nil) }

// A step whose instance or Redis goes away between the mark and the box is completed by the
// same message, and by no other: what was taken lies in its box, at least once.
func TestAStepThatDiedHalfwayIsCompleted(t *testing.T) {
	for name, late := range map[string]bool{"before the box has it": false, "after the box has it": true} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s *mailbox.Store, c redis.UniversalClient) { diesHalfway(t, s, c, late) })
		})
	}
}

func diesHalfway(t *testing.T, s *mailbox.Store, c redis.UniversalClient, late bool) {
	ctx, broken := t.Context(), &cut{late: late}
	check(t, s.Consult(ctx, other, [16]byte{8}, []byte("so that Redis knows the scripts")))
	c.AddHook(broken)
	steps := []struct {
		box  string
		send func(m string) error
		kind problem.Kind // of the same step again
	}{
		{":inbox:", func(m string) error { return s.Consult(ctx, doctor, session, []byte(m)) }, problem.KindConflict},
		{":mail", func(m string) error { return s.ToPatient(ctx, doctor, session, message.TypeM2, []byte(m)) }, problem.KindRefused},
		{":inbox:", func(m string) error { return s.ToDoctor(ctx, session, message.TypeM3, []byte(m)) }, problem.KindRefused},
		{":mail", func(m string) error { return s.ToPatient(ctx, doctor, session, message.TypeM10, []byte(m)) }, problem.KindRefused},
	}
	for i, x := range steps {
		m := string(rune('a' + i))
		broken.on(x.box)
		if err := x.send(m); kind(err) != problem.KindUnavailable {
			t.Fatalf("step %d with its box cut off: %v", i, err)
		}
		broken.off()
		if err := x.send("another"); kind(err) != x.kind {
			t.Errorf("step %d was taken over by another message: %v", i, err)
		}
		check(t, x.send(m))
		if err := x.send(m); kind(err) != x.kind {
			t.Errorf("step %d is taken again after it was completed: %v", i, err)
		}
	}
	inbox, mail := "a c", "b d"
	if late {
		inbox, mail = "a a c c", "b b d d"
	}
	wantLetters(t, inbox, must(s.Inbox(ctx, doctor, "0-0", 0, nil)))
	wantLetters(t, mail, must(s.Mail(ctx, session, "0-0", 0, nil)))
}
