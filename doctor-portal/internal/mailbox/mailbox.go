// Package mailbox keeps the sealed messages between patients and doctors in Redis
// while a visit lasts, so that every instance of the portal can serve it.
//
// It knows of a message only its type and its session. A visit goes through its
// steps in order (M1, M2, M3, M10), each once: a stranger can enter a waiting room,
// and nothing more until the doctor has answered him. A message that was taken is in its
// box, whichever instance dies meanwhile; one that was not can be sent again. Losing Redis
// loses visits in progress, which their parties begin anew.
package mailbox

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Bounds of a mailbox.
const (
	Life       = 30 * time.Minute // of a visit and its messages: that of SEK_1
	MaxWaiting = 200              // messages in one doctor's inbox with which M1 is still taken
	MaxMail    = 8                // messages in one visit's mailbox
	MaxLetters = 16               // messages of one answer: each may have 4 MiB
	KnownFor   = 720 * time.Hour  // a doctor's waiting room stays, after she was last here
	blockFor   = 2 * time.Second  // one blocking read; a longer wait repeats it
	maxBlocked = 256              // blocking reads at once, of this instance: each holds a connection
	readyLife  = time.Minute      // of what Ready writes
	pollEvery  = time.Second      // how often those that find no place look instead
)

// Letter is a message with the id that orders its mailbox.
type Letter struct {
	ID      string
	Message []byte
}

// Store is the mailboxes over Redis.
type Store struct {
	redis   redis.UniversalClient
	space   string
	blocked chan struct{} // places for blocking reads

	// Watch, if set, is told how many messages a mailbox holds after each that is put into
	// it; the kind is "inbox", a doctor's, or "visit", a patient's.
	Watch func(kind string, depth int)
}

// Blocked is how many blocking reads this instance has under way, and how many it may have.
func (s *Store) Blocked() (now, most int) { return len(s.blocked), cap(s.blocked) }

// New uses a connected client, whose pool should hold some hundred connections more
// than the 256 for readers that wait. namespace separates portals that share a Redis.
func New(c redis.UniversalClient, namespace string) *Store {
	return &Store{redis: c, space: namespace, blocked: make(chan struct{}, maxBlocked)}
}

// Ready writes to Redis: one that is a replica, or full, answers and takes no message.
func (s *Store) Ready(ctx context.Context) error {
	return s.redis.Set(ctx, s.space+":ready", 1, readyLife).Err()
}

func (s *Store) inbox(doctor message.Hash) string {
	return s.space + ":inbox:{" + hex.EncodeToString(doctor[:]) + "}"
}

// visit is keyed by a hash: whoever reads Redis' keys does not learn the session
// id, which is the patient's capability.
func (s *Store) visit(session [16]byte) string {
	h := ecc.Sum(session[:])
	return s.space + ":visit:{" + hex.EncodeToString(h[:16]) + "}"
}

func (s *Store) mail(session [16]byte) string { return s.visit(session) + ":mail" }

// push appends unless the box is full, drops what is older than Life and renews
// the box's expiry.
var push = redis.NewScript(`
redis.call('XTRIM', KEYS[1], 'MINID', ARGV[4])
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('XADD', KEYS[1], '*', 'm', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('XLEN', KEYS[1])`)

func (s *Store) push(ctx context.Context, kind, box string, limit int, m []byte) error {
	now, err := s.redis.Time(ctx).Result()
	if err != nil {
		return unavailable(err)
	}
	taken, err := push.Run(ctx, s.redis, []string{box}, m, limit, Life.Milliseconds(), now.Add(-Life).UnixMilli()).Int()
	if err != nil {
		return unavailable(err)
	}
	if taken == 0 {
		return problem.TooMany(time.Minute)
	}
	if s.Watch != nil {
		s.Watch(kind, taken)
	}
	return nil
}

// advance records a step of a visit: the doctor must be the visit's, the step before must
// have begun, and this one not yet, unless by the same message. ARGV[4] is the mark of that
// message.
var advance = redis.NewScript(`
local doctor = redis.call('HGET', KEYS[1], 'doctor')
if not doctor or (ARGV[3] ~= '' and doctor ~= ARGV[3]) then return '' end
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 then return '' end
local begun = redis.call('HGET', KEYS[1], ARGV[1])
if begun and begun ~= ARGV[4] then return '' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
return doctor`)

// mark stands for a message whose step has begun, until it lies in its box. The two are
// keys of different slots, so that no script does both: whoever dies in between leaves the
// mark, and the same message again completes the step. The box may then hold it twice,
// which its reader refuses; lost without a word it never is.
func mark(m []byte) string {
	h := ecc.Sum(m)
	return "begun " + hex.EncodeToString(h[:16])
}

