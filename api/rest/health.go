package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Health answers how the connection with a partner fares.
type Health struct {
	Store interface {
		settlement.HealthStore
		// LocationsOf calls fn for the Locations of a CPO, in the order of their ids.
		LocationsOf(ctx context.Context, cpo ocpi.Party, tariffs []string, fn func(*ingest.ObjectState) error) error
	}
	Log      *messages.Log // nil = nothing is kept of what is exchanged
	Partners interface {
		Find(id string) (*control.Partner, bool)
		Absent(id string) []control.Absence
		Noted(id string) []ingest.Found
	}
	Found *ingest.Tally
	Ends  *api.Ends        // of certificates that partners have shown; nil = none is known
	Now   func() time.Time // nil = the system clock
}

// HealthParams are the names of the query parameters.
var HealthParams = []string{"from", "to", "stale_after"}

const (
	healthDays    = 7 // up to today, where none are asked for
	staleAfter    = 30 * 24 * time.Hour
	maxStaleAfter = 10 * 365 * 24 * time.Hour
)

// PartnerHealth is how the connection with a partner fares over some days. What is not known
// is null.
type PartnerHealth struct {
	Partner      string              `json:"partner"`
	Name         string              `json:"name"`
	From         string              `json:"from"`
	To           string              `json:"to"`
	Exchanges    *HealthExchanges    `json:"exchanges"`   // null: nothing is kept of them
	TokenSince   *string             `json:"token_since"` // null: it has none
	TokenAge     *int64              `json:"token_age_s"`
	Certificates []HealthCertificate `json:"certificates"`
	Locations    *HealthLocations    `json:"locations"` // null: it may publish none
	CDRs         *HealthCDRs         `json:"cdrs"`      // null: it is no CPO
	Differences  []HealthDifference  `json:"differences"`
	Findings     []HealthFinding     `json:"findings"`
}

// HealthExchanges is what was exchanged. Since is from when on messages are kept of the days
// that were asked for.
type HealthExchanges struct {
	Since   string         `json:"since"`
	NotKept uint64         `json:"not_kept"`
	In      HealthErrors   `json:"in"`
	Out     HealthErrors   `json:"out"`
	Modules []HealthModule `json:"modules"`
}

// HealthErrors is how many requests of one side failed.
type HealthErrors struct {
	Requests uint64  `json:"request_count"`
	Failed   uint64  `json:"failed_count"`
	Rate     *string `json:"failed_share"` // null: there was no request
}

// HealthModule is one kind of object in one direction.
type HealthModule struct {
	Direction string  `json:"direction"` // in: the partner asked; out: we did
	Object    string  `json:"object"`
	Kind      string  `json:"kind"` // push, read
	Requests  uint64  `json:"request_count"`
	Failed    uint64  `json:"failed_count"`
	Last      string  `json:"last"`
	LastDone  *string `json:"last_done"` // null: all failed
	LastPath  string  `json:"last_path"`
}

// HealthCertificate is a certificate that the partner has shown to this process in the last
// 7 days.
type HealthCertificate struct {
	Use         string `json:"use"` // client, server
	Fingerprint string `json:"fingerprint"`
	Subject     string `json:"subject"`
	Ends        string `json:"ends"`
	Seen        string `json:"seen"`
}

// HealthLocations is how what the partner publishes is kept up to date.
type HealthLocations struct {
	Locations     int    `json:"location_count"`
	EVSEs         int    `json:"evse_count"`
	StaleAfter    string `json:"stale_after"`
	Stale         int    `json:"stale_evse_count"`
	Undated       int    `json:"undated_evse_count"` // they do not say when they changed
	Connectors    int    `json:"connector_count"`
	WithoutTariff int    `json:"connector_without_tariff_count"`
}

// HealthCDRs is how CDRs of charges came that ended in the days that were asked for.
type HealthCDRs struct {
	CDRs           uint64   `json:"cdr_count"`
	Timed          uint64   `json:"timed_count"`
	Due            int64    `json:"cdr_due_s"`
	P50            *int64   `json:"p50_s"`
	P95            *int64   `json:"p95_s"`
	Late           uint64   `json:"late_count"`
	LateShare      *string  `json:"late_share"`
	Corrected      uint64   `json:"corrected_count"`
	CorrectedShare *string  `json:"corrected_share"`
	SilentDays     []string `json:"silent_days"`
}

