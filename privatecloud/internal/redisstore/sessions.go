// Package redisstore keeps a hospital's session states and its replay window in Redis.
// Losing Redis makes requests fail; it never lets one through twice. A session does not
// outlive the memory of the Redis that holds it, whatever comes back from a disk or a replica.
package redisstore

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/privatecloud/hospital"
)

//go:embed epoch.lua
var epochSource string

//go:embed swap.lua
var swapSource string

//go:embed create.lua
var createSource string

var (
	swapScript   = redis.NewScript(epochSource + swapSource)
	createScript = redis.NewScript(epochSource + createSource)
)

// Sessions implements hospital.Sessions. Values are sealed by the role, keys are keyed hashes.
type Sessions struct {
	client redis.UniversalClient
	prefix string
}

var _ hospital.Sessions = (*Sessions)(nil)

// NewSessions uses a client; namespace keeps hospitals that share a Redis apart.
func NewSessions(client redis.UniversalClient, namespace string) *Sessions {
	return &Sessions{client: client, prefix: "session:" + namespace + ":"}
}

func (s *Sessions) key(id message.Hash) string { return s.prefix + hex.EncodeToString(id[:]) }

// failed hides the text of an error of Redis, which may quote keys.
func failed(step string, err error) error {
	if err == nil {
		return nil
	}
	var answer redis.Error
	if errors.As(err, &answer) {
		return problem.Unavailable(time.Second, fmt.Errorf("redis: %s: refused", step))
	}
	return problem.Unavailable(time.Second, fmt.Errorf("redis: %s: %T", step, err))
}

// CreateSession implements hospital.Sessions.
func (s *Sessions) CreateSession(ctx context.Context, id message.Hash, sealed []byte, life time.Duration) error {
	n, err := createScript.Run(ctx, s.client, []string{s.key(id)}, sealed, life.Milliseconds()).Int()
	if err == nil && n == 0 {
		return hospital.ErrExists
	}
	return failed("create session", err)
}

// Session implements hospital.Sessions.
func (s *Sessions) Session(ctx context.Context, id message.Hash) (hospital.StoredSession, error) {
	values, err := s.client.HMGet(ctx, s.key(id), "v", "s").Result()
	if err != nil {
		return hospital.StoredSession{}, failed("read session", err)
	}
	version, ok1 := values[0].(string)
	sealed, ok2 := values[1].(string)
	if !ok1 || !ok2 {
		return hospital.StoredSession{}, hospital.ErrNotFound
	}
	n, err := strconv.ParseUint(version, 10, 64)
	return hospital.StoredSession{Version: n, Sealed: []byte(sealed)}, failed("read session", err)
}

// SwapSession implements hospital.Sessions.
func (s *Sessions) SwapSession(ctx context.Context, id message.Hash, to hospital.StoredSession) error {
	n, err := swapScript.Run(ctx, s.client, []string{s.key(id)}, to.Version-1, to.Version, to.Sealed).Int()
	switch {
	case err != nil:
		return failed("swap session", err)
	case n < 0:
		return hospital.ErrNotFound
	case n == 0:
		return hospital.ErrLost
	}
	return nil
}

// DropSession implements hospital.Sessions.
func (s *Sessions) DropSession(ctx context.Context, id message.Hash) error {
	return failed("drop session", s.client.Del(ctx, s.key(id)).Err())
}
