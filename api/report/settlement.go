package report

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// settlementRow is what one CPO claims from one eMSP for a month and currency.
// EMSP is null where the CDRs do not say who pays.
type settlementRow struct {
	CPO             string    `json:"cpo"`
	EMSP            *string   `json:"emsp"`
	Month           string    `json:"month"`
	MonthClosed     *string   `json:"month_closed"` // since when, where it was closed elsewhere
	Currency        string    `json:"currency"`
	CDRCount        uint64    `json:"cdr_count"`
	CreditCount     uint64    `json:"credit_count"`
	Claimed         sumJSON   `json:"claimed"`
	Credits         sumJSON   `json:"credits"`
	Net             sumJSON   `json:"net"`
	Computed        sumJSON   `json:"computed"`
	Difference      sumJSON   `json:"difference"`
	UnpricedCount   uint64    `json:"unpriced_count"`
	UnpricedClaimed sumJSON   `json:"unpriced_claimed"`
	CreditedCount   uint64    `json:"credited_count"` // priced, and cancelled in full by credits: not in computed
	CreditedClaimed sumJSON   `json:"credited_claimed"`
	DiffersCount    uint64    `json:"differs_count"`
	Tax             []taxJSON `json:"tax"`
	// Of statements, before tax: see settlement.SettlementRow.
	Issued  linesJSON  `json:"issued"`
	Late    linesJSON  `json:"late"` // part of issued
	Open    *linesJSON `json:"open"` // null: it was not asked for, or nobody can say
	Held    *heldJSON  `json:"held"` // likewise
	CDRsURL string     `json:"cdrs_url"`
}

// linesJSON is how many lines statements have, and what they come to before tax.
type linesJSON struct {
	Count uint64 `json:"count"`
	Net   string `json:"net"`
}

// heldJSON is how many CDRs are held, and what they claim before tax.
type heldJSON struct {
	Count   uint64 `json:"count"`
	Claimed string `json:"claimed"`
}

func newLines(l settlement.Lines) linesJSON { return linesJSON{l.Count, rest.Money(l.Net)} }

func newSettlementRow(r *settlement.SettlementRow, closes Closes) settlementRow {
	row := settlementRow{
		CPO: r.CPO.String(), EMSP: partyPtr(r.EMSP), Month: r.Month.String(), MonthClosed: closedAt(closes, r), Currency: r.Currency,
		CDRCount: r.CDRCount, CreditCount: r.CreditCount,
		Claimed: newSum(r.Claimed), Credits: newSum(r.Credits), Net: newSum(r.Net),
		Computed: newSum(r.Computed), Difference: newSum(r.Difference()),
		UnpricedCount: r.UnpricedCount, UnpricedClaimed: newSum(r.UnpricedClaimed),
		CreditedCount: r.CreditedCount, CreditedClaimed: newSum(r.CreditedClaimed),
		DiffersCount: r.DiffersCount, Tax: newTaxes(r.Tax), Issued: newLines(r.Issued), Late: newLines(r.Late),
		CDRsURL: "/api/v1/cdrs?" + RowParams(r, PartAll).Encode(),
	}
	if r.Open != nil {
		open := newLines(r.Open.Lines)
		row.Open, row.Held = &open, &heldJSON{r.Open.Held.Count, rest.Money(r.Open.Held.Net)}
	}
	return row
}

func closedAt(closes Closes, r *settlement.SettlementRow) *string {
	at := closes.ElsewhereSince(clearing.Scope{CPO: r.CPO, EMSP: r.EMSP}, r.Month)
	if !at.IsSet() {
		return nil
	}
	s := at.String()
	return &s
}

// Part is a part of the CDRs of a row.
type Part uint8

// Parts of a row.
const (
	PartAll      Part = iota // CDRs and credits
	PartCredits              // CreditCount
	PartUnpriced             // UnpricedCount
	PartCredited             // CreditedCount
	PartDiffers              // DiffersCount
)

// RowParams are the query parameters that list exactly the CDRs of a row, or a
// part of them.
func RowParams(r *settlement.SettlementRow, part Part) url.Values {
	q := url.Values{"cpo": {r.CPO.String()}, "emsp": {rest.Unknown}, "currency": {r.Currency}}
	if !r.Month.IsZero() {
		q.Set("from", r.Month.String())
		q.Set("to", r.Month.String())
	}
	if !r.EMSP.IsZero() {
		q.Set("emsp", r.EMSP.String())
	}
	switch part {
	case PartCredits:
		q.Set("credit", "true")
	case PartUnpriced: // a credit is never among what is not priced
		q.Set("credit", "false")
		q.Set("status", pricing.Rejected.String())
	case PartCredited:
		q.Set("credit", "false")
		q.Set("status", pricing.Priced.String())
		q.Set("credited", "true")
	case PartDiffers:
		q.Set("credit", "false")
		q.Set("credited", "false")
		q.Set("claim", tariff.ClaimDiffers.String())
	}
	return q
}

