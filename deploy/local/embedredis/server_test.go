package embedredis_test

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/deploy/local/embedredis"
)

func start(t testing.TB) (*embedredis.Server, *redis.Client) {
	t.Helper()
	s, err := embedredis.Start(embedredis.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	client := redis.NewClient(&redis.Options{Addr: s.Addr(), MaxRetries: -1})
	t.Cleanup(func() { client.Close() })
	return s, client
}

var runID = regexp.MustCompile(`run_id:([0-9a-f]{40})\r\n`)

func readRunID(t *testing.T, info string, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	m := runID.FindStringSubmatch(info)
	if m == nil {
		t.Fatalf("no run_id of 40 hexadecimal digits in %q", info)
	}
	return m[1]
}

func TestRunIDIsTheSameEverywhereAndFreshAtEachStart(t *testing.T) {
	ctx := context.Background()
	_, client := start(t)
	plain, err := client.Info(ctx).Result()
	want := readRunID(t, plain, err)
	for _, section := range []string{"server", "replication", "everything"} {
		info, err := client.Info(ctx, section).Result()
		if got := readRunID(t, info, err); got != want {
			t.Errorf("INFO %s: run_id %s, want %s", section, got, want)
		}
	}
	lua, err := client.Eval(ctx, `return string.match(redis.call('INFO','server'), 'run_id:(%x+)')`, nil).Text()
	if err != nil || lua != want {
		t.Errorf("from Lua: run_id %q, %v, want %s", lua, err, want)
	}
	_, other := start(t)
	info, err := other.Info(ctx, "server").Result()
	if readRunID(t, info, err) == want {
		t.Error("two starts share a run_id")
	}
}

func TestKeysExpireAsTimePasses(t *testing.T) {
	ctx := context.Background()
	_, client := start(t)
	const ttl = 300 * time.Millisecond
	before := time.Now()
	if err := client.Set(ctx, "k", "v", ttl).Err(); err != nil {
		t.Fatal(err)
	}
	for deadline := before.Add(5 * time.Second); ; {
		n, err := client.Exists(ctx, "k").Result()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the key never expired")
		}
		time.Sleep(time.Millisecond)
	}
	// A busy machine delays ticks, and a key may pay for a whole one: half is left for that.
	if lived := time.Since(before); lived < ttl/2 {
		t.Errorf("the key lived %v of its %v", lived, ttl)
	}
}

func TestRemainingTTLShrinks(t *testing.T) {
	ctx := context.Background()
	_, client := start(t)
	client.Set(ctx, "k", "v", time.Minute)
	time.Sleep(50 * time.Millisecond)
	left, err := client.PTTL(ctx, "k").Result()
	if err != nil || left > time.Minute-30*time.Millisecond || left < 50*time.Second {
		t.Errorf("PTTL %v, %v after 50 ms of a minute", left, err)
	}
}

func TestTimeIsTheRealClockAlsoInLua(t *testing.T) {
	ctx := context.Background()
	_, client := start(t)
	for range 3 {
		before := time.Now().Truncate(time.Microsecond)
		parts, err := client.Eval(ctx, `return redis.call('TIME')`, nil).StringSlice()
		after := time.Now()
		if err != nil {
			t.Fatal(err)
		}
		var sec, usec int64
		if _, err := fmt.Sscan(parts[0]+" "+parts[1], &sec, &usec); err != nil {
			t.Fatal(err)
		}
		got := time.Unix(sec, usec*1000)
		if got.Before(before) || got.After(after) {
			t.Errorf("TIME %v outside [%v, %v]", got, before, after)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestScriptsAreAtomic runs a read-modify-write script from many clients at once.
func TestScriptsAreAtomic(t *testing.T) {
	ctx := context.Background()
	_, client := start(t)
	script := redis.NewScript(`local n = tonumber(redis.call('GET', KEYS[1]) or '0')
		redis.call('SET', KEYS[1], n + 1, 'PX', 60000) return n + 1`)
	var wg sync.WaitGroup
	for range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 10 {
				if err := script.Run(ctx, client, []string{"n"}).Err(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	if n, err := client.Get(ctx, "n").Int(); err != nil || n != 200 {
		t.Errorf("20 clients x 10 increments gave %d, %v", n, err)
	}
}

func TestSetIfAbsentAdmitsOne(t *testing.T) {
	ctx := context.Background()
	_, client := start(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			ok, err := client.SetNX(ctx, "once", "1", time.Minute).Result()
			if err != nil {
				t.Error(err)
			}
			if ok {
				mu.Lock()
				won++
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d of 20 won SET NX", won)
	}
}

func TestRestartForgetsEverything(t *testing.T) {
	ctx := context.Background()
	s, client := start(t)
	client.Set(ctx, "k", "v", 0)
	s.Close()
	if err := client.Get(ctx, "k").Err(); err == nil || err == redis.Nil {
		t.Errorf("a closed server answered: %v", err)
	}
	again, err := embedredis.Start(embedredis.Options{Addr: s.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := client.Get(ctx, "k").Err(); err != redis.Nil {
		t.Errorf("after a restart: %v, want no such key", err)
	}
}

func TestRefusesOtherAddresses(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "localhost:0", "192.0.2.1:0", "nonsense"} {
		if s, err := embedredis.Start(embedredis.Options{Addr: addr}); err == nil {
			s.Close()
			t.Errorf("listened on %q", addr)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	s, _ := start(t)
	s.Close()
	s.Close()
}

// BenchmarkSet shows what a command costs beside the number of keys with a TTL.
func BenchmarkSet(b *testing.B) {
	ctx := context.Background()
	for _, keys := range []int{0, 1000, 10000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			_, client := start(b)
			pipe := client.Pipeline()
			for i := range keys {
				pipe.Set(ctx, fmt.Sprint("filler:", i), "v", time.Hour)
			}
			if _, err := pipe.Exec(ctx); keys > 0 && err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for range b.N {
				if err := client.Set(ctx, "k", "v", time.Hour).Err(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
