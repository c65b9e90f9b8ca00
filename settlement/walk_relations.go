package settlement

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// MaxCredits is how many credits of one CDR are looked at together. Nobody
// sends as many in earnest, and a partner that does must not make each further
// one cost more: beyond it, each new one is too many, and verify proves nothing
// of that CDR's.
const MaxCredits = 10_000

// relationProof finds the relations between CDRs by hand, from raw bodies, and
// holds the store's against them. It keeps the credits and what they name: all
// other CDRs pass by.
type relationProof struct {
	report   *Report
	closings Closings
	progress Ends
	held     map[ocpi.Key][]Relation // of the store, by the credited CDR
	named    map[ocpi.Key]bool       // the store's list of what credits name

	mu      sync.Mutex // guards what follows
	claims  map[ocpi.Key]*walkedClaim
	credits map[ocpi.Key][]walkedCredit // by what they name
	twins   twinProof
}

type walkedClaim struct {
	CreditClaim
	booked    ocpi.Time
	control   int64 // of the log that it was booked by
	partition ingest.Partition
	offset    int64
}

type walkedCredit struct {
	walkedClaim
	key ocpi.Key
}

// openRelations reads what the store holds. It comes before the checkpoints are
// read, and progress before relations: so they rest on nothing that is not
// walked, and on all that stands below progress.
func (v *Verifier) openRelations(ctx context.Context, report *Report) (*relationProof, error) {
	p := &relationProof{
		report: report, closings: v.Closings, held: map[ocpi.Key][]Relation{}, named: map[ocpi.Key]bool{},
		claims: map[ocpi.Key]*walkedClaim{}, credits: map[ocpi.Key][]walkedCredit{},
	}
	var err error
	if p.progress, err = v.Store.RelationProgress(ctx); err != nil {
		return nil, err
	}
	err = v.Store.StoredRelations(ctx, func(r Relation) error { p.add(r); return nil })
	if err != nil {
		return nil, err
	}
	return p, nil
}

// name reads what credits name, and of which Sessions several CDRs are. It comes after the checkpoints are read, so that
// all credits that are walked are listed.
func (p *relationProof) name(ctx context.Context, store VerifyStore) error {
	err := store.CreditsNamed(ctx, func(of ocpi.Key) error { p.named[of] = true; return nil })
	if err != nil {
		return fmt.Errorf("read what credits name: %w", err)
	}
	return p.openTwins(ctx, store)
}

// add keeps a relation of the store by the CDR whose credits it is about.
func (p *relationProof) add(r Relation) {
	switch {
	case r.Kind == Credited:
		p.held[r.Key] = append(p.held[r.Key], r)
	case r.Kind == SessionBilledTwice:
		p.twins.hold(r)
	case slices.Contains(creditKinds[:], r.Kind):
		p.held[r.Other] = append(p.held[r.Other], r)
	}
}

