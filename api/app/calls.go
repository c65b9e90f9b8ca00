package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Calls answers the simple calls within this process, for who has found out by other
// means that a visitor may act as an eMSP: the page.
type Calls struct{ engine *gin.Engine }

// asParty is where a request of Calls says which eMSP it is of: no request from outside
// can.
type asParty struct{}

// newCalls mounts the same routes on an engine of its own.
func newCalls(s *server) *Calls {
	engine := api.NewEngine(s.Logger, rest.Fallback("", s.Logger))
	s.mount(engine)
	return &Calls{engine}
}

// Call answers one request as an eMSP would be answered over HTTP: the same status, the
// same body.
func (c *Calls) Call(ctx context.Context, emsp ocpi.Party, method, path string, body []byte) (status int, answer []byte) {
	r, err := http.NewRequestWithContext(context.WithValue(ctx, asParty{}, emsp), method, path, bytes.NewReader(body))
	if err != nil {
		panic(fmt.Errorf("call %s %s: %w", method, path, err)) // a path of ours
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	w := &written{header: http.Header{}, status: http.StatusOK}
	c.engine.ServeHTTP(w, r)
	return w.status, w.body.Bytes()
}

// inside returns the caller of a request of Calls.
func (s *server) inside(ctx context.Context) (who *caller, ok bool, err error) {
	party, ok := ctx.Value(asParty{}).(ocpi.Party)
	if !ok {
		return nil, false, nil
	}
	who, err = s.emsp(party, rest.Key{ID: "page " + party.String()})
	return who, true, err
}

// emsp is the caller of an eMSP that is a partner here.
func (s *server) emsp(party ocpi.Party, place rest.Key) (*caller, error) {
	p, ok := s.Partners.Holder(control.NewRole(control.RoleEMSP, party.Country, party.ID))
	if !ok {
		return nil, &rest.Error{Status: http.StatusForbidden, Code: "party_restricted", Message: fmt.Sprintf("the eMSP %s is no partner here", party)}
	}
	return &caller{party: party, partner: p.As(party), place: place}, nil
}

// written keeps an answer in memory.
type written struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *written) Header() http.Header         { return w.header }
func (w *written) WriteHeader(status int)      { w.status = status }
func (w *written) Write(b []byte) (int, error) { return w.body.Write(b) }
