package reference

import (
	"context"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// tokens is the fold of Tokens.
type tokens struct{ *Index }

// Kind implements objects.Fold.
func (tokens) Kind() ingest.Object { return ingest.ObjectToken }

// Warm implements objects.Fold.
func (tokens) Warm() bool { return true }

// Load implements objects.Loader.
func (t tokens) Load(ctx context.Context) error {
	return t.store.LoadChanges(ctx, ingest.ObjectToken, func(s *ingest.ObjectState) error {
		t.Folded(s)
		return nil
	})
}

// Apply implements objects.Fold. The state says from when on the Token had
// which contract id, each once: who was to pay for a contract stays so.
func (tokens) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	s, err := objects.Merge(old, r)
	if err != nil {
		return nil, err
	}
	if old != nil {
		s.Changes = contracts(old)
	}
	contract, updated, err := readToken(s)
	if err != nil {
		return nil, err
	}
	s.LastUpdated = objects.Updated(r, updated)
	s.Changes, err = ingest.Note(s.Changes, ingest.Change{Next: r.Offset + 1, Received: r.Received, Updated: s.LastUpdated, Contract: contract})
	return s, err
}

// readToken returns a Token's folded contract id and its last_updated.
func readToken(s *ingest.ObjectState) (contract string, updated ocpi.Time, err error) {
	err = objects.Decode(func(d *ocpi.Decoder) error {
		t, err := d.Token(s.Version, s.Body)
		if err == nil {
			contract, updated = strings.Clone(ocpi.Fold(t.ContractID)), t.LastUpdated
		}
		return err
	})
	return contract, updated, err
}

// contracts returns the contract ids that a Token has had. A state from before
// they were kept says the last one alone, and that was below every end.
func contracts(s *ingest.ObjectState) []ingest.Change {
	if len(s.Changes) > 0 {
		return s.Changes
	}
	contract, _, err := readToken(s)
	if err != nil || contract == "" {
		return nil // one that cannot be read names nobody
	}
	return []ingest.Change{{Received: s.Received, Contract: contract}}
}

// Folded implements objects.Fold.
func (t tokens) Folded(s *ingest.ObjectState) {
	changes := contracts(s)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range changes {
		if _, named := t.Issuers.Of(changes[i].Contract); named {
			continue // Tokens have no say in it, see Payer
		}
		if t.payers.add(ocpi.FoldContractID(changes[i].Contract), s.Key.Party, changes[i].Next, changes[i].Since()) {
			t.causes++
		}
	}
}

// Payer returns the eMSP that must pay for a contract where a CDR says no more than
// that (2.1.1 auth_id), as of an end of the reference topic. An id that says whose
// contract it is decides: a Token with it of another party makes that nobody's payer,
// so that no eMSP can take over another one's contracts or be made to pay for them.
// Of any other id it is the party whose Token with it was in force when the charge
// began, else the first after that.
func (x *Index) Payer(contractID string, start ocpi.Time, below int64) (ocpi.Party, bool) {
	if issuer, ok := x.Issuers.Of(contractID); ok {
		return issuer, true
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.payers.of(ocpi.FoldContractID(contractID), start, below)
}

// HadContract reports, by what a Token has said, whether it may have had a contract when
// a charge began, as of an end of the reference topic: whether it had it ever by then,
// since a return to a contract that was there before is not noted. later is true where
// it had none by then, and this one first. contract is folded as ids of contracts are
// compared.
func HadContract(changes []ingest.Change, contract string, start ocpi.Time, below int64) (had, later bool) {
	var after *ingest.Change
	said := false
	for i := range changes {
		c := &changes[i]
		switch since := c.Since(); {
		case c.Next > below || c.Contract == "":
		case since <= start:
			said = true
			had = had || ocpi.FoldContractID(c.Contract) == contract
		case after == nil || since < after.Since():
			after = c
		}
	}
	return had, !said && after != nil && ocpi.FoldContractID(after.Contract) == contract
}
