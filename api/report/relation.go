package report

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// relationJSON is how a CDR stands to another one. Other is null when there is
// no such CDR, or none that the key may see.
type relationJSON struct {
	Kind    string       `json:"kind"`
	Detail  string       `json:"detail"` // in one sentence
	Month   *string      `json:"month"`
	CDR     relatedJSON  `json:"cdr"`
	OtherID string       `json:"other_id"` // folded to upper case; "" where a credit names none
	Other   *relatedJSON `json:"other"`
}

type relatedJSON struct {
	CPO      string      `json:"cpo"`
	EMSP     *string     `json:"emsp"`
	ID       string      `json:"id"`
	Currency string      `json:"currency"`
	Credit   bool        `json:"credit"`
	Claimed  *amountJSON `json:"claimed"`
	URL      string      `json:"url"`
}

func newRelated(s *settlement.CDRSummary) relatedJSON {
	return relatedJSON{
		CPO: s.CPO.String(), EMSP: partyPtr(s.EMSP), ID: s.ID, Currency: s.Currency, Credit: s.Credit,
		Claimed: newAmount(s.ClaimedExcl, s.ClaimedIncl), URL: "/api/v1" + CDRPath(s.Key),
	}
}

func newRelations(relations []settlement.ListedRelation) []relationJSON {
	list := make([]relationJSON, len(relations))
	for i := range relations {
		list[i] = newRelation(&relations[i])
	}
	return list
}

func newRelation(r *settlement.ListedRelation) relationJSON {
	j := relationJSON{Kind: string(r.Kind), Detail: RelationText(r), CDR: newRelated(r.CDR), OtherID: r.Other.ID}
	if !r.Month.IsZero() {
		month := r.Month.String()
		j.Month = &month
	}
	if r.OtherCDR != nil {
		other := newRelated(r.OtherCDR)
		j.Other = &other
	}
	return j
}

// RelationText says in one sentence how the CDR of a relation stands to the other.
func RelationText(r *settlement.ListedRelation) string {
	other := r.OtherCDR
	switch {
	case r.Kind == settlement.Credited && other != nil:
		return "Credited in full: " + other.ID + " takes off " + bothAmounts(other) + "."
	case r.Kind == settlement.CreditOrphan && r.Other.ID == "":
		return "It does not say which CDR it credits."
	case r.Kind == settlement.CreditOrphan && other != nil:
		return other.ID + " is a credit CDR itself."
	case r.Kind == settlement.CreditOrphan:
		return fmt.Sprintf("No CDR %s of %s is known: it has not come yet, or the id is wrong.", r.CDR.CreditOf, r.CDR.CPO)
	case other == nil:
		return "The other CDR cannot be read at the moment."
	case r.Kind == settlement.SessionBilledTwice:
		return fmt.Sprintf("Session %s is billed by %s too, which claims %s.", r.CDR.SessionID, other.ID, bothAmounts(other))
	case r.Kind == settlement.CreditMismatch && r.CDR.Currency != other.Currency:
		return fmt.Sprintf("It is in %s, the credited CDR %s in %s.", r.CDR.Currency, other.ID, other.Currency)
	case r.Kind == settlement.CreditMismatch:
		return fmt.Sprintf("It goes to %s; the credited CDR %s was claimed from %s.", r.CDR.EMSP, other.ID, other.EMSP)
	case r.Kind == settlement.CreditUndecided:
		return "It is not known yet whose charge this credit or the credited CDR " + other.ID + " is."
	case r.Kind == settlement.CreditExcess && r.Adds():
		return fmt.Sprintf("It states %s, which would add to the claim of %s: settlement reads it as taking that off, reports sum it as stated.", bothAmounts(r.CDR), other.ID)
	case r.Kind == settlement.CreditExcess:
		return fmt.Sprintf("The credits of %s together take off more than it claims, which is %s.", other.ID, bothAmounts(other))
	}
	return ""
}