// HealthDifference is what CDRs have in common whose claim is not what we computed, or that
// we could not price. An amount is null where one of theirs is not known.
type HealthDifference struct {
	Of       string  `json:"of"` // cause, reason
	Code     string  `json:"code"`
	Currency string  `json:"currency"`
	CDRs     uint64  `json:"cdr_count"`
	Claimed  *string `json:"claimed_excl_vat"`
	Computed *string `json:"computed_excl_vat"`
}

// HealthFinding is a kind of finding in what the partner sent, since it was first found.
type HealthFinding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Count    int64  `json:"count"`
	Last     string `json:"last"`
	Detail   string `json:"detail"`
}

// HealthQuery is which days are asked for, and what is stale.
type HealthQuery struct {
	From, To   time.Time // days in UTC, both in it
	StaleAfter time.Duration
}

func (h Health) now() time.Time {
	if h.Now == nil {
		return time.Now().UTC()
	}
	return h.Now().UTC()
}

// Query reads the parameters. The error is a [*Error].
func (h Health) Query(values url.Values) (q HealthQuery, err error) {
	p := NewParams(values, HealthParams...)
	q = HealthQuery{From: p.Day("from"), To: p.Day("to"), StaleAfter: staleAfter}
	if s := p.Text("stale_after"); s != "" {
		var err error
		if q.StaleAfter, err = time.ParseDuration(s); err != nil || q.StaleAfter < time.Hour || q.StaleAfter > maxStaleAfter {
			p.Fail(Invalid("stale_after", "%q is not a time such as 720h, from 1h to %dh", s, int(maxStaleAfter.Hours())))
		}
	}
	for name, day := range map[string]time.Time{"from": q.From, "to": q.To} {
		if p.Text(name) != "" && !validYear(day) {
			p.Fail(Invalid(name, "want a day of the years 1971 to 2260"))
		}
	}
	if q.To.IsZero() {
		q.To = h.now().Truncate(24 * time.Hour)
		if !q.From.IsZero() {
			q.To = latest(q.To, q.From)
		}
	}
	if q.From.IsZero() {
		q.From = q.To.AddDate(0, 0, 1-healthDays)
	}
	switch {
	case p.Err() != nil:
	case q.To.Before(q.From):
		p.Fail(Invalid("to", "%s is before from, %s", q.To.Format(time.DateOnly), q.From.Format(time.DateOnly)))
	case q.To.Sub(q.From) >= settlement.MaxHealthDays*24*time.Hour:
		p.Fail(Invalid("from", "more than %d days up to %s: ask for fewer at once", settlement.MaxHealthDays, q.To.Format(time.DateOnly)))
	}
	return q, p.Err()
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Show answers GET …/partners/{id}/health, as CSV with a row for each figure.
func (h Health) Show(c *gin.Context, who *Viewer) error {
	csv, err := WantsCSV(c)
	if err != nil {
		return err
	}
	r, err := h.asked(c, who)
	if err != nil {
		return err
	}
	if csv {
		WriteCSV(c, "health-"+r.Partner+"-"+r.From+"-"+r.To+".csv", r.CSV())
		return nil
	}
	WriteJSON(c, http.StatusOK, r)
	return nil
}

// ShowLetter answers GET …/partners/{id}/health/letter.
func (h Health) ShowLetter(c *gin.Context, who *Viewer) error {
	r, err := h.asked(c, who)
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(r.Letter()))
	return nil
}

func (h Health) asked(c *gin.Context, who *Viewer) (*PartnerHealth, error) {
	id := api.Param(c, "id")
	switch {
	case who.Partner != nil && who.Partner.ID != id:
		return nil, settlement.ErrNotFound // it is not told who else is one
	case who.Partner == nil && !who.Key.Party.IsZero():
		return nil, &Error{Status: http.StatusForbidden, Code: "party_restricted", Message: "partners may have several parties; use a key without --party, or the partner's OCPI token"}
	}
	q, err := h.Query(c.Request.URL.Query())
	if err != nil {
		return nil, err
	}
	p, ok := h.Partners.Find(id)
	if !ok {
		return nil, settlement.ErrNotFound
	}
	return h.Of(c.Request.Context(), p, q)
}

