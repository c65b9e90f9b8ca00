package rest

import (
	"cmp"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// chain lists the CDRs that settle the charge of one: the original, its credits, and what
// takes its place with the credits of that. It is the same list of whichever of them is
// asked: their order is of what they say, never of when they came.
func (c *Cleared) chain(d *statement.Draft, s *statement.Settled) {
	owed := decimal.Decimal{}
	add := func(o *statement.Settled, role string) {
		c.Chain = append(c.Chain, ClearedLink{o.Key.String(), role, o.State, Money(o.Claim), Money(o.Owed.Net)})
		owed = owed.Add(o.Owed.Net)
	}
	of := chargeOf(s)
	credits := creditsOf(d)
	billed := billedAgain(d, of, credits)
	if len(billed) == 0 { // nothing here is what the credits credit
		for _, k := range credits[of] {
			add(k, RoleCredit)
		}
	}
	for i, o := range billed {
		role := RoleOriginal
		if i > 0 {
			role = RoleReplacement
		}
		add(o, role)
		for _, k := range credits[o.Key] {
			add(k, RoleCredit)
		}
	}
	if len(c.Chain) < 2 {
		c.Chain = []ClearedLink{}
		return
	}
	c.ChainOwed = MoneyOrNil(&owed)
}

// chargeOf is the key of the CDR that bills the charge of one: of a credit, what it names.
func chargeOf(s *statement.Settled) ocpi.Key {
	if s.Credit {
		return s.CreditOf
	}
	return s.Key
}

// creditsOf are the credits of a draft by what they name, in the order of what they say.
// One that names nothing is in the chain of nothing.
func creditsOf(d *statement.Draft) map[ocpi.Key][]*statement.Settled {
	credits := map[ocpi.Key][]*statement.Settled{}
	for i := range d.Settled {
		if s := &d.Settled[i]; s.Credit && s.CreditOf.ID != "" {
			credits[s.CreditOf] = append(credits[s.CreditOf], s)
		}
	}
	for _, list := range credits {
		slices.SortFunc(list, asSaid)
	}
	return credits
}

// billedAgain are the CDRs that bill a charge: that of a key and those of its Session, the
// first one first. Of two of one time the one that is credited was before the other.
func billedAgain(d *statement.Draft, key ocpi.Key, credits map[ocpi.Key][]*statement.Settled) (list []*statement.Settled) {
	bills := func(s *statement.Settled) bool { return !s.Credit && s.Key == key }
	at := slices.IndexFunc(d.Settled, func(s statement.Settled) bool { return bills(&s) })
	if at < 0 {
		return nil
	}
	session := sessionOf(&d.Settled[at])
	for i := range d.Settled {
		s := &d.Settled[i]
		if bills(s) || !s.Credit && session != "" && sessionOf(s) == session {
			list = append(list, s)
		}
	}
	credited := func(s *statement.Settled) int { return min(1, len(credits[s.Key])) }
	slices.SortFunc(list, func(a, b *statement.Settled) int {
		return cmp.Or(cmp.Compare(a.LastUpdated, b.LastUpdated), cmp.Compare(credited(b), credited(a)), cmp.Compare(a.Key.ID, b.Key.ID))
	})
	return list
}

// asSaid orders CDRs by when they say that they were last updated.
func asSaid(a, b *statement.Settled) int {
	return cmp.Or(cmp.Compare(a.LastUpdated, b.LastUpdated), cmp.Compare(a.Key.ID, b.Key.ID))
}

func sessionOf(s *statement.Settled) string {
	if s.Booked == nil {
		return ""
	}
	return s.Booked.SessionID
}
