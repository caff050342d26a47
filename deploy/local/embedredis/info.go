package embedredis

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"medunion/api/replay"
)

// identity is what INFO tells of one run of the server.
type identity struct {
	server  *server.Server
	runID   string // 40 hexadecimal digits, as a real server's
	started time.Time
	port    int
}

func newIdentity(s *server.Server) *identity {
	var id [20]byte
	rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	return &identity{server: s, runID: hex.EncodeToString(id[:]), started: time.Now(), port: s.Addr().Port}
}

// answerInfo is the hook before every command: it answers INFO and leaves the others alone.
// Commands called from Lua pass through the same hook. Every section carries the run_id,
// because miniredis itself refuses all sections but two.
//
// Between MULTI and EXEC the answer comes at once instead of being queued.
func (id *identity) answerInfo(peer *server.Peer, cmd string, _ ...string) bool {
	if cmd != "INFO" {
		return false
	}
	peer.WriteBulk(id.info())
	return true
}

func (id *identity) info() string {
	uptime := int(time.Since(id.started).Seconds())
	lines := []string{
		"# Server",
		"redis_version:7.0.15",
		"redis_mode:standalone",
		replay.EmbeddedMark,
		fmt.Sprintf("process_id:%d", os.Getpid()),
		"run_id:" + id.runID,
		fmt.Sprintf("tcp_port:%d", id.port),
		fmt.Sprintf("uptime_in_seconds:%d", uptime),
		"",
		"# Clients",
		fmt.Sprintf("connected_clients:%d", id.server.ClientsLen()),
		"",
		"# Persistence",
		"aof_enabled:0",
		"",
		"# Stats",
		fmt.Sprintf("total_connections_received:%d", id.server.TotalConnections()),
		fmt.Sprintf("total_commands_processed:%d", id.server.TotalCommands()),
		"",
		"# Replication",
		"role:master",
		"connected_slaves:0",
		"",
	}
	return strings.Join(lines, "\r\n")
}
