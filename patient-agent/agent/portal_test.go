package agent_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"medunion/api/message"
)

// portalRoutes take each step of a visit once, as the real portal does.
func (u *union) portalRoutes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/doctors/{c}/card", func(w http.ResponseWriter, _ *http.Request) {
		b := base64.RawURLEncoding
		writeJSON(w, 200, map[string]string{"credential": b.EncodeToString(u.d.Cred.Encode()), "certificate": string(u.d.Certificate),
			"prekey": b.EncodeToString(u.d.Prekey().Encode())})
	})
	m.HandleFunc("POST /v1/doctors/{c}/messages", func(w http.ResponseWriter, r *http.Request) {
		m1 := read(r)
		if !u.step(w, m1, "M1", 409) {
			return
		}
		if m2, err := u.d.M2(m1); err == nil && !u.silent {
			u.post(m2)
		}
	})
	m.HandleFunc("POST /v1/visit/messages", func(w http.ResponseWriter, r *http.Request) {
		m3 := read(r)
		if r.Header.Get("Visit-Capability") != session(m3) || !u.step(w, m3, "M3", 403) {
			return
		}
		if err := u.d.ReceiveM3(m3); err != nil {
			u.t.Errorf("the doctor refuses M3: %v", err)
		}
		if u.reply != nil {
			u.reply(u.d)
		}
	})
	m.HandleFunc("GET /v1/visit/messages", func(w http.ResponseWriter, r *http.Request) {
		type letter struct {
			ID      string `json:"id"`
			Message string `json:"message"`
		}
		out := []letter{}
		after := 0
		_, _ = fmt.Sscanf(r.URL.Query().Get("after"), "%d-", &after)
		for i, text := range u.mail[r.Header.Get("Visit-Capability")] {
			if i+1 > after {
				out = append(out, letter{strconv.Itoa(i+1) + "-0", text})
			}
		}
		if len(out) == 0 { // a real portal waits; here others must get in
			u.mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			u.mu.Lock()
		}
		writeJSON(w, 200, map[string]any{"messages": out})
	})
	return m
}

func (u *union) step(w http.ResponseWriter, m message.Message, name string, again int) bool {
	steps := u.steps[session(m)]
	if steps == nil {
		steps = map[string]bool{}
		u.steps[session(m)] = steps
	}
	if steps[name] {
		refuse(w, again)
		return false
	}
	steps[name] = true
	w.WriteHeader(http.StatusAccepted)
	return true
}

func session(m message.Message) string {
	return base64.RawURLEncoding.EncodeToString(m.Header.Session[:])
}

// post puts a message into the patient's mailbox.
func (u *union) post(m message.Message) {
	u.mail[session(m)] = append(u.mail[session(m)], base64.RawURLEncoding.EncodeToString(m.Encode()))
}
