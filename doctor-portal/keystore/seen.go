package keystore

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"medunion/api/problem"
)

const (
	maxSeen  = 65535
	seenSize = 16 + 8 // id, until in milliseconds
)

// Accept records the id of an M1 that is about to be answered (doctor.SeenStore): it
// returns nil only when the id is durable. An id recorded before is refused with
// ErrSeen; after until it may be forgotten.
func (s *Store) Accept(_ context.Context, id [16]byte, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		return problem.Conflict("The key store is locked.").Because(ErrClosed)
	}
	now := s.cfg.Now()
	maps.DeleteFunc(s.seen, func(_ [16]byte, until time.Time) bool { return now.After(until) })
	if _, known := s.seen[id]; known {
		return problem.Refused(ErrSeen)
	}
	if len(s.seen) >= maxSeen {
		return problem.TooMany(time.Minute)
	}
	s.seen[id] = until
	if err := s.save(); err != nil {
		delete(s.seen, id)
		return err
	}
	return nil
}

func (s *Store) encodeSeen() []byte {
	ids := slices.SortedFunc(maps.Keys(s.seen), func(a, b [16]byte) int { return slices.Compare(a[:], b[:]) })
	out := make([]byte, 0, len(ids)*seenSize)
	for _, id := range ids {
		out = append(out, id[:]...)
		out = binary.BigEndian.AppendUint64(out, uint64(s.seen[id].UnixMilli()))
	}
	return out
}

// decodeSeen reads what encodeSeen wrote; its length is a multiple of seenSize.
func (s *Store) decodeSeen(b []byte) {
	for ; len(b) > 0; b = b[seenSize:] {
		s.seen[[16]byte(b)] = time.UnixMilli(int64(binary.BigEndian.Uint64(b[16:])))
	}
}
