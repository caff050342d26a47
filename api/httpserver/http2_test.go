package httpserver_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"time"

	"medunion/api/httpclient"
	"medunion/api/httpserver"
)

// Over TLS the client chooses between HTTP/2 and HTTP/1.1; ours chooses HTTP/2.
func TestHTTP2(t *testing.T) {
	certificate, roots := selfSigned(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	server := httpserver.Start(t.Context(), listener, handler, httpserver.ServeOptions{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}}, nil)
	for _, major := range []int{2, 1} {
		transport := httpclient.Transport()
		transport.TLSClientConfig.RootCAs = roots
		if major == 1 {
			transport.ForceAttemptHTTP2 = false
		}
		resp, err := httpclient.New(transport, 10*time.Second).Get(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		transport.CloseIdleConnections()
		if resp.ProtoMajor != major {
			t.Errorf("%s was chosen, not HTTP/%d", resp.Proto, major)
		}
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
}
