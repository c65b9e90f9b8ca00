package page

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/settlement"
)

// tariffLine is one Tariff in the list.
type tariffLine struct {
	*report.KnownTariff
	URL      string
	Received string
	Valid    string // "" where the tariff does not bound it
}

type tariffsView struct {
	frame
	Party    string
	Lines    []tariffLine
	Of       int // tariffs in all pages
	Doubtful int // of those, with a serious finding
	First    string
	Next     string
}

// tariffs answers GET /tariffs: the most doubtful first.
func (s *server) tariffs(c *gin.Context, v visitor) error {
	q := dropEmpty(c.Request.URL.Query())
	choice, err := report.TariffQuery(q, v.Key)
	if err != nil {
		return err
	}
	all, err := choice.All(s.Tariffs)
	if err != nil {
		return err
	}
	known, err := mostSeriousFirst(c.Request.Context(), all)
	if err != nil {
		return err
	}
	view := tariffsView{
		frame: frame{Title: "Tariffs", Here: "Tariffs", Visitor: &v, Query: q}, Party: q.Get("party"), Of: len(known),
	}
	for _, k := range known {
		if k.Counts.Serious > 0 {
			view.Doubtful++
		}
	}
	page, next, err := pageAfter(known, choice.After, choice.Limit)
	if err != nil {
		return err
	}
	for _, k := range page {
		view.Lines = append(view.Lines, newTariffLine(k))
	}
	view.First, view.Next = pager("/tariffs", q, next)
	s.render(c, http.StatusOK, "tariffs", view)
	return nil
}

// mostSeriousFirst decodes and orders Tariffs. It stops when nobody waits for
// the page any more: a tariff that nobody has looked at must be checked first.
func mostSeriousFirst(ctx context.Context, all []*reference.TariffVersion) ([]*report.KnownTariff, error) {
	known := make([]*report.KnownTariff, len(all))
	for i, t := range all {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("list tariffs: %w", err)
		}
		var err error
		if known[i], err = report.NewKnownTariff(t); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(known, func(a, b *report.KnownTariff) int {
		return cmp.Or(cmp.Compare(b.Counts.Serious, a.Counts.Serious), cmp.Compare(b.Counts.Warning, a.Counts.Warning), cmp.Compare(b.Counts.Info, a.Counts.Info))
	})
	return known, nil
}

// pageAfter cuts a page out of the ordered list. A Tariff that a page ended
// with may have been withdrawn since: then the list is begun again.
func pageAfter(known []*report.KnownTariff, after ocpi.Key, limit int) (page []*report.KnownTariff, next string, err error) {
	if after != (ocpi.Key{}) {
		at := slices.IndexFunc(known, func(k *report.KnownTariff) bool { return k.Key == after })
		if at < 0 {
			return nil, "", fmt.Errorf("list tariffs: after %s: %w", after, settlement.ErrCursor)
		}
		known = known[at+1:]
	}
	if len(known) > limit {
		known = known[:limit]
		next = known[limit-1].Key.String()
	}
	return known, next, nil
}

func newTariffLine(k *report.KnownTariff) tariffLine {
	return tariffLine{
		KnownTariff: k, URL: report.TariffPath(k.Key), Received: k.Received.Go().Format("2006-01-02 15:04"), Valid: validity(k.Tariff),
	}
}

// validity is the time that a tariff bounds itself to, "" for none.
func validity(t *ocpi.Tariff) string {
	write := func(at ocpi.Time) string { return strings.TrimSuffix(at.Go().Format("2006-01-02 15:04"), " 00:00") }
	switch {
	case t.Start.IsSet() && t.End.IsSet():
		return write(t.Start) + " to " + write(t.End)
	case t.Start.IsSet():
		return "from " + write(t.Start)
	case t.End.IsSet():
		return "until " + write(t.End)
	}
	return ""
}

// priceSection is one heading of a price list with what stands below it.
type priceSection struct {
	Title string
	Lines []string
}

// priceSections groups the lines of a price list. Those on top name the tariff
// and say when it is valid, which the page does already.
func priceSections(lines []string) []priceSection {
	var sections []priceSection
	for _, line := range lines[min(1, len(lines)):] {
		if text, below := strings.CutPrefix(line, "  "); below && len(sections) > 0 {
			last := &sections[len(sections)-1]
			last.Lines = append(last.Lines, text)
			continue
		}
		if !strings.HasPrefix(line, "Valid ") {
			sections = append(sections, priceSection{Title: line})
		}
	}
	return sections
}

type tariffView struct {
	frame
	tariffLine
	Verdict  verdict
	Sentence string
	Prices   []priceSection
	Taxes    string // how the prices are to be read
	Versions int
	Facts    []fact
	Raw      string
	Ask      string // address of what a charge by this tariff would cost, "" where it has no price
	All      string // address of the owner's tariffs
	Changes  string // of how it changed, "" where there is no such page
}

// tariffVerdict and tariffSentence say how doubtful a tariff is.
func tariffVerdict(n report.FindingCounts) verdict {
	switch {
	case n.Serious > 0:
		return verdict{Word: "serious", Class: "bad"}
	case n.Warning > 0:
		return verdict{Word: "warning", Class: "warn"}
	case n.Info > 0:
		return verdict{Word: "info", Class: "plain"}
	}
	return verdict{Word: "nothing found", Class: "good"}
}

func tariffSentence(k *report.KnownTariff) string {
	if _, err := k.Prepared(); err != nil {
		return "No CDR can be priced with this tariff."
	}
	switch n := k.Counts; {
	case n.Serious > 0:
		return "It can be priced, but charges what its author can hardly have meant."
	case n.Warning > 0:
		return "It can be priced, but not everybody will read it alike."
	case n.Info > 0:
		return "It can be priced. Something in it is worth a look."
	}
	return "It can be priced, and nothing in it is doubtful."
}

// tariff answers GET /tariffs/{country}/{party}/{id}.
func (s *server) tariff(c *gin.Context, v visitor) error {
	k, err := rest.PathKey(c)
	if err != nil {
		return err
	}
	known, err := report.CurrentTariff(s.Tariffs, k, v.Key)
	if err != nil {
		return fmt.Errorf("read tariff %s: %w", k, err)
	}
	view := tariffView{
		frame: frame{Title: "Tariff " + known.Tariff.ID, Here: "Tariffs", Visitor: &v}, tariffLine: newTariffLine(known),
		Verdict: tariffVerdict(known.Counts), Raw: shownBody(known.Body), All: address("/tariffs", url.Values{"party": {k.Party.String()}}),
		Sentence: tariffSentence(known), Changes: s.changesOf(k, known.Received),
	}
	if list := known.PriceList(); len(list) > 0 {
		view.Prices, view.Ask = priceSections(list), address("/price", url.Values{"tariff": {k.String()}})
		view.Taxes = list[0][strings.LastIndex(list[0], ", ")+2:]
	}
	versions, err := s.Tariffs.Versions(c.Request.Context(), k)
	if err != nil {
		return err
	}
	view.Facts = []fact{
		{Name: "Received", Value: view.Received + " UTC from " + known.Sender + ", OCPI " + known.Version.String()},
		{Name: "Last updated", Value: known.Tariff.LastUpdated.String()},
		{Name: "Versions known", Value: fmt.Sprint(versions)},
		{Name: "Receipt", Value: known.Position.String()}, {Name: "Content hash", Value: known.Hash()},
	}
	s.render(c, http.StatusOK, "tariff", view)
	return nil
}
