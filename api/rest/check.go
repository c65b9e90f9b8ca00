package rest

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// PeriodCheck answers what a close of a period would meet. Undecided keeps it from being
// closed, all else is told.
type PeriodCheck struct {
	Period    string         `json:"period"`
	Undecided Queue          `json:"undecided"`
	Told      []ToldCDRs     `json:"told"`
	Pairs     []CheckedPair  `json:"pairs"`
	Partners  []CheckedParty `json:"partners"` // told to who may see all
}

// ToldCDRs is CDRs of one currency of which something is told, and what they claim before
// tax.
type ToldCDRs struct {
	What     string `json:"what"` // see toldOf
	Currency string `json:"currency"`
	Apart
}

// CheckedPair is what a pair has for a period in one currency.
type CheckedPair struct {
	CPO      string  `json:"cpo"`
	EMSP     *string `json:"emsp"`
	Currency string  `json:"currency"`
	Received Apart   `json:"received"` // all that comes to the period
	Accepted Apart   `json:"accepted"`
	Zeroed   Apart   `json:"zeroed"`
	Held     Apart   `json:"held"`
	Rejected Apart   `json:"rejected"`
}

// CheckedParty is what there is to be told of a partner beside its CDRs.
type CheckedParty struct {
	Partner     string   `json:"partner"`
	Parties     []string `json:"parties"`
	SilentSince *string  `json:"silent_since"` // null: it was heard of within the last day
	Refused     int      `json:"refused"`      // of its bodies of CDRs, since the period began
	LateCDRs    int      `json:"late_cdrs"`    // that came to its list behind what it had read
	Absent      []string `json:"absent"`       // what its whole lists lacked of what is here
}

// Around knows what is to be told of a period beside CDRs that count.
type Around interface {
	// Conflicts calls fn for CDRs of a CPO, or of all (zero), that came with another
	// content again.
	Conflicts(ctx context.Context, cpo ocpi.Party, fn func(ocpi.Key)) error
	// Parties returns partners with a party in a scope of which something is to be told.
	Parties(ctx context.Context, scope clearing.Scope, period ocpi.Month) ([]CheckedParty, error)
}

// CheckPeriod answers what a close of ?period= would meet, of ?cpo= and ?emsp= where
// these are given.
func CheckPeriod(c *gin.Context, d Drafts, around Around, k Key) error {
	p := NewParams(c.Request.URL.Query(), "period", "cpo", "emsp")
	q := statement.Query{Period: p.RequiredMonth("period"), CPO: p.Party("cpo"), EMSP: p.Party("emsp"), Party: k.Party, Debtless: true}
	if err := p.Err(); err != nil {
		return err
	}
	answer, err := ReadCheck(c.Request.Context(), d, around, k, q, func(*statement.Draft) error { return nil })
	if err != nil {
		return ClosedPeriod(err)
	}
	WriteJSON(c, http.StatusOK, answer)
	return nil
}

// ReadCheck reads what CheckPeriod answers. also is called with each draft.
func ReadCheck(ctx context.Context, d Drafts, around Around, k Key, q statement.Query, also func(*statement.Draft) error) (*PeriodCheck, error) {
	check := checking{waiting: newWaiting(""), conflicts: map[ocpi.Key]bool{}, told: map[toldKey]*tally{}}
	if err := around.Conflicts(ctx, q.CPO, func(key ocpi.Key) { check.conflicts[key] = true }); err != nil {
		return nil, err
	}
	err := d.Draw(ctx, q, func(d *statement.Draft) error {
		if err := check.add(d); err != nil {
			return err
		}
		return also(d)
	})
	if err != nil {
		return nil, err
	}
	answer := &PeriodCheck{Period: q.Period.String(), Undecided: check.waiting.queue(), Told: check.list(), Pairs: check.pairs, Partners: []CheckedParty{}}
	if answer.Pairs == nil {
		answer.Pairs = []CheckedPair{}
	}
	if k.Party.IsZero() {
		answer.Partners, err = around.Parties(ctx, clearing.Scope{CPO: q.CPO, EMSP: q.EMSP}, q.Period)
	}
	return answer, err
}

type toldKey struct{ what, currency string }

// checking adds up what a close of a period would meet.
type checking struct {
	waiting   *waiting
	conflicts map[ocpi.Key]bool
	told      map[toldKey]*tally
	pairs     []CheckedPair
}

func (c *checking) add(d *statement.Draft) error {
	if err := c.waiting.add(d); err != nil {
		return err
	}
	states := map[clearing.State]*tally{}
	all := &tally{}
	for i := range d.Settled {
		s := &d.Settled[i]
		if s.AtRest() || s.State == clearing.Before {
			continue
		}
		all.add(s)
		tallyOf(states, s.State).add(s)
		for _, what := range c.toldOf(s) {
			tallyOf(c.told, toldKey{what, d.Currency}).add(s)
		}
	}
	if all.count == 0 {
		return nil
	}
	of := func(s clearing.State) Apart { return tallyOf(states, s).apart() }
	c.pairs = append(c.pairs, CheckedPair{
		CPO: d.CPO.String(), EMSP: partyOrNil(d.EMSP), Currency: d.Currency, Received: all.apart(),
		Accepted: of(clearing.Accepted), Zeroed: of(clearing.Zeroed), Held: of(clearing.Held), Rejected: of(clearing.Rejected),
	})
	return nil
}

// toldOf is what is told of a CDR, decided or not: conflict (it came again with another
// content), differing, unpriced, and structural rules that struck it.
func (c *checking) toldOf(s *statement.Settled) (list []string) {
	if c.conflicts[s.Key] {
		list = append(list, "conflict")
	}
	if s.Claimed != nil && s.Computed != nil && !s.Tolerated {
		list = append(list, "differing")
	}
	if b := s.Booked; b != nil && !s.Credit && b.Status != pricing.Priced {
		list = append(list, "unpriced")
	}
	for i := range s.Grounds {
		if r, known := clearing.RuleOf(s.Grounds[i].Code); known && r.Structural {
			list = append(list, r.Code)
		}
	}
	return list
}

func (c *checking) list() []ToldCDRs {
	list := []ToldCDRs{}
	for key, t := range c.told {
		list = append(list, ToldCDRs{key.what, key.currency, t.apart()})
	}
	slices.SortFunc(list, func(a, b ToldCDRs) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Currency, b.Currency))
	})
	return list
}

// maxConflicts bounds how many conflicts are looked at.
const maxConflicts = 100_000

// EachConflict calls fn for CDRs of a CPO, or of all (zero), that came with another
// content again: 100,000 of them at most.
func EachConflict(ctx context.Context, r settlement.Reader, cpo ocpi.Party, fn func(ocpi.Key)) error {
	q := settlement.ConflictQuery{CPO: cpo, Kind: settlement.CopyConflict, Limit: MaxLimit}
	for n := 0; n < maxConflicts; n += MaxLimit {
		page, err := r.Conflicts(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Conflicts {
			fn(page.Conflicts[i].Key)
		}
		if page.Next == "" {
			return nil
		}
		q.After = page.Next
	}
	return nil
}
