package page

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/shopspring/decimal"
)

// differenceLine is one member in which a copy differs, as texts.
type differenceLine struct{ Path, First, Other string }

// contentView is a copy with other content, beside the first.
type contentView struct {
	copyLine
	Amounts []amountPair
	Lines   []differenceLine
	Left    int
	Body    string
}

// amountPair is one side of two claims.
type amountPair struct {
	Name                     string
	First, Other, Difference figure
}

type contentsView struct {
	frame
	ID, CPO  string
	CDR      string // address
	Currency string
	First    copyLine
	Body     string
	Others   []contentView
	More     int
}

// contents answers GET /conflicts/{country}/{party}/{id}.
func (s *server) contents(c *gin.Context, v visitor) error {
	k, err := rest.PathKey(c)
	if err != nil {
		return err
	}
	found, err := report.Compare(c.Request.Context(), v.Key, s.Reader, k)
	if err != nil {
		return fmt.Errorf("compare copies of %s: %w", k, err)
	}
	view := contentsView{
		frame: frame{Title: "Copies of CDR " + k.ID, Here: "Conflicts", Visitor: &v, Query: c.Request.URL.Query()},
		ID:    k.ID, CPO: k.Party.String(), CDR: report.CDRPath(k), Currency: found.First.Currency,
		First: newCopyLine(&found.First.Copy, "first, counts"), Body: shownBody(found.First.Body), More: found.More,
	}
	for i := range found.Others {
		view.Others = append(view.Others, newContentView(&found.First, &found.Others[i]))
	}
	s.render(c, http.StatusOK, "contents", view)
	return nil
}

func newContentView(first *report.Content, other *report.OtherContent) contentView {
	v := contentView{copyLine: newCopyLine(&other.Copy, ""), Left: other.Left, Body: shownBody(other.Body)}
	for _, side := range []struct {
		name               string
		first, other, more *decimal.Decimal
	}{
		{"Before VAT", first.Excl, other.Excl, other.MoreExcl},
		{"Including VAT", first.Incl, other.Incl, other.MoreIncl},
	} {
		v.Amounts = append(v.Amounts, amountPair{side.name, orUnknown(side.first, 2), orUnknown(side.other, 2), orUnknown(side.more, 2)})
	}
	for _, d := range other.Differs {
		v.Lines = append(v.Lines, differenceLine{d.Path, string(d.First), string(d.Other)})
	}
	return v
}
