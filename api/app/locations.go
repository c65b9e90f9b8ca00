package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api/app/stations"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// Bounds of the work of one request. A search that comes to one of them ends its page
// there, with the address of the next: what has been looked at is not looked at again.
const (
	maxBodies     = 1_000   // Locations that are read
	maxPrices     = 300     // different prices that are computed,
	maxPricesEach = 100     // and of one Location
	maxAnswer     = 4 << 20 // bytes of the answer, beyond one Location
	bodiesAtOnce  = 32      // read together
	patience      = 10 * time.Second
)

// finder answers one search.
type finder struct {
	*server
	who     *caller
	query   *query
	offers  *pricing.Offers // nil where no price is asked for
	prices  map[*pricing.Offer]*priceJSON
	now     ocpi.Time
	answer  *bytes.Buffer // the answer so far, nil where it is not a list
	found   int
	bodies  int
	last    *stations.Hit // that was looked at last
	another *stations.Hit // behind which there are more that fit
}

func (s *server) finder(who *caller, q *query) *finder {
	f := &finder{server: s, who: who, query: q, now: q.now}
	if q.price != nil {
		f.offers, f.prices = pricing.NewOffers(s.Objects, who.party, q.price.charge), map[*pricing.Offer]*priceJSON{}
		tariffs := s.scope(who, ingest.ObjectTariff)
		f.offers.Sees, f.offers.Profile = tariffs.Holds, s.Profile
	}
	return f
}

// locations answers GET /api/v1/locations.
func (s *server) locations(c *gin.Context, who *caller) error {
	q, err := parseQuery(c.Request.URL.Query(), s.Now())
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	if err := s.known(ctx); err != nil {
		return err
	}
	if (q.workedWithin > 0 || q.mostFailed != nil) && (s.Worked == nil || !s.Worked.Ready()) {
		return fmt.Errorf("find stations: %w: how they worked lately is still being read", settlement.ErrUnavailable)
	}
	f := s.finder(who, q)
	f.answer = pages.Get().(*bytes.Buffer)
	defer f.release()
	next, err := f.run(ctx)
	if err != nil {
		return err
	}
	return f.write(c, next)
}

// pages are buffers that answers are written in. One that grows for each answer is what
// a search among very many stations allocates most, and so how often all of these are
// marked by the collector.
var pages = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keptPage is how large a buffer is kept for the next answer.
const keptPage = 256 << 10

// release gives the buffer of an answer that has been written to the next.
func (f *finder) release() {
	if f.answer.Cap() <= keptPage {
		f.answer.Reset()
		pages.Put(f.answer)
	}
	f.answer = nil
}

// known returns once what partners published is known here, or says that it is not.
func (s *server) known(ctx context.Context) error {
	if !s.Objects.Ready() || !s.Stations.Ready() {
		return fmt.Errorf("find stations: %w: Locations are still being read", settlement.ErrUnavailable)
	}
	return s.catchUp(ctx)
}

// write answers with what was found; next is the address of the next page, "" at the end.
func (f *finder) write(c *gin.Context, next string) error {
	var address *string
	if next != "" {
		address = &next
		c.Header("Link", "<"+next+`>; rel="next"`)
	}
	tail, err := json.Marshal(address)
	if err != nil {
		return fmt.Errorf("write the next page's address: %w", err)
	}
	if f.found == 0 {
		f.answer.WriteString(noData)
	}
	f.answer.WriteString(`],"next":`)
	f.answer.Write(tail)
	f.answer.WriteString("}\n")
	c.Data(http.StatusOK, "application/json; charset=utf-8", f.answer.Bytes())
	return nil
}

// run fills a page and returns the address of the next, "" where there is none.
func (f *finder) run(ctx context.Context) (next string, err error) {
	q := f.query
	locations := f.scope(f.who, ingest.ObjectLocation)
	q.Sees = func(owner ocpi.Party) bool { return locations.Holds(owner, ocpi.Party{}) }
	after := q.after
	for {
		n := min(f.batch(), maxBodies-f.bodies)
		hits, err := f.Stations.Search(&q.Query, after, n)
		if err != nil {
			return "", &rest.Error{Status: http.StatusUnprocessableEntity, Code: "too_many_locations", Field: "radius_m", Message: err.Error() + ": ask for a smaller one"}
		}
		done, err := f.look(ctx, hits)
		switch {
		case err != nil:
			return "", err
		case f.another != nil:
			return q.next(f.another), nil
		case !done || len(hits) == n && f.bodies >= maxBodies:
			return q.next(f.last), nil
		case len(hits) < n:
			return "", nil
		}
		after = f.last
	}
}

// batch is how many Locations are looked for at once: where the index decides nearly
// all, as many as the page still takes, and the one behind it that says there is more.
func (f *finder) batch() int {
	left := f.query.limit + 1 - f.found
	if f.query.text != "" || f.query.openAt.IsSet() || f.query.ofLately() || f.query.price != nil && f.query.price.most != nil {
		return max(left, 4*bodiesAtOnce)
	}
	return left
}

// ofLately reports whether it is asked how EVSEs were lately, which no index knows.
func (q *query) ofLately() bool { return q.workedWithin > 0 || q.statusAge > 0 || q.mostFailed != nil }

