package settlement

import (
	"context"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// StoredChange is a record about an object, without its body.
type StoredChange struct {
	Identity ingest.Identity
	Offset   int64
	Method   ingest.Method
	Path     string // see ingest.Envelope
}

// KeptObject is a state that is stored: of a Tariff each, else the last one. Of Sessions
// it has the body, and whom they are with.
type KeptObject struct {
	Identity ingest.Identity
	Position ingest.Position
	Version  ocpi.Version
	Body     []byte
	With     ocpi.Party
	Contract string
}

// StateAt names a state by its object and the record that made it.
type StateAt struct {
	Identity ingest.Identity
	Offset   int64
}

// FoldFunc returns an object as it stands after a record, nil where the record says
// nothing new, or why it does not apply: see objects.Fold.
type FoldFunc func(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error)

// Bounds of what is looked at together.
const (
	doubtsAtOnce = 64     // records that made no state
	maxRefolded  = 20_000 // records of a Session
)

// keptWalk walks records and states in the order of objects, so that no more is held
// than those of one.
type keptWalk struct {
	*Verifier
	*walker
	ctx    context.Context
	stored *side[KeptObject]

	id      ingest.Identity
	begun   bool
	states  []KeptObject   // of it, by position, without bodies
	session *KeptObject    // with its body; nil where it is none, or is not there
	changes []StoredChange // of a Session
	told    bool           // that something is wrong with it
	doubts  []doubt
}

// doubt is a record that made no state: by rights, where it does not apply to the one
// before.
type doubt struct {
	id     ingest.Identity
	offset int64
	before int64 // the record that made the state before, -1 where there is none
}

// kept proves that whatever was PUT is there, as the last record left it that applies:
// the first PUT of an object makes it, nothing ever ends it, and whom a Session is with
// follows from its body and what records say of who pays.
func (v *Verifier) kept(ctx context.Context, w *walker) error {
	k := &keptWalk{Verifier: v, walker: w, ctx: ctx}
	stored, stop := newSide(w, "objects", nil, func(fn func(KeptObject) error) error { return v.Store.KeptObjects(ctx, w.partition, fn) })
	defer stop()
	k.stored = stored
	if err := v.Store.ChangesBefore(ctx, w.partition, w.next, k.change); err != nil {
		return err
	}
	if err := k.end(); err != nil {
		return err
	}
	return k.settle()
}

// change looks at a record.
func (k *keptWalk) change(c StoredChange) error {
	if !k.begun || c.Identity != k.id {
		if err := k.end(); err != nil {
			return err
		}
		if err := k.begin(c.Identity); err != nil {
			return err
		}
	}
	if k.session != nil && len(k.changes) <= maxRefolded {
		k.changes = append(k.changes, c)
	}
	switch {
	case k.told:
	case len(k.states) == 0:
		if c.Method == ingest.MethodPut && (c.Path == "" || c.Identity.Object != ingest.ObjectLocation) { // else it is a part
			k.told = true
			k.disagree(c.Offset, "objects lacks %s, which this record PUT", c.Identity)
		}
	default:
		return k.hold(c)
	}
	return nil
}

// begin reads the states of an object.
func (k *keptWalk) begin(id ingest.Identity) error {
	k.id, k.begun, k.told, k.session, k.states, k.changes = id, true, false, nil, k.states[:0], k.changes[:0]
	for {
		if err := k.stored.fill(); err != nil {
			return err
		}
		row := k.stored.row
		if row == nil || compareIdentities(row.Identity, id) > 0 {
			break
		}
		k.stored.row = nil
		if row.Identity != id {
			continue // of records beyond the fixed position
		}
		if id.Object != ingest.ObjectTariff {
			k.states = k.states[:0] // the last one counts
		}
		if id.Object == ingest.ObjectSession {
			k.session = row
		}
		k.states = append(k.states, KeptObject{Position: row.Position})
	}
	return nil
}

// hold holds a record against the states of its object.
func (k *keptWalk) hold(c StoredChange) error {
	if k.Fold == nil {
		return nil
	}
	n, made := slices.BinarySearchFunc(k.states, c.Offset, func(s KeptObject, offset int64) int { return int(max(min(s.Position.Offset-offset, 1), -1)) })
	last := k.states[len(k.states)-1].Position.Offset
	switch {
	case made, last >= k.next, c.Identity.Object != ingest.ObjectTariff && c.Offset < last: // those of before are not kept
		return nil
	case n == 0:
		k.doubts = append(k.doubts, doubt{c.Identity, c.Offset, -1})
	default:
		k.doubts = append(k.doubts, doubt{c.Identity, c.Offset, k.states[n-1].Position.Offset})
	}
	if len(k.doubts) < doubtsAtOnce {
		return nil
	}
	return k.settle()
}

// settle finds out whether records that made no state apply to the one before.
func (k *keptWalk) settle() error {
	if len(k.doubts) == 0 {
		return nil
	}
	var offsets []int64
	var before []StateAt
	for _, d := range k.doubts {
		offsets = append(offsets, d.offset)
		if at := (StateAt{d.id, d.before}); d.before >= 0 && !slices.Contains(before, at) {
			before = append(before, at)
		}
	}
	states, err := k.Store.StatesAt(k.ctx, k.partition, before)
	if err != nil {
		return fmt.Errorf("read %d states: %w", len(before), err)
	}
	records := map[int64]ingest.Record{}
	if err := k.Store.RecordsAt(k.ctx, k.partition, offsets, func(r ingest.Record) error { records[r.Offset] = r; return nil }); err != nil {
		return fmt.Errorf("read %d records: %w", len(offsets), err)
	}
	told := map[ingest.Identity]bool{}
	for _, d := range k.doubts {
		record, ok := records[d.offset]
		state, stands := states[StateAt{d.id, d.before}]
		if !ok || told[d.id] || d.before >= 0 && !stands {
			continue // it is told that the record is gone, or the object goes on meanwhile
		}
		var old *ingest.ObjectState
		if stands {
			old = &state
		}
		if next, err := k.Fold(old, &record); err == nil && next != nil {
			told[d.id] = true
			if d.before < 0 {
				k.disagree(d.offset, "objects lacks what this record made of %s", d.id)
				continue
			}
			k.disagree(d.offset, "objects has %s as record %d left it, and this one changes it", d.id, d.before)
		}
	}
	k.doubts = k.doubts[:0]
	return nil
}

// end proves whom a Session is with, once all its records were seen.
func (k *keptWalk) end() error {
	s := k.session
	if s == nil || k.told || s.Position.Offset >= k.next || len(s.Body) == 0 {
		return nil
	}
	party, contract, err := tokenOf(s)
	if err != nil {
		return nil // of a state that an older decoder could read
	}
	stored := s.Contract
	if len(stored) > ocpi.MaxIdentity {
		stored = ""
	}
	switch {
	case !party.IsZero() && s.With != party:
		k.disagree(s.Position.Offset, "objects has %s with %s; its token is of %s", k.id, s.With, party)
	case !party.IsZero():
	case stored != contract:
		k.disagree(s.Position.Offset, "objects has %s for contract %q; it says %q", k.id, stored, contract)
	case s.With != k.named(contract):
		return k.refold(s)
	}
	return nil
}

// named is who pays for a contract by the last record that says so, zero where none does.
func (k *keptWalk) named(contract string) (payer ocpi.Party) {
	for _, c := range k.changes {
		e := ingest.Envelope{Object: c.Identity.Object, Path: c.Path}
		if p, of, ok := e.PayerOf(); ok && of == contract && c.Offset <= k.session.Position.Offset {
			payer = p
		}
	}
	return payer
}

// refold makes a Session anew of its records: who was known to pay for a contract stays
// so, until it says another one.
func (k *keptWalk) refold(s *KeptObject) error {
	if k.Fold == nil || len(k.changes) > maxRefolded {
		return nil
	}
	var state *ingest.ObjectState
	for chunk := range slices.Chunk(k.changes, doubtsAtOnce) {
		var offsets []int64
		for _, c := range chunk {
			if c.Offset <= s.Position.Offset {
				offsets = append(offsets, c.Offset)
			}
		}
		err := k.Store.RecordsAt(k.ctx, k.partition, offsets, func(r ingest.Record) error {
			if next, err := k.Fold(state, &r); err == nil && next != nil {
				state = next
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the records of %s: %w", k.id, err)
		}
	}
	if state != nil && state.With != s.With {
		k.disagree(s.Position.Offset, "objects has %s with %s; its records say %s", k.id, s.With, state.With)
	}
	return nil
}

// tokenOf returns the eMSP that a Session's token names, else its contract, folded.
func tokenOf(s *KeptObject) (party ocpi.Party, contract string, err error) {
	var d ocpi.Decoder
	session, err := d.Session(s.Version, s.Body)
	if err != nil {
		return party, "", err
	}
	if party = session.Token.Party(); party.IsZero() {
		contract = ocpi.Fold(session.Token.ContractID)
	}
	return party, contract, nil
}
