package practice

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/keystore"
)

// session is all that exists while the store is open.
type session struct {
	p      *Practice
	d      *doctor.Doctor
	store  *keystore.Store
	link   *link
	offset atomic.Int64  // what a server's clock is ahead of ours, nanoseconds
	wake   chan struct{} // a registration has been completed

	ctx        context.Context // of all work: ends with the session
	stop       context.CancelFunc
	closing    sync.RWMutex // held for writing once no work may begin
	closed     bool
	background sync.WaitGroup

	registering sync.Mutex // one registration at a time; guards the next two
	attempts    uint64     // registrations asked for in vain since the last one
	asked       time.Time  // when a renewal was last tried

	mu         sync.Mutex
	visits     []*visit // oldest first
	online     bool
	trouble    *Reason
	published  message.Hash // of the prekey that the directory has
	renewed    time.Time    // when the revocation list was fetched
	learned    time.Time    // when the successions were
	after      string       // the last letter handled
	parameters *message.Parameters
	earlier    map[string]EarlierVisit // by id, those that were opened
}

func newSession(p *Practice) *session {
	s := &session{p: p, link: &link{portal: p.cfg.Portal}, wake: make(chan struct{}, 1), after: "0-0", earlier: map[string]EarlierVisit{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// take makes the doctor over the store, and the store durable.
func (s *session) take(store *keystore.Store, cfg doctor.Config, role func(doctor.Config) (*doctor.Doctor, error)) (err error) {
	s.store, cfg.Seen = store, store
	if s.d, err = role(cfg); err != nil {
		return err
	}
	store.Keep(s.d.Export)
	return store.Save()
}

// begin starts the routine work.
func (s *session) begin() {
	_ = s.start(s.run)
	_ = s.start(s.watch)
}

// start runs work in the background; it fails once the session is ending.
func (s *session) start(work func(context.Context)) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return problem.Unavailable(time.Second, errors.New("practice: the session is ending"))
	}
	s.background.Go(func() { work(s.ctx) })
	return nil
}

// close ends the work, the visits and the store, in this order.
func (s *session) close() {
	s.stop()
	s.closing.Lock()
	s.closed = true
	s.closing.Unlock()
	s.background.Wait()
	s.endVisits()
	s.link.set("", time.Time{})
	if s.store != nil {
		s.store.Close()
	}
}

// maxOffset bounds how far a server's clock may move the times that we sign: it is
// told by an answer that anyone on the way could have written.
const maxOffset = 5 * time.Minute

// clockOff is from where a wrong clock is worth a warning.
const clockOff = 30 * time.Second

// stamp is our time, moved by what a server last said of its own.
func (s *session) stamp() time.Time { return s.p.cfg.Now().Add(time.Duration(s.offset.Load())) }

// follow takes the server's time from a stale problem and reports whether it is
// worth signing anew.
func (s *session) follow(err error) bool {
	var p *problem.Error
	if !errors.As(err, &p) || p.Kind != problem.KindStale {
		return false
	}
	ahead := p.Now.Sub(s.p.cfg.Now())
	if ahead.Abs() > maxOffset {
		return false
	}
	s.offset.Store(int64(ahead))
	if ahead.Abs() > clockOff {
		s.p.events.emit(Event{Type: EventWarning, Code: "clock-off"})
	}
	return true
}

// again runs step, and once more after a refusal for its time.
func (s *session) again(step func() error) error {
	err := step()
	if s.follow(err) {
		err = step()
	}
	return err
}

// sent and got report a message to the trace.
func (s *session) sent(m message.Message, to message.Role, began time.Time) {
	s.p.cfg.Trace(message.Sent{Type: m.Header.Type, From: message.Doctor, To: to, Bytes: len(m.Encode()), Took: time.Since(began)})
}

func (s *session) got(m message.Message, from message.Role, began time.Time) {
	s.p.cfg.Trace(message.Sent{Type: m.Header.Type, From: from, To: message.Doctor, Bytes: len(m.Encode()), Took: time.Since(began)})
}
