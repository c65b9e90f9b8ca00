package page

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// radarLine is one change of a tariff.
type radarLine struct {
	Since, Tariff, For, URL string
	Origin, Class           string // whose doing, in a word
	Whose                   string // in a sentence
	Act                     string
	Differences             []string
	More                    int
	EVSEs, Connectors       string
	Money                   figure
	Currency, Told          string
}

// radarLane is a tariff on the time line: its changes as points.
type radarLane struct {
	Name, Y, TextY string
	Points         []radarPoint
}

type radarPoint struct{ X, Class, Title string }

type radarChart struct {
	Lanes  []radarLane
	Ticks  []tick
	Height int
	AxisY  int
	More   int // tariffs that are not drawn
}

type radarView struct {
	frame
	Asked      bool // a CPO is named
	Lines      []radarLine
	Carried    []radarLine
	CarriedCut bool
	Chart      *radarChart
	First      string
	Next       string
}

// Value is what a field of the form has.
func (v radarView) Value(name string) string { return v.Query.Get(name) }

const (
	radarDays       = 31 // that are shown where none are named
	radarLanes      = 12
	radarLeft       = 10
	radarRight      = 710
	radarLaneHeight = 40
)

// tariffChanges answers GET /tariffs/changes: of a CPO, of the last days where none are named.
func (s *server) tariffChanges(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	if q.Get("from") == "" && q.Get("to") == "" {
		now := s.now().UTC()
		q.Set("from", now.AddDate(0, 0, 1-radarDays).Format(time.DateOnly))
		q.Set("to", now.Format(time.DateOnly))
	}
	if q.Get("cpo") == "" && !v.Party.IsZero() {
		q.Set("cpo", v.Party.String())
	}
	view := radarView{frame: frame{Title: "Tariff changes", Here: "Changes", Visitor: &v, Query: q}, Asked: q.Get("cpo") != ""}
	if !view.Asked {
		s.render(c, http.StatusOK, "radar", view)
		return nil
	}
	query, err := rest.RadarQuery(q, v.Key)
	if err != nil {
		return err
	}
	page, err := s.Radar.Read(c.Request.Context(), query)
	if err != nil {
		return err
	}
	for i := range page.Changes {
		view.Lines = append(view.Lines, newRadarLine(&page.Changes[i]))
	}
	for i := range page.Carried {
		view.Carried = append(view.Carried, newRadarLine(&page.Carried[i]))
	}
	view.CarriedCut = page.CarriedCut
	view.Chart = newRadarChart(query, page)
	view.First, view.Next = pager("/tariffs/changes", q, page.Next)
	s.render(c, http.StatusOK, "radar", view)
	return nil
}

// radarOrigins are whose doing a change is, in a word and its colour.
var radarOrigins = map[settlement.ChangeOrigin][2]string{
	settlement.OriginCPO: {"the CPO's", "plain"}, settlement.OriginUnsaid: {"unsaid", "warn"}, settlement.OriginCopy: {"late here", "warn"}, settlement.OriginCDR: {"in CDRs", "bad"},
}

func newRadarLine(c *settlement.TariffChange) radarLine {
	word := radarOrigins[c.Origin]
	l := radarLine{
		Since: c.Since.Go().Format("2006-01-02 15:04"), Tariff: c.Tariff.Key.ID, For: c.Tariff.Variant, URL: report.TariffPath(c.Tariff.Key),
		Origin: word[0], Class: word[1], Whose: rest.OriginText(c), Act: string(c.Act), More: c.More,
		EVSEs: grouped(fmt.Sprint(c.Places.EVSEs)), Connectors: grouped(fmt.Sprint(c.Places.Connectors)),
	}
	for i := range c.Changes {
		l.Differences = append(l.Differences, c.Changes[i].Text)
	}
	if m := c.Money; m != nil {
		l.Told = rest.MoneyText(m)
		if m.Priced > 0 {
			l.Money, l.Currency = newFigure(m.Excl, 2), m.Currency
		}
	}
	return l
}

// newRadarChart draws a lane for each tariff of a page, nil where there is none.
func newRadarChart(q settlement.RadarQuery, page *settlement.RadarPage) *radarChart {
	chart := &radarChart{}
	lanes := map[string]int{}
	from, to := ocpi.TimeOf(q.From), ocpi.TimeOf(q.Next())
	x := func(t ocpi.Time) string {
		t = min(max(t, from), to)
		return tenths(radarLeft*10 + int64(float64(t-from)/float64(to-from)*(radarRight-radarLeft)*10))
	}
	for _, c := range slices.Concat(page.Changes, page.Carried) {
		name := c.Tariff.Key.ID
		if c.Tariff.Variant != "" {
			name += " for " + c.Tariff.Variant
		}
		at, ok := lanes[name]
		if !ok {
			if at = len(lanes); at < radarLanes {
				y := int64(at*radarLaneHeight + 32)
				chart.Lanes = append(chart.Lanes, radarLane{Name: name, Y: fmt.Sprint(y), TextY: fmt.Sprint(y - 12)})
			}
			lanes[name] = at
		}
		if at >= radarLanes {
			continue
		}
		chart.Lanes[at].Points = append(chart.Lanes[at].Points, radarPoint{x(c.Since), radarOrigins[c.Origin][1], rest.ChangeText(&c)})
	}
	if len(lanes) == 0 {
		return nil
	}
	chart.More = max(0, len(lanes)-radarLanes)
	chart.AxisY = len(chart.Lanes)*radarLaneHeight + 8
	chart.Height = chart.AxisY + 24
	days := int(q.Next().Sub(q.From).Hours() / 24)
	for i := 0; i < days; i += max(1, (days+3)/4) {
		d := q.From.AddDate(0, 0, i)
		chart.Ticks = append(chart.Ticks, tick{At: x(ocpi.TimeOf(d)), Label: d.Format("2 Jan")})
	}
	return chart
}

// changesOf is the address of the changes of a tariff, "" where there is no such page.
func (s *server) changesOf(k ocpi.Key, last ocpi.Time) string {
	if s.Radar == nil {
		return ""
	}
	from := last.Go().AddDate(0, 0, -365)
	return address("/tariffs/changes", url.Values{"cpo": {k.Party.String()}, "tariff": {k.ID}, "from": {from.Format(time.DateOnly)}, "to": {last.Go().Format(time.DateOnly)}})
}
