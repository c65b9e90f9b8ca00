package page

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// comparison is one amount of the partner beside ours.
type comparison struct {
	Name                          string
	Claimed, Computed, Difference figure
}

// copyLine is one copy of a CDR.
type copyLine struct {
	Position, Sender, Hash, What string
	Received                     time.Time
	Conflict                     bool
}

func newCopyLine(c *settlement.Copy, what string) copyLine {
	if what == "" {
		what = "repeat, same content"
		if c.Conflict {
			what = "conflict, other content"
		}
	}
	return copyLine{
		Position: c.Position.String(), Sender: c.Sender, Hash: hex.EncodeToString(c.Hash[:6]),
		What: what, Received: c.Received, Conflict: c.Conflict,
	}
}

// fact is what is known of an object; URL is where more of it stands, "" for nowhere.
type fact struct{ Name, Value, URL string }

// copyLines are the copies of a CDR, the one that counts first. The first that came has the
// lowest receipt.
func copyLines(counts *settlement.Copy, others []settlement.Copy) []copyLine {
	first := counts
	for i := range others {
		if others[i].Position.Before(first.Position) {
			first = &others[i]
		}
	}
	what := "first, counts"
	if first != counts {
		what = "counts, as was decided"
	}
	lines := []copyLine{newCopyLine(counts, what)}
	for i := range others {
		line := newCopyLine(&others[i], "")
		if first == &others[i] {
			line.What = "first, " + map[bool]string{true: "other content", false: "same content"}[line.Conflict]
		}
		lines = append(lines, line)
	}
	return lines
}

type cdrView struct {
	frame
	CDR         *settlement.CDRDetail
	EMSPName    string
	Parties     [2]namedParty // CPO and eMSP
	Charge      []fact        // where it was and with what
	Timeline    *timeline     // nil where the CDR does not tell how it went
	Energy      figure
	Verdict     verdict
	Sentence    string
	Amounts     []comparison
	Calm        string // class of a difference that is nothing but rounding
	Tax         string
	TaxStated   bool                    // by the CDR
	Explanation *explanation            // nil unless priced
	explained   *tariff.Explanation     // what it was made of
	Why         *pricing.Reconciliation // nil unless the claim differs
	Narrowed    string                  // what other CDRs say of it, "" where nothing
	Findings    []ocpi.Finding
	Copies      []copyLine // empty unless there is more than one
	Contents    string     // address of what they differ in
	Facts       []fact
	Related     []relatedLine
	Credited    string // address of the CDR that this one credits
	Raw         string
	Back        string // address of the list of the settlement row it counts in
	Month       string // of that row
	Beside      beside // what stands beside it in the list that one came from
	Cleared     *clearedView
	Decide      *decideForm // nil where the visitor decides nothing
}

// cdr answers GET /cdrs/{country}/{party}/{id}.
func (s *server) cdr(c *gin.Context, v visitor) error {
	return s.showCDR(c, v, http.StatusOK, decideForm{})
}

// showCDR shows a CDR, with what was sent in the form that decides about it.
func (s *server) showCDR(c *gin.Context, v visitor, status int, sent decideForm) error {
	k, err := rest.PathKey(c)
	if err != nil {
		return err
	}
	d, related, beside, err := report.Detail(c.Request.Context(), v.Key, s.Reader, s.Noted, k)
	if err != nil {
		return fmt.Errorf("read cdr %s: %w", k, err)
	}
	view, err := newCDRView(d, v.Key)
	if err != nil {
		return fmt.Errorf("show cdr %s: %w", k, err)
	}
	view.Related = relatedLines(k, related)
	if view.Beside, err = s.beside(c, v, d); err != nil {
		return err
	}
	view.Parties = [2]namedParty{s.named(d.CPO, d.Month), s.named(d.EMSP, d.Month)}
	if text := beside.Text(); text != "" {
		view.Facts = append(view.Facts, fact{Name: "Authorization", Value: text})
	}
	if view.Why != nil {
		e, err := report.Narrow(c.Request.Context(), s.Reader, d, view.Why)
		if err != nil {
			return err
		}
		view.Narrowed = report.EvidenceText(e)
	}
	if err := s.addCharge(c.Request.Context(), view); err != nil {
		return err
	}
	if err := s.addCleared(c.Request.Context(), v, view, sent); err != nil {
		return err
	}
	view.frame = frame{Title: "CDR " + d.ID, Here: "CDRs", Visitor: &v}
	s.render(c, status, "cdr", view)
	return nil
}

