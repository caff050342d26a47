package scale_test

import (
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/replay/redistest"
)

// What the services keep in Redis, as patterns of keys.
const (
	cloudWindow    = "{rw:publiccloud}:window"
	hospitalWindow = "{rw:" + hospitalID + "}:window"
	sessionKeys    = "session:" + hospitalID + ":*"
	mailKeys       = "portal:*"
)

// holder is the living master that has a key of the pattern.
func holder(t testing.TB, nodes []*redistest.Server, dead map[*redistest.Server]bool, pattern string) *redistest.Server {
	t.Helper()
	for _, n := range nodes {
		if dead[n] || n.Role() != "master" {
			continue
		}
		if keys, _ := n.Do("KEYS", pattern).([]any); len(keys) > 0 {
			return n
		}
	}
	t.Fatalf("no master has %s", pattern)
	return nil
}

// Three masters and three replicas. Between M3 and M4 the master with the public cloud's
// window is killed; in the next visit, between M7 and M8, the one with the hospital's
// sessions. The killed ones come back as replicas, and nothing that was taken before is
// taken again.
func TestClusterFailoverInMidVisit(t *testing.T) {
	heavy(t)
	ctx := t.Context()
	nodes := redistest.StartCluster(t, 3, 1)
	var addrs []string
	for _, n := range nodes {
		addrs = append(addrs, n.Addr())
	}
	w := newWorld(t, "--redis-addrs="+strings.Join(addrs, ","), "--redis-cluster")
	p := w.join(ctx)
	dead := map[*redistest.Server]bool{}
	kill := func(pattern string) func() {
		return func() {
			n := holder(t, nodes, dead, pattern)
			dead[n] = true
			n.Kill9()
		}
	}
	p.when(message.TypeM3, kill(cloudWindow))
	ok(t, p.visit(ctx))
	ok(t, p.once(ctx))
	revive(t, nodes, dead)

	p.when(message.TypeM7, kill(sessionKeys))
	ok(t, p.visit(ctx))
	ok(t, p.once(ctx))
	if len(dead) != 1 {
		t.Error("the second visit met no failover")
	}
}

// revive starts the dead nodes again and waits until the cluster is whole.
func revive(t testing.TB, nodes []*redistest.Server, dead map[*redistest.Server]bool) {
	t.Helper()
	if len(dead) != 1 {
		t.Fatalf("%d nodes were killed, not one: the test tests nothing", len(dead))
	}
	for n := range dead {
		n.Restart()
		delete(dead, n)
		redistest.Eventually(t, 30*time.Second, "the killed node is a replica", func() bool {
			info, _ := n.Do("INFO", "replication").(string)
			return n.Role() == "slave" && strings.Contains(info, "master_link_status:up")
		})
	}
	for _, n := range nodes {
		redistest.Eventually(t, 30*time.Second, "the cluster is whole", func() bool {
			info, _ := n.Do("CLUSTER", "INFO").(string)
			return strings.Contains(info, "cluster_state:ok")
		})
	}
}

// A master, a replica and three Sentinels. The master is killed between M7 and M8: its
// replica takes over the mailboxes and forgets the window and the sessions, as a Redis
// that may have lost some of them must.
func TestSentinelFailoverInMidVisit(t *testing.T) {
	heavy(t)
	ctx := t.Context()
	master := redistest.Start(t)
	replica := redistest.Start(t, "--replicaof", "127.0.0.1 "+master.Port())
	sentinels := redistest.StartSentinels(t, 3, "medunion", master, 1)
	var addrs []string
	for _, s := range sentinels {
		addrs = append(addrs, s.Addr())
	}
	w := newWorld(t, "--redis-addrs="+strings.Join(addrs, ","), "--redis-master=medunion")
	p := w.join(ctx)
	p.when(message.TypeM7, master.Kill9)
	ok(t, p.visit(ctx))
	ok(t, p.once(ctx))
	if replica.Role() != "master" {
		t.Error("the replica was not promoted: the test tests nothing")
	}
	w.newerSchema(ctx, p)
}
