package rest_test

import (
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/apitest"
	"github.com/roamclear/roamclear/api/rest"
)

// slow serves an answer of 8 MiB to the key in the Authorization header.
func slow(t *testing.T, pace time.Duration) (srv *apitest.Server, places *api.Budget) {
	t.Helper()
	places = api.NewBudget(8)
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
	return apitest.Serve(t, e, 0), places
}

// unread asks for the rows and reads nothing of them.
func unread(t *testing.T, srv *apitest.Server, key string) {
	t.Helper()
	srv.Stall(t, "GET /rows HTTP/1.1\r\nAuthorization: "+key+"\r\n", "")
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
	srv, places := slow(t, time.Hour)
	for range 2 {
		unread(t, srv, "a")
	}
	for places.Used() < 2 {
		if t.Context().Err() != nil {
			t.Fatal("the readers hold no places")
		}
		runtime.Gosched()
	}
	if resp := small(t, srv.Address, "a"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the same key once more: HTTP %d", resp.StatusCode)
	}
	if resp := small(t, srv.Address, "b"); resp.StatusCode != 200 {
		t.Errorf("another key: HTTP %d", resp.StatusCode)
	}
}

// An answer that is not read in its time ends and frees its place.
func TestReadersMustKeepThePace(t *testing.T) {
	srv, places := slow(t, 20*time.Millisecond)
	for range 2 {
		unread(t, srv, "a")
	}
	srv.Wait()
	if n := places.Used(); n != 0 {
		t.Errorf("%d places are still held", n)
	}
	if resp := small(t, srv.Address, "a"); resp.StatusCode != 200 {
		t.Errorf("afterwards: HTTP %d", resp.StatusCode)
	}
}
