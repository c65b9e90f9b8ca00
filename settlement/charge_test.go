package settlement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
)

// past is what charges are completed from. It counts what is asked of it.
type past struct {
	terms  map[ocpi.Key]Terms
	tokens []ingest.ObjectState
	now    []ingest.ObjectState
	asked  []string
	below  int64 // of the last question for a place
	fails  string
	slow   bool  // a place of before is not found before the time is up
	away   error // why one is not
}

var errPast = errors.New("away")

func (p *past) ask(what string) error {
	p.asked = append(p.asked, what)
	if p.fails == what {
		return errPast
	}
	return nil
}

func (p *past) ObjectRecords(context.Context, ingest.Identity, int64, func(*ingest.Record) error) error {
	return nil
}

func (p *past) TermsOf(context.Context, []ocpi.Key) (map[ocpi.Key]Terms, error) {
	return p.terms, p.ask("terms")
}

func (p *past) TokensWith(_ context.Context, contracts []Contract, fn func(Contract, ingest.ObjectState) error) error {
	for _, s := range p.tokens {
		for _, c := range contracts {
			if s.Key.Party == c.Party && slices.ContainsFunc(s.Changes, func(said ingest.Change) bool { return said.Contract == c.ID }) {
				if err := fn(c, s); err != nil {
					return err
				}
			}
		}
	}
	return p.ask("tokens")
}

func (p *past) TokenUIDs(_ context.Context, ids []ingest.Identity) (map[ingest.Identity]string, error) {
	uids := map[ingest.Identity]string{}
	for _, id := range ids {
		uids[id] = id.Key.ID
	}
	return uids, p.ask("uids")
}

func (p *past) Find(_ context.Context, ids []ingest.Identity) (found []ingest.ObjectState, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	for _, s := range p.now {
		if slices.Contains(ids, s.Identity()) {
			found = append(found, s)
		}
	}
	return found, p.ask("objects")
}

func (p *past) PlaceAt(location ocpi.Key, start ocpi.Time, below int64) (reference.Place, bool) {
	p.below = below
	return reference.Place{Offset: 7, Now: start >= 50}, location.ID != "L0"
}