// Of reads how the connection with a partner fares.
func (h Health) Of(ctx context.Context, p *control.Partner, q HealthQuery) (*PartnerHealth, error) {
	now := h.now()
	r := &PartnerHealth{
		Partner: p.ID, From: q.From.Format(time.DateOnly), To: q.To.Format(time.DateOnly), Certificates: []HealthCertificate{}, Differences: []HealthDifference{}, Findings: []HealthFinding{},
		Name: p.Name,
	}
	if since := p.TokenSince(); since.IsSet() {
		text, age := since.String(), max(0, int64(now.Sub(since.Go()).Seconds()))
		r.TokenSince, r.TokenAge = &text, &age
	}
	for _, one := range h.Ends.Of(p.ID) {
		r.Certificates = append(r.Certificates, HealthCertificate{one.Use, one.Fingerprint, one.Subject, one.End.UTC().Format(time.RFC3339), one.Seen.UTC().Format(time.RFC3339)})
	}
	found := h.Found.With(p.ID, h.Partners.Noted(p.ID))
	for _, a := range h.Partners.Absent(p.ID) {
		found = append(found, a.Found())
	}
	for i := range found {
		f := &found[i]
		r.Findings = append(r.Findings, HealthFinding{f.Code, f.Severity.String(), f.Count, f.Last.String(), f.Detail})
	}
	for _, read := range []func(context.Context, *control.Partner, HealthQuery, *PartnerHealth) error{h.exchanges, h.locations, h.cdrs} {
		if err := read(ctx, p, q, r); err != nil {
			return nil, fmt.Errorf("read the health of %s: %w", p.ID, err)
		}
	}
	return r, nil
}

// exchanges reads what was exchanged on those days of which messages are still kept.
func (h Health) exchanges(ctx context.Context, p *control.Partner, q HealthQuery, r *PartnerHealth) error {
	if h.Log == nil {
		return nil
	}
	if err := h.Log.Flush(ctx); err != nil {
		return fmt.Errorf("keep messages: %w", err)
	}
	since := latest(q.From, h.now().Add(-h.Log.Retention).Truncate(24*time.Hour))
	of := settlement.ExchangeQuery{Partner: p.ID, From: ocpi.TimeOf(since), To: ocpi.TimeOf(q.To.AddDate(0, 0, 1))}
	if of.From >= of.To {
		return nil // none is kept of these days
	}
	list, err := h.Store.Exchanges(ctx, of)
	if err != nil {
		return err
	}
	x := &HealthExchanges{Since: since.Format(time.DateOnly), Modules: []HealthModule{}}
	for i := range list {
		e := &list[i]
		m := HealthModule{e.Direction, e.Object, "push", e.Requests, e.Failed, e.Last.String(), nil, e.LastPath}
		if e.Reads {
			m.Kind = "read"
		}
		if e.LastDone.IsSet() {
			m.LastDone = orNull(e.LastDone.String())
		}
		x.Modules = append(x.Modules, m)
		side := &x.In
		if e.Direction == messages.Out.String() {
			side = &x.Out
		}
		side.Requests, side.Failed = side.Requests+e.Requests, side.Failed+e.Failed
	}
	x.In.Rate, x.Out.Rate = share(x.In.Failed, x.In.Requests), share(x.Out.Failed, x.Out.Requests)
	x.NotKept, err = h.Log.Store.MessagesNotKept(ctx, messages.Query{Partner: p.ID, From: of.From, To: of.To})
	r.Exchanges = x
	return err
}

// share is a part of a whole with four decimals, rounded half up; nil where there is no whole.
func share(part, whole uint64) *string {
	if whole == 0 {
		return nil
	}
	const unit = 10_000
	high, low := bits.Mul64(part, unit)
	n, rest := bits.Div64(high, low, whole) // part <= whole, so high < whole
	if rest >= whole-rest {
		n++
	}
	s := fmt.Sprintf("%d.%04d", n/unit, n%unit)
	return &s
}

