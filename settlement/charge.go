package settlement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
)

// Charge is a CDR or Session that is handed out in another version of OCPI than it was
// sent in, and what it lacks there: who paid with what, and where it was, as that stood
// when the charge began.
type Charge struct {
	ID       ingest.Identity
	Start    ocpi.Time
	Contract string   // "" asks for no Token
	Location ocpi.Key // zero asks for no Location

	// Token has the payer, a zero party where nobody is known to pay, and the uid and
	// type of the Token, "" where it is not known which it was.
	Token ocpi.CDRToken
	// Place is the Location, nil where it is not known.
	Place   []byte
	Version ocpi.Version
}

// Terms are what a CDR's result says of who pays, and on how much of the reference
// topic that rests.
type Terms struct {
	Debtor    ocpi.Party
	Reference int64 // -1 where it was not kept
}

// ChargeStore reads what Charges need.
type ChargeStore interface {
	reference.Records
	// TermsOf returns the terms of those CDRs that have a result.
	TermsOf(ctx context.Context, keys []ocpi.Key) (map[ocpi.Key]Terms, error)
	// TokensWith calls fn for the Tokens that have or had one of some contracts, with
	// which one, for nothing but who they are and their Changes; for one of which there
	// are several states perhaps for each. Of more than MaxTokens with a contract it
	// calls fn for one more.
	TokensWith(ctx context.Context, contracts []Contract, fn func(Contract, ingest.ObjectState) error) error
	// TokenUIDs returns the uids of Tokens as they are written.
	TokenUIDs(ctx context.Context, ids []ingest.Identity) (map[ingest.Identity]string, error)
}

// Contract is a contract id of an eMSP, as such are compared (see ocpi.FoldContractID).
type Contract struct {
	Party ocpi.Party
	ID    string
}

// MaxTokens bounds how many Tokens of a contract are looked at: with which of more a
// charge was made counts as not known.
const MaxTokens = 100

// Places says where charges were, and who pays for contracts: a *reference.Index.
type Places interface {
	PlaceAt(location ocpi.Key, start ocpi.Time, below int64) (p reference.Place, ok bool)
	LocationAfter(ctx context.Context, records reference.Records, location ocpi.Key, offset int64) (s ingest.ObjectState, ok bool, err error)
	Payer(contractID string, start ocpi.Time, below int64) (ocpi.Party, bool)
}

// Charges completes charges with what was in force when they began.
type Charges struct {
	Store   ChargeStore
	Objects interface {
		Find(ctx context.Context, ids []ingest.Identity) ([]ingest.ObjectState, error)
	}
	Places Places
	Budget time.Duration // for all Locations of a page that are made again; 0 = 2 s
}

// maxMadeAgain and madeAgainFor bound how many Locations are made again of their records
// for one page, and how long: the others are not known, and the page is told without.
const (
	maxMadeAgain = 50
	madeAgainFor = 2 * time.Second
)

// Complete fills what the charges ask for, for all of them in a few queries. A CDR rests
// on what its result rests on, a Session on what is known now, but for who pays, which
// its state says.
func (c Charges) Complete(ctx context.Context, list []*Charge) error {
	below, err := c.payers(ctx, list)
	if err != nil {
		return err
	}
	if err := c.tokens(ctx, list, below); err != nil {
		return err
	}
	return c.places(ctx, list, below)
}

// payers finds who pays, and how much of the reference topic each charge rests on.
func (c Charges) payers(ctx context.Context, list []*Charge) (below []int64, err error) {
	terms := map[ocpi.Key]Terms{}
	var cdrs []ocpi.Key
	var sessions []ingest.Identity
	for _, q := range list {
		switch {
		case q.ID.Object == ingest.ObjectCDR:
			cdrs = append(cdrs, q.ID.Key)
		case q.Contract != "":
			sessions = append(sessions, q.ID)
		}
	}
	if len(cdrs) > 0 {
		if terms, err = c.Store.TermsOf(ctx, cdrs); err != nil {
			return nil, fmt.Errorf("read who pays %d CDRs: %w", len(cdrs), err)
		}
	}
	states, err := c.Objects.Find(ctx, sessions)
	if err != nil {
		return nil, fmt.Errorf("read who pays %d Sessions: %w", len(sessions), err)
	}
	for i := range states {
		terms[states[i].Key] = Terms{states[i].With, -1}
	}
	below = make([]int64, len(list))
	for i, q := range list {
		t, known := terms[q.ID.Key]
		if below[i] = t.Reference; !known || t.Reference < 0 {
			below[i] = pricing.Present
		}
		if q.Contract == "" {
			continue
		}
		payer := t.Debtor
		if payer.IsZero() {
			payer, _ = c.Places.Payer(q.Contract, q.Start, below[i])
		}
		q.Token = ocpi.CDRToken{CountryCode: payer.Country, PartyID: payer.ID, ContractID: q.Contract}
	}
	return below, nil
}

