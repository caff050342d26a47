package embedmongo_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"

	"medunion/deploy/internal/freeport"
	"medunion/deploy/local/embedmongo"
)

const childVariable = "EMBEDMONGO_TEST_CHILD" // "dir|addr": be a server instead of a test

func TestMain(m *testing.M) {
	if v := os.Getenv(childVariable); v != "" {
		child(v)
		return
	}
	os.Exit(m.Run())
}

// child serves until it is killed, or until its parent is gone.
func child(v string) {
	dir, addr, _ := strings.Cut(v, "|")
	s, err := embedmongo.Start(embedmongo.Options{Dir: dir, Addr: addr})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(s.URI())
	io.Copy(io.Discard, os.Stdin)
}

// spawn starts a server as a process of its own.
func spawn(t *testing.T, dir, addr string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dir+"|"+addr)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() { stdin.Close(); cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "mongodb://") {
		t.Fatalf("the child said %q, %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}

// ledger is what the clients were told is done.
type ledger struct {
	mu       sync.Mutex
	inserted []string
	pairs    []string
	steps    int // acknowledged increments
	unsure   int // increments that ended in an error
}

// TestKillLosesNoAcknowledgedWrite kills the server in the middle of writes, five times. The
// clients live on and meet the next server at the same address, as services do.
func TestKillLosesNoAcknowledgedWrite(t *testing.T) {
	dir, addr := t.TempDir(), freeport.For(t)
	cmd, uri := spawn(t, dir, addr)
	client := connect(t, uri+"&serverSelectionTimeoutMS=20000")
	c := client.Database("d").Collection("c")
	insertAll(t, c, bson.M{"_id": "counter", "n": 0})
	var l ledger
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() { l.write(c, w, stop) })
	}
	for range 5 {
		l.awaitMore(t, 60)
		time.Sleep(rand.N(100 * time.Millisecond))
		must(t, cmd.Process.Kill())
		cmd.Wait()
		cmd, _ = spawn(t, dir, addr)
	}
	l.awaitMore(t, 60)
	close(stop)
	writers.Wait()
	l.check(t, c)
}

// awaitMore waits until n more increments are acknowledged.
func (l *ledger) awaitMore(t *testing.T, n int) {
	t.Helper()
	read := func() int { l.mu.Lock(); defer l.mu.Unlock(); return l.steps }
	goal := read() + n
	for end := time.Now().Add(30 * time.Second); read() < goal; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the clients do not get on")
		}
	}
}

// write inserts, increments and commits pairs in turn, and notes what was acknowledged.
func (l *ledger) write(c *mongo.Collection, writer int, stop chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		id := fmt.Sprintf("w%d-%d", writer, i)
		_, inserted := c.InsertOne(ctx, bson.M{"_id": id})
		_, stepped := c.UpdateOne(ctx, bson.M{"_id": "counter"}, bson.M{"$inc": bson.M{"n": 1}})
		paired := insertPair(c, id)
		l.mu.Lock()
		if inserted == nil {
			l.inserted = append(l.inserted, id)
		}
		if paired == nil {
			l.pairs = append(l.pairs, id)
		}
		if stepped == nil {
			l.steps++
		} else {
			l.unsure++
		}
		l.mu.Unlock()
	}
}

func insertPair(c *mongo.Collection, id string) error {
	return c.Database().Client().UseSession(ctx, func(sc mongo.SessionContext) error {
		_, err := sc.WithTransaction(sc, func(sc mongo.SessionContext) (any, error) {
			if _, err := c.InsertOne(sc, bson.M{"_id": id + "/a"}); err != nil {
				return nil, err
			}
			_, err := c.InsertOne(sc, bson.M{"_id": id + "/b"})
			return nil, err
		})
		return err
	})
}

func (l *ledger) check(t *testing.T, c *mongo.Collection) {
	t.Helper()
	stored := map[string]bool{}
	n := 0
	for _, d := range findAll(t, c, bson.M{}) {
		stored[d["_id"].(string)] = true
		if d["_id"] == "counter" {
			n = int(d["n"].(int32))
		}
	}
	for _, id := range l.inserted {
		if !stored[id] {
			t.Errorf("lost the insert %s", id)
		}
	}
	for _, id := range l.pairs {
		if !stored[id+"/a"] || !stored[id+"/b"] {
			t.Errorf("lost a committed transaction %s", id)
		}
	}
	for id := range stored {
		if base, _, isPair := strings.Cut(id, "/"); isPair && !(stored[base+"/a"] && stored[base+"/b"]) {
			t.Errorf("half a transaction: %s", id)
		}
	}
	if n < l.steps || n > l.steps+l.unsure {
		t.Errorf("the counter is %d after %d acknowledged and %d uncertain increments", n, l.steps, l.unsure)
	}
	t.Logf("acknowledged: %d inserts, %d transactions, %d increments (%d uncertain)", len(l.inserted), len(l.pairs), l.steps, l.unsure)
}
