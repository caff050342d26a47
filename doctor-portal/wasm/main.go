//go:build js && wasm

// Command wasm is the doctor's role in the browser: package practice in a Worker. It
// only converts types. What it needs from the browser, and where its answers go, is the
// object globalThis.medunion that the Worker makes (doctor-portal/web/src/bridge/host.ts).
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"syscall/js"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/practice"
)

func main() {
	h := host{js.Global().Get("medunion")}
	p, err := open(h)
	if err != nil {
		h.failed(err)
		return
	}
	h.serve(p)
	select {} // until the Worker is ended
}

// host is the Worker's object.
type host struct{ js.Value }

// config is what the portal told, as far as the role needs it.
type config struct {
	Origin    string       `json:"origin"`
	Pins      message.Pins `json:"pins"`
	Authority struct {
		Name string          `json:"name"`
		JWKS json.RawMessage `json:"jwks"`
	} `json:"authority"`
}

func open(h host) (*practice.Practice, error) {
	var c config
	if err := json.Unmarshal([]byte(h.Get("config").String()), &c); err != nil {
		return nil, problem.Invalid("The portal's configuration cannot be read.").Because(err)
	}
	return practice.New(practice.Config{Portal: portal{h}, Files: files{h.Get("files")}, Rand: rand.Reader, Origin: c.Origin,
		Pins: c.Pins, Authority: c.Authority.Name, JWKS: c.Authority.JWKS, Changed: h.changed})
}

// serve takes calls: a number, a method, and its arguments as a JSON list. Each runs in
// a goroutine of its own and ends with one call of done.
func (h host) serve(p *practice.Practice) {
	call := js.FuncOf(func(_ js.Value, in []js.Value) any {
		id, name, args := in[0], in[1].String(), []byte(in[2].String())
		go func() {
			value, data, err := run(p, name, args)
			clear(args) // they may hold a passphrase
			if err != nil {
				h.Call("done", id, text(problemOf(err)), js.Null(), js.Null())
				return
			}
			h.Call("done", id, js.Null(), value, data)
		}()
		return nil
	})
	h.Call("ready", call)
}

// changed passes an event on.
func (h host) changed(e practice.Event) { h.Call("changed", text(e)) }

func (h host) failed(err error) { h.Call("failed", text(problemOf(err))) }

// text is v in JSON, for the Worker to parse.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the types of practice's interface marshal
	}
	return string(b)
}

// bytes copies into a new Uint8Array, which the Worker may transfer.
func bytes(b []byte) js.Value {
	array := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(array, b)
	return array
}

// goBytes copies a Uint8Array.
func goBytes(v js.Value) []byte {
	b := make([]byte, v.Length())
	js.CopyBytesToGo(b, v)
	return b
}

// background is for calls that wait: what ends them is the end of the session.
var background = context.Background()