// credited lists the CDRs that the store holds to be credited in full, and
// cancelled reports whether one is: the settlement report leaves them out.
func (p *relationProof) credited() []ocpi.Key {
	var keys []ocpi.Key
	for key := range p.held {
		if p.cancelled(key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (p *relationProof) cancelled(key ocpi.Key) bool {
	return slices.ContainsFunc(p.held[key], func(r Relation) bool { return r.Kind == Credited && r.Key == key })
}

// visit keeps a counted CDR if it is a credit, or if one names it.
func (p *relationProof) visit(in ingest.Partition, r *ingest.Record, row *pricing.Row) {
	p.twins.visit(in, r, row)
	of := ocpi.Key{Party: row.Record.Key.Party, ID: row.CreditReferenceID}
	if !row.Credit && !p.named[r.Key] {
		return
	}
	claim := walkedClaim{
		CreditClaim: CreditClaim{
			Credit: row.Credit, EMSP: cloneParty(row.Debtor), Currency: strings.Clone(row.Currency),
			Excl: row.Outcome.Claimed.Excl.DecimalOrNil(), Incl: row.Outcome.Claimed.Incl.DecimalOrNil(),
		},
		booked: ocpi.BookedAt(row.End, row.Start, row.LastUpdated), control: row.Outcome.AsOf.Control, partition: in, offset: r.Offset,
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.named[r.Key] {
		p.claims[cloneKey(r.Key)] = &claim
	}
	if !row.Credit {
		return
	}
	if !p.named[of] {
		p.report.disagree(in, r.Offset, "credits does not list credit %s, which names %s", r.Key, of)
		return
	}
	of = cloneKey(of)
	p.credits[of] = append(p.credits[of], walkedCredit{walkedClaim: claim, key: cloneKey(r.Key)})
}

// compare holds the store's relations against those that follow from the walk.
func (p *relationProof) compare(ctx context.Context) error {
	p.compareTwins()
	for of := range p.held {
		if _, walked := p.credits[of]; !walked {
			p.credits[of] = nil // so that what stands without a credit is told
		}
	}
	for of, credits := range p.credits {
		switch {
		case of.ID == "":
			for i := range credits {
				p.hold(of, credits[i:i+1], heldOf(p.held[of], credits[i].key))
			}
		case len(credits) <= MaxCredits:
			if err := p.date(ctx, of, p.claims[of], credits); err != nil {
				return err
			}
			p.hold(of, credits, p.held[of])
		}
	}
	return nil
}

// date says of each credit whether it came after the period of its original was
// closed.
func (p *relationProof) date(ctx context.Context, of ocpi.Key, original *walkedClaim, credits []walkedCredit) (err error) {
	if original == nil {
		return nil
	}
	claim := StoredClaim{Key: of, Booked: original.booked, CreditClaim: original.CreditClaim}
	for i := range credits {
		if credits[i].Late, err = late(ctx, p.closings, &claim, credits[i].control); err != nil {
			return fmt.Errorf("read whether the period of %s was closed: %w", of, err)
		}
	}
	return nil
}

func heldOf(held []Relation, credit ocpi.Key) []Relation {
	return slices.DeleteFunc(slices.Clone(held), func(r Relation) bool { return r.Key != credit })
}

// hold compares the relations of one CDR's credits, where the pass has seen all
// of them.
func (p *relationProof) hold(of ocpi.Key, credits []walkedCredit, held []Relation) {
	var original *CreditClaim
	claim := p.claims[of]
	if claim != nil && of.ID != "" {
		original = &claim.CreditClaim
	}
	ahead := original != nil && claim.offset >= p.progress[claim.partition]
	set := CreditsOf(original)
	for i := range credits {
		c := &credits[i]
		set.Add(&c.CreditClaim, 1)
		ahead = ahead || c.offset >= p.progress[c.partition]
	}
	// A Token that came since may have said whose charge it is.
	ahead = ahead || slices.ContainsFunc(held, func(r Relation) bool { return r.Kind == CreditUndecided })
	if ahead {
		p.report.RelationsAhead += int64(len(credits))
		return
	}
	p.report.Related += int64(len(credits))
	stored := map[string]bool{}
	for i := range held {
		stored[relationText(held[i].Kind, held[i].Key, held[i].Other)] = true
	}
	want := func(c *walkedCredit, text string) {
		if !stored[text] {
			p.report.disagree(c.partition, c.offset, "relations lacks %q", text)
		}
		delete(stored, text)
	}
	for i := range credits {
		c := &credits[i]
		if kind := set.Of(&c.CreditClaim); kind != "" {
			want(c, relationText(kind, c.key, of))
		}
		if set.Cancels(&c.CreditClaim) {
			want(c, relationText(Credited, of, c.key))
		}
	}
	for text := range stored {
		p.report.disagree(ingest.Partition{Topic: ingest.TopicCDRs}, -1, "relations holds %q, which does not follow from the bodies", text)
	}
}

func relationText(kind RelationKind, key, other ocpi.Key) string {
	return fmt.Sprintf("%s %s of %s", kind, key, other)
}
