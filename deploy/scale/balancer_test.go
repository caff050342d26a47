package scale_test

import (
	"bufio"
	"strconv"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/api/replay/redistest"
)

// served counts what an instance has answered by its own metrics, without what the
// balancer and this test ask to see how it is.
func (w *world) served(address string) (n int) {
	w.t.Helper()
	a, err := w.http.Get("https://" + address + "/metrics")
	ok(w.t, err)
	defer a.Body.Close()
	for lines := bufio.NewScanner(a.Body); lines.Scan(); {
		line := lines.Text()
		if !strings.HasPrefix(line, "medunion_http_requests_total{") || strings.Contains(line, `route="/readyz"`) || strings.Contains(line, `route="/metrics"`) {
			continue
		}
		v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		ok(w.t, err)
		n += int(v)
	}
	return n
}

// busier is the instance of a service that has answered more requests: it has the streams
// and the sessions of now.
func (w *world) busier(service string) *process {
	if w.served(w.operations[service][0]) > w.served(w.operations[service][1]) {
		return w.process[service][0]
	}
	return w.process[service][1]
}

// A visit through two instances of each service, and one in which an instance of each dies
// in the middle: the portal's and the public cloud's between M3 and M4, the hospital's
// between M7 and M8. The balancer runs the configuration that operators are given.
func TestOneOfTwoDiesInMidVisit(t *testing.T) {
	heavy(t)
	ctx := t.Context()
	w := newWorld(t, "--redis-addrs="+redistest.Start(t).Addr())
	p := w.join(ctx)
	ok(t, p.visit(ctx))
	for _, s := range []string{cloudService, hospitalName, portalService} {
		for i, address := range w.operations[s] {
			n := w.served(address)
			if n == 0 {
				t.Errorf("%s: instance %d served nothing", s, i)
			}
			t.Logf("%s: instance %d served %d requests", s, i, n)
		}
	}
	var dead []*process
	kill := func(service string) {
		dead = append(dead, w.busier(service))
		dead[len(dead)-1].kill9()
	}
	p.when(message.TypeM3, func() { kill(portalService); kill(cloudService) })
	p.when(message.TypeM7, func() { kill(hospitalName) })
	ok(t, p.visit(ctx))
	ok(t, p.once(ctx))
	if len(dead) != 3 {
		t.Errorf("%d instances were killed: the test tests nothing", len(dead))
	}
	ok(t, p.visit(ctx)) // with what is left
}

func heavy(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts six programs")
	}
	t.Parallel()
}