// tokens finds with which Token of its payer each contract was used: where several have
// it, or none, nobody knows.
func (c Charges) tokens(ctx context.Context, list []*Charge, below []int64) error {
	users := map[Contract][]*user{}
	for i, q := range list {
		if payer := q.Token.Party(); !payer.IsZero() {
			contract := Contract{payer, ocpi.FoldContractID(q.Contract)}
			users[contract] = append(users[contract], &user{charge: q, below: below[i]})
		}
	}
	if len(users) == 0 {
		return nil
	}
	count := map[Contract]int{}
	err := c.Store.TokensWith(ctx, slices.Collect(maps.Keys(users)), func(contract Contract, s ingest.ObjectState) error {
		count[contract]++
		for _, u := range users[contract] {
			u.consider(contract.ID, &s)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the Tokens of %d contracts: %w", len(users), err)
	}
	maps.DeleteFunc(users, func(contract Contract, _ []*user) bool { return count[contract] > MaxTokens })
	return c.name(ctx, users)
}

// name says with which Tokens charges were made.
func (c Charges) name(ctx context.Context, users map[Contract][]*user) error {
	of := map[ingest.Identity][]*Charge{}
	for _, list := range users {
		for _, u := range list {
			if token, ok := u.token(); ok {
				of[token] = append(of[token], u.charge)
			}
		}
	}
	if len(of) == 0 {
		return nil
	}
	uids, err := c.Store.TokenUIDs(ctx, slices.Collect(maps.Keys(of)))
	if err != nil {
		return fmt.Errorf("read the uids of %d Tokens: %w", len(of), err)
	}
	for token, uid := range uids {
		for _, q := range of[token] {
			q.Token.UID, q.Token.Type = uid, token.Variant
		}
	}
	return nil
}

// user is who made a charge: one of the Tokens that may have had the contract then,
// else that got it first. Of either no more than two are kept: two are not known.
type user struct {
	charge      *Charge
	below       int64
	then, after []ingest.Identity
}

// consider looks at a Token of the payer.
func (u *user) consider(contract string, s *ingest.ObjectState) {
	had, later := reference.HadContract(s.Changes, contract, u.charge.Start, u.below)
	switch id := s.Identity(); {
	case had && len(u.then) < 2 && !slices.Contains(u.then, id):
		u.then = append(u.then, id)
	case later && len(u.after) < 2 && !slices.Contains(u.after, id):
		u.after = append(u.after, id)
	}
}

// token returns which it was, where that is known.
func (u *user) token() (ingest.Identity, bool) {
	found := u.then
	if len(found) == 0 {
		found = u.after
	}
	if len(found) != 1 {
		return ingest.Identity{}, false
	}
	return found[0], true
}

// places finds the Location of each charge as it was.
func (c Charges) places(ctx context.Context, list []*Charge, below []int64) error {
	type at struct {
		location ocpi.Key
		offset   int64
	}
	budget, cancel := context.WithTimeout(ctx, cmp.Or(c.Budget, madeAgainFor))
	defer cancel()
	found, want := map[at]ingest.ObjectState{}, make([]at, len(list))
	var now []ingest.Identity
	again := 0
	for i, q := range list {
		if q.Location.ID == "" {
			continue
		}
		want[i] = at{q.Location, -1} // as it is, where nothing of before was kept
		p, ok := c.Places.PlaceAt(q.Location, q.Start, below[i])
		if p.Lost {
			want[i] = at{} // which is not found
			continue
		}
		if ok && !p.Now {
			want[i].offset = p.Offset
		}
		if _, asked := found[want[i]]; asked {
			continue
		}
		found[want[i]] = ingest.ObjectState{}
		if want[i].offset < 0 {
			now = append(now, ingest.Identity{Object: ingest.ObjectLocation, Key: q.Location})
			continue
		}
		if again++; again > maxMadeAgain {
			continue
		}
		s, err := c.madeAgain(ctx, budget, q.Location, p.Offset)
		if err != nil {
			return err
		}
		found[want[i]] = s
	}
	states, err := c.Objects.Find(ctx, now)
	if err != nil {
		return fmt.Errorf("read %d Locations: %w", len(now), err)
	}
	for i := range states {
		found[at{states[i].Key, -1}] = states[i]
	}
	for i, q := range list {
		q.Place, q.Version = found[want[i]].Body, found[want[i]].Version
	}
	return nil
}

// madeAgain returns a Location as it was, the zero state where that cannot be told
// within the budget or the store's memory: only that a request has ended, or the store
// is away, is an error.
func (c Charges) madeAgain(ctx, budget context.Context, location ocpi.Key, offset int64) (ingest.ObjectState, error) {
	s, ok, err := ingest.ObjectState{}, false, budget.Err()
	if err == nil {
		s, ok, err = c.Places.LocationAfter(budget, c.Store, location, offset)
	}
	switch {
	case err == nil && ok:
		return s, nil
	case err == nil:
		return ingest.ObjectState{}, nil
	case ctx.Err() == nil && (budget.Err() != nil || errors.Is(err, ingest.ErrTooMuch)):
		return ingest.ObjectState{}, nil
	}
	return ingest.ObjectState{}, err
}
