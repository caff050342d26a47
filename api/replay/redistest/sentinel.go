package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// StartSentinels runs n Sentinels that watch master under name, call it dead after 500 ms without an
// answer, by majority, and know its replicas and each other when StartSentinels returns.
func StartSentinels(t testing.TB, n int, name string, master *Server, replicas int) []*Server {
	t.Helper()
	var all []*Server
	for range n {
		all = append(all, start(t, []string{sentinelConf(t, name, master, n/2+1), "--sentinel"}))
	}
	for _, s := range all {
		Eventually(t, 15*time.Second, "the Sentinels know each other and the replicas", func() bool {
			state := s.masterState(name)
			return state["num-other-sentinels"] == fmt.Sprint(n-1) && state["num-slaves"] == fmt.Sprint(replicas)
		})
	}
	return all
}

// sentinelConf writes the file that a Sentinel insists on rewriting.
func sentinelConf(t testing.TB, name string, master *Server, quorum int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	conf := fmt.Sprintf("sentinel monitor %[1]s 127.0.0.1 %[2]s %[3]d\n"+
		"sentinel down-after-milliseconds %[1]s 500\n"+
		"sentinel failover-timeout %[1]s 1500\n"+
		"sentinel parallel-syncs %[1]s 1\n", name, master.Port(), quorum)
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *Server) masterState(name string) map[string]string {
	state := map[string]string{}
	reply, ok := s.Do("SENTINEL", "MASTER", name).(map[any]any)
	if !ok {
		return state
	}
	for k, v := range reply {
		state[fmt.Sprint(k)] = fmt.Sprint(v)
	}
	return state
}