func (p *past) LocationAfter(ctx context.Context, _ reference.Records, _ ocpi.Key, offset int64) (ingest.ObjectState, bool, error) {
	if p.slow {
		<-ctx.Done()
		return ingest.ObjectState{}, false, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	if p.away != nil {
		return ingest.ObjectState{}, false, p.away
	}
	return ingest.ObjectState{Version: ocpi.V221, Body: []byte("then")}, offset == 7, p.ask("location")
}

func (p *past) Payer(contract string, _ ocpi.Time, below int64) (ocpi.Party, bool) {
	if contract == "C1" && below == pricing.Present {
		return ocpi.NewParty("NL", "EXW"), true
	}
	return ocpi.Party{}, false
}

// A charge is completed with what stood when it began: who pays by its result or its
// state, else by what is known, the one Token that had the contract then, and the
// Location as it was.
func TestChargesAreCompleted(t *testing.T) {
	exw, tnm := ocpi.NewParty("NL", "EXW"), ocpi.NewParty("DE", "TNM")
	id := func(o ingest.Object, id string) ingest.Identity {
		return ingest.Identity{Object: o, Key: ocpi.NewKey("GB", "DUN", id)}
	}
	token := func(owner ocpi.Party, uid string, changes ...ingest.Change) ingest.ObjectState {
		return ingest.ObjectState{Object: ingest.ObjectToken, Key: ocpi.Key{Party: owner, ID: uid}, Variant: "RFID", Changes: changes}
	}
	p := &past{
		terms: map[ocpi.Key]Terms{id(0, "cdr").Key: {tnm, 5}, id(0, "old").Key: {exw, -1}},
		tokens: []ingest.ObjectState{
			token(exw, "e1", ingest.Change{Next: 1, Received: 1, Contract: "C1"}), token(tnm, "t1", ingest.Change{Next: 1, Received: 1, Contract: "C1"}, ingest.Change{Next: 2, Received: 20, Contract: "C2"}),
			token(tnm, "t2", ingest.Change{Next: 9, Received: 1, Contract: "C1"}), token(exw, "e2", ingest.Change{Next: 1, Received: 50, Contract: "C1"}),
			token(tnm, "b1", ingest.Change{Next: 1, Received: 1, Contract: "C3"}, ingest.Change{Next: 2, Received: 20, Contract: "C4"}),
			token(tnm, "b1", ingest.Change{Next: 1, Received: 1, Contract: "C3"}), // a state of before
			token(tnm, "b2", ingest.Change{Next: 3, Received: 30, Contract: "C3"}),
		},
		now: []ingest.ObjectState{
			{Object: ingest.ObjectSession, Key: id(0, "s1").Key, With: tnm}, {Object: ingest.ObjectSession, Key: id(0, "s2").Key},
			{Object: ingest.ObjectLocation, Key: id(0, "L1").Key, Version: ocpi.V211, Body: []byte("now")}, {Object: ingest.ObjectLocation, Key: id(0, "L0").Key, Version: ocpi.V211, Body: []byte("unkept")},
		},
	}
	p.tokens = append(p.tokens, token(tnm, "m1", ingest.Change{Next: 1, Received: 1, Contract: "C5"}))
	for range MaxTokens {
		p.tokens = append(p.tokens, token(tnm, "m2", ingest.Change{Next: 1, Received: 50, Contract: "C5"}))
	}
	for _, tc := range []struct {
		name   string
		charge Charge
		payer  ocpi.Party
		uid    string
		place  string
	}{
		{"a CDR, by its result", Charge{ID: id(ingest.ObjectCDR, "cdr"), Contract: "C1", Start: 10}, tnm, "t1", ""}, // t2 came after that
		{"when the Token had another contract", Charge{ID: id(ingest.ObjectCDR, "cdr"), Contract: "C2", Start: 10}, tnm, "", ""},
		{"of which it was not kept", Charge{ID: id(ingest.ObjectCDR, "old"), Contract: "C1", Start: 10}, exw, "e1", ""},
		{"without a result", Charge{ID: id(ingest.ObjectCDR, "new"), Contract: "C1", Start: 10}, exw, "e1", ""},
		{"before anybody had it: who had it first, were it one", Charge{ID: id(ingest.ObjectCDR, "new"), Contract: "C1", Start: 0}, exw, "", ""},
		{"before another had it", Charge{ID: id(ingest.ObjectCDR, "cdr"), Contract: "C3", Start: 10}, tnm, "b1", ""},
		{"perhaps again, as far as is known by nobody else", Charge{ID: id(ingest.ObjectCDR, "cdr"), Contract: "C3", Start: 25}, tnm, "b1", ""},
		{"perhaps again, perhaps by the other", Charge{ID: id(ingest.ObjectCDR, "cdr"), Contract: "C3", Start: 30}, tnm, "", ""},
		{"of one of too many", Charge{ID: id(ingest.ObjectCDR, "cdr"), Contract: "C5", Start: 10}, tnm, "", ""},
		{"nobody's", Charge{ID: id(ingest.ObjectCDR, "new"), Contract: "C9", Start: 10}, ocpi.Party{}, "", ""},
		{"a Session, by its state; two Tokens have the contract", Charge{ID: id(ingest.ObjectSession, "s1"), Contract: "C1", Start: 10}, tnm, "", ""},
		{"of which nobody is known", Charge{ID: id(ingest.ObjectSession, "s2"), Contract: "C1", Start: 10}, exw, "e1", ""},
		{"where it was", Charge{ID: id(ingest.ObjectCDR, "cdr"), Location: id(0, "L1").Key, Start: 10}, ocpi.Party{}, "", "then"},
		{"where it is", Charge{ID: id(ingest.ObjectSession, "s1"), Location: id(0, "L1").Key, Start: 60}, ocpi.Party{}, "", "now"},
		{"where it is, of before that was kept", Charge{ID: id(ingest.ObjectSession, "s1"), Location: id(0, "L0").Key, Start: 10}, ocpi.Party{}, "", "unkept"},
	} {
		c := tc.charge
		if err := (Charges{Store: p, Objects: p, Places: p}).Complete(t.Context(), []*Charge{&c}); err != nil {
			t.Fatal(err)
		}
		if c.Token.Party() != tc.payer || c.Token.UID != tc.uid || string(c.Place) != tc.place {
			t.Errorf("%s: %s with %q at %q, want %s with %q at %q", tc.name, c.Token.Party(), c.Token.UID, c.Place, tc.payer, tc.uid, tc.place)
		}
		if tc.place == "then" && p.below != 5 {
			t.Errorf("%s: as of %d, want that of the result", tc.name, p.below)
		}
	}
	// However many there are, each question is asked once.
	many := make([]*Charge, 400)
	for i := range many {
		many[i] = &Charge{ID: id(ingest.ObjectCDR, "cdr"), Contract: "C1", Location: id(0, "L1").Key, Start: ocpi.Time(10 + 50*(i%2))}
	}
	p.asked = nil
	if err := (Charges{Store: p, Objects: p, Places: p}).Complete(t.Context(), many); err != nil || !slices.Equal(p.asked, []string{"terms", "tokens", "uids", "location", "objects"}) {
		t.Errorf("asked %q, %v", p.asked, err)
	}
	for _, p.fails = range []string{"terms", "tokens", "uids", "location", "objects"} {
		if err := (Charges{Store: p, Objects: p, Places: p}).Complete(t.Context(), many); !errors.Is(err, errPast) {
			t.Errorf("%s cannot be read: %v", p.fails, err)
		}
	}
}

// What cannot be made again within the budget of a page is not known, and the page is
// whole but for that; that the request has ended or the store is away is an error.
func TestPlacesHaveABudget(t *testing.T) {
	page := func() (list []*Charge) {
		for i := range 60 {
			list = append(list, &Charge{ID: ingest.Identity{Object: ingest.ObjectSession}, Location: ocpi.NewKey("GB", "DUN", fmt.Sprint("L", i+1)), Start: 10})
		}
		return append(list, &Charge{ID: ingest.Identity{Object: ingest.ObjectSession}, Location: ocpi.NewKey("GB", "DUN", "N"), Start: 60})
	}
	now := []ingest.ObjectState{{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", "DUN", "N"), Body: []byte("now")}}
	for _, tc := range []struct {
		name  string
		past  past
		ends  bool
		known int
		fails bool
	}{
		{"in time: so many a page", past{now: now}, false, 51, false},
		{"not in time", past{now: now, slow: true}, false, 1, false},
		{"too much for the store", past{now: now, away: fmt.Errorf("%w: %w", ingest.ErrTooMuch, ErrUnavailable)}, false, 1, false},
		{"the store is away", past{now: now, away: ErrUnavailable}, false, 0, true},
		{"the request has ended", past{now: now, slow: true}, true, 0, true},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		budget := time.Hour
		if tc.past.slow && !tc.ends {
			budget = time.Millisecond
		}
		if tc.ends {
			cancel()
		}
		list := page()
		err := Charges{Store: &tc.past, Objects: &tc.past, Places: &tc.past, Budget: budget}.Complete(ctx, list)
		known := 0
		for _, c := range list {
			if c.Place != nil {
				known++
			}
		}
		if (err != nil) != tc.fails || known != tc.known {
			t.Errorf("%s: %d places, %v, want %d", tc.name, known, err, tc.known)
		}
		cancel()
	}
}
