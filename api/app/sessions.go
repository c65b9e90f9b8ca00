package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// explanationJSON says what a session costs so far, and why.
type explanationJSON struct {
	ID          string          `json:"id"`
	AsOf        *string         `json:"as_of"`
	Price       *runningJSON    `json:"price"`
	Explanation json.RawMessage `json:"explanation"`
	Text        string          `json:"explanation_text"`
	CDR         *cdrJSON        `json:"cdr"`
}

// maxExplanation bounds an explanation that nobody stores, in bytes of its JSON.
const maxExplanation = 256 << 10

// explanation answers GET /api/v1/sessions/{id}/explanation.
func (s *server) explanation(c *gin.Context, who *caller) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	ctx := c.Request.Context()
	ch, err := s.charge(ctx, who, api.Param(c, "country"))
	if err != nil {
		return err
	}
	v := explanationJSON{ID: ch.Key.ID, Explanation: json.RawMessage("null")}
	if ch.session != nil {
		price, err := s.running(ctx, ch)
		if err != nil {
			return err
		}
		v.Price, v.AsOf = newRunning(ch, price), said(ch.session.LastUpdated.String())
		if price.Result.OK {
			var words strings.Builder
			if err := price.Explanation.Text(&words); err != nil {
				return err
			}
			v.Explanation, v.Text = price.Explanation.AppendWithin(nil, maxExplanation), words.String()
		}
	}
	if ch.cdr != nil {
		if v.CDR, err = s.newCDR(ch); err != nil {
			return err
		}
	}
	rest.WriteJSON(c, http.StatusOK, v)
	return nil
}

// Bounds of a page of sessions.
const (
	maxPage   = 100
	maxLooked = 500 // sessions that are looked at for a page with a filter
)

// markOfApps is the mark of sessions that were asked for here, see objects.Command.Mark.
var markOfApps = objects.ViaApp + " " + string(ocpi.StartSession)

// listJSON is a page of sessions, the latest first.
type listJSON struct {
	Data []*sessionJSON `json:"data"`
	Next *string        `json:"next"`
}

// list answers GET /api/v1/sessions.
func (s *server) list(c *gin.Context, who *caller) error {
	p := rest.NewParams(c.Request.URL.Query(), "state", "from", "to", "limit", "cursor")
	limit, before, state := p.Limit(maxPage), p.Text("cursor"), p.Text("state")
	from, to := asked(p, "from"), asked(p, "to")
	if p.Err() != nil {
		return p.Err()
	}
	if state != "" && !slices.Contains(states, state) {
		return rest.Invalid("state", "want one of %s", strings.Join(states, ", "))
	}
	if before != "" && !command.IsID(before) {
		return rest.Invalid("cursor", "not a cursor of this list; leave it out to start at the first page")
	}
	if before == "" || to != "" && to < before {
		before = to
	}
	ctx := c.Request.Context()
	if err := s.Charges.Await(ctx, ingest.ObjectCommand, true); err != nil {
		return wrapped("wait for what was asked for", err)
	}
	v := listJSON{Data: []*sessionJSON{}}
	for looked := 0; len(v.Data) < limit && looked < maxLooked; {
		keys, err := s.Charges.Commands(ctx, who.party, markOfApps, from, before, limit)
		if err != nil {
			return wrapped("list sessions", err)
		}
		for _, key := range keys {
			before, looked = key.ID, looked+1
			if err := s.listOne(ctx, who, &v, key, state); err != nil {
				return err
			}
			if len(v.Data) == limit {
				break
			}
		}
		if len(keys) < limit {
			before = ""
			break
		}
	}
	if before != "" {
		v.Next = said(nextPage(c.Request.URL.Query(), before))
	}
	rest.WriteJSON(c, http.StatusOK, v)
	return nil
}

func (s *server) listOne(ctx context.Context, who *caller, v *listJSON, key ocpi.Key, state string) error {
	e, ok, err := s.Desk.Get(ctx, key)
	if err != nil || !ok {
		return wrapped("read a session", err)
	}
	ch, err := s.chargeOf(ctx, who, e)
	if err != nil || state != "" && ch.stateOf() != state {
		return err
	}
	one, err := s.show(ctx, ch)
	if err == nil {
		v.Data = append(v.Data, one)
	}
	return err
}

var states = []string{
	stateRequested, stateAccepted, stateRejected, stateTimedOut, stateFailed, stateNotStarted, statePending, stateActive, stateStopping, stateCompleted, stateInvalid, stateBilled,
}

// asked reads an instant as the first id that a command of then may have, "" where it is
// absent.
func asked(p *rest.Params, name string) string {
	text := p.Text(name)
	if text == "" {
		return ""
	}
	at, _, err := ocpi.ParseTime(text)
	if err != nil {
		p.Fail(rest.Invalid(name, "%q is not a time such as 2026-01-05T10:00:00Z", text))
	}
	return objects.FirstID(at.Go())
}

// nextPage is the path of the page behind an id, with the filters of this one.
func nextPage(q url.Values, before string) string {
	q.Set("cursor", before)
	return "/api/v1/sessions?" + q.Encode()
}
