package reporttest

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// relations finds the relations of all CDRs.
func (s *Store) relations() []settlement.Relation {
	credits := s.credits()
	return append(credits, s.twins(cancelledBy(credits))...)
}

// credits finds those of credits, literally: every credit beside every other
// CDR.
func (s *Store) credits() []settlement.Relation {
	var found []settlement.Relation
	for i := range s.All {
		if !s.All[i].Credit {
			continue
		}
		credit := stored(&s.All[i])
		of := ocpi.Key{Party: credit.Key.Party, ID: ocpi.Fold(s.All[i].CreditOf)}
		var original *settlement.StoredClaim
		set := settlement.CreditsOf(nil)
		for j := range s.All {
			if s.All[j].Key == of {
				original = stored(&s.All[j])
				set = settlement.CreditsOf(&original.CreditClaim)
			}
		}
		for j := range s.All {
			if d := &s.All[j]; d.Credit && d.Key.Party == of.Party && ocpi.Fold(d.CreditOf) == of.ID {
				set.Add(&stored(d).CreditClaim, 1)
			}
		}
		found = append(found, settlement.RelationsOf(&settlement.StoredCredit{StoredClaim: *credit, Of: of}, original,
			set.Of(&credit.CreditClaim), set.Cancels(&credit.CreditClaim))...)
	}
	return slices.DeleteFunc(found, func(r settlement.Relation) bool { return !r.Active })
}

// twins finds the Sessions that are billed twice.
func (s *Store) twins(cancelled map[ocpi.Key]bool) []settlement.Relation {
	sets := map[string][]settlement.SessionCDR{}
	for i := range s.All {
		if d := &s.All[i]; !d.Credit && d.SessionID != "" {
			session := d.Key.Party.String() + " " + ocpi.Fold(d.SessionID)
			sets[session] = append(sets[session], settlement.SessionCDR{Key: d.Key, EMSP: d.EMSP, Month: d.Month, Session: d.SessionID,
				Cancelled: cancelled[d.Key]})
		}
	}
	var twins []settlement.Relation
	for _, set := range sets {
		twins = append(twins, settlement.BilledTwice(set)...)
	}
	return twins
}

func stored(d *settlement.CDRDetail) *settlement.StoredClaim {
	return &settlement.StoredClaim{Key: d.Key, Month: d.Month, CreditClaim: settlement.CreditClaim{
		Credit: d.Credit, EMSP: d.EMSP, Currency: d.Currency, Excl: d.ClaimedExcl, Incl: d.ClaimedIncl,
	}}
}

// cancelled are the CDRs that credits cancel in full.
func (s *Store) cancelled() map[ocpi.Key]bool { return cancelledBy(s.credits()) }

func cancelledBy(credits []settlement.Relation) map[ocpi.Key]bool {
	cancelled := map[ocpi.Key]bool{}
	for _, r := range credits {
		if r.Kind == settlement.Credited {
			cancelled[r.Key] = true
		}
	}
	return cancelled
}

// Relations implements settlement.Reader. Its cursors are indexes.
func (s *Store) Relations(_ context.Context, q settlement.RelationQuery) (settlement.RelationPage, error) {
	from, err := cursor(q.After, s.Err)
	if err != nil {
		return settlement.RelationPage{}, err
	}
	var list []settlement.ListedRelation
	for _, r := range s.relations() {
		one := settlement.ListedRelation{Relation: r, CDR: s.summary(r.Key), OtherCDR: s.summary(r.Other)}
		of := settlement.CDRQuery{Party: q.Party, CPO: q.CPO, EMSP: q.EMSP, From: q.From, To: q.To}
		kind := q.Kind == r.Kind || q.Kind == "" && r.Kind != settlement.Credited
		if q.About.ID != "" {
			kind = r.Key == q.About || r.Other == q.About
		}
		if kind && selects(&of, one.CDR) {
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b settlement.ListedRelation) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), a.Month.Compare(b.Month), cmp.Compare(a.Key.String(), b.Key.String()),
			cmp.Compare(a.Other.String(), b.Other.String()))
	})
	page := settlement.RelationPage{Relations: list[min(from, len(list)):]}
	if q.Limit > 0 && len(page.Relations) > q.Limit {
		page.Relations, page.Next = page.Relations[:q.Limit], strconv.Itoa(from+q.Limit)
	}
	return page, nil
}

func (s *Store) summary(key ocpi.Key) *settlement.CDRSummary {
	for i := range s.All {
		if s.All[i].Key == key {
			return &s.All[i].CDRSummary
		}
	}
	return nil
}

// AddCredits adds credits that do not fit: one CDR is credited twice, one to
// another eMSP, one by a credit that adds, and two credits have no original.
func (s *Store) AddCredits() {
	var priced []*settlement.CDRDetail
	cancelled := s.cancelled()
	for i := range s.All {
		if d := &s.All[i]; d.Status == pricing.Priced && d.Claim == tariff.ClaimAgrees && d.ClaimedIncl != nil && !d.EMSP.IsZero() && !cancelled[d.Key] {
			priced = append(priced, d)
		}
	}
	bad := func(of int, suffix string, change func(c *settlement.CDRDetail)) settlement.CDRDetail {
		c := creditOf(priced[of], 200_000+of)
		c.ID = priced[of].ID + suffix
		c.Key.ID = ocpi.Fold(c.ID)
		change(&c)
		return c
	}
	add := []settlement.CDRDetail{
		bad(0, "-C", func(*settlement.CDRDetail) {}),
		bad(0, "-C2", func(*settlement.CDRDetail) {}),
		bad(1, "-C", func(c *settlement.CDRDetail) {
			c.EMSP = providers[(slices.Index(providers, c.EMSP)+1)%len(providers)]
		}),
		bad(2, "-C", func(c *settlement.CDRDetail) {
			excl, incl := c.ClaimedExcl.Neg(), c.ClaimedIncl.Neg()
			c.ClaimedExcl, c.ClaimedIncl = &excl, &incl
		}),
		bad(3, "-C", func(c *settlement.CDRDetail) { c.CreditOf = "never-came" }),
		bad(4, "-C", func(c *settlement.CDRDetail) { c.CreditOf = "" }),
	}
	s.All = append(s.All, add...)
	slices.SortStableFunc(s.All, func(a, b settlement.CDRDetail) int {
		return cmp.Or(a.Month.Compare(b.Month), cmp.Compare(a.Key.String(), b.Key.String()))
	})
}
