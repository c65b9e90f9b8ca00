package main

import (
	"cmp"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// repriceJSON is a run's report as `reprice --format json` prints it. Amounts
// are decimal strings; one including VAT is null where a CDR does not tell it.
type repriceJSON struct {
	Run        string                 `json:"run"`
	From       string                 `json:"from"`
	To         string                 `json:"to"`
	Party      string                 `json:"party,omitempty"`
	Profile    string                 `json:"profile,omitempty"`
	CDRs       int64                  `json:"cdr_count"`
	Resumed    int64                  `json:"resumed_count"`
	Changed    int64                  `json:"changed_count"`
	Applied    repriceAppliedJSON     `json:"applied"`
	Moved      *repriceMovedJSON      `json:"moved,omitempty"`      // with --apply: what it made count, which may be nothing
	Difference *repriceDifferenceJSON `json:"difference,omitempty"` // with --apply: why it made nothing count
	Currencies []repriceShiftJSON     `json:"currencies"`
	Causes     []repriceShiftJSON     `json:"causes"`
	Accounts   []repriceShiftJSON     `json:"accounts"`
	Largest    []repriceCDRJSON       `json:"largest"`
	Spent      int64                  `json:"spent_count"`     // CDRs that cannot be priced again, and are no part of it
	SpentCDRs  []string               `json:"spent,omitempty"` // the first of them
}

type repriceAppliedJSON struct {
	Applied   int64 `json:"applied_count"`
	Pending   int64 `json:"pending_count"`
	Overtaken int64 `json:"overtaken_count"`
}

// repriceMovedJSON is what one call of --apply changed.
type repriceMovedJSON struct {
	Applied int64 `json:"applied_count"`
}

// repriceDifferenceJSON is what pricing the CDRs of a run again, to apply it,
// changes of what it found.
type repriceDifferenceJSON struct {
	Appeared int64                `json:"appeared_count"`
	Vanished int64                `json:"vanished_count"`
	Changed  int64                `json:"changed_count"`
	Examples []repriceDiffersJSON `json:"examples"` // the first ones
}

// repriceDiffersJSON is one of them: null where the CDR would not change.
type repriceDiffersJSON struct {
	CDR      string           `json:"cdr"`
	Receipt  string           `json:"receipt"`
	Month    string           `json:"month"`
	Currency string           `json:"currency"`
	Then     *repriceSideJSON `json:"then"`
	Now      *repriceSideJSON `json:"now"`
}

// applied fills in what --apply did.
func (v *repriceJSON) applied(a *settlement.Application) {
	v.Applied, v.Moved = repriceAppliedJSON(a.After), &repriceMovedJSON{a.After.Applied - a.Before.Applied}
	d := &a.Difference
	if d.IsZero() {
		return
	}
	v.Difference = &repriceDifferenceJSON{Appeared: d.Appeared, Vanished: d.Vanished, Changed: d.Changed}
	for _, x := range d.Examples {
		c := cmp.Or(x.Now, x.Then)
		one := repriceDiffersJSON{CDR: c.Key.String(), Receipt: c.Position.String(), Month: c.Month.String(), Currency: c.Currency}
		if x.Then != nil {
			side := sideView(&x.Then.New)
			one.Then = &side
		}
		if x.Now != nil {
			side := sideView(&x.Now.New)
			one.Now = &side
		}
		v.Difference.Examples = append(v.Difference.Examples, one)
	}
}

type repriceShiftJSON struct {
	CPO      string           `json:"cpo,omitempty"`
	EMSP     string           `json:"emsp,omitempty"` // "" in an account: the debtor is unknown
	Month    string           `json:"month,omitempty"`
	Change   string           `json:"change,omitempty"`
	Causes   string           `json:"causes,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	Currency string           `json:"currency"`
	Changed  int64            `json:"changed_count"`
	Old      repriceTotalJSON `json:"old"`
	New      repriceTotalJSON `json:"new"`
	Delta    repriceTotalJSON `json:"delta"`
}

type repriceTotalJSON struct {
	Excl string  `json:"excl_vat"`
	Incl *string `json:"incl_vat"`
}

type repriceCDRJSON struct {
	CDR      string          `json:"cdr"`
	Receipt  string          `json:"receipt"`
	Month    string          `json:"month"`
	Currency string          `json:"currency"`
	Change   string          `json:"change"`
	Causes   string          `json:"causes"`
	Old      repriceSideJSON `json:"old"`
	New      repriceSideJSON `json:"new"`
}

type repriceSideJSON struct {
	EMSP       string  `json:"emsp,omitempty"`
	Status     string  `json:"status"`
	Claim      string  `json:"claim"`
	Reason     string  `json:"reason,omitempty"`
	Excl       *string `json:"excl_vat"`
	Incl       *string `json:"incl_vat"`
	Profile    string  `json:"profile,omitempty"`
	TariffHash string  `json:"tariff_hash,omitempty"`
	TimeZone   string  `json:"time_zone,omitempty"`
	ZoneDB     string  `json:"zone_db"`
	Engine     string  `json:"engine"`
}

func repriceView(r *settlement.RepriceReport) repriceJSON {
	v := repriceJSON{
		Run: r.Repricing.Name(), From: r.Repricing.From.String(), To: r.Repricing.To.String(), Profile: r.Repricing.Profile,
		Party: optionalParty(r.Repricing.Party),
		CDRs:  r.CDRs, Resumed: r.Resumed, Changed: r.Changed, Applied: repriceAppliedJSON(r.Applied),
		Currencies: []repriceShiftJSON{}, Causes: []repriceShiftJSON{}, Accounts: []repriceShiftJSON{}, Largest: []repriceCDRJSON{},
		Spent: r.Spent,
	}
	for _, k := range r.SpentCDRs {
		v.SpentCDRs = append(v.SpentCDRs, k.String())
	}
	for i := range r.Currencies {
		c := &r.Currencies[i]
		v.Currencies = append(v.Currencies, shiftView(&c.Shift, repriceShiftJSON{Currency: c.Currency}))
	}
	for i := range r.Causes {
		c := &r.Causes[i]
		v.Causes = append(v.Causes, shiftView(&c.Shift, repriceShiftJSON{Change: string(c.Kind), Causes: c.Causes, Reason: c.Reason, Currency: c.Currency}))
	}
	for i := range r.Accounts {
		a := &r.Accounts[i]
		of := repriceShiftJSON{CPO: a.CPO.String(), EMSP: optionalParty(a.EMSP), Month: a.Month.String(), Currency: a.Currency}
		v.Accounts = append(v.Accounts, shiftView(&a.Shift, of))
	}
	for i := range r.Largest {
		c := &r.Largest[i]
		v.Largest = append(v.Largest, repriceCDRJSON{
			CDR: c.Key.String(), Receipt: c.Position.String(), Month: c.Month.String(), Currency: c.Currency,
			Change: string(c.Kind), Causes: c.Causes, Old: sideView(&c.Old), New: sideView(&c.New),
		})
	}
	return v
}

func optionalParty(p ocpi.Party) string {
	if p.IsZero() {
		return ""
	}
	return p.String()
}

// shiftView fills the figures of a shift into what it is about.
func shiftView(s *settlement.Shift, of repriceShiftJSON) repriceShiftJSON {
	of.Changed, of.Old, of.New, of.Delta = s.Changes, totalView(s.Old), totalView(s.New), totalView(s.Delta())
	return of
}

func totalView(s settlement.Sum) repriceTotalJSON {
	t := repriceTotalJSON{Excl: rest.Money(s.Excl)}
	if known := s.Incl(); known != nil {
		incl := rest.Money(*known)
		t.Incl = &incl
	}
	return t
}

func sideView(s *settlement.ChangeSide) repriceSideJSON {
	return repriceSideJSON{
		EMSP: optionalParty(s.EMSP), Status: s.Status.String(), Claim: s.Claim.String(), Reason: s.Reason,
		Excl: rest.MoneyOf(s.Computed.Excl), Incl: rest.MoneyOf(s.Computed.Incl),
		Profile: s.Profile, TariffHash: s.TariffHash, TimeZone: s.TimeZone, ZoneDB: s.ZoneDB, Engine: s.Engine,
	}
}
