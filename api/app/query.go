package app

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/api/app/stations"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/whatif"
)

// Bounds of a search.
const (
	defaultFound = 20
	maxFound     = 100
	maxRadius    = 100_000 // metres
	minText      = 2       // characters of q
	maxText      = 100
	maxStatusAge = 366 * 24 * time.Hour
)

// Parameters of a search, and those of them that ask for a price.
var (
	priceParams  = []string{"currency", "price_energy_kwh", "price_duration_s", "price_at"}
	searchParams = append([]string{
		"latitude", "longitude", "radius_m", "min_latitude", "min_longitude", "max_latitude", "max_longitude",
		"country_code", "party_id", "standard", "format", "power_type", "min_power_w", "status", "facility", "capability",
		"open_at", "plug_and_charge", "worked_within", "max_failed_starts", "status_age_max", "q", "max_price_excl_vat", "all", "limit", "cursor"}, priceParams...)
)

// query is what is searched for.
type query struct {
	stations.Query
	text   string    // q as texts are compared
	openAt ocpi.Time // not set: whether open or not
	// What an EVSE must have been like lately; 0, or nil, = however it was.
	workedWithin, statusAge time.Duration
	mostFailed              *int
	all                     bool     // show connectors that do not fit, too
	price                   *priceOf // nil: no price is asked for
	limit                   int
	after                   *stations.Hit
	now                     ocpi.Time // when its first page was asked for
	asked                   url.Values
}

// priceOf is what is priced, and what the price may be.
type priceOf struct {
	charge   whatif.Charge
	currency string           // "" = any
	most     *decimal.Decimal // before tax; nil = any
}

// cursor is where a search goes on: it holds all that was asked for, so that its address
// is all a reader needs.
type cursor struct {
	Asked  string `json:"q"`
	Metres int    `json:"m,omitempty"`
	Owner  string `json:"o"`
	ID     string `json:"i"`
	Now    int64  `json:"t"`
}

// next is the address of the page behind a hit.
func (q *query) next(last *stations.Hit) string {
	b, err := json.Marshal(cursor{q.asked.Encode(), last.Metres, last.Key.Party.String(), last.Key.ID, int64(q.now)})
	if err != nil {
		panic("app: " + err.Error()) // texts and numbers
	}
	return "/api/v1/locations?" + url.Values{"cursor": {base64.RawURLEncoding.EncodeToString(b)}}.Encode()
}

var errCursor = rest.Invalid("cursor", "not a cursor of this list; leave it out to start at the first page")

// parseQuery reads the parameters of a search; now is when it was asked for.
func parseQuery(values url.Values, now time.Time) (*query, error) {
	if sent := values.Get("cursor"); sent != "" {
		return parseCursor(values, sent)
	}
	at := ocpi.TimeOf(now)
	return parseFirst(values, at-at%ocpi.Time(ocpi.Second))
}

// parseCursor goes on with a search; only its limit may be another.
func parseCursor(values url.Values, sent string) (*query, error) {
	p := rest.NewParams(values, searchParams...)
	for name := range values {
		if name != "cursor" && name != "limit" {
			p.Fail(rest.Invalid(name, "stands in the cursor: give the cursor alone, or start a search without it"))
		}
	}
	if p.Err() != nil {
		return nil, p.Err()
	}
	b, err := base64.RawURLEncoding.DecodeString(sent)
	var c cursor
	if err != nil || ocpi.DecodeStrict(b, &c) != nil {
		return nil, errCursor
	}
	asked, err := url.ParseQuery(c.Asked)
	owner, ok := ocpi.ParseParty(c.Owner)
	if err != nil || !ok || asked.Has("cursor") {
		return nil, errCursor
	}
	if limit := values.Get("limit"); limit != "" {
		asked.Set("limit", limit)
	}
	q, err := parseFirst(asked, ocpi.Time(c.Now))
	if err != nil {
		return nil, err
	}
	q.after = &stations.Hit{Key: ocpi.Key{Party: owner, ID: c.ID}, Metres: c.Metres}
	return q, nil
}

func parseFirst(values url.Values, now ocpi.Time) (*query, error) {
	p := rest.NewParams(values, searchParams...)
	q := &query{now: now, asked: values}
	q.Country, q.Party = p.Folded("country_code"), p.Folded("party_id")
	q.area(p)
	q.plug(p)
	q.Facility = value(p, "facility", stations.Facilities)
	if q.text = stations.Plain(p.Text("q")); p.Text("q") != "" {
		if n := utf8.RuneCountInString(q.text); n < minText || n > maxText {
			p.Fail(rest.Invalid("q", "want %d to %d characters", minText, maxText))
		}
	}
	q.Text = q.text
	q.openAt = instant(p, "open_at")
	q.SaysOpening = q.openAt.IsSet()
	q.workedWithin, q.statusAge = lasting(p, "worked_within", stations.WorkedWithin), lasting(p, "status_age_max", maxStatusAge)
	if p.Text("max_failed_starts") != "" {
		n := int(whole(p, "max_failed_starts", 0, 1_000_000))
		q.mostFailed = &n
	}
	if all := p.Bool("all"); all != nil {
		q.all = *all
	}
	q.limit = defaultFound
	if p.Text("limit") != "" {
		q.limit = p.Limit(maxFound)
	}
	var most *decimal.Decimal
	if n := number(p, "max_price_excl_vat"); n.IsSet() {
		d := n.Decimal()
		most = &d
	}
	q.price = priced(p, now, most)
	return q, p.Err()
}

