package agent

import (
	"context"
	"net/http"
	"time"

	"medunion/api/message"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
)

// Waits of a visit.
const (
	pollWait   = 20 // seconds that the portal may hold a request open
	firstPause = 250 * time.Millisecond
	longPause  = 5 * time.Second
)

// mailbox is the patient's side of a visit's mailboxes at a portal.
type mailbox struct {
	client *portal.Client
	now    func() time.Time
	header string // the capability: never in an address
	after  string
	queue  []message.Message

	connected func(bool) // told after each attempt whether the portal was reached
}

func newMailbox(client *portal.Client, session [16]byte, now func() time.Time, connected func(bool)) *mailbox {
	return &mailbox{client: client, now: now, header: encode(session[:]), after: "0-0", connected: connected}
}

func (m *mailbox) capability(_ context.Context, r *http.Request) error {
	r.Header.Set("Visit-Capability", m.header)
	return nil
}

// sendM1 enters the doctor's waiting room.
func (m *mailbox) sendM1(ctx context.Context, doctor string, m1 message.Message, until time.Time) error {
	return m.deliver(ctx, until, problem.KindConflict, func() error {
		resp, err := m.client.Consult(ctx, doctor, portal.Message{Message: encode(m1.Encode())})
		_, err = body(resp, err, http.StatusAccepted)
		return err
	})
}

// sendM3 sends what the patient shares.
func (m *mailbox) sendM3(ctx context.Context, m3 message.Message, until time.Time) error {
	return m.deliver(ctx, until, problem.KindRefused, func() error {
		resp, err := m.client.SendToDoctor(ctx, portal.Message{Message: encode(m3.Encode())}, m.capability)
		_, err = body(resp, err, http.StatusAccepted)
		return err
	})
}

// deliver repeats a post until the portal has taken it, over every loss of the network
// within the message's life. The portal takes each step
// of a visit once: after an attempt whose answer was lost, an error of the kind done
// means that the message had arrived.
func (m *mailbox) deliver(ctx context.Context, until time.Time, done problem.Kind, post func() error) error {
	pause := firstPause
	for tried := false; ; tried = true {
		err := post()
		m.connected(!transient(err))
		if err == nil || tried && problem.KindOf(err) == done {
			return nil
		}
		if !transient(err) || !m.now().Before(until) {
			return err
		}
		if pause, err = sleep(ctx, pause, err); err != nil {
			return err
		}
	}
}

// next waits for the next message of the type; others are passed over. When the time is
// over it asks once more: a device that slept finds what has come meanwhile.
func (m *mailbox) next(ctx context.Context, t message.Type, until time.Time) (message.Message, error) {
	pause := firstPause
	for {
		for len(m.queue) > 0 {
			first := m.queue[0]
			m.queue = m.queue[1:]
			if first.Header.Type == t {
				return first, nil
			}
		}
		late, wait := !m.now().Before(until), pollWait
		if late {
			wait = 0
		}
		err := m.fetch(ctx, wait)
		m.connected(!transient(err))
		switch {
		case late && len(m.queue) == 0:
			return message.Message{}, errWaited
		case err == nil:
			pause = firstPause
		case transient(err):
			if pause, err = sleep(ctx, pause, err); err != nil {
				return message.Message{}, err
			}
		default:
			return message.Message{}, err
		}
	}
}

// fetch asks the portal once. What is no message is passed over.
func (m *mailbox) fetch(ctx context.Context, wait int) error {
	resp, err := m.client.FetchForPatient(ctx, &portal.FetchForPatientParams{After: &m.after, Wait: &wait}, m.capability)
	mail, err := decode[portal.Mail](resp, err, http.StatusOK)
	if err != nil {
		return err
	}
	for _, l := range mail.Messages {
		m.after = l.ID
		if got, err := openMessage(l.Message); err == nil {
			m.queue = append(m.queue, got)
		}
	}
	return nil
}

// transient errors are worth another attempt.
func transient(err error) bool {
	k := problem.KindOf(err)
	return k == problem.KindUnavailable || k == problem.KindTooMany
}

// sleep waits before another attempt and returns the next, longer pause.
func sleep(ctx context.Context, pause time.Duration, cause error) (time.Duration, error) {
	select {
	case <-ctx.Done():
		return 0, problem.Unavailable(0, cause)
	case <-time.After(pause):
		return min(2*pause, longPause), nil
	}
}