// Relations lists relations as far as the key may see the CDRs. A credit of
// another eMSP's CDR reads to those who may not see that CDR as one of a CDR
// that does not exist.
func Relations(ctx context.Context, k rest.Key, r settlement.Reader, q settlement.RelationQuery) (settlement.RelationPage, error) {
	page, err := r.Relations(ctx, q)
	if err != nil {
		return page, fmt.Errorf("list relations: %w", err)
	}
	page.Relations = slices.DeleteFunc(page.Relations, func(l settlement.ListedRelation) bool {
		return l.CDR == nil || !k.Sees(l.CDR.CPO, l.CDR.EMSP) ||
			(q.Kind == settlement.CreditMismatch || l.Kind == settlement.SessionBilledTwice) && hidden(k, &l)
	})
	for i := range page.Relations {
		if l := &page.Relations[i]; hidden(k, l) {
			l.OtherCDR = nil
			if l.Kind == settlement.CreditMismatch {
				l.Kind = settlement.CreditOrphan
			}
		}
	}
	return page, nil
}

func hidden(k rest.Key, l *settlement.ListedRelation) bool {
	return l.OtherCDR != nil && !k.Sees(l.OtherCDR.CPO, l.OtherCDR.EMSP)
}

// Related lists the relations of a CDR with others, of either side.
func Related(ctx context.Context, k rest.Key, r settlement.Reader, key ocpi.Key) ([]settlement.ListedRelation, error) {
	page, err := Relations(ctx, k, r, settlement.RelationQuery{Party: k.Party, About: key, Limit: rest.DefaultLimit})
	return page.Relations, err
}

// relations answers GET /api/v1/relations.
func (s *server) relations(c *gin.Context, key rest.Key) error {
	csv, err := rest.WantsCSV(c)
	if err != nil {
		return err
	}
	q, err := RelationQuery(c.Request.URL.Query(), key)
	if err != nil {
		return err
	}
	page, err := Relations(c.Request.Context(), key, s.reader, q)
	if err != nil {
		return err
	}
	next := rest.LinkNext(c, page.Next)
	if csv {
		table := RelationsCSV(page.Relations)
		table.Note = rest.NextNote(c, page.Next)
		rest.WriteCSV(c, "relations.csv", table)
		return nil
	}
	rest.WriteJSON(c, http.StatusOK, map[string]any{"relations": newRelations(page.Relations), "next": next})
	return nil
}

var relationHeader = []string{
	"kind", "month", "cpo", "emsp", "id", "currency", "claimed_excl_vat", "claimed_incl_vat",
	"other_id", "other_emsp", "other_currency", "other_claimed_excl_vat", "other_claimed_incl_vat", "detail",
}

// RelationsCSV is a list of relations as a table; what is not known is an empty cell.
func RelationsCSV(relations []settlement.ListedRelation) *rest.CSV {
	return &rest.CSV{Header: relationHeader, Rows: func(yield func([]string) bool) {
		for i := range relations {
			if r := newRelation(&relations[i]); !yield(relationCells(&r)) {
				return
			}
		}
	}}
}

func relationCells(r *relationJSON) []string {
	other := relatedJSON{ID: r.OtherID}
	if r.Other != nil {
		other = *r.Other
	}
	claimed, of := amountOrNone(r.CDR.Claimed), amountOrNone(other.Claimed)
	return []string{
		r.Kind, text(r.Month), rest.Cell(r.CDR.CPO), rest.Cell(text(r.CDR.EMSP)), rest.Cell(r.CDR.ID), rest.Cell(r.CDR.Currency),
		text(claimed.ExclVAT), text(claimed.InclVAT), rest.Cell(other.ID), rest.Cell(text(other.EMSP)), rest.Cell(other.Currency),
		text(of.ExclVAT), text(of.InclVAT), rest.Cell(r.Detail),
	}
}

// RelationQuery reads the parameters of a list of relations. The error is a
// [*rest.Error] that names the parameter.
func RelationQuery(values url.Values, key rest.Key) (settlement.RelationQuery, error) {
	p := rest.NewParams(values, relationParams...)
	q := settlement.RelationQuery{
		Party: key.Party, CPO: p.Party("cpo"), EMSP: p.Party("emsp"), Kind: settlement.RelationKind(p.Text("kind")),
		After: p.Text("cursor"), Limit: p.Limit(rest.MaxLimit),
	}
	q.From, q.To = months(p)
	if q.Kind != "" && !slices.Contains(settlement.RelationKinds, q.Kind) {
		p.Fail(rest.Invalid("kind", "%q is not one of %v", string(q.Kind), settlement.RelationKinds))
	}
	return q, p.Err()
}

// RelationsJSONL is a list of relations with one a line, as in the API.
func RelationsJSONL(relations []settlement.ListedRelation) rest.Encoder {
	return rest.JSONLOf(relations, newRelation)
}