// parseOne reads the parameters of one Location: what is to be priced.
func parseOne(values url.Values, now time.Time) (*query, error) {
	at := ocpi.TimeOf(now)
	p := rest.NewParams(values, priceParams...)
	q := &query{now: at - at%ocpi.Time(ocpi.Second)}
	q.price = priced(p, q.now, nil)
	return q, p.Err()
}

// plug reads what a connector must be.
func (q *query) plug(p *rest.Params) {
	q.Plug = stations.Filter{
		Standard: value(p, "standard", stations.Standards), Format: value(p, "format", stations.Formats),
		PowerType: value(p, "power_type", stations.PowerTypes), Status: value(p, "status", stations.Statuses),
		Capability: value(p, "capability", stations.Capabilities), MinWatts: whole(p, "min_power_w", 0, 1_000_000_000), PlugAndCharge: p.Bool("plug_and_charge"),
	}
}

// area reads where is searched: around a point, in a box, or anywhere.
func (q *query) area(p *rest.Params) {
	circle, box := given(p, "latitude", "longitude", "radius_m"), given(p, "min_latitude", "min_longitude", "max_latitude", "max_longitude")
	switch {
	case circle && box:
		p.Fail(rest.Invalid("radius_m", "give either a point and a radius, or a box"))
	case circle:
		q.Circle = &stations.Circle{
			Centre: stations.Point{Latitude: degrees(p, "latitude", 90), Longitude: degrees(p, "longitude", 180)},
			Metres: int(whole(p, "radius_m", 1, maxRadius)),
		}
	case box:
		q.Box = &stations.Box{South: degrees(p, "min_latitude", 90), West: degrees(p, "min_longitude", 180),
			North: degrees(p, "max_latitude", 90), East: degrees(p, "max_longitude", 180)}
		if q.Box.South > q.Box.North {
			p.Fail(rest.Invalid("min_latitude", "is greater than max_latitude"))
		}
	}
}

// given reports whether some parameters that go together are there, and refuses a part
// of them.
func given(p *rest.Params, names ...string) bool {
	missing := slices.IndexFunc(names, func(name string) bool { return p.Text(name) == "" })
	some := slices.ContainsFunc(names, func(name string) bool { return p.Text(name) != "" })
	if some && missing >= 0 {
		p.Fail(rest.Invalid(names[missing], "missing: %s go together", strings.Join(names, ", ")))
	}
	return some && missing < 0
}

// priced reads what is to be priced, nil where nothing is. An error leaves it incomplete.
func priced(p *rest.Params, now ocpi.Time, most *decimal.Decimal) *priceOf {
	asked := most != nil || slices.ContainsFunc(priceParams, func(name string) bool { return p.Text(name) != "" })
	if !asked {
		return nil
	}
	of := &priceOf{currency: p.Currency("currency"), most: most}
	of.charge.EnergyKWh = number(p, "price_energy_kwh")
	of.charge.Duration = time.Duration(whole(p, "price_duration_s", 0, int64(whatif.MaxLength/time.Second))) * time.Second
	if of.charge.Start = instant(p, "price_at"); !of.charge.Start.IsSet() {
		of.charge.Start = now
	}
	of.charge.Start -= of.charge.Start % ocpi.Time(ocpi.Second)
	switch {
	case p.Text("price_energy_kwh") == "":
		p.Fail(rest.Invalid("price_energy_kwh", "missing: a price is that of a charge of so much energy"))
	case of.charge.EnergyKWh.Sign() <= 0 || of.charge.EnergyKWh.Decimal().GreaterThan(decimal.NewFromInt(whatif.MaxEnergy)):
		p.Fail(rest.Invalid("price_energy_kwh", "want more than 0, and at most %d", whatif.MaxEnergy))
	case most != nil && of.currency == "":
		p.Fail(rest.Invalid("currency", "missing: max_price_excl_vat is in one"))
	}
	return of
}

// value reads a value of an enumeration by its number, 0 where it is absent.
func value(p *rest.Params, name string, of *stations.Enum) uint8 {
	s := p.Text(name)
	n := of.Of(s)
	if s != "" && n == 0 {
		p.Fail(rest.Invalid(name, "%q is none of %s", s, strings.Join(of.Names(), ", ")))
	}
	return n
}

func whole(p *rest.Params, name string, least, most int64) int64 {
	s := p.Text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < least || n > most {
		p.Fail(rest.Invalid(name, "%q is not a whole number from %d to %d", s, least, most))
		return 0
	}
	return n
}

// lasting reads a time such as 24h, 0 where it is absent.
func lasting(p *rest.Params, name string, most time.Duration) time.Duration {
	s := p.Text(name)
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Minute || d > most {
		p.Fail(rest.Invalid(name, "%q is not a time such as 24h, from 1m to %gh", s, most.Hours()))
		return 0
	}
	return d
}

func number(p *rest.Params, name string) ocpi.Number {
	s := p.Text(name)
	if s == "" {
		return ocpi.Number{}
	}
	n, err := ocpi.ParseNumber(s)
	if err != nil {
		p.Fail(rest.Invalid(name, "%q is not a decimal number", s))
	}
	return n
}

func degrees(p *rest.Params, name string, most int64) float64 {
	d, ok := stations.ParseDegrees(p.Text(name), most)
	if !ok {
		p.Fail(rest.Invalid(name, "%q is not decimal degrees from -%d to %d", p.Text(name), most, most))
	}
	return d
}

func instant(p *rest.Params, name string) ocpi.Time {
	s := p.Text(name)
	if s == "" {
		return 0
	}
	at, _, err := ocpi.ParseTime(s)
	if err != nil || !at.IsSet() {
		p.Fail(rest.Invalid(name, "%q is not an instant such as 2026-01-05T10:00:00Z", s))
	}
	return at
}
