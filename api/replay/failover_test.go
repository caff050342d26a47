package replay_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"medunion/api/replay"
	"medunion/api/replay/redistest"
)

// replicaOf starts a replica of master behind a link that can be frozen, and waits until it is in step.
func replicaOf(t *testing.T, master *redistest.Server) (*redistest.Server, *redistest.Link) {
	t.Helper()
	link := redistest.NewLink(t, master.Addr())
	host, port := link.HostPort()
	r := redistest.Start(t, "--replicaof", host+" "+port)
	inStep(t, master, r)
	return r, link
}

func inStep(t *testing.T, master, replica *redistest.Server) {
	t.Helper()
	redistest.Eventually(t, 15*time.Second, "the replica is in step", func() bool {
		return strings.Contains(info(replica), "master_link_status:up") && offset(master) == offset(replica)
	})
}

func info(s *redistest.Server) string {
	text, _ := s.Do("INFO", "replication").(string)
	return text
}

func offset(s *redistest.Server) string {
	_, rest, _ := strings.Cut(info(s), "master_repl_offset:")
	digits, _, _ := strings.Cut(rest, "\r\n")
	return digits
}

func TestAttack1_ReplayAfterALaggingReplicaIsPromoted(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica, link := replicaOf(t, master)
	w := open(t, config(master))
	ready(t, w)
	all := accepted(t, w, many)
	inStep(t, master, replica)
	link.Freeze()
	lost := accepted(t, w, many)
	size := replica.Do("ZCARD", "{rw:test}:window").(int64)
	if size < many || size >= 2*many {
		t.Fatalf("the replica holds %d members: it does not lag as it should", size)
	}
	master.Kill9()
	replica.Do("REPLICAOF", "NO", "ONE")
	since := time.Now()

	w = open(t, config(replica))
	survives(t, w, append(all, lost...), since)
}

// The old master is demoted while it lives, misses everything that its successor accepts, and is promoted
// again: the same process with the record of its own epoch.
func TestAttack1_ReplayAfterTheOldMasterReturns(t *testing.T) {
	t.Parallel()
	first := redistest.Start(t)
	second, _ := replicaOf(t, first)
	w1 := open(t, config(first))
	ready(t, w1)
	all := accepted(t, w1, many)
	inStep(t, first, second)

	second.Do("REPLICAOF", "NO", "ONE")
	first.Do("REPLICAOF", "127.0.0.1", "1") // a successor that it never reaches
	wantErr(t, accept(w1, newMessage()), replay.ErrUnavailable)
	w2 := open(t, config(second))
	ready(t, w2)
	all = append(all, accepted(t, w2, many)...)

	second.Kill9()
	first.Do("REPLICAOF", "NO", "ONE")
	since := time.Now()
	survives(t, w1, all, since)
}

// A master that has lost its replicas refuses, as the package comment asks it to be configured, instead of
// going on beside its successor.
func TestAttack1_IsolatedMasterRefuses(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "1")
	_, link := replicaOf(t, master)
	w := open(t, config(master))
	ready(t, w)
	all := accepted(t, w, many)
	link.Freeze()
	redistest.Eventually(t, 5*time.Second, "the isolated master refuses", func() bool {
		err := accept(w, newMessage())
		return err != nil && strings.Contains(err.Error(), "NOREPLICAS")
	})
	for _, m := range all {
		if accept(w, m) == nil {
			t.Fatal("a replay was accepted")
		}
	}
	wantErr(t, w.Ready(context.Background()), replay.ErrUnavailable)
}

func TestAttack1_ReplayAfterSentinelFailover(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := redistest.Start(t, "--replicaof", "127.0.0.1 "+master.Port())
	inStep(t, master, replica)
	c := replay.Config{MasterName: "window", Namespace: "test"}
	sentinels := redistest.StartSentinels(t, 3, "window", master, 1)
	for _, s := range sentinels {
		c.Addrs = append(c.Addrs, s.Addr())
	}
	w := open(t, c)
	ready(t, w)
	all := accepted(t, w, many)

	master.Kill9()
	redistest.Eventually(t, 30*time.Second, "the Sentinels name the replica", func() bool {
		addr, _ := sentinels[0].Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "window").([]any)
		return len(addr) == 2 && addr[1] == replica.Port()
	})
	since := time.Now()
	survives(t, w, all, since)
}

func TestAttack1_ReplayAfterClusterFailover(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t, 3, 1)
	c := replay.Config{Cluster: true, Namespace: "test", Username: "test-window", Password: "secret"}
	for _, n := range nodes {
		n.Do(documentedACL(t, "test", "secret", "+cluster|slots")...)
		c.Addrs = append(c.Addrs, n.Addr())
	}
	w := open(t, c)
	ready(t, w)
	all := accepted(t, w, many)

	owner := ownerOf(t, nodes)
	owner.Kill9()
	var heir *redistest.Server
	redistest.Eventually(t, 30*time.Second, "the cluster promotes the replica", func() bool {
		heir = ownerAmong(nodes, owner)
		return heir != nil
	})
	since := time.Now()
	survives(t, w, all, since)
	for _, n := range nodes {
		if n != owner {
			noDenials(t, n)
		}
	}
}

// The window's slot moves to another node, key by key, while messages arrive.
func TestAttack1_ReplayAfterSlotMigration(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t, 3, 0)
	c := replay.Config{Cluster: true, Namespace: "test"}
	for _, n := range nodes {
		c.Addrs = append(c.Addrs, n.Addr())
	}
	w := open(t, c)
	ready(t, w)
	all := accepted(t, w, many)

	from := ownerOf(t, nodes)
	to := nodes[0]
	if to == from {
		to = nodes[1]
	}
	const key = "{rw:test}:window"
	slot := from.Do("CLUSTER", "KEYSLOT", key)
	fromID, toID := from.Do("CLUSTER", "MYID"), to.Do("CLUSTER", "MYID")
	to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
	from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
	noneGetsIn(t, w, all)
	from.Do("MIGRATE", "127.0.0.1", to.Port(), key, 0, 5000)
	for _, m := range all {
		if accept(w, m) == nil {
			t.Fatal("a replay was accepted during the migration")
		}
	}
	for _, n := range []*redistest.Server{to, from} {
		n.Do("CLUSTER", "SETSLOT", slot, "NODE", toID)
	}
	since := time.Now()
	survives(t, w, all, since)
}

func ownerOf(t *testing.T, nodes []*redistest.Server) *redistest.Server {
	t.Helper()
	owner := ownerAmong(nodes, nil)
	if owner == nil {
		t.Fatal("no master holds the window")
	}
	return owner
}

// ownerAmong is the master, other than dead, that has the window.
func ownerAmong(nodes []*redistest.Server, dead *redistest.Server) *redistest.Server {
	for _, n := range nodes {
		if n == dead || n.Role() != "master" {
			continue
		}
		if n.Client().Exists(context.Background(), "{rw:test}:window").Val() == 1 {
			return n
		}
	}
	return nil
}
