package page

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// differenceLine is one member in which a copy differs, as texts.
type differenceLine struct{ Path, Counts, Other string }

// contentView is a copy with other content, beside the one that counts.
type contentView struct {
	copyLine
	Amounts []amountPair
	Lines   []differenceLine
	Left    int
	Body    string
}

// amountPair is one side of two claims.
type amountPair struct {
	Name                      string
	Counts, Other, Difference figure
}

type contentsView struct {
	frame
	ID, CPO  string
	CDR      string // address
	Currency string
	Counts   copyLine
	Body     string
	Others   []contentView
	More     int
	Adopted  bool          // another copy than the first counts
	Chosen   *decisionLine // that the copy counts which does; nil: nobody decided that
	Pending  string        // the receipt of the copy that is to count and does not yet, "" for none
	Note     string        // what was done
	Decide   *decideForm   // nil where the visitor decides nothing, or there is no choice
}

// contents answers GET /conflicts/{country}/{party}/{id}.
func (s *server) contents(c *gin.Context, v visitor) error {
	return s.showContents(c, v, http.StatusOK, decideForm{})
}

// showContents shows what came under an identity, with what was sent in the form that says
// which copy counts.
func (s *server) showContents(c *gin.Context, v visitor, status int, sent decideForm) error {
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
		ID:    k.ID, CPO: k.Party.String(), CDR: report.CDRPath(k), Currency: found.Counts.Currency,
		Counts: newCopyLine(&found.Counts.Copy, "counts"), Body: shownBody(found.Counts.Body), More: found.More, Note: s.told(c),
	}
	for i := range found.Others {
		view.Adopted = view.Adopted || found.Others[i].Position.Before(found.Counts.Position)
		view.Others = append(view.Others, newContentView(&found.Counts, &found.Others[i]))
	}
	if err := s.addChoice(c.Request.Context(), v, &view, found, sent); err != nil {
		return err
	}
	s.render(c, status, "contents", view)
	return nil
}

// addChoice adds by whose decision a copy counts, and the form that has another one count.
func (s *server) addChoice(ctx context.Context, v visitor, view *contentsView, found *report.Contents, sent decideForm) error {
	if s.Traces == nil || s.Drafts == nil {
		return nil
	}
	copies, err := s.Traces.CopiesOf(ctx, found.Key)
	if err != nil {
		return fmt.Errorf("read which copy of %s counts: %w", found.Key, err)
	}
	if copies != nil && copies.Pending != nil {
		view.Pending = copies.Pending.String()
	}
	cleared, err := rest.ReadCleared(ctx, s.Drafts, s.Traces, v.Key, found.Key)
	if err != nil || cleared == nil {
		return err
	}
	for i := range cleared.Decisions {
		if d := &cleared.Decisions[i]; d.Stands && orNone(d.Copy) == view.Counts.Position {
			line := s.newDecisionLine(d, v)
			view.Chosen = &line
		}
	}
	if s.decides(v) && view.Pending == "" {
		view.Decide = newChoiceForm(cleared, found, sent)
	}
	return nil
}

// newChoiceForm offers the copies that could count, nil where there is none.
func newChoiceForm(c *rest.Cleared, found *report.Contents, sent decideForm) *decideForm {
	if c.Problem != nil || c.State == clearing.Before || len(found.Others) == 0 && sent.Wrong == "" {
		return nil
	}
	f := sent
	f.Action = report.ContentsPath(found.Key)
	if n := len(c.Decisions); n > 0 {
		f.Seen = c.Decisions[n-1].Record
	}
	for i := range found.Others {
		o := &found.Others[i]
		text := fmt.Sprintf("Have the copy of %s UTC count, receipt %s", o.Received.UTC().Format("2006-01-02 15:04:05"), o.Position)
		if o.Excl != nil {
			text += ": it claims " + moneyWords(rest.Money(*o.Excl), o.Currency)
		}
		value := string(clearing.Adopt) + " " + o.Position.String()
		f.Acts = append(f.Acts, actChoice{value, text, c.Digest, value == f.Act})
	}
	return &f
}

// adopt answers POST /conflicts/{country}/{party}/{id}: another copy is to count.
func (s *server) adopt(c *gin.Context, v visitor) error {
	sent := sentForm(c)
	k, done, err := s.decideOne(c, v, &sent)
	if err != nil {
		status, other := sent.refused(err)
		if other != nil {
			return other
		}
		return s.showContents(c, v, status, sent)
	}
	_, receipt, _ := strings.Cut(sent.Act, " ")
	text := "Copy " + receipt + " counts now."
	if done.Pending {
		text = "It is decided that copy " + receipt + " counts; it does once it is priced."
	}
	s.tell(c, text)
	c.Redirect(http.StatusSeeOther, report.ContentsPath(k))
	return nil
}

func newContentView(counts *report.Content, other *report.OtherContent) contentView {
	v := contentView{copyLine: newCopyLine(&other.Copy, ""), Left: other.Left, Body: shownBody(other.Body)}
	for _, side := range []struct {
		name                string
		counts, other, more *decimal.Decimal
	}{
		{"Before VAT", counts.Excl, other.Excl, other.MoreExcl},
		{"Including VAT", counts.Incl, other.Incl, other.MoreIncl},
	} {
		v.Amounts = append(v.Amounts, amountPair{side.name, orUnknown(side.counts, 2), orUnknown(side.other, 2), orUnknown(side.more, 2)})
	}
	for _, d := range other.Differs {
		v.Lines = append(v.Lines, differenceLine{d.Path, string(d.First), string(d.Other)})
	}
	return v
}
