package replay

import (
	"context"
	"errors"
	"strings"
	"time"
)

// EmbeddedMark is a line of INFO by which the embedded server of the one-command run says
// what it is.
const EmbeddedMark = "medunion_embedded:1"

// ErrEmbedded says that a server is for development only.
var ErrEmbedded = errors.New("redis: it is the embedded server, which is for development only; name a real one in --redis-addrs (--dev allows it for development)")

// embeddedTimeout is how long RefuseEmbedded waits.
const embeddedTimeout = 2 * time.Second

// RefuseEmbedded asks the server what it is: ErrEmbedded if it is that of the one-command
// run. One that cannot be reached now, or tells its users nothing of itself, is not
// refused: the service's readiness speaks of it.
func RefuseEmbedded(ctx context.Context, c Config) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, embeddedTimeout)
	defer cancel()
	c.Timeout = embeddedTimeout
	conn := connect(c)
	defer conn.Close()
	node, err := conn.node(ctx, "{rw:"+c.Namespace+"}")
	if err != nil {
		return nil
	}
	info, err := node.Info(ctx, "server").Result()
	if err == nil && strings.Contains(info, EmbeddedMark) {
		return ErrEmbedded
	}
	return nil
}
