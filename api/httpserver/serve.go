package httpserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Timeouts of a connection. Routes may ask for more by Limits.Timeout.
const (
	readHeaderTimeout = 5 * time.Second
	writeGrace        = 10 * time.Second
	unwantedWait      = 2 * time.Second // for the rest of a refused body
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
	shutdownGrace     = 10 * time.Second
)

// ErrCutOff is returned by Serve when requests were still running at the end
// of the time that a shutdown gives them.
var ErrCutOff = errors.New("httpserver: requests were cut off at shutdown")

// ServeOptions configure Serve; the zero value serves plain HTTP.
type ServeOptions struct {
	// TLS serves HTTPS, version 1.3 or newer whatever it says.
	TLS *tls.Config
	// Balancers stand in front of the listener and say whose each connection is
	// (Operations.Balancers); nil is none.
	Balancers *Balancers
	// Logger receives the server's own complaints; nil drops them.
	Logger *slog.Logger
	// Grace is how long running requests may go on after ctx ends; default 10 s.
	Grace time.Duration
	// HeaderTimeout, ReadTimeout and IdleTimeout end a connection that takes longer to
	// send the header of a request, to send the whole request, or to begin the next one;
	// defaults 5 s, 30 s and 60 s. Limits.Timeout gives a route more than ReadTimeout.
	HeaderTimeout, ReadTimeout, IdleTimeout time.Duration
}

func (o ServeOptions) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

type stoppingKey struct{}

// Stopping is closed when the server that runs the request of ctx begins to shut
// down: a handler that waits long ends then. It is nil outside Serve.
func Stopping(ctx context.Context) <-chan struct{} {
	done, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return done
}

// Serve answers on the listener, which it closes, until ctx ends; then it takes
// no new request and lets the running ones finish. It returns nil after a clean
// shutdown, ErrCutOff after an unclean one, and otherwise what broke.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, o ServeOptions) error {
	server := newServer(ctx, handler, o)
	balanced, err := o.Balancers.listen(listener, o.HeaderTimeout, o.logger())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	failed := make(chan error, 1)
	go func() {
		if o.TLS != nil {
			failed <- server.ServeTLS(balanced, "", "")
			return
		}
		failed <- server.Serve(balanced)
	}()
	select {
	case err := <-failed:
		_ = server.Close()
		return err
	case <-ctx.Done():
	}
	return shutdown(ctx, server, o.Grace)
}

func newServer(ctx context.Context, handler http.Handler, o ServeOptions) *http.Server {
	// Requests outlive ctx, which only asks for the end.
	base := context.WithValue(context.WithoutCancel(ctx), stoppingKey{}, ctx.Done())
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: cmp.Or(o.HeaderTimeout, readHeaderTimeout),
		ReadTimeout:       cmp.Or(o.ReadTimeout, defaultTimeout),
		WriteTimeout:      defaultTimeout + writeGrace,
		IdleTimeout:       cmp.Or(o.IdleTimeout, idleTimeout),
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(quiet{o.logger().Handler()}, slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return base },
		// "OPTIONS *" is a request like any other.
		DisableGeneralOptionsHandler: true,
	}
	if o.TLS != nil {
		server.TLSConfig = o.TLS.Clone()
		server.TLSConfig.MinVersion = max(server.TLSConfig.MinVersion, tls.VersionTLS13)
	}
	return server
}

func shutdown(ctx context.Context, server *http.Server, grace time.Duration) error {
	if grace <= 0 {
		grace = shutdownGrace
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(end); err != nil {
		_ = server.Close()
		return ErrCutOff
	}
	return nil
}

// quiet drops the text of net/http's complaints, which name clients' addresses
// and quote what they sent, and keeps the fact.
type quiet struct{ slog.Handler }

// Handle implements slog.Handler.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	return q.Handler.Handle(ctx, slog.NewRecord(r.Time, r.Level, "connection error", r.PC))
}