// Reporter tells the settlement report what became of its CDRs: see statement.Reporter.
type Reporter interface {
	// Reported adds to the rows that q selects what is issued, and what is open where that is
	// asked for.
	Reported(ctx context.Context, q settlement.SettlementQuery, open bool, rows []settlement.SettlementRow) ([]settlement.SettlementRow, error)
}

// ReadSettlement reads the rows of the report.
func ReadSettlement(ctx context.Context, r settlement.Reader, of Reporter, q settlement.SettlementQuery, open bool) ([]settlement.SettlementRow, error) {
	rows, err := r.Settlement(ctx, q)
	if err == nil && of != nil {
		rows, err = of.Reported(ctx, q, open, rows)
	}
	if err != nil {
		return nil, fmt.Errorf("settlement %s to %s: %w", q.From, q.To, err)
	}
	return rows, nil
}

// settlement answers GET /api/v1/reports/settlement.
func (s *server) settlement(c *gin.Context, key rest.Key) error {
	csv, err := rest.WantsCSV(c)
	if err != nil {
		return err
	}
	q, open, err := settlementReport(c.Request.URL.Query(), key)
	if err != nil {
		return err
	}
	rows, err := ReadSettlement(c.Request.Context(), s.reader, s.reporter, q, open)
	if err != nil {
		return err
	}
	if csv {
		rest.WriteCSV(c, SettlementFile(q), SettlementCSV(rows, s.closes))
		return nil
	}
	rest.WriteRows(c, "rows", func(yield func(settlementRow) bool) {
		for i := range rows {
			if !yield(newSettlementRow(&rows[i], s.closes)) {
				return
			}
		}
	})
	return nil
}

// SettlementFile is the name a settlement report is saved under.
func SettlementFile(q settlement.SettlementQuery) string {
	return fmt.Sprintf("settlement-%s-%s.csv", q.From, q.To)
}

var settlementHeader = []string{
	"cpo", "emsp", "month", "currency", "cdr_count", "credit_count",
	"claimed_excl_vat", "claimed_incl_vat", "claimed_incl_vat_missing",
	"credits_excl_vat", "credits_incl_vat", "credits_incl_vat_missing",
	"net_excl_vat", "net_incl_vat",
	"computed_excl_vat", "computed_incl_vat", "computed_incl_vat_missing",
	"difference_excl_vat", "difference_incl_vat",
	"unpriced_count", "unpriced_claimed_excl_vat", "unpriced_claimed_incl_vat",
	"credited_count", "credited_claimed_excl_vat", "credited_claimed_incl_vat",
	"differs_count", "tax", "month_closed",
	"issued_count", "issued_net", "late_count", "late_net", "open_count", "open_net", "held_count", "held_claimed",
}

// SettlementCSV is the settlement report as a table; an amount that is not
// known is an empty cell, as is when a month was closed that never was, and what is
// open where that was not asked for.
func SettlementCSV(rows []settlement.SettlementRow, closes Closes) *rest.CSV {
	return &rest.CSV{Header: settlementHeader, Rows: func(yield func([]string) bool) {
		for i := range rows {
			if !yield(settlementCells(&rows[i], closes)) {
				return
			}
		}
	}}
}

func settlementCells(row *settlement.SettlementRow, closes Closes) []string {
	r := newSettlementRow(row, closes)
	cells := []string{
		rest.Cell(r.CPO), rest.Cell(text(r.EMSP)), r.Month, rest.Cell(r.Currency), count(r.CDRCount), count(r.CreditCount),
		r.Claimed.ExclVAT, text(r.Claimed.InclVAT), count(r.Claimed.InclVATMissing),
		r.Credits.ExclVAT, text(r.Credits.InclVAT), count(r.Credits.InclVATMissing),
		r.Net.ExclVAT, text(r.Net.InclVAT),
		r.Computed.ExclVAT, text(r.Computed.InclVAT), count(r.Computed.InclVATMissing),
		r.Difference.ExclVAT, text(r.Difference.InclVAT),
		count(r.UnpricedCount), r.UnpricedClaimed.ExclVAT, text(r.UnpricedClaimed.InclVAT),
		count(r.CreditedCount), r.CreditedClaimed.ExclVAT, text(r.CreditedClaimed.InclVAT),
		count(r.DiffersCount), rest.Cell(compactTaxes(row.Tax)), text(r.MonthClosed),
		count(r.Issued.Count), r.Issued.Net, count(r.Late.Count), r.Late.Net,
	}
	if r.Open == nil {
		return append(cells, "", "", "", "")
	}
	return append(cells, count(r.Open.Count), r.Open.Net, count(r.Held.Count), r.Held.Claimed)
}

func count(n uint64) string { return strconv.FormatUint(n, 10) }

// SettlementJSONL is the report with one row a line, as in the API.
func SettlementJSONL(rows []settlement.SettlementRow, closes Closes) rest.Encoder {
	return rest.JSONLOf(rows, func(r *settlement.SettlementRow) settlementRow { return newSettlementRow(r, closes) })
}