// finish closes a step: from now on it is refused, the same message included. It makes no
// visit that has expired, and its failure is none of the message's.
var finish = redis.NewScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], '1') end
return 1`)

func (s *Store) finish(ctx context.Context, session [16]byte, t message.Type) {
	finish.Run(context.WithoutCancel(ctx), s.redis, []string{s.visit(session)}, string(t))
}

var before = map[message.Type]message.Type{message.TypeM2: message.TypeM1, message.TypeM3: message.TypeM2, message.TypeM10: message.TypeM3}

var errStep = errors.New("mailbox: no such visit, or not its next step")

func (s *Store) advance(ctx context.Context, session [16]byte, t message.Type, doctor string, m []byte) (string, error) {
	found, err := advance.Run(ctx, s.redis, []string{s.visit(session)}, string(t), string(before[t]), doctor, mark(m)).Text()
	if err != nil {
		return "", unavailable(err)
	}
	if found == "" {
		return "", problem.Refused(errStep)
	}
	return found, nil
}

// begin opens a visit once, with its expiry: no crash leaves a key that stays. The same
// message may begin it again until it lies in the inbox.
var begin = redis.NewScript(`
local doctor = redis.call('HGET', KEYS[1], 'doctor')
if doctor then
	if doctor == ARGV[1] and redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[4] then return 1 end
	return 0
