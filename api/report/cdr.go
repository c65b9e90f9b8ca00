package report

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// cdrSummary is one CDR in a list. What is not known is null.
type cdrSummary struct {
	CPO        string      `json:"cpo"`
	EMSP       *string     `json:"emsp"`
	ID         string      `json:"id"`
	Start      *string     `json:"start"`
	End        *string     `json:"end"`
	Currency   string      `json:"currency"`
	Credit     bool        `json:"credit"`
	CreditOf   string      `json:"credit_of,omitempty"`
	SessionID  string      `json:"session_id,omitempty"`
	LocationID string      `json:"location_id,omitempty"`
	EnergyKWh  *string     `json:"energy_kwh"`
	Claimed    *amountJSON `json:"claimed"`
	Status     string      `json:"status"`
	Reason     string      `json:"reason,omitempty"`
	Detail     string      `json:"detail,omitempty"`
	Computed   *amountJSON `json:"computed"`
	Claim      string      `json:"claim"`
	Cause      string      `json:"cause,omitempty"`
	Received   string      `json:"received"`
	Position   string      `json:"position"`
	URL        string      `json:"url"`
}

func newCDRSummary(s *settlement.CDRSummary) cdrSummary {
	return cdrSummary{
		CPO: s.CPO.String(), EMSP: partyPtr(s.EMSP), ID: s.ID, Start: knownInstant(s.Start), End: knownInstant(s.End),
		Currency: s.Currency, Credit: s.Credit, CreditOf: s.CreditOf, SessionID: s.SessionID, LocationID: s.LocationID,
		EnergyKWh: quantityPtr(s.EnergyKWh), Claimed: newAmount(s.ClaimedExcl, s.ClaimedIncl),
		Status: s.Status.String(), Reason: s.Reason, Detail: s.Detail,
		Computed: newAmount(s.ComputedExcl, s.ComputedIncl), Claim: s.Claim.String(), Cause: s.Cause,
		Received: instant(s.Received), Position: s.Position.String(), URL: "/api/v1" + CDRPath(s.Key),
	}
}

// instant writes a time as OCPI does: UTC, at most milliseconds.
func instant(t time.Time) string { return ocpi.TimeOf(t).String() }

// knownInstant is nil for a time that the CDR does not tell.
func knownInstant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := instant(t)
	return &s
}

// CDRPath is the path of a CDR below /api/v1, and of its page.
func CDRPath(k ocpi.Key) string { return "/cdrs" + rest.KeyPath(k) }

// pricedFrom says what a result was computed from: enough to compute it again.
type pricedFrom struct {
	TariffIDs    []string `json:"tariff_ids"`
	TariffHash   string   `json:"tariff_hash"`
	TariffSource string   `json:"tariff_source"`
	TimeZone     string   `json:"time_zone"`
	ZoneSource   string   `json:"zone_source"`
	ZoneDB       string   `json:"zone_db"`
	Profile      string   `json:"profile"`
	Engine       string   `json:"engine"`
	Generation   uint16   `json:"generation"`
}

type cdrResult struct {
	Status   string      `json:"status"`
	Reason   string      `json:"reason,omitempty"`
	Detail   string      `json:"detail,omitempty"`
	Claimed  *amountJSON `json:"claimed"`
	Computed *amountJSON `json:"computed"`
	Tax      []taxJSON   `json:"tax"`
	Claim    string      `json:"claim"`
	Cause    string      `json:"cause,omitempty"`
	// Reconciliation is a pricing.Reconciliation, null unless the claim differs.
	Reconciliation json.RawMessage `json:"reconciliation"`
	// Narrowed is what the other CDRs of the pair's month say of it, null where nothing.
	Narrowed *evidenceJSON `json:"narrowed"`
	// TaxStated: the tax is what the CDR states, its tariff gives no rate.
	TaxStated  bool       `json:"tax_stated,omitempty"`
	PricedFrom pricedFrom `json:"priced_from"`
}

type copyJSON struct {
	Position string `json:"position"`
	Received string `json:"received"`
	Sender   string `json:"sender"`
	Hash     string `json:"hash"`
	Conflict bool   `json:"conflict"`
}

func newCopies(copies []settlement.Copy) []copyJSON {
	list := make([]copyJSON, len(copies))
	for i := range copies {
		list[i] = newCopy(&copies[i])
	}
	return list
}

