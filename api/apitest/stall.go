// Package apitest serves over real connections with small buffers, so that who
// does not read or write is noticed, for tests.
package apitest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Server serves a handler until the test ends.
type Server struct {
	Address string

	stuck sync.WaitGroup // requests of Stall
}

// stuckHeader marks the requests of Stall.
const stuckHeader = "X-Stuck"

// Serve starts a server. readTimeout is how long a request may take to come, 0
// for any time.
func Serve(t *testing.T, h http.Handler, readTimeout time.Duration) *Server {
	t.Helper()
	s := &Server{}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		if r.Header.Get(stuckHeader) != "" {
			s.stuck.Done()
		}
	}))
	srv.Config.ReadTimeout = readTimeout
	srv.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if err := c.(*net.TCPConn).SetWriteBuffer(4 << 10); err != nil {
			t.Error(err)
		}
		return ctx
	}
	srv.Start()
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	s.Address = srv.Listener.Addr().String()
	return s
}

// Stall sends a request and then does nothing. headers are its first line and
// its headers, each with its end of line, but for Host; body is what is sent of
// its body.
func (s *Server) Stall(t *testing.T, headers, body string) net.Conn {
	t.Helper()
	s.stuck.Add(1)
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, headers+"Host: x\r\n"+stuckHeader+": 1\r\n\r\n"+body); err != nil {
		t.Fatal(err)
	}
	return c
}

// Wait waits until all that Stall sent has been answered, or given up.
func (s *Server) Wait() { s.stuck.Wait() }
