package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// Radar tells how Tariffs changed: a settlement.Radar.
type Radar interface {
	Read(ctx context.Context, q settlement.RadarQuery) (*settlement.RadarPage, error)
}

// TariffRadar answers how Tariffs changed.
type TariffRadar struct{ Radar }

// RadarParams are the names of the query parameters of changes of Tariffs.
var RadarParams = []string{"cpo", "from", "to", "tariff", "location", "evse", "recipient", "limit", "cursor"}

// RadarQuery reads them. The error is an [*Error] that names the parameter, or says
// that the key may not see the CPO's Tariffs.
func RadarQuery(values url.Values, key Key) (settlement.RadarQuery, error) {
	p := NewParams(values, RadarParams...)
	q := settlement.RadarQuery{CPO: p.Party("cpo"), From: p.RequiredDay("from"), To: p.RequiredDay("to"), Tariff: p.Folded("tariff"), Location: p.Folded("location"), EVSE: p.Folded("evse"),
		Recipient: p.Party("recipient"), After: p.Text("cursor"), Limit: p.Limit(settlement.MaxTariffSteps)}
	if p.Text("cpo") == "" {
		p.Fail(Invalid("cpo", "required: a party such as NL*TNM"))
	}
	if q.EVSE != "" && q.Location == "" {
		p.Fail(Invalid("evse", "is one of a Location: name that too"))
	}
	if err := p.Err(); err != nil {
		return q, err
	}
	switch {
	case q.To.Before(q.From):
		return q, Invalid("to", "%s is before from, %s", p.Text("to"), p.Text("from"))
	case q.To.Sub(q.From) >= settlement.MaxRadarDays*24*time.Hour:
		return q, Invalid("to", "more than %d days: ask for fewer at once", settlement.MaxRadarDays)
	case !key.Sees(q.CPO, q.CPO):
		return q, &Error{Status: http.StatusForbidden, Code: "party_restricted", Message: "the key is of another party: it sees how that party's own tariffs changed"}
	}
	return q, nil
}

// TariffDifference is one difference between two versions of a Tariff.
type TariffDifference struct {
	Kind    string  `json:"kind"`
	OldPath *string `json:"old_path"`
	NewPath *string `json:"new_path"`
	Old     *string `json:"old"`
	New     *string `json:"new"`
	By      *string `json:"by"`
	Text    string  `json:"text"`
}

// TariffConnector is a connector that names a Tariff.
type TariffConnector struct {
	Location  string `json:"location_id"`
	EVSE      string `json:"evse_uid"`
	Connector string `json:"connector_id"`
}

// TariffMoney is what a change came to so far: by the version less by the one before.
type TariffMoney struct {
	CDRs     uint64  `json:"cdr_count"`
	Priced   uint64  `json:"priced_count"`
	Sampled  bool    `json:"sampled"`
	Currency string  `json:"currency"`
	Excl     string  `json:"excl_vat"`
	Incl     *string `json:"incl_vat"`
	Estimate *string `json:"estimate_excl_vat"`
}

// TariffChange is one change of a Tariff.
type TariffChange struct {
	Tariff          string             `json:"tariff"`
	Recipient       *string            `json:"recipient"`
	Act             string             `json:"act"`
	Origin          string             `json:"origin"`
	Since           string             `json:"since"`
	Until           *string            `json:"until"`
	LastUpdated     *string            `json:"last_updated"`
	Received        *string            `json:"received"`
	LateSeconds     int64              `json:"late_s"`
	Sender          *string            `json:"sender"`
	Position        string             `json:"position"`
	Version         *string            `json:"version"`
	Currency        *string            `json:"currency"`
	Hash            *string            `json:"hash"`
	Text            string             `json:"text"`
	OriginText      string             `json:"origin_text"`
	Differences     []TariffDifference `json:"differences"`
	MoreDifferences int                `json:"more_differences"`
	EVSEs           int                `json:"evse_count"`
	Connectors      int                `json:"connector_count"`
	FirstConnectors []TariffConnector  `json:"first_connectors"`
	Money           *TariffMoney       `json:"money"`
}

// TariffChanges is the answer to GET /api/v1/tariffs/changes.
type TariffChanges struct {
	CPO        string         `json:"cpo"`
	Changes    []TariffChange `json:"changes"`
	Carried    []TariffChange `json:"carried"`
	CarriedCut bool           `json:"carried_cut"`
	Next       *string        `json:"next"`
}

