package world

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Names of OCPI's price components.
const (
	flat    = "FLAT"
	energy  = "ENERGY"
	timed   = "TIME"
	parking = "PARKING_TIME"
)

// tariff is one price list in the shapes this world uses (mod_tariffs). Limits
// are before and after tax, "" where there is none.
type tariff struct {
	id       string
	since    string // instant from which this version is in force, "" for the first
	text     string
	min, max limit
	elements []element
}

type limit struct{ excl, incl string }

type element struct {
	components []component
	when       window
}

// component is a price per kWh, hour or session with its VAT in percent (""
// where the tariff states none) and step in Wh or seconds.
type component struct {
	kind  string
	price string
	vat   string
	step  int64
}

// window is a set of restrictions, local to the Location; zero members do not
// restrict. Durations count from the start of the session.
type window struct {
	from, to string // "HH:MM"; to before from wraps midnight
	days     []string
	min, max time.Duration
}

var (
	workdays = []string{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"}
	weekend  = []string{"SATURDAY", "SUNDAY"}
)

// tariffs by party id of the CPO: the first is for AC, the second for DC or,
// where there is no DC, for every fourth station.
var tariffs = map[string][2]tariff{
	"DUN": {{
		id: "DUN-AC-2016", text: "£0.38 connection fee, £0.15 per kWh",
		elements: []element{
			{components: []component{{flat, "0.38", "20", 1}, {energy, "0.15", "20", 1}}},
		},
	}, {
		id: "DUN-RAPID-2016", text: "£0.38 connection fee, £0.30 per kWh on weekdays from 08:00 to 18:00, else £0.25; after 90 minutes £2.00 per hour of overstay",
		elements: []element{
			{components: []component{{flat, "0.38", "20", 1}}},
			{components: []component{{energy, "0.30", "20", 1}}, when: window{from: "08:00", to: "18:00", days: workdays}},
			{components: []component{{energy, "0.25", "20", 1}}},
			{components: []component{{parking, "2.00", "20", 60}}, when: window{min: 90 * time.Minute}},
		},
	}},
	"PKC": {{
		id: "PKC-AC", text: "£0.22 per kWh by day, £0.12 from 23:00 to 07:00, at least £0.50",
		min: limit{"0.50", "0.60"},
		elements: []element{
			{components: []component{{energy, "0.12", "20", 1}}, when: window{from: "23:00", to: "07:00"}},
			{components: []component{{energy, "0.22", "20", 1}}},
		},
	}, {
		id: "PKC-RAPID", text: "£0.35 per kWh in steps of 0.1 kWh; £6.00 per hour of parking after 45 minutes, at most £30.00",
		max: limit{"30.00", "36.00"},
		elements: []element{
			{components: []component{{energy, "0.35", "20", 100}}},
			{components: []component{{parking, "6.00", "20", 300}}, when: window{min: 45 * time.Minute}},
		},
	}},
	"BOU": {{
		id: "BOU-L2", text: "$1.00 per hour for two hours, then $2.50 per hour plugged in",
		elements: []element{
			{components: []component{{timed, "1.00", "", 1}, {parking, "1.00", "", 1}}, when: window{max: 2 * time.Hour}},
			{components: []component{{timed, "2.50", "", 1}, {parking, "2.50", "", 1}}, when: window{min: 2 * time.Hour}},
		},
	}, {
		id: "BOU-WORK", text: "$0.19 per kWh, $0.12 at weekends",
		elements: []element{
			{components: []component{{energy, "0.12", "", 1}}, when: window{days: weekend}},
			{components: []component{{energy, "0.19", "", 1}}},
		},
	}},
	"BEL": {{
		id: "BEL-NORMAL", text: "De 8 h à 20 h 4,00 € l'heure, la nuit 1,00 € l'heure, par tranche de 15 minutes",
		max: limit{"40.00", "48.00"},
		elements: []element{
			{components: []component{{timed, "4.00", "20", 900}, {parking, "4.00", "20", 900}}, when: window{from: "08:00", to: "20:00"}},
			{components: []component{{timed, "1.00", "20", 900}, {parking, "1.00", "20", 900}}, when: window{from: "20:00", to: "08:00"}},
		},
	}, {
		id: "BEL-RAPIDE", text: "1,00 € puis 0,40 € le kWh ; stationnement 0,25 € la minute après une heure",
		elements: []element{
			{components: []component{{flat, "1.00", "20", 1}, {energy, "0.40", "20", 1}}},
			{components: []component{{parking, "15.00", "20", 60}}, when: window{min: time.Hour}},
		},
	}},
	"SAP": {{
		id: "SAP-WORK", text: "0,14 € le kWh, 0,10 € le week-end",
		max: limit{"8.00", "9.60"},
		elements: []element{
			{components: []component{{energy, "0.10", "20", 1}}, when: window{days: weekend}},
			{components: []component{{energy, "0.14", "20", 1}}},
		},
	}, {
		id: "SAP-VISITOR", text: "0,50 € et 0,25 € le kWh (TVA 5,5 %) ; stationnement 1,20 € l'heure en semaine de 8 h à 18 h",
		elements: []element{
			{components: []component{{flat, "0.50", "20", 1}, {energy, "0.25", "5.5", 1}}},
			{components: []component{{parking, "1.20", "20", 300}}, when: window{from: "08:00", to: "18:00", days: workdays}},
		},
	}},
}

// revisions are tariffs whose prices were raised, by id: a charge that began
// before has the version of tariffs.
var revisions = map[string]*tariff{
	"DUN-AC-2016": {
		id: "DUN-AC-2016", since: "2018-05-01T00:00:00Z", text: "£0.38 connection fee, £0.19 per kWh",
		elements: []element{
			{components: []component{{flat, "0.38", "20", 1}, {energy, "0.19", "20", 1}}},
		},
	},
	"BOU-L2": {
		id: "BOU-L2", since: "2018-05-01T00:00:00Z", text: "$1.25 per hour for two hours, then $2.50 per hour plugged in",
		elements: []element{
			{components: []component{{timed, "1.25", "", 1}, {parking, "1.25", "", 1}}, when: window{max: 2 * time.Hour}},
			{components: []component{{timed, "2.50", "", 1}, {parking, "2.50", "", 1}}, when: window{min: 2 * time.Hour}},
		},
	},
}

// at is the version of a tariff that is in force at an instant.
func (t *tariff) at(start time.Time) *tariff {
	if next := t.after(); next != nil && !start.Before(next.updated()) {
		return next
	}
	return t
}

// updated is the version's last_updated.
func (t *tariff) updated() time.Time {
	at, err := time.Parse(time.RFC3339, cmp.Or(t.since, "2016-06-01T00:00:00Z"))
	if err != nil {
		panic(err) // our own table
	}
	return at
}

// after is the version after, nil for the last.
func (t *tariff) after() *tariff {
	if t.since != "" {
		return nil
	}
	return revisions[t.id]
}

// push is the version as its CPO puts it.
func (t *tariff) push(c *cpo) Item {
	return Item{Sender: c.party, Module: Tariffs, Method: "PUT", Path: objectPath(c.party, t.id), Body: t.body(c), Lane: hash(t.id)}
}

// before is the version before, nil for the first.
func (t *tariff) before(c *cpo) *tariff {
	pair := tariffs[c.party.ID]
	for i := range pair {
		if t.since != "" && pair[i].id == t.id {
			return &pair[i]
		}
	}
	return nil
}

// tariffOf is the tariff of a station's connector, as it was when the charge began.
func tariffOf(c *cpo, r *row) *tariff {
	pair := tariffs[c.party.ID]
	second := r.dc
	if c.source == "boulder" || c.source == "mougins" {
		second = hash(c.source, r.station)%4 == 0
	}
	if second {
		return pair[1].at(r.start)
	}
	return pair[0].at(r.start)
}

// matches reports whether the window is open at a local time and a duration
// since the start of the session.
func (w *window) matches(local time.Time, elapsed time.Duration) bool {
	if w.from != "" {
		now := local.Format("15:04")
		inside := now >= w.from && now < w.to
		if w.to < w.from {
			inside = now >= w.from || now < w.to
		}
		if !inside {
			return false
		}
	}
	if len(w.days) > 0 && !slices.Contains(w.days, dayName(local)) {
		return false
	}
	return elapsed >= w.min && (w.max == 0 || elapsed < w.max)
}

func dayName(t time.Time) string {
	return [...]string{"SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"}[t.Weekday()]
}

// find returns the component of a kind that is active.
func (t *tariff) find(kind string, local time.Time, elapsed time.Duration) *component {
	for i := range t.elements {
		e := &t.elements[i]
		if !e.when.matches(local, elapsed) {
			continue
		}
		for j := range e.components {
			if e.components[j].kind == kind {
				return &e.components[j]
			}
		}
	}
	return nil
}

type componentBody struct {
	Type  string      `json:"type"`
	Price json.Number `json:"price"`
	VAT   json.Number `json:"vat,omitempty"`
	Step  int64       `json:"step_size"`
}

type restrictionsBody struct {
	StartTime   string   `json:"start_time,omitempty"`
	EndTime     string   `json:"end_time,omitempty"`
	MinDuration int64    `json:"min_duration,omitempty"`
	MaxDuration int64    `json:"max_duration,omitempty"`
	DayOfWeek   []string `json:"day_of_week,omitempty"`
}

type elementBody struct {
	Components   []componentBody   `json:"price_components"`
	Restrictions *restrictionsBody `json:"restrictions,omitempty"`
}

type displayTextBody struct {
	Language string `json:"language"`
	Text     string `json:"text"`
}

type tariffBody struct {
	CountryCode string            `json:"country_code"`
	PartyID     string            `json:"party_id"`
	ID          string            `json:"id"`
	Currency    string            `json:"currency"`
	Type        string            `json:"type"`
	Text        []displayTextBody `json:"tariff_alt_text"`
	URL         string            `json:"tariff_alt_url"`
	MinPrice    *priceBody        `json:"min_price,omitempty"`
	MaxPrice    *priceBody        `json:"max_price,omitempty"`
	Elements    []elementBody     `json:"elements"`
	LastUpdated string            `json:"last_updated"`
}

// body is the tariff as its CPO publishes it and embeds it in CDRs.
func (t *tariff) body(c *cpo) []byte {
	b := tariffBody{
		CountryCode: c.party.Country, PartyID: c.party.ID, ID: t.id, Currency: c.currency, Type: "REGULAR",
		Text:     []displayTextBody{{language(c), t.text}},
		URL:      "https://tariffs.example/" + objectPath(c.party, t.id),
		MinPrice: t.min.body(), MaxPrice: t.max.body(),
		LastUpdated: stamp(t.updated()),
	}
	for _, e := range t.elements {
		var eb elementBody
		for _, p := range e.components {
			eb.Components = append(eb.Components, componentBody{p.kind, json.Number(p.price), json.Number(p.vat), p.step})
		}
		if w := e.when; w.from != "" || w.days != nil || w.min != 0 || w.max != 0 {
			eb.Restrictions = &restrictionsBody{w.from, w.to, int64(w.min / time.Second), int64(w.max / time.Second), w.days}
		}
		b.Elements = append(b.Elements, eb)
	}
	return text(b)
}

func language(c *cpo) string {
	if c.country == "FRA" {
		return "fr"
	}
	return "en"
}

func (l limit) body() *priceBody {
	if l.excl == "" {
		return nil
	}
	return &priceBody{json.Number(l.excl), json.Number(l.incl)}
}

// must reads a decimal of the tables above.
func must(s string) decimal.Decimal {
	d, err := decimal.NewFromString(s)
	if err != nil {
		panic(fmt.Sprintf("price %q: %v", s, err))
	}
	return d
}
