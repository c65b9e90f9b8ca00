package rest_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
)

// slow serves an answer of 8 MiB to the key in the Authorization header, over
// connections with small buffers. ended counts the answers that ended.
func slow(t *testing.T, pace time.Duration) (address string, places *api.Budget, ended *sync.WaitGroup) {
	t.Helper()
	places, ended = api.NewBudget(8), &sync.WaitGroup{}
	guard := rest.Guard{
		Auth: func(c *gin.Context) (rest.Key, error) {
			return rest.Key{ID: c.GetHeader("Authorization"), Scopes: []string{"read"}}, nil
		},
		Scope: "read", Logger: slog.New(slog.DiscardHandler), Limits: rest.Limits{Places: places, Pace: api.Pace{Time: pace}},
	}
	logger := slog.New(slog.DiscardHandler)
	e := api.NewEngine(logger, rest.Fallback("", logger))
	e.GET("/rows", guard.Handle(func(c *gin.Context, _ rest.Key) error {
		row := strings.Repeat("x", 1<<10)
		rest.WriteRows(c, "rows", func(yield func(string) bool) {
			for range 8 << 10 {
				if !yield(row) {
					return
				}
			}
		})
		return nil
	}))
	e.GET("/small", guard.Handle(func(c *gin.Context, _ rest.Key) error {
		rest.WriteJSON(c, http.StatusOK, "ok")
		return nil
	}))
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.ServeHTTP(w, r)
		if r.URL.Path == "/rows" {
			ended.Done()
		}
	}))
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
	return srv.Listener.Addr().String(), places, ended
}

// unread asks for the rows and reads nothing of them.
func unread(t *testing.T, address, key string, ended *sync.WaitGroup) {
	t.Helper()
	ended.Add(1)
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET /rows HTTP/1.1\r\nHost: x\r\nAuthorization: "+key+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

func small(t *testing.T, address, key string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/small", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

// Who does not read holds a quarter of the places, and little memory: rows that
// nobody takes are not made.
func TestReadersThatDoNotRead(t *testing.T) {
	address, places, ended := slow(t, time.Hour)
	for range 2 {
		unread(t, address, "a", ended)
	}
	for places.Used() < 2 {
		if t.Context().Err() != nil {
			t.Fatal("the readers hold no places")
		}
		runtime.Gosched()
	}
	if resp := small(t, address, "a"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the same key once more: HTTP %d", resp.StatusCode)
	}
	if resp := small(t, address, "b"); resp.StatusCode != 200 {
		t.Errorf("another key: HTTP %d", resp.StatusCode)
	}
}

// An answer that is not read in its time ends and frees its place.
func TestReadersMustKeepThePace(t *testing.T) {
	address, places, ended := slow(t, 20*time.Millisecond)
	for range 2 {
		unread(t, address, "a", ended)
	}
	ended.Wait()
	if n := places.Used(); n != 0 {
		t.Errorf("%d places are still held", n)
	}
	if resp := small(t, address, "a"); resp.StatusCode != 200 {
		t.Errorf("afterwards: HTTP %d", resp.StatusCode)
	}
}