// NewTariffChange writes a change.
func NewTariffChange(c *settlement.TariffChange) TariffChange {
	out := TariffChange{
		Tariff: c.Tariff.Key.ID, Recipient: textOrNil(c.Tariff.Variant), Act: string(c.Act), Origin: string(c.Origin),
		Since: c.Since.String(), Until: timeOrNil(c.Until), LastUpdated: timeOrNil(c.LastUpdated), Received: timeOrNil(c.Received), LateSeconds: int64(c.Late() / time.Second),
		Sender: textOrNil(c.Sender), Position: c.Position.String(), Currency: textOrNil(c.Currency), Hash: textOrNil(c.Hash),
		Text: ChangeText(c), OriginText: OriginText(c), Differences: []TariffDifference{}, MoreDifferences: c.More,
		EVSEs: c.Places.EVSEs, Connectors: c.Places.Connectors, FirstConnectors: []TariffConnector{},
	}
	if c.Act != settlement.ActWithdrawn {
		out.Version = textOrNil(c.Version.String())
	}
	for i := range c.Changes {
		d := &c.Changes[i]
		one := TariffDifference{Kind: string(d.Kind), OldPath: textOrNil(d.OldPath), NewPath: textOrNil(d.NewPath), Old: textOrNil(d.Old), New: textOrNil(d.New), Text: d.Text}
		if d.By.IsSet() {
			one.By = textOrNil(d.By.Shortest().String())
		}
		out.Differences = append(out.Differences, one)
	}
	for _, at := range c.Places.First {
		out.FirstConnectors = append(out.FirstConnectors, TariffConnector{at.Location, at.EVSE, at.Connector})
	}
	if m := c.Money; m != nil {
		out.Money = &TariffMoney{CDRs: m.CDRs, Priced: m.Priced, Sampled: m.Sampled, Currency: m.Currency, Excl: Money(m.Excl), Incl: MoneyOrNil(m.Incl)}
		if m.CDRs > 0 && m.Priced == 0 {
			out.Money.Incl = nil
		}
		if m.Sampled && m.Priced > 0 {
			out.Money.Estimate = textOrNil(Money(estimate(m)))
		}
	}
	return out
}

// estimate is what all CDRs of a change come to if the others are like those that were
// priced, in whole units.
func estimate(m *settlement.ChangeMoney) decimal.Decimal {
	return m.Excl.Mul(decimal.NewFromUint64(m.CDRs)).DivRound(decimal.NewFromUint64(m.Priced), 0)
}

// maxTold is how many differences a sentence tells.
const maxTold = 3