end
redis.call('HSET', KEYS[1], 'doctor', ARGV[1], ARGV[2], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`)

func (s *Store) known(doctor message.Hash) string {
	return s.space + ":known:{" + hex.EncodeToString(doctor[:]) + "}"
}

// Welcome marks a doctor who has proven her key to this portal. Each reading of her mail
// renews it: should Redis lose the mark, she has it again within a read.
func (s *Store) Welcome(ctx context.Context, doctor message.Hash) error {
	if err := s.redis.Set(ctx, s.known(doctor), "1", KnownFor).Err(); err != nil {
		return unavailable(err)
	}
	return nil
}

// expects refuses M1 to whoever was never here: invented doctors would let a stranger
// fill Redis with waiting rooms.
func (s *Store) expects(ctx context.Context, doctor message.Hash) error {
	n, err := s.redis.Exists(ctx, s.known(doctor)).Result()
	if err != nil {
		return unavailable(err)
	}
	if n == 0 {
		return problem.NotFound("No such doctor works at this portal.")
	}
	return nil
}

// Consult puts M1 into the inbox of a doctor who was here in the last 30 days, and
// opens the visit. The same session a second time is a conflict.
func (s *Store) Consult(ctx context.Context, doctor message.Hash, session [16]byte, m []byte) error {
	if err := s.expects(ctx, doctor); err != nil {
		return err
	}
	key, name := s.visit(session), hex.EncodeToString(doctor[:])
	fresh, err := begin.Run(ctx, s.redis, []string{key}, name, string(message.TypeM1), Life.Milliseconds(), mark(m)).Int()
	if err != nil {
		return unavailable(err)
	}
	if fresh == 0 {
		return problem.Conflict("this visit has begun already")
	}
	if err := s.push(ctx, "inbox", s.inbox(doctor), MaxWaiting, m); err != nil {
		if full(err) {
			s.redis.Del(context.WithoutCancel(ctx), key)
		}
		return err
	}
	s.finish(ctx, session, message.TypeM1)
	return nil
}

// full says that a box did not take the message, for certain.
func full(err error) bool { return problem.KindOf(err) == problem.KindTooMany }

// deliver puts the message of a step that has begun into its box. A box that is full takes
// the step back; where Redis is away the mark stays, and the same message goes on from there.
func (s *Store) deliver(ctx context.Context, session [16]byte, t message.Type, kind, box string, limit int, m []byte) error {
	if err := s.push(ctx, kind, box, limit, m); err != nil {
		if full(err) {
			s.redis.HDel(context.WithoutCancel(ctx), s.visit(session), string(t))
		}
		return err
	}
	s.finish(ctx, session, t)
	return nil
}

// ToDoctor puts M3 into the inbox of the visit's doctor, who has answered M1. There is
// room for one to each M1: strangers at the door cannot keep out whom she has answered.
func (s *Store) ToDoctor(ctx context.Context, session [16]byte, t message.Type, m []byte) error {
	if t != message.TypeM3 {
		return problem.Invalid("not a message that a patient sends")
	}
	name, err := s.advance(ctx, session, t, "", m)
	if err != nil {
		return err
	}
	doctor, err := hex.DecodeString(name)
	if err != nil || len(doctor) != len(message.Hash{}) {
		return problem.Internal(errors.New("mailbox: malformed visit"))
	}
	return s.deliver(ctx, session, t, "inbox", s.inbox(message.Hash(doctor)), 2*MaxWaiting, m)
}

// ToPatient puts M2 or M10 into the visit's mailbox, for the visit's doctor only.
func (s *Store) ToPatient(ctx context.Context, doctor message.Hash, session [16]byte, t message.Type, m []byte) error {
	if t != message.TypeM2 && t != message.TypeM10 {
		return problem.Invalid("not a message that a doctor sends")
	}
	if _, err := s.advance(ctx, session, t, hex.EncodeToString(doctor[:]), m); err != nil {
		return err
	}
	return s.deliver(ctx, session, t, "visit", s.mail(session), MaxMail, m)
}

// Inbox returns the doctor's messages after an id, waiting for a first one at most
// wait long; stop ends the wait early.
func (s *Store) Inbox(ctx context.Context, doctor message.Hash, after string, wait time.Duration, stop <-chan struct{}) ([]Letter, error) {
	if err := s.Welcome(ctx, doctor); err != nil {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, err
	}
	return s.read(ctx, s.inbox(doctor), after, wait, stop)
}

// Mail returns the visit's messages for the patient, as Inbox does. The session is
// her capability: an unknown one is an empty mailbox.
func (s *Store) Mail(ctx context.Context, session [16]byte, after string, wait time.Duration, stop <-chan struct{}) ([]Letter, error) {
	return s.read(ctx, s.mail(session), after, wait, stop)
}

func (s *Store) read(ctx context.Context, box, after string, wait time.Duration, stop <-chan struct{}) ([]Letter, error) {
	deadline := time.Now().Add(wait)
	for {
		left := min(time.Until(deadline), blockFor)
		letters, err := s.readWaiting(ctx, box, after, left, stop)
		if err != nil || len(letters) > 0 || time.Now().After(deadline) {
			return letters, err
		}
		select {
		case <-stop:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		default:
		}
	}
}

// readWaiting is readOnce with a bound on how many connections wait: any number of
// strangers may wait for mail, and must leave connections for those who bring it.
func (s *Store) readWaiting(ctx context.Context, box, after string, block time.Duration, stop <-chan struct{}) ([]Letter, error) {
	select {
	case s.blocked <- struct{}{}:
		defer func() { <-s.blocked }()
		return s.readOnce(ctx, box, after, block)
	default:
	}
	letters, err := s.readOnce(ctx, box, after, 0)
	if err != nil || len(letters) > 0 || block <= 0 {
		return letters, err
	}
	select {
	case <-time.After(min(block, pollEvery)):
	case <-stop:
	case <-ctx.Done():
	}
	return nil, nil
}

// readOnce reads up to MaxLetters messages; block of zero or less does not wait.
func (s *Store) readOnce(ctx context.Context, box, after string, block time.Duration) ([]Letter, error) {
	if block < time.Millisecond {
		block = -1 // without BLOCK: to Redis, zero is forever
	}
	streams, err := s.redis.XRead(ctx, &redis.XReadArgs{Streams: []string{box, after}, Count: MaxLetters, Block: block}).Result()
	if errors.Is(err, redis.Nil) || ctx.Err() != nil {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	var out []Letter
	for _, st := range streams {
		for _, m := range st.Messages {
			text, _ := m.Values["m"].(string)
			out = append(out, Letter{ID: m.ID, Message: []byte(text)})
		}
	}
	return out, nil
}

const challengeLife = time.Minute

// NewChallenge keeps a login challenge of 32 bytes for one minute.
func (s *Store) NewChallenge(ctx context.Context, challenge []byte) error {
	if err := s.redis.Set(ctx, s.challenge(challenge), "1", challengeLife).Err(); err != nil {
		return unavailable(err)
	}
	return nil
}

// TakeChallenge uses a challenge up. It reports whether there was one.
func (s *Store) TakeChallenge(ctx context.Context, challenge []byte) (bool, error) {
	n, err := s.redis.Del(ctx, s.challenge(challenge)).Result()
	if err != nil {
		return false, unavailable(err)
	}
	return n == 1, nil
}

func (s *Store) challenge(c []byte) string {
	return s.space + ":login:{" + base64.RawURLEncoding.EncodeToString(c) + "}"
}

func unavailable(cause error) error { return problem.Unavailable(time.Second, cause) }
