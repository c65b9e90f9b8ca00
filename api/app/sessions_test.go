package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/app"
	"github.com/roamclear/roamclear/api/app/apptest"
	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// several fakes starts of SE*EMP to which nothing was linked, the latest first; those in
// rejected were refused by the CPO.
type several struct {
	app.Desk
	app.Charges
	ids      []string
	rejected string
	together int // Get answers once so many ask at a time

	mu      sync.Mutex // guards what follows
	asking  int
	enough  chan struct{}
	awaited int
	listed  int
}

func (s *several) Await(context.Context, ingest.Object, bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaited++
	return nil
}

func (s *several) Commands(_ context.Context, party ocpi.Party, _, _, before string, limit int) (keys []ocpi.Key, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed++
	for _, id := range s.ids {
		if (before == "" || id < before) && len(keys) < limit {
			keys = append(keys, ocpi.Key{Party: party, ID: id})
		}
	}
	return keys, nil
}

func (s *several) Get(ctx context.Context, key ocpi.Key) (*command.Entry, bool, error) {
	s.mu.Lock()
	if s.asking++; s.asking == s.together {
		close(s.enough)
	}
	s.mu.Unlock()
	if s.together > 0 {
		select {
		case <-s.enough:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
	said := ocpi.CommandAccepted
	if strings.Contains(s.rejected, key.ID[len(key.ID)-1:]) {
		said = ocpi.CommandRejected
	}
	return &command.Entry{Key: key, Command: &objects.Command{
		CommandRequest: objects.CommandRequest{Type: ocpi.StartSession, Via: objects.ViaApp, CPO: "SE*ABC"}, Response: &objects.CommandSaid{Result: said},
	}}, true, nil
}

func (s *several) StopOf(context.Context, *command.Entry) (*command.Entry, error) { return nil, nil }

// page returns the ids on a page of sessions, by their last letters, and the next page's
// address.
func (s *several) page(t *testing.T, path string) (ids, next string) {
	t.Helper()
	engine := api.NewEngine(slog.New(slog.DiscardHandler), rest.Fallback("", slog.New(slog.DiscardHandler)))
	app.Mount(engine, app.Deps{
		Partners: apptest.New(t).Partners, Desk: s, Charges: s, Logger: slog.New(slog.DiscardHandler),
		Limits: rest.Limits{Places: api.NewBudget(rest.Places)}, Auth: func(*gin.Context) (rest.Key, error) { return apptest.Keys["Bearer emp"], nil },
	})
	a := httptest.NewRecorder()
	engine.ServeHTTP(a, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	var v struct {
		Data []struct{ ID string }
		Next string
	}
	if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil || a.Code != 200 {
		t.Fatalf("GET %s: HTTP %d %s", path, a.Code, a.Body)
	}
	for _, one := range v.Data {
		ids += one.ID[len(one.ID)-1:]
	}
	return ids, v.Next
}

// newSeveral makes starts whose ids end with A, B, C …, A the earliest.
func newSeveral(n int) *several {
	s := &several{enough: make(chan struct{})}
	for i := range n {
		s.ids = append(s.ids, fmt.Sprintf("01K0000000000000000000000%c", 'A'+i))
	}
	slices.Reverse(s.ids)
	return s
}

// Pages of sessions show each once, the latest first, whatever is filtered; the store is
// waited for once.
func TestPagesOfSessions(t *testing.T) {
	for _, tt := range []struct{ query, rejected, want string }{
		{"limit=100", "", "HGFEDCBA"}, {"limit=3", "", "HGF EDC BA"}, {"limit=4", "", "HGFE DCBA "},
		{"limit=3&state=rejected", "HGDB", "HGD B"}, {"limit=3&state=rejected", "HGBA", "HGB A"}, {"limit=1&state=rejected", "FA", "F A "}, {"limit=3&state=accepted", "", "HGF EDC BA"}, {"state=billed", "", ""},
	} {
		s := newSeveral(8)
		s.rejected = tt.rejected
		ids, next := s.page(t, "/api/v1/sessions?"+tt.query)
		for next != "" {
			var more string
			more, next = s.page(t, next)
			ids += " " + more
		}
		if strings.TrimSpace(ids) != strings.TrimSpace(tt.want) {
			t.Errorf("%s: %q, want %q", tt.query, ids, tt.want)
		}
		if s.awaited != 1 {
			t.Errorf("%s: the store is waited for %d times", tt.query, s.awaited)
		}
	}
}

// What is known of the sessions of a page is read side by side, and a page with a filter
// asks for many at once.
func TestSessionsAreReadTogether(t *testing.T) {
	s := newSeveral(8)
	s.together = 8
	if ids, _ := s.page(t, "/api/v1/sessions"); ids != "HGFEDCBA" {
		t.Errorf("read together: %s", ids)
	}
	s = newSeveral(20)
	if ids, _ := s.page(t, "/api/v1/sessions?limit=1&state=rejected"); ids != "" || s.listed != 1 {
		t.Errorf("%s, for which the store was asked for lists %d times", ids, s.listed)
	}
}
