package replay_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"medunion/api/replay"
	"medunion/api/replay/redistest"
)

// documentedACL is the ACL line of the package comment, so that what operators copy is what is tested.
func documentedACL(t testing.TB, namespace, password string, more ...string) []any {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^//\t(ACL SETUSER NAMESPACE-window .*)\n//\t {2}(.*)$`).FindSubmatch(doc)
	if m == nil {
		t.Fatal("the package comment has no ACL line")
	}
	line := strings.NewReplacer("NAMESPACE", namespace, "PASSWORD", password).Replace(string(m[1]) + " " + string(m[2]))
	var args []any
	for _, word := range append(strings.Fields(line), more...) {
		args = append(args, word)
	}
	return args
}

// noDenials fails if the ACL stopped anything since it was set.
func noDenials(t testing.TB, s *redistest.Server) {
	t.Helper()
	if entries := s.Do("ACL", "LOG").([]any); len(entries) > 0 {
		t.Errorf("the ACL user lacks a permission: %v", entries)
	}
}

func TestACLUserSuffices(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--maxmemory", "50mb")
	s.Do(documentedACL(t, "test", "secret")...)
	c := config(s)
	c.Username, c.Password = "test-window", "secret"
	w := open(t, c)
	ready(t, w)
	all := accepted(t, w, 200)
	s.Do("SCRIPT", "FLUSH")
	all = append(all, accepted(t, w, 200)...)
	noneGetsIn(t, w, all)
	noDenials(t, s)
}

func TestACLUserCanDoNothingElse(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Do(documentedACL(t, "test", "secret")...)
	s.Do("SET", "foreign", "x")
	s.Do("ZADD", "{rw:other}:window", "1", "id")
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Username: "test-window", Password: "secret", DisableIdentity: true})
	defer c.Close()
	for _, command := range []string{
		"FLUSHALL", "FLUSHDB", "KEYS *", "SCAN 0", "GET foreign", "DEL foreign", "DEL {rw:test}:window", "CONFIG GET *",
		"ACL LIST", "SHUTDOWN", "REPLICAOF NO ONE", "SCRIPT FLUSH", "EXPIRE {rw:test}:window 1",
		"ZSCORE {rw:other}:window id", "ZADD {rw:other}:window 1 x", "ZREM {rw:other}:window id",
	} {
		expectNoPermission(t, c, command, strings.Fields(command)...)
		quoted := "'" + strings.Join(strings.Fields(command), "','") + "'"
		expectNoPermission(t, c, command+" in a script", "EVAL", "return redis.call("+quoted+")", "0")
	}
	if s.Do("EXISTS", "foreign", "{rw:other}:window") != int64(2) {
		t.Error("a foreign key is gone")
	}
}

func expectNoPermission(t *testing.T, c *redis.Client, what string, command ...string) {
	t.Helper()
	var args []any
	for _, a := range command {
		args = append(args, a)
	}
	err := c.Do(context.Background(), args...).Err()
	for _, refusal := range []string{"NOPERM", "can't run this command", "can't access at least one of the keys", "not allowed from script"} {
		if err != nil && strings.Contains(err.Error(), refusal) {
			return
		}
	}
	t.Errorf("%s: %v, want no permission", what, err)
}

func TestWrongPasswordIsUnavailable(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Do(documentedACL(t, "test", "secret")...)
	c := config(s)
	c.Username, c.Password = "test-window", "hunter2"
	w := open(t, c)
	err := accept(w, newMessage())
	wantErr(t, err, replay.ErrUnavailable)
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error shows the password: %v", err)
	}
}