func newCopy(c *settlement.Copy) copyJSON {
	return copyJSON{
		Position: c.Position.String(), Received: instant(c.Received), Sender: c.Sender,
		Hash: fmt.Sprintf("%x", c.Hash), Conflict: c.Conflict,
	}
}

// cdrDetail is everything known of one CDR but its raw body, which is spliced
// in front as it came.
type cdrDetail struct {
	Version     string          `json:"version"`
	Sender      string          `json:"sender"`
	Hash        string          `json:"hash"`
	CDR         cdrSummary      `json:"cdr"`
	Result      cdrResult       `json:"result"`
	Explanation json.RawMessage `json:"explanation"`
	Text        *string         `json:"explanation_text"`
	Findings    json.RawMessage `json:"findings"`
	Copies      []copyJSON      `json:"copies"`
	Relations   []relationJSON  `json:"relations"`
	// Authorization is the real-time authorization of the charge, left out where none is known.
	Authorization *authorizationJSON `json:"authorization,omitempty"`
	// Clearing is what becomes of it, null where that is not known (yet).
	Clearing *rest.Cleared `json:"clearing"`
}

// cdr answers GET /api/v1/cdrs/{country}/{party}/{id}.
func (s *server) cdr(c *gin.Context, key rest.Key) error {
	if p := rest.NewParams(c.Request.URL.Query()); p.Err() != nil {
		return p.Err()
	}
	k, err := rest.PathKey(c)
	if err != nil {
		return err
	}
	d, related, beside, err := Detail(c.Request.Context(), key, s.reader, s.sessions, k)
	if err != nil {
		return fmt.Errorf("read cdr %s: %w", k, err)
	}
	detail, err := newCDRDetail(d)
	if err != nil {
		return fmt.Errorf("encode cdr %s: %w", k, err)
	}
	detail.Relations, detail.Authorization = newRelations(related), newAuthorization(beside)
	if detail.Result.Narrowed, err = s.narrowed(c.Request.Context(), d); err != nil {
		return err
	}
	if s.traces != nil {
		if detail.Clearing, err = rest.ReadCleared(c.Request.Context(), s.drafts, s.traces, key, k); err != nil {
			return err
		}
	}
	return rest.WriteRaw(c, d.Raw, detail)
}

// narrowed is what other CDRs say of why this one differs.
func (s *server) narrowed(ctx context.Context, d *settlement.CDRDetail) (*evidenceJSON, error) {
	if len(d.Reconciliation) == 0 {
		return nil, nil
	}
	var r pricing.Reconciliation
	if err := json.Unmarshal(d.Reconciliation, &r); err != nil {
		return nil, fmt.Errorf("read reconciliation of %s: %w", d.Key, err)
	}
	e, err := Narrow(ctx, s.reader, d, &r)
	return newEvidence(e), err
}

func newCDRDetail(d *settlement.CDRDetail) (*cdrDetail, error) {
	if !json.Valid(d.Raw) {
		return nil, fmt.Errorf("the stored body at %s is not JSON", d.Position)
	}
	words, stated, err := explanationText(d.Explanation)
	if err != nil {
		return nil, err
	}
	result := newCDRResult(d)
	result.TaxStated = stated
	return &cdrDetail{
		Version: d.Version.String(), Sender: d.Sender, Hash: fmt.Sprintf("%x", d.Hash),
		CDR: newCDRSummary(&d.CDRSummary), Result: result,
		Explanation: orJSON(d.Explanation, "null"), Text: words, Findings: orJSON(d.Findings, "[]"),
		Copies: newCopies(d.Copies),
	}, nil
}

// explanationText puts a stored explanation into words, nil where there is none.
// taxStated: its taxes are those of the CDR.
func explanationText(stored []byte) (text *string, taxStated bool, err error) {
	if len(stored) == 0 {
		return nil, false, nil
	}
	var x tariff.Explanation
	if err := json.Unmarshal(stored, &x); err != nil {
		return nil, false, err
	}
	var b strings.Builder
	if err := x.Text(&b); err != nil {
		return nil, false, err
	}
	words := b.String()
	return &words, x.TaxesStated, nil
}