// look looks at hits in their order until the page is full; done is false where it has
// come to a bound before their end.
func (f *finder) look(ctx context.Context, hits []stations.Hit) (done bool, err error) {
	for len(hits) > 0 {
		some := hits[:min(len(hits), bodiesAtOnce)]
		hits = hits[len(some):]
		states, err := f.read(ctx, some)
		if err != nil {
			return false, err
		}
		for i := range some {
			more, err := f.lookAt(ctx, &some[i], states)
			if err != nil || f.another != nil || !more {
				return false, err
			}
		}
	}
	return true, nil
}

// lookAt adds a Location to the page where it fits; more is false where a bound is
// reached.
func (f *finder) lookAt(ctx context.Context, h *stations.Hit, states map[ocpi.Key]*ingest.ObjectState) (more bool, err error) {
	if f.offered() >= maxPrices || f.answer.Len() >= maxAnswer {
		return false, nil
	}
	if s := states[h.Key]; s != nil {
		f.bodies++
		fits, err := f.add(ctx, s)
		if err != nil {
			return false, err
		}
		if fits && f.found == f.query.limit {
			f.another = f.last
			return true, nil
		}
		if fits {
			f.found++
		}
	}
	f.last = h
	return true, nil
}

// read reads the Locations of some hits.
func (f *finder) read(ctx context.Context, hits []stations.Hit) (map[ocpi.Key]*ingest.ObjectState, error) {
	ids := make([]ingest.Identity, len(hits))
	for i := range hits {
		ids[i] = ingest.Identity{Object: ingest.ObjectLocation, Key: hits[i].Key}
	}
	found, err := f.Objects.FindFolded(ctx, ids)
	if err != nil {
		return nil, unavailable("read locations", err)
	}
	states := make(map[ocpi.Key]*ingest.ObjectState, len(found))
	for i := range found {
		states[found[i].Key] = &found[i]
	}
	return states, nil
}

// add adds a Location to the answer where it fits, unless the page is full.
func (f *finder) add(ctx context.Context, s *ingest.ObjectState) (fits bool, err error) {
	err = objects.Decode(func(d *ocpi.Decoder) error {
		l, err := d.Location(s.Version, s.Body)
		if err != nil {
			return err
		}
		shown, err := f.shows(ctx, l)
		if err != nil || !shown {
			return err
		}
		v, err := f.show(ctx, s.Key, l)
		if fits = v != nil; err != nil || !fits || f.found == f.query.limit {
			return err
		}
		return f.put(v)
	})
	if err != nil {
		return false, fmt.Errorf("read location %s: %w", s.Key, err)
	}
	return fits, nil
}

// noData begins an answer.
const noData = `{"data":[`

// put writes a Location as rest.WriteJSON does, "<" and "&" readable.
func (f *finder) put(v *locationJSON) error {
	if f.found == 0 {
		f.answer.WriteString(noData)
	} else {
		f.answer.WriteByte(',')
	}
	enc := json.NewEncoder(f.answer)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// locationDetail is one Location with its tariffs in words.
type locationDetail struct {
	locationJSON
	Tariffs []tariffJSON `json:"tariffs"`
}

// location answers GET /api/v1/locations/{country}/{party}/{id}.
func (s *server) location(c *gin.Context, who *caller) error {
	q, err := parseOne(c.Request.URL.Query(), s.Now())
	if err != nil {
		return err
	}
	key, err := rest.PathKey(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	if err := s.known(ctx); err != nil {
		return err
	}
	state, ok, err := s.Objects.Get(ctx, ingest.Target{Object: ingest.ObjectLocation, Key: key})
	if err != nil {
		return unavailable("read location", err)
	}
	if !ok || !s.Partners.Sees(who.partner, ingest.ObjectLocation, key.Party, ocpi.Party{}) {
		return unknownLocation(key)
	}
	detail, err := s.finder(who, q).detail(ctx, &state)
	if err != nil {
		return err
	}
	if detail == nil {
		return unknownLocation(key)
	}
	rest.WriteJSON(c, http.StatusOK, detail)
	return nil
}

func unknownLocation(key ocpi.Key) error {
	return &rest.Error{Status: http.StatusNotFound, Code: "unknown_location", Message: fmt.Sprintf("%s %s is not known", key.Party, key.ID)}
}

// detail is one Location with its tariffs, nil where it is not to be shown.
func (f *finder) detail(ctx context.Context, s *ingest.ObjectState) (*locationDetail, error) {
	l, err := new(ocpi.Decoder).Location(s.Version, s.Body)
	if err != nil {
		return nil, fmt.Errorf("read location %s: %v", s.Key, err) //nolint:errorlint // ours, not the reader's: a 500
	}
	shown, err := f.shows(ctx, l)
	if err != nil || !shown {
		return nil, err
	}
	v, err := f.show(ctx, s.Key, l)
	if err != nil || v == nil || len(v.EVSEs) == 0 {
		return nil, err
	}
	tariffs, err := f.tariffs(ctx, s.Key.Party, l)
	if err != nil {
		return nil, err
	}
	return &locationDetail{*v, tariffs}, nil
}
