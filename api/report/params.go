package report

import (
	"net/url"
	"slices"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// Bounds of what one request may ask for.
const (
	MaxMonths   = 120 // of a settlement report
	MaxRefusals = 100 // refused bodies of one page, each as large as a body may be
)

// Names of the query parameters of each resource.
var (
	settlementParams = []string{"from", "to", "cpo", "emsp", "currency"}
	rejectParams     = []string{"from", "to", "cpo", "emsp", "currency", "reason", "id", "credit", "day_from", "day_to", "evse", "location", "sort", "limit", "cursor"}
	cdrParams        = append(slices.Clone(rejectParams), "status", "claim", "cause", "finding", "credited")
	relationParams   = []string{"kind", "cpo", "emsp", "from", "to", "limit", "cursor"}
	conflictParams   = []string{"cpo", "id", "kind", "limit", "cursor"}
	refusalParams    = []string{"sender", "limit", "cursor"}
)

// months reads from and to, both inclusive.
func months(p *rest.Params) (from, to ocpi.Month) {
	from, to = p.Month("from"), p.Month("to")
	if !from.IsZero() && !to.IsZero() && to.Compare(from) < 0 {
		p.Fail(rest.Invalid("to", "%s is before from, %s", to, from))
	}
	return from, to
}

// SettlementQuery reads the parameters of a settlement report. Months are
// required. The error is a [*rest.Error] that names the parameter.
func SettlementQuery(values url.Values, key rest.Key) (settlement.SettlementQuery, error) {
	p := rest.NewParams(values, settlementParams...)
	return settlementQuery(p, values, key), p.Err()
}

// settlementReport is SettlementQuery with whether what is open is asked for, too.
func settlementReport(values url.Values, key rest.Key) (q settlement.SettlementQuery, open bool, err error) {
	p := rest.NewParams(values, append(slices.Clone(settlementParams), "open")...)
	asked := p.Bool("open")
	return settlementQuery(p, values, key), asked != nil && *asked, p.Err()
}

func settlementQuery(p *rest.Params, values url.Values, key rest.Key) settlement.SettlementQuery {
	from, to := months(p)
	for name, m := range map[string]ocpi.Month{"from": from, "to": to} {
		if m.IsZero() && values.Get(name) == "" {
			p.Fail(rest.Invalid(name, "required: a month such as 2019-01"))
		}
	}
	if !from.IsZero() && to.Compare(from) >= MaxMonths {
		p.Fail(rest.Invalid("to", "the report spans more than %d months; ask for fewer", MaxMonths))
	}
	q := settlement.SettlementQuery{From: from, To: to, Party: key.Party, CPO: p.Party("cpo"), Currency: p.Currency("currency")}
	q.EMSP, q.NoEMSP = p.PartyOrUnknown("emsp")
	return q
}

// CDRQuery reads the parameters of a list of CDRs. The error is a
// [*rest.Error] that names the parameter.
func CDRQuery(values url.Values, key rest.Key) (settlement.CDRQuery, error) {
	p := rest.NewParams(values, cdrParams...)
	q := cdrQuery(p, key)
	switch s := values.Get("status"); s {
	case "":
	case pricing.Rejected.String():
		q.Status = pricing.Rejected
	case pricing.Priced.String():
		q.Status = pricing.Priced
	case pricing.Credited.String():
		q.Status = pricing.Credited
	default:
		p.Fail(rest.Invalid("status", "%q is not one of priced, rejected, credit", s))
	}
	q.Claim, q.Credited = claim(p), p.Bool("credited")
	return q, p.Err()
}

// RejectQuery reads the parameters of a list of rejected CDRs. The error is a
// [*rest.Error] that names the parameter.
func RejectQuery(values url.Values, key rest.Key) (settlement.CDRQuery, error) {
	p := rest.NewParams(values, rejectParams...)
	q := cdrQuery(p, key)
	q.Status = pricing.Rejected
	return q, p.Err()
}

func cdrQuery(p *rest.Params, key rest.Key) settlement.CDRQuery {
	q := settlement.CDRQuery{
		Party: key.Party, CPO: p.Party("cpo"), Currency: p.Currency("currency"), Credit: p.Bool("credit"),
		Reason: p.Text("reason"), Cause: p.Text("cause"), Finding: p.Text("finding"), ID: p.Folded("id"),
		EVSE: p.Folded("evse"), Location: p.Folded("location"), After: p.Text("cursor"), Limit: p.Limit(rest.MaxLimit),
	}
	q.From, q.To = months(p)
	q.EMSP, q.NoEMSP = p.PartyOrUnknown("emsp")
	q.Days, q.Backwards = days(p), newest(p)
	if q.Reason != "" && !pricing.KnownReason(q.Reason) {
		p.Fail(rest.Invalid("reason", "%q is no reason for a reject, such as unknown_tariff", q.Reason))
	}
	if q.Cause != "" && !tariff.KnownCause(q.Cause) {
		p.Fail(rest.Invalid("cause", "%q is no cause of a difference, such as vat_forgotten or none_found", q.Cause))
	}
	return q
}

// days reads day_from and day_to, both inclusive.
func days(p *rest.Params) (d settlement.Days) {
	d.From = p.Day("day_from")
	if d.To = p.Day("day_to"); !d.To.IsZero() {
		d.To = d.To.AddDate(0, 0, 1)
		if !d.From.Before(d.To) {
			p.Fail(rest.Invalid("day_to", "%s is before day_from, %s", p.Text("day_to"), p.Text("day_from")))
		}
	}
	return d
}

// newest reads the order of a list. It is that of the log within a month, so by amounts
// there is none: each page would read all that is selected.
func newest(p *rest.Params) bool {
	switch s := p.Text("sort"); s {
	case "", "oldest":
	case "newest":
		return true
	default:
		p.Fail(rest.Invalid("sort", "%q is neither oldest nor newest", s))
	}
	return false
}

func claim(p *rest.Params) *tariff.Claim {
	s := p.Text("claim")
	if s == "" {
		return nil
	}
	for c := tariff.ClaimAbsent; c <= tariff.ClaimDiffers; c++ {
		if c.String() == s {
			return &c
		}
	}
	p.Fail(rest.Invalid("claim", "%q is not one of agrees, differs, absent", s))
	return nil
}

// ConflictQuery reads the parameters of a list of conflicts. The error is a
// [*rest.Error] that names the parameter.
func ConflictQuery(values url.Values, key rest.Key) (settlement.ConflictQuery, error) {
	p := rest.NewParams(values, conflictParams...)
	q := settlement.ConflictQuery{
		Party: key.Party, CPO: p.Party("cpo"), ID: p.Folded("id"), Kind: copyKind(p),
		After: p.Text("cursor"), Limit: p.Limit(rest.MaxLimit),
	}
	return q, p.Err()
}

func copyKind(p *rest.Params) settlement.CopyKind {
	s := p.Text("kind")
	if s == "" {
		return settlement.CopyConflict
	}
	for k := settlement.CopyConflict; k <= settlement.CopyAny; k++ {
		if k.String() == s {
			return k
		}
	}
	p.Fail(rest.Invalid("kind", "%q is not one of conflict, repeat, all", s))
	return settlement.CopyConflict
}