// healthLocation is what of a Location says how it is kept up to date.
type healthLocation struct {
	EVSEs []struct {
		Status      string `json:"status"`
		LastUpdated string `json:"last_updated"`
		Connectors  []struct {
			TariffID  string   `json:"tariff_id"` // OCPI 2.1.1
			TariffIDs []string `json:"tariff_ids"`
		} `json:"connectors"`
	} `json:"evses"`
}

func (h Health) locations(ctx context.Context, p *control.Partner, q HealthQuery, r *PartnerHealth) error {
	parties := p.Publishing().Parties
	if len(parties) == 0 {
		return nil
	}
	l := &HealthLocations{StaleAfter: strconv.Itoa(int(q.StaleAfter.Hours())) + "h"}
	before := ocpi.TimeOf(h.now().Add(-q.StaleAfter))
	for _, party := range parties {
		err := h.Store.LocationsOf(ctx, party, nil, func(s *ingest.ObjectState) error {
			var one healthLocation
			if err := json.Unmarshal(s.Body, &one); err != nil {
				return fmt.Errorf("read location %s: %v", s.Key, err) //nolint:errorlint // ours, not the reader's: a 500
			}
			l.add(&one, before)
			return nil
		})
		if err != nil {
			return err
		}
	}
	r.Locations = l
	return nil
}

func (l *HealthLocations) add(one *healthLocation, before ocpi.Time) {
	l.Locations++
	for i := range one.EVSEs {
		e := &one.EVSEs[i]
		if status := ocpi.Fold(e.Status); status == "REMOVED" || status == "PLANNED" {
			continue // nobody charges there, nor is it to change
		}
		l.EVSEs++
		switch at, _, err := ocpi.ParseTime(e.LastUpdated); {
		case err != nil || !at.IsSet():
			l.Undated++
		case at < before:
			l.Stale++
		}
		for _, c := range e.Connectors {
			if l.Connectors++; c.TariffID == "" && len(c.TariffIDs) == 0 {
				l.WithoutTariff++
			}
		}
	}
}

// cdrs reads how CDRs came. Silent is a day on which no charge ended whose CDR is here,
// though it is due: so a CPO whose CDRs take a day is not silent yesterday, and one whose
// Locations go on being pushed is silent where its CDRs do not come.
func (h Health) cdrs(ctx context.Context, p *control.Partner, q HealthQuery, r *PartnerHealth) error {
	of := settlement.HealthQuery{CPOs: p.Charging().Parties, From: ocpi.TimeOf(q.From), To: ocpi.TimeOf(q.To.AddDate(0, 0, 1)), Due: settlement.CDRDue}
	if len(of.CPOs) == 0 {
		return nil
	}
	came, err := h.Store.CDRHealth(ctx, of)
	if err != nil {
		return err
	}
	d := &HealthCDRs{
		CDRs: came.CDRs, Timed: came.Timed, Due: int64(of.Due.Seconds()), Late: came.Late, Corrected: came.Corrected, SilentDays: []string{},
		LateShare: share(came.Late, came.Timed), CorrectedShare: share(came.Corrected, came.CDRs),
	}
	if came.Timed > 0 {
		half, most := int64(came.P50.Seconds()), int64(came.P95.Seconds())
		d.P50, d.P95 = &half, &most
	}
	for day := q.From; !day.After(q.To) && !day.AddDate(0, 0, 1).Add(of.Due).After(h.now()); day = day.AddDate(0, 0, 1) {
		if !slices.ContainsFunc(came.Days, func(one settlement.CDRDay) bool { return one.Day.Equal(day) }) {
			d.SilentDays = append(d.SilentDays, day.Format(time.DateOnly))
		}
	}
	r.CDRs = d
	differ, err := h.Store.HealthDifferences(ctx, of)
	for i := range differ {
		one := &differ[i]
		j := HealthDifference{Of: "cause", Code: one.Kind, Currency: one.Currency, CDRs: one.CDRs}
		if one.Rejected {
			j.Of = "reason"
		}
		if one.UnknownClaims == 0 {
			j.Claimed = orNull(Money(one.Claimed.Excl))
		}
		if one.UnknownPrices == 0 {
			j.Computed = orNull(Money(one.Computed.Excl))
		}
		r.Differences = append(r.Differences, j)
	}
	return err
}
