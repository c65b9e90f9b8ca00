// Package reporttest is a settlement.Reader in memory with a small roaming
// world in it, for the tests of the reports and of the page. It adds up its
// CDRs literally, one by one, so that a report can be traced by hand.
package reporttest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// Store is a settlement.Reader over slices. Err, when set, is what every
// method returns.
type Store struct {
	All        []settlement.CDRDetail // ordered by month of end, then key
	Conflicted []settlement.Conflict
	Refused    []settlement.Refusal
	Err        error
}

var _ settlement.Reader = (*Store)(nil)

func concerns(party ocpi.Party, d *settlement.CDRSummary) bool {
	return party.IsZero() || party == d.CPO || party == d.EMSP
}

// Months implements settlement.Reader.
func (s *Store) Months(_ context.Context, party ocpi.Party) ([]ocpi.Month, error) {
	var months []ocpi.Month
	for i := range s.All {
		if d := &s.All[i].CDRSummary; concerns(party, d) && !d.Month.IsZero() && !slices.Contains(months, d.Month) {
			months = append(months, d.Month)
		}
	}
	slices.SortFunc(months, ocpi.Month.Compare)
	return months, s.Err
}

// Settlement implements settlement.Reader.
func (s *Store) Settlement(_ context.Context, q settlement.SettlementQuery) ([]settlement.SettlementRow, error) {
	var rows []settlement.SettlementRow
	row := func(d *settlement.CDRSummary) *settlement.SettlementRow {
		at := slices.IndexFunc(rows, func(r settlement.SettlementRow) bool {
			return r.CPO == d.CPO && r.EMSP == d.EMSP && r.Month == d.Month && r.Currency == d.Currency
		})
		if at < 0 {
			at = len(rows)
			rows = append(rows, settlement.SettlementRow{CPO: d.CPO, EMSP: d.EMSP, Month: d.Month, Currency: d.Currency})
		}
		return &rows[at]
	}
	list := settlement.CDRQuery{Party: q.Party, CPO: q.CPO, EMSP: q.EMSP, NoEMSP: q.NoEMSP, From: q.From, To: q.To, Currency: q.Currency}
	cancelled := s.cancelled()
	for i := range s.All {
		if d := &s.All[i]; selects(&list, &d.CDRSummary) {
			count(row(&d.CDRSummary), d, cancelled[d.Key])
		}
	}
	slices.SortStableFunc(rows, func(a, b settlement.SettlementRow) int {
		return cmp.Or(a.Month.Compare(b.Month), cmp.Compare(a.CPO.String(), b.CPO.String()),
			cmp.Compare(a.EMSP.String(), b.EMSP.String()), cmp.Compare(a.Currency, b.Currency))
	})
	return rows, s.Err
}

// Causes implements settlement.Reader.
func (s *Store) Causes(_ context.Context, q settlement.SettlementQuery) ([]settlement.CauseCount, error) {
	var counts []settlement.CauseCount
	list := settlement.CDRQuery{Party: q.Party, CPO: q.CPO, EMSP: q.EMSP, NoEMSP: q.NoEMSP, From: q.From, To: q.To, Currency: q.Currency}
	cancelled := s.cancelled()
	for i := range s.All {
		d := &s.All[i]
		if !selects(&list, &d.CDRSummary) || d.Credit || d.Status != pricing.Priced || cancelled[d.Key] {
			continue
		}
		c := settlement.CauseCount{CPO: d.CPO, EMSP: d.EMSP, Month: d.Month, Currency: d.Currency, Cause: d.Cause, Readings: readings(d)}
		at := slices.IndexFunc(counts, func(have settlement.CauseCount) bool {
			return have.CPO == c.CPO && have.EMSP == c.EMSP && have.Month == c.Month && have.Currency == c.Currency &&
				have.Cause == c.Cause && slices.Equal(have.Readings, c.Readings)
		})
		if at < 0 {
			at = len(counts)
			counts = append(counts, c)
		}
		counts[at].Count++
		add(&counts[at].Claimed, d.ClaimedExcl, d.ClaimedIncl)
		add(&counts[at].Computed, d.ComputedExcl, d.ComputedIncl)
	}
	slices.SortStableFunc(counts, func(a, b settlement.CauseCount) int {
		return cmp.Or(a.Month.Compare(b.Month), cmp.Compare(a.CPO.String(), b.CPO.String()), cmp.Compare(a.EMSP.String(), b.EMSP.String()),
			cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Cause, b.Cause), slices.Compare(a.Readings, b.Readings))
	})
	return counts, s.Err
}

