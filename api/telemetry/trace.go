package telemetry

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/event"

	"medunion/api/telemetry/tracing"
)

// spans are the questions to MongoDB that are under way, by the driver's numbers.
type spans struct {
	tracer *tracing.Tracer
	mu     sync.Mutex
	open   map[int64]*tracing.Span
}

// start begins the span of a command inside the request that asks.
func (s *spans) start(ctx context.Context, e *event.CommandStartedEvent) {
	_, span := s.tracer.Ask(ctx, "mongodb "+command(e.CommandName), tracing.System, "mongodb")
	if span == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[e.RequestID] = span
}

func (s *spans) end(id int64, outcome string) {
	s.mu.Lock()
	span := s.open[id]
	delete(s.open, id)
	s.mu.Unlock()
	span.End(0, outcome)
}

// redisCommands are the names that a command of Redis may have in a span.
var redisCommands = []string{"get", "set", "del", "exists", "time", "ping", "eval", "evalsha", "xread", "hdel", "getdel", "expire", "pexpire"}

// RedisSpans makes spans of a client's commands, by their names alone. A tracer of nil
// makes none.
func RedisSpans(t *tracing.Tracer) redis.Hook { return redisHook{t} }

type redisHook struct{ tracer *tracing.Tracer }

// DialHook implements redis.Hook.
func (h redisHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (h redisHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, span := h.tracer.Ask(ctx, "redis "+redisCommand(cmd.Name()), tracing.System, "redis")
		err := next(ctx, cmd)
		span.End(0, failed(err))
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (h redisHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, span := h.tracer.Ask(ctx, "redis pipeline", tracing.System, "redis")
		err := next(ctx, cmds)
		span.End(0, failed(err))
		return err
	}
}

func redisCommand(name string) string {
	if name = strings.ToLower(name); slices.Contains(redisCommands, name) {
		return name
	}
	return "other"
}

// failed is the outcome of a question to Redis: an absent key is an answer.
func failed(err error) string {
	if err == nil || err == redis.Nil || redis.HasErrorPrefix(err, "NOSCRIPT") {
		return ""
	}
	return "unavailable"
}
