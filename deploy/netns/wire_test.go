package netns

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wire is a slow way between two namespaces: a TUN device in each, and this process between
// them, which holds every packet for a while. The kernel's own netem is not everywhere.
type wire struct {
	delay, jitter time.Duration
	ends          [2]*os.File
}

// slow lays the way between two namespaces over a wire until the test ends.
func (n *network) slow(t *testing.T, a, b string, delay, jitter time.Duration) {
	t.Helper()
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("there is no TUN device here: " + err.Error())
	}
	w := &wire{delay: delay, jitter: jitter}
	for i, name := range []string{a, b} {
		f, err := tun(n.prefix+name, "slow")
		ok(t, err)
		w.ends[i] = f
		t.Cleanup(func() { _ = f.Close() })
	}
	go w.carry(0, 1)
	go w.carry(1, 0)
	ok(t, errors.Join(n.lead(a, b, "slow"), n.lead(b, a, "slow")))
	t.Cleanup(func() { _ = errors.Join(n.lead(a, b, "to-"+b), n.lead(b, a, "to-"+a)) })
}

// carry passes packets on in their order.
func (w *wire) carry(from, to int) {
	type held struct {
		packet []byte
		until  time.Time
	}
	queue := make(chan held, 4096)
	defer close(queue)
	go func() {
		for h := range queue {
			time.Sleep(time.Until(h.until))
			_, _ = w.ends[to].Write(h.packet)
		}
	}()
	for {
		b := make([]byte, 2048)
		n, err := w.ends[from].Read(b)
		if err != nil {
			return
		}
		late := w.delay + time.Duration(rand.Int64N(int64(w.jitter)+1))
		select {
		case queue <- held{b[:n], time.Now().Add(late)}:
		default: // a full wire loses packets
		}
	}
}

// tun makes a device in a namespace. Its file works from any other. The thread comes back
// from there, and must not end: that would kill the programs which it has started.
func tun(namespace, name string) (f *os.File, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(home)
	away, err := unix.Open("/run/netns/"+namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(away)
	if err := unix.Setns(away, unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("setns: %w", err)
	}
	f, err = tunHere(name)
	if back := unix.Setns(home, unix.CLONE_NEWNET); back != nil {
		panic(back) // everything after it would be in the wrong network
	}
	return f, err
}

func tunHere(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return nil, fmt.Errorf("tun: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
