package redistest

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// StartCluster runs a Redis cluster of masters*(1+replicas) nodes that promotes a replica about a second
// after its master is gone, and returns them once every node calls the cluster complete.
func StartCluster(t testing.TB, masters, replicas int, args ...string) []*Server {
	t.Helper()
	requireBinary(t, "redis-cli")
	base := []string{"--cluster-enabled", "yes", "--cluster-node-timeout", "1000"}
	var nodes []*Server
	create := []string{"--cluster", "create", "--cluster-yes", "--cluster-replicas", string(rune('0' + replicas))}
	for range masters * (1 + replicas) {
		n := Start(t, append(base, args...)...)
		nodes = append(nodes, n)
		create = append(create, n.Addr())
	}
	if out, err := exec.Command("redis-cli", create...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli --cluster create: %v\n%s", err, out)
	}
	for _, n := range nodes {
		Eventually(t, 20*time.Second, "the cluster is complete", func() bool { return n.inCluster(masters * replicas) })
	}
	return nodes
}

// inCluster reports whether this node sees all slots served and all replicas connected to their masters.
func (s *Server) inCluster(replicas int) bool {
	info, _ := s.Do("CLUSTER", "INFO").(string)
	list, _ := s.Do("CLUSTER", "NODES").(string)
	synced := true
	if s.Role() == "slave" {
		repl, _ := s.Do("INFO", "replication").(string)
		synced = strings.Contains(repl, "master_link_status:up")
	}
	return synced && strings.Contains(info, "cluster_state:ok") && strings.Count(list, "slave ") == replicas
}

// Role is "master" or "slave", as ROLE says.
func (s *Server) Role() string {
	s.t.Helper()
	reply, _ := s.Do("ROLE").([]any)
	if len(reply) == 0 {
		return ""
	}
	role, _ := reply[0].(string)
	return role
}