// ChangeText says a change in one sentence: what changed, on how many EVSEs, since when,
// and what it came to so far.
func ChangeText(c *settlement.TariffChange) string {
	var b strings.Builder
	switch c.Act {
	case settlement.ActPublished:
		b.WriteString("published")
	case settlement.ActWithdrawn:
		b.WriteString("withdrawn")
	default:
		if len(c.Changes) == 0 {
			b.WriteString("the same prices, written otherwise")
		}
		for i := range min(len(c.Changes), maxTold) {
			if i > 0 {
				b.WriteString("; ")
			}
			b.WriteString(c.Changes[i].Text)
		}
		if more := len(c.Changes) - maxTold + c.More; more > 0 {
			fmt.Fprintf(&b, "; and %d more", more)
		}
	}
	fmt.Fprintf(&b, " on %s EVSE%s of %s since %s", thousands(c.Places.EVSEs), plural(c.Places.EVSEs), c.Tariff.Key.Party, day(c.Since))
	if m := c.Money; m != nil {
		b.WriteString(", " + MoneyText(m))
	}
	return b.String()
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// thousands writes a count with a comma between each three digits.
func thousands(n int) string { return separated(strconv.Itoa(n)) }

func separated(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// lasting writes a time that passed, in days or hours, or in minutes where it is short.
func lasting(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%s days", thousands(int(d/(24*time.Hour))))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d/time.Hour))
	}
	return fmt.Sprintf("%d minutes", int(d/time.Minute))
}

func day(t ocpi.Time) string { return t.Go().Format("2 January 2006") }

// MoneyText says what a change came to so far.
func MoneyText(m *settlement.ChangeMoney) string {
	amount := func(d decimal.Decimal) string {
		word := [...]string{" less", "", " more"}[d.Sign()+1]
		whole, fraction, _ := strings.Cut(Money(d.Abs()), ".")
		return m.Currency + " " + separated(whole) + "." + fraction + word
	}
	n := int(m.CDRs)
	switch {
	case m.CDRs == 0:
		return "no CDR priced by it yet"
	case m.Priced == 0:
		return fmt.Sprintf("%s CDR%s that have no price by both versions", thousands(n), plural(n))
	case m.Sampled:
		return fmt.Sprintf("%s before tax on %s of its %s CDRs so far, so about %s on all", amount(m.Excl), thousands(int(m.Priced)), thousands(n), amount(estimate(m)))
	case m.Priced < m.CDRs:
		return fmt.Sprintf("%s before tax on %s of its %s CDRs so far; the others have no price by both versions", amount(m.Excl), thousands(int(m.Priced)), thousands(n))
	}
	return fmt.Sprintf("%s before tax on %s CDR%s so far", amount(m.Excl), thousands(n), plural(n))
}

// OriginText says whose doing a change is.
func OriginText(c *settlement.TariffChange) string {
	switch c.Origin {
	case settlement.OriginCopy:
		return "our copy changed: its owner had changed it " + lasting(c.Late()) + " before it came"
	case settlement.OriginUnsaid:
		return "its owner changed it, and says by last_updated that it did not"
	case settlement.OriginCDR:
		return "CDRs carry it: it is not what was pushed"
	}
	switch c.Act {
	case settlement.ActWithdrawn:
		return "its owner withdrew it"
	case settlement.ActPublished:
		return "its owner published it"
	}
	return "its owner changed it"
}

// Changes answers GET …/tariffs/changes.
func (r TariffRadar) Changes(c *gin.Context, key Key) error {
	csv, err := WantsCSV(c)
	if err != nil {
		return err
	}
	q, err := RadarQuery(c.Request.URL.Query(), key)
	if err != nil {
		return err
	}
	page, err := r.Read(c.Request.Context(), q)
	if err != nil {
		return err
	}
	if csv {
		next := LinkNext(c, page.Next)
		table := radarCSV(page)
		if next != nil {
			table.Note = NextNote(c, page.Next)
		}
		WriteCSV(c, fmt.Sprintf("tariff-changes-%s-%s.csv", q.From.Format(time.DateOnly), q.To.Format(time.DateOnly)), table)
		return nil
	}
	answer := TariffChanges{CPO: q.CPO.String(), Changes: []TariffChange{}, Carried: []TariffChange{}, CarriedCut: page.CarriedCut}
	for i := range page.Changes {
		answer.Changes = append(answer.Changes, NewTariffChange(&page.Changes[i]))
	}
	for i := range page.Carried {
		answer.Carried = append(answer.Carried, NewTariffChange(&page.Carried[i]))
	}
	answer.Next = LinkNext(c, page.Next)
	WriteJSON(c, http.StatusOK, answer)
	return nil
}

var radarHeader = []string{"tariff", "recipient", "act", "origin", "since", "received", "late_s", "evse_count", "connector_count", "differences",
	"cdr_count", "priced_count", "sampled", "currency", "excl_vat", "incl_vat"}

func radarCSV(page *settlement.RadarPage) *CSV {
	return &CSV{Header: radarHeader, Rows: func(yield func([]string) bool) {
		for _, list := range [][]settlement.TariffChange{page.Changes, page.Carried} {
			for i := range list {
				c := NewTariffChange(&list[i])
				told := make([]string, len(c.Differences))
				for j := range told {
					told[j] = c.Differences[j].Text
				}
				if c.MoreDifferences > 0 {
					told = append(told, fmt.Sprintf("and %d more", c.MoreDifferences))
				}
				cells := []string{Cell(c.Tariff), Cell(orEmpty(c.Recipient)), c.Act, c.Origin, c.Since, orEmpty(c.Received), strconv.FormatInt(c.LateSeconds, 10),
					strconv.Itoa(c.EVSEs), strconv.Itoa(c.Connectors), Cell(strings.Join(told, "; "))}
				if m := c.Money; m != nil {
					cells = append(cells, strconv.FormatUint(m.CDRs, 10), strconv.FormatUint(m.Priced, 10), strconv.FormatBool(m.Sampled), Cell(m.Currency), m.Excl, orEmpty(m.Incl))
				} else {
					cells = append(cells, "", "", "", "", "", "")
				}
				if !yield(cells) {
					return
				}
			}
		}
	}}
}