// readings are the codes of the readings that give a CDR's claim, where several do.
func readings(d *settlement.CDRDetail) (codes []string) {
	var r pricing.Reconciliation
	if d.Cause != string(tariff.VerdictSeveral) || json.Unmarshal(d.Reconciliation, &r) != nil {
		return nil
	}
	for _, reading := range r.Readings {
		codes = append(codes, reading.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func count(r *settlement.SettlementRow, d *settlement.CDRDetail, credited bool) {
	add(&r.Net, d.ClaimedExcl, d.ClaimedIncl)
	if d.Credit {
		r.CreditCount++
		add(&r.Credits, d.ClaimedExcl, d.ClaimedIncl)
		return
	}
	r.CDRCount++
	add(&r.Claimed, d.ClaimedExcl, d.ClaimedIncl)
	if d.Claim == tariff.ClaimDiffers && !credited {
		r.DiffersCount++
	}
	if d.Status != pricing.Priced {
		r.UnpricedCount++
		add(&r.UnpricedClaimed, d.ClaimedExcl, d.ClaimedIncl)
		return
	}
	if credited {
		r.CreditedCount++
		add(&r.CreditedClaimed, d.ClaimedExcl, d.ClaimedIncl)
		return
	}
	add(&r.Computed, d.ComputedExcl, d.ComputedIncl)
	for _, t := range d.Taxes {
		addTax(r, t)
	}
}

// add adds one amount to a sum.
func add(s *settlement.Sum, excl, incl *decimal.Decimal) {
	missing := uint64(0)
	if incl == nil {
		missing = 1
	}
	*s = s.Add(settlement.NewSum(excl, incl, missing))
}

func addTax(r *settlement.SettlementRow, t settlement.TaxSum) {
	for i := range r.Tax {
		if r.Tax[i].Name == t.Name && r.Tax[i].Percentage.Equal(*t.Percentage) {
			r.Tax[i].Amount = r.Tax[i].Amount.Add(t.Amount)
			return
		}
	}
	r.Tax = append(r.Tax, t)
}

// CDR implements settlement.Reader.
func (s *Store) CDR(_ context.Context, key ocpi.Key) (*settlement.CDRDetail, error) {
	if s.Err != nil {
		return nil, s.Err
	}
	for i := range s.All {
		if s.All[i].Key == key {
			return &s.All[i], nil
		}
	}
	return nil, fmt.Errorf("cdr %s: %w", key, settlement.ErrNotFound)
}

func selects(q *settlement.CDRQuery, d *settlement.CDRSummary) bool {
	return concerns(q.Party, d) &&
		(q.CPO.IsZero() || q.CPO == d.CPO) && (q.EMSP.IsZero() || q.EMSP == d.EMSP) && (!q.NoEMSP || d.EMSP.IsZero()) &&
		(q.From.IsZero() || d.Month.Compare(q.From) >= 0) && (q.To.IsZero() || d.Month.Compare(q.To) <= 0) &&
		(q.Currency == "" || q.Currency == d.Currency) && (q.Status == 0 || q.Status == d.Status) &&
		(q.Claim == nil || *q.Claim == d.Claim) && (q.Credit == nil || *q.Credit == d.Credit) &&
		(q.Location == "" || q.Location == ocpi.Fold(d.LocationID)) && q.EVSE == "" &&
		(q.Days.From.IsZero() || !day(d).Before(q.Days.From)) && (q.Days.To.IsZero() || day(d).Before(q.Days.To)) &&
		(q.Reason == "" || q.Reason == d.Reason) && (q.Cause == "" || q.Cause == d.Cause) && (q.ID == "" || q.ID == d.Key.ID)
}

// day is when a charge ended, or began where its end is not known.
func day(d *settlement.CDRSummary) time.Time {
	if d.End.IsZero() {
		return d.Start
	}
	return d.End
}

// CDRs implements settlement.Reader. Its cursors are indexes.
func (s *Store) CDRs(_ context.Context, q settlement.CDRQuery) (settlement.CDRPage, error) {
	from, err := cursor(q.After, s.Err)
	if err != nil {
		return settlement.CDRPage{}, err
	}
	var page settlement.CDRPage
	cancelled := s.cancelled()
	if q.Backwards {
		s = &Store{All: slices.Clone(s.All)}
		slices.Reverse(s.All)
	}
	if q.Beside != (settlement.Place{}) {
		from = 1 + slices.IndexFunc(s.All, func(d settlement.CDRDetail) bool { return d.Position == q.Beside.Position })
	}
	for i := from; i < len(s.All); i++ {
		if !selects(&q, &s.All[i].CDRSummary) || !strings.Contains(string(s.All[i].Findings), q.Finding) || q.Credited != nil && *q.Credited != cancelled[s.All[i].Key] {
			continue
		}
		if len(page.CDRs) == q.Limit {
			page.Next = strconv.Itoa(i)
			break
		}
		page.CDRs = append(page.CDRs, s.All[i].CDRSummary)
	}
	return page, nil
}

func cursor(after string, err error) (int, error) {
	if err != nil || after == "" {
		return 0, err
	}
	n, err := strconv.Atoi(after)
	if err != nil {
		return 0, fmt.Errorf("cursor %q: %w", after, settlement.ErrCursor)
	}
	return n, nil
}

// ListSums implements settlement.Reader.
func (s *Store) ListSums(ctx context.Context, q settlement.CDRQuery) ([]settlement.ListSum, error) {
	q.After, q.Beside, q.Limit = "", settlement.Place{}, len(s.All)+1
	page, err := s.CDRs(ctx, q)
	if err != nil {
		return nil, err
	}
	var sums []settlement.ListSum
	for i := range page.CDRs {
		d := &page.CDRs[i]
		at := slices.IndexFunc(sums, func(have settlement.ListSum) bool { return have.Currency == d.Currency })
		if at < 0 {
			at = len(sums)
			sums = append(sums, settlement.ListSum{Currency: d.Currency})
		}
		r := &sums[at]
		r.Count++
		if d.EnergyKWh != nil {
			r.KWh = r.KWh.Add(*d.EnergyKWh)
		}
		add(&r.Claimed, d.ClaimedExcl, d.ClaimedIncl)
		if d.Status == pricing.Priced {
			add(&r.Computed, d.ComputedExcl, d.ComputedIncl)
			add(&r.Difference, less(d.ClaimedExcl, d.ComputedExcl), less(d.ClaimedIncl, d.ComputedIncl))
		}
	}
	slices.SortFunc(sums, func(a, b settlement.ListSum) int { return cmp.Compare(a.Currency, b.Currency) })
	return sums, nil
}

// less is a - b, nil where one is not known.
func less(a, b *decimal.Decimal) *decimal.Decimal {
	if a == nil || b == nil {
		return nil
	}
	d := a.Sub(*b)
	return &d
}

// RejectReasons implements settlement.Reader.
func (s *Store) RejectReasons(_ context.Context, q settlement.CDRQuery) ([]settlement.ReasonCount, error) {
	q.Status = pricing.Rejected
	var counts []settlement.ReasonCount
	for i := range s.All {
		d := &s.All[i].CDRSummary
		if !selects(&q, d) {
			continue
		}
		at := slices.IndexFunc(counts, func(c settlement.ReasonCount) bool {
			return c.Reason == d.Reason && c.Currency == d.Currency
		})
		if at < 0 {
			at = len(counts)
			counts = append(counts, settlement.ReasonCount{
				Reason: d.Reason, Currency: d.Currency,
			})
		}
		counts[at].Count++
		add(&counts[at].Claimed, d.ClaimedExcl, d.ClaimedIncl)
	}
	slices.SortStableFunc(counts, func(a, b settlement.ReasonCount) int { return cmp.Compare(b.Count, a.Count) })
	return counts, s.Err
}

// Conflicts implements settlement.Reader.
func (s *Store) Conflicts(ctx context.Context, q settlement.ConflictQuery) (settlement.ConflictPage, error) {
	from, err := cursor(q.After, s.Err)
	if err != nil {
		return settlement.ConflictPage{}, err
	}
	var page settlement.ConflictPage
	for i := from; i < len(s.Conflicted); i++ {
		first, err := s.CDR(ctx, s.Conflicted[i].Key)
		if err != nil {
			return page, err
		}
		if !concerns(q.Party, &first.CDRSummary) || !q.CPO.IsZero() && q.CPO != first.CPO || q.ID != "" && q.ID != first.Key.ID ||
			q.Kind != settlement.CopyAny && q.Kind != kindOf(&s.Conflicted[i]) {
			continue
		}
		if len(page.Conflicts) == q.Limit {
			page.Next = strconv.Itoa(i)
			break
		}
		page.Conflicts = append(page.Conflicts, s.Conflicted[i])
	}
	return page, nil
}

// Contents implements settlement.Reader: every other content claims 1.50 more.
func (s *Store) Contents(ctx context.Context, key ocpi.Key) (*settlement.Contents, error) {
	d, err := s.CDR(ctx, key)
	if err != nil {
		return nil, err
	}
	first := settlement.Copy{Position: d.Position, Received: d.Received, Sender: d.Sender, Hash: d.Hash}
	out := &settlement.Contents{Counts: settlement.CopyBody{Copy: first, Version: ocpi.V221, Body: whole(d, *d.ClaimedExcl)}}
	for _, c := range d.Copies {
		if c.Conflict {
			out.Others = append(out.Others, settlement.CopyBody{Copy: c, Version: ocpi.V221, Body: whole(d, d.ClaimedExcl.Add(decimal.New(150, -2)))})
		}
	}
	return out, nil
}

// whole is a body that an intake accepts.
func whole(d *settlement.CDRDetail, excl decimal.Decimal) []byte {
	start, end := d.Start.Format(time.RFC3339), d.End.Format(time.RFC3339)
	return fmt.Appendf(nil, `{"country_code":%q,"party_id":%q,"id":%q,"start_date_time":%q,"end_date_time":%q,"currency":%q,"auth_method":"WHITELIST",
"cdr_token":{"country_code":%q,"party_id":%q,"uid":"04A1B2C3","type":"RFID","contract_id":"NL-EXW-C00000017-3"},
"cdr_location":{"id":"L1","address":"a","city":"c","country":"GBR","coordinates":{"latitude":"56.45700","longitude":"-2.97500"},"evse_uid":"E1","evse_id":"GB*DUN*E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"charging_periods":[{"start_date_time":%q,"dimensions":[{"type":"ENERGY","volume":%s}]}],"total_cost":{"excl_vat":%s},"total_energy":%s,"total_time":1,"last_updated":%q}`,
		d.CPO.Country, d.CPO.ID, d.ID, start, end, d.Currency, d.EMSP.Country, d.EMSP.ID, start, d.EnergyKWh, excl.StringFixed(2), d.EnergyKWh, end)
}

func kindOf(c *settlement.Conflict) settlement.CopyKind {
	if slices.ContainsFunc(c.Others, func(o settlement.Copy) bool { return o.Conflict }) {
		return settlement.CopyConflict
	}
	return settlement.CopyRepeat
}

// Refusals implements settlement.Reader.
func (s *Store) Refusals(_ context.Context, sender, after string, limit int) ([]settlement.Refusal, string, error) {
	from, err := cursor(after, s.Err)
	if err != nil {
		return nil, "", err
	}
	var list []settlement.Refusal
	for i := from; i < len(s.Refused); i++ {
		if sender != "" && sender != s.Refused[i].Sender {
			continue
		}
		if len(list) == limit {
			return list, strconv.Itoa(i), nil
		}
		list = append(list, s.Refused[i])
	}
	return list, "", nil
}

// OCPICDRs implements settlement.Reader; the reports do not ask for it.
func (s *Store) OCPICDRs(context.Context, settlement.OCPIQuery) (settlement.OCPIPage, error) {
	return settlement.OCPIPage{}, fmt.Errorf("reporttest: OCPI lists are not kept: %w", settlement.ErrUnavailable)
}

// OCPIObjects implements settlement.Reader; the reports do not ask for it.
func (s *Store) OCPIObjects(context.Context, settlement.ObjectQuery) (settlement.OCPIPage, error) {
	return settlement.OCPIPage{}, fmt.Errorf("reporttest: OCPI lists are not kept: %w", settlement.ErrUnavailable)
}

var _ settlement.Finder = (*Store)(nil)

// FindCDRs implements settlement.Finder.
func (s *Store) FindCDRs(_ context.Context, party ocpi.Party, prefix string, limit int) ([]settlement.CDRSummary, error) {
	return s.findAll(party, limit, func(d *settlement.CDRSummary) bool { return strings.HasPrefix(d.Key.ID, prefix) })
}

// FindSessionCDRs implements settlement.Finder.
func (s *Store) FindSessionCDRs(_ context.Context, party ocpi.Party, session string, limit int) ([]settlement.CDRSummary, error) {
	return s.findAll(party, limit, func(d *settlement.CDRSummary) bool { return ocpi.Fold(d.SessionID) == session })
}

func (s *Store) findAll(party ocpi.Party, limit int, suits func(*settlement.CDRSummary) bool) (found []settlement.CDRSummary, err error) {
	for i := range s.All {
		if d := &s.All[i].CDRSummary; concerns(party, d) && suits(d) && len(found) < limit {
			found = append(found, *d)
		}
	}
	return found, s.Err
}

// FindAt implements settlement.Finder.
func (s *Store) FindAt(_ context.Context, at ingest.Position) (ocpi.Key, bool, error) {
	for i := range s.All {
		d := &s.All[i]
		if d.Position == at || slices.ContainsFunc(d.Copies, func(c settlement.Copy) bool { return c.Position == at }) {
			return d.Key, true, s.Err
		}
	}
	return ocpi.Key{}, false, s.Err
}