func newCDRResult(d *settlement.CDRDetail) cdrResult {
	ids := []string{}
	if d.TariffIDs != "" {
		ids = strings.Split(d.TariffIDs, ",")
	}
	return cdrResult{
		Status: d.Status.String(), Reason: d.Reason, Detail: d.Detail,
		Claimed: newAmount(d.ClaimedExcl, d.ClaimedIncl), Computed: newAmount(d.ComputedExcl, d.ComputedIncl),
		Tax: newTaxes(d.Taxes), Claim: d.Claim.String(), Cause: d.Cause, Reconciliation: orJSON(d.Reconciliation, "null"),
		PricedFrom: pricedFrom{
			TariffIDs: ids, TariffHash: d.TariffHash, TariffSource: d.TariffSource,
			TimeZone: d.TimeZone, ZoneSource: d.ZoneSource, ZoneDB: d.ZoneDB,
			Profile: d.Profile, Engine: d.Engine, Generation: d.Generation,
		},
	}
}

func orJSON(b []byte, absent string) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage(absent)
	}
	return b
}

// cdrs answers GET /api/v1/cdrs.
func (s *server) cdrs(c *gin.Context, key rest.Key) error {
	return s.cdrList(c, "cdrs", func() (settlement.CDRQuery, error) { return CDRQuery(c.Request.URL.Query(), key) })
}

// rejects answers GET /api/v1/rejects.
func (s *server) rejects(c *gin.Context, key rest.Key) error {
	return s.cdrList(c, "rejects", func() (settlement.CDRQuery, error) { return RejectQuery(c.Request.URL.Query(), key) })
}

func (s *server) cdrList(c *gin.Context, name string, query func() (settlement.CDRQuery, error)) error {
	csv, err := rest.WantsCSV(c)
	if err != nil {
		return err
	}
	q, err := query()
	if err != nil {
		return err
	}
	page, err := s.reader.CDRs(c.Request.Context(), q)
	if err != nil {
		return fmt.Errorf("list %s: %w", name, err)
	}
	next := rest.LinkNext(c, page.Next)
	if csv {
		table := CDRsCSV(page.CDRs)
		table.Note = rest.NextNote(c, page.Next)
		rest.WriteCSV(c, name+".csv", table)
		return nil
	}
	list := make([]cdrSummary, len(page.CDRs))
	for i := range page.CDRs {
		list[i] = newCDRSummary(&page.CDRs[i])
	}
	rest.WriteJSON(c, http.StatusOK, map[string]any{name: list, "next": next})
	return nil
}

var cdrHeader = []string{
	"cpo", "emsp", "id", "start", "end", "currency", "credit", "credit_of", "session_id", "location_id",
	"energy_kwh", "claimed_excl_vat", "claimed_incl_vat", "computed_excl_vat", "computed_incl_vat",
	"difference_excl_vat", "status", "reason", "claim", "received", "position",
}

// CDRsCSV is a list of CDRs as a table; what is not known is an empty cell.
func CDRsCSV(cdrs []settlement.CDRSummary) *rest.CSV {
	return &rest.CSV{Header: cdrHeader, Rows: func(yield func([]string) bool) {
		for i := range cdrs {
			if !yield(cdrCells(&cdrs[i])) {
				return
			}
		}
	}}
}

func cdrCells(d *settlement.CDRSummary) []string {
	s := newCDRSummary(d)
	claimed, computed := amountOrNone(s.Claimed), amountOrNone(s.Computed)
	difference := ""
	if d.Status == pricing.Priced && d.ClaimedExcl != nil && d.ComputedExcl != nil {
		difference = rest.Money(d.ClaimedExcl.Sub(*d.ComputedExcl))
	}
	return []string{
		rest.Cell(s.CPO), rest.Cell(text(s.EMSP)), rest.Cell(s.ID), text(s.Start), text(s.End), rest.Cell(s.Currency), fmt.Sprint(s.Credit),
		rest.Cell(s.CreditOf), rest.Cell(s.SessionID), rest.Cell(s.LocationID),
		text(s.EnergyKWh), text(claimed.ExclVAT), text(claimed.InclVAT), text(computed.ExclVAT), text(computed.InclVAT),
		difference, s.Status, rest.Cell(s.Reason), s.Claim, s.Received, s.Position,
	}
}

func amountOrNone(a *amountJSON) amountJSON {
	if a == nil {
		return amountJSON{}
	}
	return *a
}

// CDRsJSONL is a list of CDRs with one a line, as in the API.
func CDRsJSONL(cdrs []settlement.CDRSummary) rest.Encoder { return rest.JSONLOf(cdrs, newCDRSummary) }
