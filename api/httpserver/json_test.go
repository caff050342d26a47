package httpserver_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/problem"
)

func TestReadJSON(t *testing.T) {
	type body struct {
		Name string `json:"name"`
	}
	s := start(t, httpserver.Options{}, func(e *echo.Echo) {
		handle := func(read func(echo.Context, any) error) echo.HandlerFunc {
			return func(c echo.Context) error {
				var b body
				if err := read(c, &b); err != nil {
					return err
				}
				return c.String(200, b.Name)
			}
		}
		e.POST("/read", handle(httpserver.ReadJSON))
		e.POST("/bind/:name", handle(func(c echo.Context, v any) error { return c.Bind(v) }))
	})
	for _, path := range []string{"/read", "/bind/other?name=third"} {
		t.Run(path, func(t *testing.T) {
			for _, contentType := range []string{"application/json", "application/json; charset=UTF-8", "Application/JSON"} {
				if a := s.do(t, "POST", path, `{"name":"n"}`, "Content-Type", contentType); a.status != 200 || a.body != "n" {
					t.Errorf("%s: %d %s", contentType, a.status, a.body)
				}
			}
			for _, contentType := range []string{"", "text/plain", "text/json", "application/json; charset=latin1", "application/json; x=y", "application/x-www-form-urlencoded", ";"} {
				wantProblem(t, s.do(t, "POST", path, `{"name":"n"}`, "Content-Type", contentType), 415, "unsupported-media-type")
			}
			for _, bad := range []string{"", "{", "[]", "null", `{"name":1}`, `{"name":"a","name":"b"}`, `{"name":"a"}{}`, `{"Name":"a"}`, `{"` + canary + `":1}`, "{\"name\":\"\xff\"}"} {
				a := s.post(t, path, bad)
				wantProblem(t, a, 400, "invalid")
				if strings.Contains(a.body, canary) {
					t.Errorf("the answer quotes the body: %s", a.body)
				}
			}
			wantProblem(t, s.post(t, path, `{"name":"`+strings.Repeat("a", 100_000)+`"}`), 413, "too-large")
		})
	}
}

func TestMessages(t *testing.T) {
	s := start(t, httpserver.Options{}, func(e *echo.Echo) {
		e.POST("/m", func(c echo.Context) error {
			m, err := httpserver.ReadMessage(c, httpserver.MessageCap)
			if err != nil {
				return err
			}
			return httpserver.WriteMessage(c, 201, m)
		})
	})
	for _, size := range []int{1, 2, 3, 63 << 10, httpserver.MessageCap} {
		body, err := json.Marshal(httpserver.NewMessage(bytes.Repeat([]byte{0xfb}, size)))
		if err != nil {
			t.Fatal(err)
		}
		if a := s.post(t, "/m", string(body)); a.status != 201 || a.body != string(body)+"\n" {
			t.Errorf("%d bytes: %d", size, a.status)
		}
	}
	big := httpserver.NewMessage(make([]byte, httpserver.MessageCap+1)).Message
	wantProblem(t, s.post(t, "/m", `{"message":"`+big+`"}`), 413, "too-large")
	for _, bad := range []string{`{"message":""}`, `{}`, `{"message":"AAA="}`, `{"message":"AB"}`, `{"message":"A"}`, `{"message":"+/++"}`,
		`{"message":"AA\nAA"}`, `{"message":"AA\r\n"}`, `{"message":" AAAA"}`, `{"message":"AAAA","to":"x"}`, `{"message":["AAAA"]}`} {
		wantProblem(t, s.post(t, "/m", bad), 400, "invalid")
	}
}

// The cap is that of the decoded bytes, whatever the base64 weighs.
func TestMessageCapIsOfDecodedBytes(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 100} {
		m := httpserver.NewMessage(make([]byte, n))
		if got, err := m.Bytes(n); err != nil || len(got) != n {
			t.Errorf("%d bytes at cap %d: %v", n, n, err)
		}
		if _, err := m.Bytes(n - 1); !errors.Is(err, problem.KindTooLarge) {
			t.Errorf("%d bytes at cap %d: %v", n, n-1, err)
		}
	}
}

// Exactly one text stands for each message.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{"AAAA", "AA", "AB", "A\nAA", "_-__", "AA=="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		canonical, err := httpserver.Message{Message: text}.Bytes(1 << 16)
		if err != nil {
			return
		}
		if len(canonical) == 0 || base64.RawURLEncoding.EncodeToString(canonical) != text {
			t.Fatalf("%q stands for %x", text, canonical)
		}
	})
}