// addCharge adds where the charge was, and how it went.
func (s *server) addCharge(ctx context.Context, v *cdrView) error {
	cdr, err := new(ocpi.Decoder).CDR(v.CDR.Version, v.CDR.Raw)
	if err != nil {
		return nil //nolint:nilerr // of an earlier version that accepted more: the page has the body itself
	}
	v.Charge = chargeFacts(cdr, v.CDR)
	theirs, err := s.theirs(ctx, v.CDR, v.Why)
	if err != nil {
		return err
	}
	v.Timeline = newTimeline(cdr, chargeZone(v.CDR, cdr), v.explained, theirs)
	return nil
}

func newCDRView(d *settlement.CDRDetail, key rest.Key) (*cdrView, error) {
	v := &cdrView{
		CDR: d, EMSPName: emspName(d.EMSP), Energy: orUnknown(d.EnergyKWh, 0),
		Verdict: verdictOf(&d.CDRSummary), Sentence: sentenceOf(&d.CDRSummary),
		Amounts: comparisons(&d.CDRSummary), Tax: taxLine(d.Taxes), Facts: factsOf(d, key),
		Contents: report.ContentsPath(d.Key), Month: d.Month.String(), Back: address("/cdrs", rowOf(&d.CDRSummary)),
	}
	if d.Claim == tariff.ClaimAgrees {
		v.Calm = "calm"
	}
	if d.CreditOf != "" {
		v.Credited = report.CDRPath(ocpi.Key{Party: d.Key.Party, ID: ocpi.Fold(d.CreditOf)})
	}
	if len(d.Copies) > 0 {
		counts := settlement.Copy{Position: d.Position, Received: d.Received, Sender: d.Sender, Hash: d.Hash}
		v.Copies = copyLines(&counts, d.Copies)
	}
	if len(d.Findings) > 0 {
		if err := json.Unmarshal(d.Findings, &v.Findings); err != nil {
			return nil, fmt.Errorf("read findings: %w", err)
		}
	}
	if len(d.Reconciliation) > 0 {
		v.Why = &pricing.Reconciliation{}
		if err := json.Unmarshal(d.Reconciliation, v.Why); err != nil {
			return nil, fmt.Errorf("read reconciliation: %w", err)
		}
	}
	if len(d.Explanation) > 0 {
		var x tariff.Explanation
		if err := json.Unmarshal(d.Explanation, &x); err != nil {
			return nil, err
		}
		v.Explanation, v.TaxStated, v.explained = newExplanation(&x), x.TaxesStated, &x
	}
	var raw bytes.Buffer
	if err := json.Indent(&raw, d.Raw, "", "  "); err != nil {
		return nil, fmt.Errorf("indent the raw body: %w", err)
	}
	v.Raw = raw.String()
	return v, nil
}

// rowOf selects the settlement row that a CDR counts in.
func rowOf(s *settlement.CDRSummary) url.Values {
	return report.RowParams(&settlement.SettlementRow{CPO: s.CPO, EMSP: s.EMSP, Currency: s.Currency, Month: s.Month}, report.PartAll)
}

