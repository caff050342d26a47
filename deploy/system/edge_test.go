package system_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"medunion/api/httpserver"
)

// abuse is one way to ask badly, at any surface.
type abuse struct {
	name   string
	ask    func(d door) []io.Reader
	status int
	// foreign is the status at a surface that answers by its own names only; 0 if it is the same.
	foreign int
	// plain: net/http answers before us, with a line of text, and hangs up.
	plain bool
}

func say(s string) func(door) []io.Reader {
	return func(door) []io.Reader { return []io.Reader{text("%s", s)} }
}

// with is a good request but for one header.
func with(header string) func(door) []io.Reader {
	return func(d door) []io.Reader { return []io.Reader{text("%s", d.head("GET "+d.get, header))} }
}

// at is a good request but for its line.
func at(format string) func(door) []io.Reader {
	return func(d door) []io.Reader {
		return []io.Reader{text("%s", d.head(strings.ReplaceAll(format, "PATH", d.get), ""))}
	}
}

// body is a request with a JSON body.
func body(headers, content string) func(door) []io.Reader {
	return func(d door) []io.Reader {
		return []io.Reader{text("%s%s", d.json(fmt.Sprintf(headers+"Content-Length: %d\r\n", len(content))), content)}
	}
}

func chunks(content func() []io.Reader) func(door) []io.Reader {
	return func(d door) []io.Reader {
		return append([]io.Reader{text("%s", d.json("Transfer-Encoding: chunked\r\n"))}, content()...)
	}
}

var limit = httpserver.MessageBody(httpserver.MessageCap)

