package report

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// causeRow is how many CDRs of a CPO, eMSP, month and currency differ for one
// cause. Narrowed is null where the other CDRs of these say nothing of it.
type causeRow struct {
	CPO        string        `json:"cpo"`
	EMSP       *string       `json:"emsp"`
	Month      string        `json:"month"`
	Currency   string        `json:"currency"`
	Cause      string        `json:"cause"`
	CDRCount   uint64        `json:"cdr_count"`
	Claimed    sumJSON       `json:"claimed"`
	Computed   sumJSON       `json:"computed"`
	Difference sumJSON       `json:"difference"`
	Narrowed   *evidenceJSON `json:"narrowed"`
	CDRsURL    string        `json:"cdrs_url"`
}

// evidenceJSON is a settlement.Evidence.
type evidenceJSON struct {
	Reading string `json:"reading"`
	Gives   uint64 `json:"gives"`
	Alone   uint64 `json:"alone"`
	Of      uint64 `json:"of"`
	Holds   bool   `json:"holds"`
	Text    string `json:"text"`
}

func newEvidence(e settlement.Evidence) *evidenceJSON {
	if e.Reading == "" {
		return nil
	}
	return &evidenceJSON{e.Reading, e.Gives, e.Alone, e.Of, e.Holds, EvidenceText(e)}
}

// EvidenceText says what the other CDRs of the same CPO, eMSP, month and currency
// say of a cause, "" where they say nothing.
func EvidenceText(e settlement.Evidence) string {
	switch what := strings.ReplaceAll(e.Reading, "_", " "); {
	case e.Reading == "":
		return ""
	case strings.HasPrefix(e.Reading, "stated_") && e.Holds:
		return fmt.Sprintf("Each of the %d CDRs of this pair and month has a %s: it is explained.", e.Of, what)
	case strings.HasPrefix(e.Reading, "stated_"):
		return fmt.Sprintf("%d of the %d CDRs of this pair and month have a %s, not all: it is not explained.", e.Gives, e.Of, what)
	default:
		return fmt.Sprintf("%d of the %d CDRs of this pair and month that differ are explained by %s, %d of them by it alone.", e.Gives, e.Of, what, e.Alone)
	}
}

func newCauseRow(r *settlement.CauseRow) causeRow {
	return causeRow{
		CPO: r.CPO.String(), EMSP: partyPtr(r.EMSP), Month: r.Month.String(), Currency: r.Currency, Cause: r.Cause, CDRCount: r.Count,
		Claimed: newSum(r.Claimed), Computed: newSum(r.Computed), Difference: newSum(r.Difference()),
		Narrowed: newEvidence(r.Evidence), CDRsURL: "/api/v1/cdrs?" + CauseParams(r).Encode(),
	}
}

// CauseParams are the query parameters that list the CDRs of a cause; those of
// several readings are listed together, however they are narrowed.
func CauseParams(r *settlement.CauseRow) url.Values {
	q := RowParams(&settlement.SettlementRow{CPO: r.CPO, EMSP: r.EMSP, Month: r.Month, Currency: r.Currency}, PartDiffers)
	if r.Cause != settlement.CauseUnknown {
		q.Set("cause", r.Cause)
	}
	return q
}

// causes answers GET /api/v1/reports/causes.
func (s *server) causes(c *gin.Context, key rest.Key) error {
	csv, err := rest.WantsCSV(c)
	if err != nil {
		return err
	}
	q, err := SettlementQuery(c.Request.URL.Query(), key)
	if err != nil {
		return err
	}
	counts, err := s.reader.Causes(c.Request.Context(), q)
	if err != nil {
		return fmt.Errorf("causes %s to %s: %w", q.From, q.To, err)
	}
	rows := settlement.CauseRows(counts)
	if csv {
		rest.WriteCSV(c, CausesFile(q), CausesCSV(rows))
		return nil
	}
	rest.WriteRows(c, "rows", func(yield func(causeRow) bool) {
		for i := range rows {
			if !yield(newCauseRow(&rows[i])) {
				return
			}
		}
	})
	return nil
}

// CausesFile is the name a report of causes is saved under.
func CausesFile(q settlement.SettlementQuery) string {
	return fmt.Sprintf("causes-%s-%s.csv", q.From, q.To)
}

var causesHeader = []string{
	"cpo", "emsp", "month", "currency", "cause", "cdr_count",
	"claimed_excl_vat", "claimed_incl_vat", "computed_excl_vat", "computed_incl_vat", "difference_excl_vat", "difference_incl_vat",
	"narrowed_to", "gives", "alone", "of", "holds",
}

// CausesCSV is the report of causes as a table.
func CausesCSV(rows []settlement.CauseRow) *rest.CSV {
	return &rest.CSV{Header: causesHeader, Rows: func(yield func([]string) bool) {
		for i := range rows {
			if !yield(causeCells(&rows[i])) {
				return
			}
		}
	}}
}

func causeCells(row *settlement.CauseRow) []string {
	r := newCauseRow(row)
	cells := []string{
		rest.Cell(r.CPO), rest.Cell(text(r.EMSP)), r.Month, rest.Cell(r.Currency), r.Cause, count(r.CDRCount),
		r.Claimed.ExclVAT, text(r.Claimed.InclVAT), r.Computed.ExclVAT, text(r.Computed.InclVAT), r.Difference.ExclVAT, text(r.Difference.InclVAT),
	}
	if r.Narrowed == nil {
		return append(cells, "", "", "", "", "")
	}
	e := r.Narrowed
	return append(cells, rest.Cell(e.Reading), count(e.Gives), count(e.Alone), count(e.Of), strconv.FormatBool(e.Holds))
}

// Narrow asks the other CDRs of the same CPO, eMSP, month and currency about a CDR
// whose claim several readings give, or that states what its tariff does not have.
// The zero value says that they say nothing.
func Narrow(ctx context.Context, reader settlement.Reader, d *settlement.CDRDetail, r *pricing.Reconciliation) (settlement.Evidence, error) {
	stated := r.Verdict == string(tariff.VerdictStated)
	if r.Verdict != string(tariff.VerdictSeveral) && !stated || d.Month.IsZero() {
		return settlement.Evidence{}, nil
	}
	counts, err := reader.Causes(ctx, settlement.SettlementQuery{
		From: d.Month, To: d.Month, CPO: d.CPO, EMSP: d.EMSP, NoEMSP: d.EMSP == (ocpi.Party{}), Currency: d.Currency,
	})
	if err != nil {
		return settlement.Evidence{}, fmt.Errorf("narrow why %s differs: %w", d.Key, err)
	}
	var codes []string
	for _, reading := range r.Readings {
		codes = append(codes, reading.Code)
	}
	slices.Sort(codes)
	return settlement.EvidenceOf(d.Cause, slices.Compact(codes), counts), nil
}

// CausesJSONL is the report of causes with one row a line, as in the API.
func CausesJSONL(rows []settlement.CauseRow) rest.Encoder { return rest.JSONLOf(rows, newCauseRow) }