// sentenceOf says how a CDR ended as one would say it.
func sentenceOf(s *settlement.CDRSummary) string {
	switch {
	case s.Status == pricing.Rejected:
		why := s.Detail
		if why == "" {
			why = strings.ReplaceAll(s.Reason, "_", " ")
		}
		return "We could not price this CDR: " + strings.TrimSuffix(why, ".") + "."
	case s.Status == pricing.Credited:
		return "This CDR credits " + s.CreditOf + ". It is not priced again: it cancels what was claimed."
	case s.Claim == tariff.ClaimAgrees:
		return "The partner’s total agrees with what we computed from the tariff."
	case s.Claim == tariff.ClaimAbsent:
		return "The partner states no total to compare with."
	}
	d, side := differenceOf(s, exclVAT), "before VAT"
	if d == nil || d.IsZero() {
		d, side = differenceOf(s, inclVAT), "including VAT"
	}
	switch {
	case d == nil || d.IsZero():
		return "The partner’s total differs from what we computed from the tariff."
	case d.IsNegative():
		return fmt.Sprintf("The partner claims %s %s less than we computed from the tariff, %s.", newFigure(d.Neg(), 2).Text, s.Currency, side)
	}
	return fmt.Sprintf("The partner claims %s %s more than we computed from the tariff, %s.", newFigure(*d, 2).Text, s.Currency, side)
}

// comparisons sets the partner's totals beside ours; all figures of the table
// have the same decimals.
func comparisons(s *settlement.CDRSummary) []comparison {
	rows := []struct {
		name              string
		claimed, computed *decimal.Decimal
	}{
		{"Before VAT", s.ClaimedExcl, s.ComputedExcl},
		{"VAT", minus(s.ClaimedIncl, s.ClaimedExcl), minus(s.ComputedIncl, s.ComputedExcl)},
		{"Including VAT", s.ClaimedIncl, s.ComputedIncl},
	}
	places := column{2}
	for _, r := range rows {
		places.fit(r.claimed)
		places.fit(r.computed)
	}
	list := make([]comparison, len(rows))
	for i, r := range rows {
		list[i] = comparison{
			Name: r.name, Claimed: orUnknown(r.claimed, places.places), Computed: orUnknown(r.computed, places.places),
			Difference: orUnknown(minus(r.claimed, r.computed), places.places),
		}
	}
	return list
}

// factsOf lists where the CDR came from and what it was priced from.
func factsOf(d *settlement.CDRDetail, key rest.Key) []fact {
	all := []fact{
		{Name: "Session", Value: d.SessionID}, {Name: "Location", Value: d.LocationID},
		{Name: "Received", Value: d.Received.UTC().Format("2006-01-02 15:04:05") + " UTC from " + d.Sender + ", OCPI " + d.Version.String()},
		{Name: "Receipt", Value: d.Position.String()}, {Name: "Content hash", Value: hex.EncodeToString(d.Hash[:])},
		{Name: "Tariff", Value: d.TariffIDs, URL: tariffURL(d, key)}, {Name: "Tariff taken from", Value: map[string]string{"cdr": "the CDR itself", "store": "the tariffs the partner pushed"}[d.TariffSource]},
		{Name: "Tariff hash", Value: d.TariffHash}, {Name: "Time zone", Value: withSource(d.TimeZone, d.ZoneSource)}, {Name: "Time-zone database", Value: d.ZoneDB},
		{Name: "Profile", Value: d.Profile}, {Name: "Engine", Value: d.Engine},
	}
	if d.Generation > 0 {
		all = append(all, fact{Name: "Priced again", Value: fmt.Sprintf("%d times", d.Generation)})
	}
	var known []fact
	for _, f := range all {
		if f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}

// tariffURL is the address of the tariff of the partner that priced a CDR, ""
// where the CDR brought its own, several did, or it is not for the visitor.
func tariffURL(d *settlement.CDRDetail, key rest.Key) string {
	if d.TariffSource != "store" || strings.Contains(d.TariffIDs, ",") || !key.Sees(d.Key.Party, d.Key.Party) {
		return ""
	}
	return report.TariffPath(ocpi.Key{Party: d.Key.Party, ID: ocpi.Fold(d.TariffIDs)})
}

func withSource(zone, source string) string {
	if zone == "" || source == "" {
		return zone
	}
	return zone + " (from the " + source + ")"
}