// abuses are what every surface answers alike.
var abuses = []abuse{
	{name: "no host", ask: say("GET /livez HTTP/1.1\r\n\r\n"), status: 400, plain: true},
	{name: "two hosts", ask: with("Host: a\r\n"), status: 400, plain: true},
	{name: "a host with a blank", ask: say("GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n"), status: 400, plain: true},
	{name: "a host with a control character", ask: say("GET /livez HTTP/1.1\r\nHost: a\x1bb\r\n\r\n"), status: 400, plain: true},
	{name: "another host", ask: say("GET /livez HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"), status: 200, foreign: 403},
	{name: "another host in the target", ask: say("GET http://evil.example/livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), status: 200, foreign: 403},
	{name: "HTTP/1.0 without a host", ask: say("GET /livez HTTP/1.0\r\n\r\n"), status: 200, foreign: 403},
	{name: "HTTP/2 without having agreed on it", ask: say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), status: 404, foreign: 403},
	{name: "HTTP/3.0", ask: at("GET PATH HTTP/3.0\r\nA:"), status: 505, plain: true},
	{name: "no version", ask: say("GET /livez\r\n\r\n"), status: 400, plain: true},
	{name: "a method of control characters", ask: say("G\x1bT /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"), status: 400, plain: true},
	{name: "a header without a name", ask: with(": a\r\n"), status: 400, plain: true},
	{name: "a blank before the colon", ask: with("A : a\r\n"), status: 400, plain: true},
	{name: "a header with NUL", ask: with("A: a\x00b\r\n"), status: 400, plain: true},
	{name: "a header with a bare CR", ask: with("A: a\rb\r\n"), status: 400, plain: true},
	{name: "a header of 1 MiB", ask: with("A: " + strings.Repeat("a", 1<<20) + "\r\n"), status: 431, plain: true},
	{name: "10,000 headers", ask: with(strings.Repeat("A: a\r\n", 10_000)), status: 431, plain: true},
	{name: "a path of 1 MiB", ask: at("GET PATH?" + strings.Repeat("a", 1<<20)), status: 431, plain: true},
	{name: "another expectation", ask: body("Expect: more\r\n", "{}"), status: 417},

	{name: "a path with .. in it", ask: at("GET /v1/..PATH"), status: 404},
	{name: "a path with an escaped ..", ask: at("GET /%2e%2ePATH"), status: 404},
	{name: "a path with two slashes", ask: at("GET /PATH"), status: 404},
	{name: "a path with an escaped slash", ask: at("GET PATH%2f"), status: 404},
	{name: "a path with NUL", ask: at("GET PATH%00"), status: 404},
	{name: "a path that ends in a slash", ask: at("GET PATH/"), status: 404},
	{name: "a path with a backslash", ask: at("GET /..%5c..%5cetc%5cpasswd"), status: 404},
	{name: "a broken escape", ask: at("GET PATH%zz"), status: 400, plain: true},
	{name: "8 KiB of path", ask: at("GET PATH" + strings.Repeat("a", 8<<10)), status: 404},
	{name: "TRACE", ask: at("TRACE PATH"), status: 405},
	{name: "CONNECT", ask: at("CONNECT evil.example:443"), status: 404, foreign: 403},
	{name: "OPTIONS of everything", ask: at("OPTIONS *"), status: 404},
	{name: "a method of nobody", ask: at("BREW PATH"), status: 405},
	{name: "a method in small letters", ask: at("get PATH"), status: 405},

	{name: "two lengths", ask: body("Content-Length: 1\r\n", "{}"), status: 400, plain: true},
	{name: "a length that is none", ask: body("Content-Length: +2\r\n", "{}"), status: 400, plain: true},
	{name: "another transfer coding", ask: body("Transfer-Encoding: gzip\r\n", "{}"), status: 501, plain: true},
	{name: "chunks with a huge extension", ask: chunks(func() []io.Reader {
		return []io.Reader{text("2;"), io.LimitReader(repeated("x"), 1<<20), text("\r\n{}\r\n0\r\n\r\n")}
	}), status: 400},
	{name: "chunks with no size", ask: chunks(func() []io.Reader { return []io.Reader{text("x\r\n{}\r\n0\r\n\r\n")} }), status: 400},
	{name: "chunks with a size beyond all", ask: chunks(func() []io.Reader { return []io.Reader{text("fffffffffffffffff\r\n{}")} }), status: 400},
	{name: "a compressed bomb", ask: func(d door) []io.Reader {
		return []io.Reader{text("%s", d.json("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")), text("7fffffff\r\n"), io.LimitReader(repeated("\x00"), 1<<20)}
	}, status: 415},
	{name: "two codings", ask: body("Content-Encoding: identity\r\nContent-Encoding: gzip\r\n", "{}"), status: 415},
	{name: "an unknown type", ask: func(d door) []io.Reader {
		return []io.Reader{text("%s{}", d.head(d.post, "Content-Type: application/x-evil\r\nContent-Length: 2\r\n"))}
	}, status: 415},
	{name: "no type", ask: func(d door) []io.Reader { return []io.Reader{text("%s{}", d.head(d.post, "Content-Length: 2\r\n"))} }, status: 415},
	{name: "two types", ask: body("Content-Type: text/plain\r\n", "{}"), status: 400},
	{name: "brackets up to the cap", ask: body("", strings.Repeat("[", int(limit))), status: 400},
	{name: "objects in objects", ask: body("", strings.Repeat(`{"a":`, int(limit)/5)), status: 400},
	{name: "a member twice", ask: body("", `{"message":"AA","message":"AA"}`), status: 400},
	{name: "not UTF-8", ask: body("", "{\"message\":\"\xff\"}"), status: 400},
	{name: "half a pair of surrogates", ask: body("", `{"\ud800":1}`), status: 400},
	{name: "a number of 10,000 digits", ask: body("", `{"message":1`+strings.Repeat("0", 10_000)+`}`), status: 400},
	{name: "the cap and a byte", ask: func(d door) []io.Reader {
		return []io.Reader{text("%s", d.json(fmt.Sprintf("Content-Length: %d\r\n", limit+1))), spaces(limit + 1)}
	}, status: 413},
	{name: "the cap and a byte, in chunks", ask: chunks(func() []io.Reader {
		return []io.Reader{text("%x\r\n", limit+1), spaces(limit + 1), text("\r\n0\r\n\r\n")}
	}), status: 413},
}

// Every surface takes what a hostile client says: one problem document, or a line of
// net/http's own, and nothing of it in the log.
func TestTheEdgeOfEverySurface(t *testing.T) {
	heavy(t)
	list, log := doors(t)
	for _, d := range list {
		t.Run(d.name, func(t *testing.T) {
			for _, a := range abuses {
				a.try(t, d)
			}
			d.caps(t)
			d.expects(t)
			d.pipelines(t)
			d.heads(t)
			if a := d.ask(t, text("%s", d.head("GET "+d.get, ""))); a.status != 200 {
				t.Errorf("afterwards: %d %s", a.status, a.body)
			}
		})
	}
	t.Run("slow", func(t *testing.T) { slow(t, list) })
	t.Run("memory", func(t *testing.T) { floods(t, list) })
	injected(t, list, log)
}

func (a abuse) try(t *testing.T, d door) {
	t.Helper()
	got, want := d.ask(t, a.ask(d)...), a.status
	if d.hosts && a.foreign != 0 {
		want = a.foreign
	}
	switch {
	case got.status != want:
		t.Errorf("%s: %d %.200s, want %d", a.name, got.status, got.body, want)
	case a.plain && !got.plain():
		t.Errorf("%s: this is ours: %v %s", a.name, got.header, got.body)
	case want >= 400 && !a.plain && want != 417 && !got.whole():
		t.Errorf("%s: no problem document: %v %.200s", a.name, got.header, got.body)
	}
}

// caps: a body of exactly its cap is read, one byte more is not, whether it is announced or not.
func (d door) caps(t *testing.T) {
	t.Helper()
	for _, u := range append(d.large, upload{d.post, "application/json", limit}) {
		head := "Content-Type: " + u.kind + "\r\n"
		exact := d.ask(t, text("%s{}", d.head(u.target, fmt.Sprintf(head+"Content-Length: %d\r\n", u.limit))), spaces(u.limit-2))
		if exact.status == 413 || exact.status < 400 || exact.status >= 500 || !exact.whole() {
			t.Errorf("%s, %d bytes: %d %.200s", u.target, u.limit, exact.status, exact.body)
		}
		for name, more := range map[string][]io.Reader{
			"announced": {text("%s", d.head(u.target, fmt.Sprintf(head+"Content-Length: %d\r\n", u.limit+1)))},
			"chunked": {text("%s%x\r\n{}", d.head(u.target, head+"Transfer-Encoding: chunked\r\n"), u.limit+1), spaces(u.limit - 1),
				text("\r\n0\r\n\r\n")},
		} {
			if a := d.ask(t, more...); a.status != 413 || !a.whole() {
				t.Errorf("%s, %d bytes and one, %s: %d %.200s", u.target, u.limit, name, a.status, a.body)
			}
		}
	}
}

// expects: a client that asks first is told to go on, or not to.
func (d door) expects(t *testing.T) {
	t.Helper()
	l := d.dial(t)
	_, _ = io.WriteString(l, d.json("Content-Length: 2\r\nExpect: 100-continue\r\n"))
	if a := l.hear(); a.status != http.StatusContinue {
		t.Errorf("Expect: %d %s", a.status, a.body)
	}
	_, _ = io.WriteString(l, "{}")
	if a := l.hear(); a.status < 400 || a.status >= 500 || !a.whole() {
		t.Errorf("after Expect: %d %s", a.status, a.body)
	}
	for header, status := range map[string]int{fmt.Sprintf("Content-Length: %d\r\n", limit+1): 413, "Content-Length: 2\r\nContent-Encoding: gzip\r\n": 415} {
		if a := d.ask(t, text("%s", d.json(header+"Expect: 100-continue\r\n"))); a.status != status {
			t.Errorf("Expect with %q: %d, without having sent a body", header, a.status)
		}
	}
}

// pipelines: requests at once are answered in order, and no body is taken for a request.
func (d door) pipelines(t *testing.T) {
	t.Helper()
	open := func(head string) string { return strings.Replace(head, "Connection: close\r\n", "", 1) }
	hidden := "GET /metrics HTTP/1.1\r\nHost: " + d.addr + "\r\n\r\n"
	for _, refused := range []string{d.json(fmt.Sprintf("Content-Length: %d\r\n", len(hidden))), d.json(fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n", len(hidden))),
		d.head("POST /none", fmt.Sprintf("Content-Length: %d\r\n", len(hidden))), d.head("GET "+d.get+"x", fmt.Sprintf("Content-Length: %d\r\n", len(hidden)))} {
		l := d.dial(t)
		_, _ = io.WriteString(l, open(d.head("GET "+d.get, ""))+open(refused)+hidden+d.head("GET /livez", ""))
		first, second, third := l.hear(), l.hear(), l.hear()
		rest, _ := io.ReadAll(l.in)
		if first.status != 200 || second.status < 400 || third.status != 200 || !bytes.Contains(third.body, []byte("live")) || len(rest) > 0 {
			t.Errorf("%.40q: %d, %d, %d %.100s, and %d bytes", refused, first.status, second.status, third.status, third.body, len(rest))
		}
	}
}

// heads: HEAD has no body, and OPTIONS tells what a route knows and changes nothing.
func (d door) heads(t *testing.T) {
	t.Helper()
	for _, method := range []string{"HEAD", "OPTIONS"} {
		l := d.dial(t)
		_, _ = io.WriteString(l, d.head(method+" "+d.get, ""))
		b, err := io.ReadAll(l.in)
		head, content, _ := bytes.Cut(b, []byte("\r\n\r\n"))
		if err != nil || bytes.HasPrefix(head, []byte("HTTP/1.1 5")) || method == "HEAD" && len(content) > 0 {
			t.Errorf("%s: %v %s", method, err, b)
		}
		if bytes.Contains(head, []byte("Access-Control-Allow")) {
			t.Errorf("%s opens the surface to other origins: %s", method, head)
		}
	}
}

// slow: a client that does not finish its header is hung up on, everywhere at once.
func slow(t *testing.T, list []door) {
	for _, d := range list {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			l, began := d.dial(t), time.Now()
			for i := 0; i < 100; i++ { // a byte now and then keeps nobody
				if _, err := io.WriteString(l, "GET /livez HTTP/1.1\r\nA: "[min(i, 23):min(i, 23)+1]); err != nil {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if _, err := io.ReadAll(l.in); err != nil && strings.Contains(err.Error(), "timeout") || time.Since(began) > 15*time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		})
	}
}

// injected: no line of the log has a byte of what was asked, and each is one JSON object.
func injected(t *testing.T, list []door, log *logbook) {
	before := len(log.from(0))
	for _, d := range list {
		for _, evil := range []string{spoken, "\x1b[31m" + spoken, spoken + "%0d%0a{\"level\":\"ERROR\"}", spoken + "\",\"level\":\"ERROR", spoken + "\n{}", spoken + "\r\n{}: a", strings.Repeat(spoken, 400)} {
			for _, raw := range []string{d.head("GET /"+evil, ""), d.head("GET "+d.get+"?"+evil, ""), d.head("GET "+d.get, "X-Request-Id: "+evil+"\r\n"),
				d.head("GET "+d.get, "User-Agent: "+evil+"\r\n"), d.head("GET "+d.get, "Authorization: Bearer "+evil+"\r\n"), d.head("GET "+d.get, "Cookie: a="+evil+"\r\n"),
				d.head(evil+" "+d.get, ""), "GET " + d.get + " HTTP/1.1\r\nHost: " + evil + "\r\nConnection: close\r\n\r\n", d.json("Content-Length: 2\r\nContent-Encoding: "+evil+"\r\n") + "{}"} {
				if a := d.ask(t, text("%s", raw)); bytes.Contains(a.body, []byte(spoken)) || strings.Contains(fmt.Sprint(a.header), spoken) {
					t.Errorf("%s repeats it: %v %s", d.name, a.header, a.body)
				}
			}
		}
	}
	lines := 0
	for line := range bytes.Lines(log.from(before)) {
		if lines++; !json.Valid(line) || bytes.Contains(line, []byte(spoken)) || bytes.ContainsAny(line, "\x1b\x00\r") || bytes.Contains(line, []byte(`"ERROR"`)) {
			t.Errorf("a line of the log: %q", line)
		}
	}
	if lines < 100 {
		t.Errorf("only %d lines were logged", lines)
	}
}

const (
	crowd    = 32       // connections at once at one surface
	poured   = 8 << 20  // bytes that each tries to send
	mayGrow  = 64 << 20 // bytes by which the heap of all parties together may grow
	giveUpAt = 5 * time.Second
)

// floods: half a gigabyte at each surface, of which little is held.
func floods(t *testing.T, list []door) {
	for _, d := range list {
		for name, c := range map[string]struct{ head, again string }{
			"headers":             {strings.TrimSuffix(d.head("GET "+d.get, ""), "\r\n"), "A: a\r\n"},
			"chunks":              {d.json("Transfer-Encoding: chunked\r\n"), "400\r\n" + strings.Repeat(" ", 1024) + "\r\n"},
			"a chunk's extension": {d.json("Transfer-Encoding: chunked\r\n") + "1;", "a"},
			"a compressed body":   {d.json("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n") + "7fffffff\r\n", "a"},
			"a body announced":    {d.json("Content-Length: 99999999\r\n"), " "},
			"brackets":            {d.json(fmt.Sprintf("Content-Length: %d\r\n", limit)), "["},
		} {
			if grown := flood(t, d, c.head, c.again); grown > mayGrow {
				t.Errorf("%s, %s: the heap grew by %d MiB", d.name, name, grown>>20)
			}
		}
	}
}

func flood(t *testing.T, d door, head, again string) uint64 {
	runtime.GC()
	base, peak, done := heap(), uint64(0), make(chan struct{})
	for range crowd {
		go func() {
			defer func() { done <- struct{}{} }()
			conn, err := net.DialTimeout("tcp", d.addr, giveUpAt)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(giveUpAt))
			_, _ = io.Copy(conn, io.MultiReader(text("%s", head), io.LimitReader(repeated(again), poured)))
		}()
	}
	for left := crowd; left > 0; {
		select {
		case <-done:
			left--
		case <-time.After(2 * time.Millisecond):
		}
		peak = max(peak, heap())
	}
	return max(peak, base) - base
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
