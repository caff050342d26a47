package netns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The namespaces, and the address that each has on its loopback interface. The links have
// none: whoever speaks to an address goes over the one pair that leads there.
const (
	people   = "people"
	cloud    = "cloud"
	hospital = "hospital"
)

var address = map[string]string{cloud: "10.77.0.1", hospital: "10.77.0.2", people: "10.77.0.3"}

const (
	allNetworks = "10.77.0.0/24"
	netPrefix   = "medunion-"
)

// network is three namespaces, each joined to each by a veth pair.
type network struct{ prefix string }

// newNet makes them. What an earlier run has left, because it was killed, is removed first.
func newNet(pid int) (*network, error) {
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%s is missing (apt-get install iproute2 nftables)", tool)
		}
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("that is for root")
	}
	sweep()
	n := &network{prefix: fmt.Sprintf("%s%d-", netPrefix, pid)}
	if err := n.build(); err != nil {
		n.remove()
		return nil, err
	}
	return n, nil
}

// sweep removes the namespaces of runs that are no more.
func sweep() {
	files, _ := filepath.Glob("/run/netns/" + netPrefix + "*")
	for _, file := range files {
		name := filepath.Base(file)
		pid, _, _ := strings.Cut(strings.TrimPrefix(name, netPrefix), "-")
		if n, err := strconv.Atoi(pid); err == nil && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			_ = exec.Command("ip", "netns", "del", name).Run()
		}
	}
}

func (n *network) build() error {
	for name, ip := range address {
		if err := command(exec.Command("ip", "netns", "add", n.prefix+name)); err != nil {
			return err
		}
		if err := errors.Join(command(n.in(name, "ip", "link", "set", "lo", "up")), command(n.in(name, "ip", "addr", "add", ip+"/32", "dev", "lo"))); err != nil {
			return err
		}
	}
	return errors.Join(n.join(people, cloud), n.join(people, hospital), n.join(cloud, hospital))
}

// join lays a pair between two namespaces. Each end is called by where it leads.
func (n *network) join(a, b string) error {
	err := command(exec.Command("ip", "link", "add", "to-"+b, "netns", n.prefix+a, "type", "veth", "peer", "name", "to-"+a, "netns", n.prefix+b))
	if err != nil {
		return err
	}
	return errors.Join(n.lead(a, b, "to-"+b), n.lead(b, a, "to-"+a))
}

// lead makes an interface of a namespace the way to another.
func (n *network) lead(from, to, over string) error {
	return errors.Join(command(n.in(from, "ip", "link", "set", over, "up")),
		command(n.in(from, "ip", "route", "replace", address[to]+"/32", "dev", over, "src", address[from])))
}

// in is a command inside a namespace. It ends with the process that starts it.
func (n *network) in(namespace, program string, args ...string) *exec.Cmd {
	c := exec.Command("ip", append([]string{"netns", "exec", n.prefix + namespace, program}, args...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

func (n *network) remove() {
	for name := range address {
		_ = exec.Command("ip", "netns", "del", n.prefix+name).Run()
	}
}

// cut drops, in a namespace, all that comes over an interface: with both ends cut the
// namespaces are apart; with one, what the other says is lost and what it hears is not.
func (n *network) cut(t *testing.T, at, over string) {
	t.Helper()
	c := n.in(at, "nft", "-f", "-")
	c.Stdin = bytes.NewBufferString("table inet faults { chain in { type filter hook input priority 0; policy accept; iifname \"" + over + "\" counter drop; }; }\n")
	if err := command(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command(n.in(at, "nft", "delete", "table", "inet", "faults")) })
}

// heal lets everything through again. A fault that dropped nothing was none.
func (n *network) heal(t *testing.T, at ...string) {
	t.Helper()
	lost := false
	for _, name := range at {
		out, err := n.in(name, "nft", "list", "table", "inet", "faults").CombinedOutput()
		lost = lost || err == nil && !bytes.Contains(out, []byte("counter packets 0 "))
		if err := command(n.in(name, "nft", "delete", "table", "inet", "faults")); err != nil {
			t.Fatal(err)
		}
	}
	if !lost {
		t.Error("nothing was lost")
	}
}
