package report

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// Bounds of what one request may ask for.
const (
	MaxMonths    = 120  // of a settlement report
	DefaultLimit = 100  // objects of one page of a list
	MaxLimit     = 1000 // objects of one page of a list
	MaxRefusals  = 100  // refused bodies of one page, each as large as a body may be
)

// Names of the query parameters of each resource.
var (
	settlementParams = []string{"from", "to", "cpo", "emsp", "currency"}
	rejectParams     = []string{"from", "to", "cpo", "emsp", "currency", "reason", "id", "limit", "cursor"}
	cdrParams        = append(slices.Clone(rejectParams), "status", "claim", "cause", "credit")
	conflictParams   = []string{"cpo", "id", "kind", "limit", "cursor"}
	refusalParams    = []string{"sender", "limit", "cursor"}
)

// params reads query parameters and keeps the first error.
type params struct {
	values url.Values
	err    error
}

// newParams refuses names that are not known and names given twice: a
// misspelt filter must never answer more than was asked for.
func newParams(values url.Values, known []string) *params {
	p := &params{values: values}
	for name, v := range values {
		switch {
		case !slices.Contains(known, name):
			p.fail(invalid(name, "no such parameter; known are: %s", strings.Join(known, ", ")))
		case len(v) > 1:
			p.fail(invalid(name, "given %d times", len(v)))
		}
	}
	return p
}

// fail keeps the error whose field sorts first, so that the answer does not
// depend on the order of a map.
func (p *params) fail(e *Error) {
	if old, ok := errors.AsType[*Error](p.err); !ok || e.Field < old.Field {
		p.err = e
	}
}

func (p *params) month(name string) ocpi.Month {
	s := p.values.Get(name)
	if s == "" {
		return 0
	}
	m, err := ocpi.ParseMonth(s)
	if err != nil {
		p.fail(invalid(name, "%v", err))
	}
	return m
}

// months reads from and to, both inclusive.
func (p *params) months() (from, to ocpi.Month) {
	from, to = p.month("from"), p.month("to")
	if !from.IsZero() && !to.IsZero() && to.Compare(from) < 0 {
		p.fail(invalid("to", "%s is before from, %s", to, from))
	}
	return from, to
}

func (p *params) party(name string) ocpi.Party {
	s := p.values.Get(name)
	if s == "" {
		return ocpi.Party{}
	}
	party, ok := ocpi.ParseParty(s)
	if !ok {
		p.fail(invalid(name, "%q is not a party such as GB*DUN", s))
	}
	return party
}

func (p *params) currency() string {
	s := ocpi.Fold(p.values.Get("currency"))
	if s == "" {
		return ""
	}
	letters := strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	if len(s) != 3 || !letters {
		p.fail(invalid("currency", "%q is not a currency code such as EUR", s))
	}
	return s
}

func (p *params) limit(most int) int {
	s := p.values.Get("limit")
	if s == "" {
		return min(DefaultLimit, most)
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		p.fail(invalid("limit", "%q is not a number from 1 to %d", s, most))
	}
	return n
}

// SettlementQuery reads the parameters of a settlement report. Months are
// required. The error is an [*Error] that names the parameter.
func SettlementQuery(values url.Values, key Key) (settlement.SettlementQuery, error) {
	p := newParams(values, settlementParams)
	from, to := p.months()
	for name, m := range map[string]ocpi.Month{"from": from, "to": to} {
		if m.IsZero() && values.Get(name) == "" {
			p.fail(invalid(name, "required: a month such as 2019-01"))
		}
	}
	if !from.IsZero() && to.Compare(from) >= MaxMonths {
		p.fail(invalid("to", "the report spans more than %d months; ask for fewer", MaxMonths))
	}
	q := settlement.SettlementQuery{
		From: from, To: to, Party: key.Party,
		CPO: p.party("cpo"), EMSP: p.party("emsp"), Currency: p.currency(),
	}
	return q, p.err
}

// CDRQuery reads the parameters of a list of CDRs. The error is an [*Error]
// that names the parameter.
func CDRQuery(values url.Values, key Key) (settlement.CDRQuery, error) {
	p := newParams(values, cdrParams)
	q := p.cdrQuery(key)
	switch s := values.Get("status"); s {
	case "":
	case pricing.Rejected.String():
		q.Status = pricing.Rejected
	case pricing.Priced.String():
		q.Status = pricing.Priced
	case pricing.Credited.String():
		q.Status = pricing.Credited
	default:
		p.fail(invalid("status", "%q is not one of priced, rejected, credit", s))
	}
	q.Claim = p.claim()
	switch s := values.Get("credit"); s {
	case "":
	case "true", "false":
		credit := s == "true"
		q.Credit = &credit
	default:
		p.fail(invalid("credit", "%q is neither true nor false", s))
	}
	return q, p.err
}

// RejectQuery reads the parameters of a list of rejected CDRs. The error is an
// [*Error] that names the parameter.
func RejectQuery(values url.Values, key Key) (settlement.CDRQuery, error) {
	p := newParams(values, rejectParams)
	q := p.cdrQuery(key)
	q.Status = pricing.Rejected
	return q, p.err
}

func (p *params) cdrQuery(key Key) settlement.CDRQuery {
	from, to := p.months()
	return settlement.CDRQuery{
		Party: key.Party, CPO: p.party("cpo"), EMSP: p.party("emsp"),
		From: from, To: to, Currency: p.currency(),
		Reason: p.values.Get("reason"), Cause: p.values.Get("cause"), ID: ocpi.Fold(p.values.Get("id")),
		After: p.values.Get("cursor"), Limit: p.limit(MaxLimit),
	}
}

func (p *params) claim() *tariff.Claim {
	s := p.values.Get("claim")
	if s == "" {
		return nil
	}
	for c := tariff.ClaimAbsent; c <= tariff.ClaimDiffers; c++ {
		if c.String() == s {
			return &c
		}
	}
	p.fail(invalid("claim", "%q is not one of agrees, differs, absent", s))
	return nil
}

// ConflictQuery reads the parameters of a list of conflicts. The error is an
// [*Error] that names the parameter.
func ConflictQuery(values url.Values, key Key) (settlement.ConflictQuery, error) {
	p := newParams(values, conflictParams)
	q := settlement.ConflictQuery{
		Party: key.Party, CPO: p.party("cpo"), ID: ocpi.Fold(values.Get("id")), Kind: p.copyKind(),
		After: values.Get("cursor"), Limit: p.limit(MaxLimit),
	}
	return q, p.err
}

func (p *params) copyKind() settlement.CopyKind {
	s := p.values.Get("kind")
	if s == "" {
		return settlement.CopyConflict
	}
	for k := settlement.CopyConflict; k <= settlement.CopyAny; k++ {
		if k.String() == s {
			return k
		}
	}
	p.fail(invalid("kind", "%q is not one of conflict, repeat, all", s))
	return settlement.CopyConflict
}
