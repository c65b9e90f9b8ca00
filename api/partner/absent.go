package partner

import (
	"context"
	"crypto/sha256"
	"hash/maphash"
	"slices"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Notes keep what pulls find out about partners: a control.Partners.
type Notes interface {
	// NoteAbsent notes how much of what is here a complete list lacked, and what first.
	NoteAbsent(ctx context.Context, partner, module string, count int, ids []string) error
	// NoteHeard notes that a partner has answered.
	NoteHeard(partner string)
}

// Held calls fn for what we hold of a kind of an owner's: what is for everybody, or for
// one recipient alone. Of what was made since before it calls fn for nothing.
type Held func(ctx context.Context, kind ingest.Object, owner, recipient ocpi.Party, before time.Time, fn func(ingest.Identity) error) error

// SightBytes is how much may be remembered at once of what lists show, as Sights of a
// Puller counts it: of one partner a quarter, which is two million objects while they
// are gathered, and twice as many at best.
const SightBytes = 128 << 20

// sightStep is how many objects room is taken for at once.
const sightStep = 8192

// sight is what a list shows, by hashes: so that a list of millions can be held
// against what is here. Two objects with one hash can only hide that one is absent.
type sight struct {
	budget *api.Budget // nil = no bound
	who    string
	seed   maphash.Seed

	// exact is the same list by what its objects say, where they do not say whose they are:
	// several parties may have one of an id, and none is shown twice by that. nil = no need.
	exact *sight

	hashes  []uint64
	held    int64
	lists   int  // hashes of lists that have ended
	twice   bool // a list showed an object twice
	unnamed int  // objects that do not say which they are
	blind   bool // there was no room for all
}

// noLonger ends what is told of a list that the partner does not offer any more: nobody
// knows what it would lack.
func (p *Puller) noLonger(ctx context.Context, partner *control.Partner, m *module) {
	if p.Notes == nil || m.windowed {
		return
	}
	if err := p.Notes.NoteAbsent(ctx, partner.ID, m.id, 0, nil); err != nil {
		p.Logger.Warn("what a list lacked that is offered no more is still told", "partner", partner.ID, "module", m.id, "error", err)
	}
}

// sighted is what an object of a list is known by.
type sighted struct {
	owner       ocpi.Party // zero where lists do not say it
	id, variant string
}

// see notes an object.
func (s *sight) see(o sighted) {
	if s.blind {
		return
	}
	if len(s.hashes) == cap(s.hashes) && !s.grow() {
		s.leave()
		s.blind = true
		return
	}
	s.hashes = append(s.hashes, maphash.Comparable(s.seed, o))
}

// grow takes room for as many objects again.
func (s *sight) grow() bool {
	n := max(sightStep, len(s.hashes))
	if s.budget != nil {
		if !s.budget.Take(s.who, 8*int64(n)) {
			return false
		}
		s.held += 8 * int64(n)
	}
	s.hashes = append(make([]uint64, 0, len(s.hashes)+n), s.hashes...)
	return true
}

// sort ends the seeing: from then on shows may be called. It reports whether each
// list showed each object once: where the list was moved while it was read another one may
// have passed by instead.
func (s *sight) sort() (once bool) {
	s.ended()
	slices.Sort(s.hashes)
	if s.exact != nil {
		return !s.exact.blind && !s.exact.twice
	}
	return !s.twice
}

// ended says that a list was read to its end: what the next one shows too it may.
func (s *sight) ended() {
	if s.exact != nil {
		s.exact.ended()
	}
	list := s.hashes[s.lists:]
	slices.Sort(list)
	for i := 1; i < len(list); i++ {
		s.twice = s.twice || list[i] == list[i-1]
	}
	s.lists = len(s.hashes)
}

// shows reports whether the list shows an object.
func (s *sight) shows(o sighted) bool {
	_, found := slices.BinarySearch(s.hashes, maphash.Comparable(s.seed, o))
	return found
}

func (s *sight) leave() {
	if s.exact != nil {
		s.exact.leave()
	}
	if s.budget != nil {
		s.budget.Give(s.who, s.held)
	}
	s.hashes, s.held, s.lists = nil, 0, 0
}

// newSight returns what a list shows so far, nil where nobody asks for it: lists that
// are asked for what changed show what changed.
func (r *reading) newSight() *sight {
	if r.Notes == nil || r.Held == nil || r.module.windowed {
		return nil
	}
	s := &sight{budget: r.Sights, who: r.partner.ID, seed: maphash.MakeSeed()}
	if r.ownerUnsaid() {
		s.exact = &sight{budget: r.Sights, who: r.partner.ID, seed: s.seed}
	}
	return s
}

// saw notes an object of the list; unnamed is why it does not say which it is. The
// caller holds r.mu.
func (r *reading) saw(target ingest.Target, unnamed error, body []byte) {
	if r.sight != nil && r.sight.exact != nil {
		sum := sha256.Sum256(body)
		r.sight.exact.see(sighted{id: target.ID, variant: string(sum[:])})
	}
	switch {
	case r.sight == nil:
	case target.ID == "":
		r.sight.unnamed++
	case unnamed != nil && !r.ownerUnsaid(): // it may be any party's
		for _, target.Key.Party = range r.from.Parties {
			r.sight.see(r.sighted(target.Identity()))
		}
	default:
		r.sight.see(r.sighted(target.Identity()))
	}
}

func (r *reading) sighted(id ingest.Identity) sighted {
	o := sighted{id.Key.Party, id.Key.ID, id.Variant}
	if r.ownerUnsaid() {
		o.owner = ocpi.Party{}
	}
	return o
}

// checkAbsent tells what is here of the partner's and its list lacked, which was read
// to its end. Where that cannot be found out the list was read all the same.
func (r *reading) checkAbsent(ctx context.Context) {
	if r.sight == nil || r.sight.blind || !r.sight.sort() {
		return
	}
	missing, count, err := r.absent(ctx)
	if err == nil && count > 0 && count <= r.sight.unnamed {
		return // they may be what does not say which it is
	}
	var ids []string
	for _, id := range missing[:min(len(missing), control.MaxAbsent)] {
		ids = append(ids, id.Key.String())
	}
	if err == nil {
		err = r.Notes.NoteAbsent(ctx, r.partner.ID, r.module.id, count, ids)
	}
	if err != nil {
		r.Logger.Warn("what a partner's list lacks was not found out", "partner", r.partner.ID, "module", r.module.id, "error", err)
		return
	}
	r.result.Absent = &count
}

// absent returns how many objects the list lacks, and the first of them.
func (r *reading) absent(ctx context.Context) (missing []ingest.Identity, count int, err error) {
	for _, owner := range r.from.Parties {
		err := r.Held(ctx, r.module.object, owner, r.recipient(owner), r.began, func(id ingest.Identity) error {
			if r.sight.shows(r.sighted(id)) {
				return nil
			}
			if count++; len(missing) < 2*control.MaxAbsent {
				missing = append(missing, id)
			}
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	named := len(missing)
	missing, err = r.unchanged(ctx, missing)
	return missing, count - (named - len(missing)), err
}

// unchanged returns those of some objects that stand, and were not pushed since the
// list was begun: who has just done so has it.
func (r *reading) unchanged(ctx context.Context, ids []ingest.Identity) (stand []ingest.Identity, err error) {
	for _, id := range ids {
		state, here, err := r.Objects.Peek(ctx, ingest.Target{Object: id.Object, Key: id.Key, ID: id.Key.ID, Variant: id.Variant})
		if err != nil {
			return nil, err
		}
		if here && state.Received.Go().Before(r.began) {
			stand = append(stand, id)
		}
	}
	return stand, nil
}
