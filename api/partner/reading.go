package partner

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"golang.org/x/sync/errgroup"
)

// reading is one list of a partner being read: once, or once for each of its
// parties where it shows each its own.
type reading struct {
	*taker
	endpoint string
	room     room
	began    time.Time
	since    time.Time // zero = all
	tell     func(soFar PulledModule, pages int)

	sealed   control.SealedToken // the token as the partner's registration has it
	token    string
	encoding control.TokenEncoding

	hub  ocpi.Party   // that the partner is; zero = none
	to   ocpi.Party   // whose list is asked for; zero = nobody's
	done []ocpi.Party // whose was read

	begun map[[sha256.Size]byte]bool // first pages of lists

	mu     sync.Mutex // guards what follows
	result PulledModule
	sight  *sight // what the list shows; nil = nobody asks
	pages  int
	others bool                       // a list held what is another's than to's
	odd    map[[sha256.Size]byte]bool // objects that are another's, or do not say whose
}

// maxOdd bounds what is remembered of objects that lists of others hold, too.
const maxOdd = 10_000

func (r *reading) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	u, err := r.Dialer.policy.Check(r.endpoint)
	if err != nil {
		return fmt.Errorf("%s: endpoint of %s: %w", r.partner.ID, r.module.id, err)
	}
	defer r.room.leave()
	if r.sight = r.newSight(); r.sight != nil {
		defer r.sight.leave()
	}
	complete := true
	for _, r.to = range r.lists() {
		l := &listing{get: r.unshown(), endpoint: u, from: r.since}
		err := l.walk(ctx, func(items [][]byte) error { return r.take(ctx, items) })
		if err != nil && !errors.Is(err, errShown) {
			return err
		}
		complete = complete && (err != nil || l.complete())
		if r.sight != nil {
			r.sight.ended()
		}
		r.done = append(r.done, r.to)
	}
	if complete {
		r.checkAbsent(ctx)
	}
	return nil
}

// lists are the parties whose lists are asked for, in OCPI-to. A hub is asked for
// what it has of all (2.2.1 transport, "GET All via Hub"). Some other partners that
// have several show what is that one's, others what is everybody's; 2.1.1 has no
// message routing.
func (r *reading) lists() []ocpi.Party {
	if r.version == ocpi.V211 {
		return []ocpi.Party{{}}
	}
	if !r.hub.IsZero() {
		return []ocpi.Party{r.hub}
	}
	return r.from.Parties
}

// anothers reports whether a hub shows an object of a party that is not granted to it.
// It was asked for what it has of all, so that is no fault, and would push out of what
// is kept as refused what others are to mend.
func (r *reading) anothers(owner ocpi.Party) bool {
	return !r.hub.IsZero() && r.version != ocpi.V211 && owner.Country != "" && owner.ID != "" && !r.from.Owns(owner)
}

// errShown says that a party's list is another party's, which was read.
var errShown = errors.New("this list was read")

// unshown gets pages of one list. Its first page gives errShown where a list began like
// it that holds several parties' objects: it is the list of all of them, whosever is
// asked for. One object of another's makes it no such list.
func (r *reading) unshown() func(ctx context.Context, at string) (*Answer, error) {
	first := true
	return func(ctx context.Context, at string) (*Answer, error) {
		a, err := r.page(ctx, at)
		if err != nil || !first {
			return a, err
		}
		first = false
		begins := sha256.Sum256(append([]byte(a.Header.Get(ocpi.HeaderTotalCount)+"\n"), a.Data...))
		if r.others && r.begun[begins] {
			return nil, errShown
		}
		if r.begun == nil {
			r.begun = map[[sha256.Size]byte]bool{}
		}
		r.begun[begins] = true
		return a, nil
	}
}

// take takes the objects of a page, some of them at once, and counts them.
func (r *reading) take(ctx context.Context, items [][]byte) error {
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(takenAtOnce)
	for _, body := range items {
		g.Go(func() error {
			target, err := r.target(body)
			if r.anothers(target.Key.Party) {
				r.count(outcomeAnothers)
				return nil
			}
			if r.read(target, err, body) {
				return nil
			}
			o, err := r.taker.take(within, target, err, body)
			if err != nil {
				return fmt.Errorf("take in a %s: %w", r.module.object, err)
			}
			r.count(o)
			return nil
		})
	}
	err := g.Wait()
	r.pages++
	r.Metrics.page(r.module.id)
	if r.tell != nil && err == nil {
		r.tell(r.result, r.pages)
	}
	return err
}

// read notes which object it is, and whose, and reports whether it was read in
// another party's list already.
func (r *reading) read(target ingest.Target, unnamed error, body []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saw(target, unnamed, body)
	if len(r.from.Parties) == 1 || r.version == ocpi.V211 {
		return false
	}
	owner := target.Key.Party
	if slices.Contains(r.done, owner) {
		return true
	}
	sum := sha256.Sum256(body)
	if owner == r.to || r.odd[sum] {
		return r.odd[sum]
	}
	r.others = r.others || r.from.Owns(owner)
	if r.odd == nil {
		r.odd = map[[sha256.Size]byte]bool{}
	}
	if len(r.odd) < maxOdd {
		r.odd[sum] = true
	}
	return false
}

func (r *reading) count(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Read++
	r.Metrics.object(r.module.id, o)
	switch o {
	case outcomeUnheard:
		r.result.NeverPushed++
		r.result.New++
	case outcomeNew:
		r.result.New++
	case outcomeRefused:
		r.result.Refused++
	case outcomeAnothers:
		r.result.Anothers++
	}
}

// page asks for one page, and again where it may come later.
func (r *reading) page(ctx context.Context, at string) (*Answer, error) {
	c := call{partner: r.partner.ID, method: http.MethodGet, url: at, limit: maxPage, room: &r.room, to: r.to, module: r.module.id}
	if !r.to.IsZero() {
		c.from = r.Hub
	}
	wait := firstWait
	for tries := 0; ; tries++ {
		r.room.leave() // the page before is done with
		login, err := r.login()
		if err != nil {
			return nil, err
		}
		a, e, err := r.Dialer.do(ctx, login, c)
		failed, ok := errors.AsType[*Error](err)
		if err == nil {
			r.encoding = e
			r.heard()
		}
		rotated := ok && failed.HTTP == http.StatusUnauthorized && r.rotated()
		if err == nil || !ok || !rotated && !failed.passing() || tries == maxTries {
			return a, err
		}
		if !rotated && !r.pause(ctx, max(wait, failed.wait)) {
			return nil, err
		}
		wait *= 2
	}
}

// heard notes that the partner has answered: who pushes nothing is heard of by this
// alone.
func (r *reading) heard() {
	if r.Notes != nil {
		r.Notes.NoteHeard(r.partner.ID)
	}
}

// login is how the partner is called: by the token that it has given us last, be it
// while its list was read.
func (r *reading) login() (login, error) {
	now, same := r.current(r.partner)
	if !same {
		return login{}, fmt.Errorf("%s: %w", r.partner.ID, errChanged)
	}
	if now.Peer.Token != r.sealed {
		token, err := r.Secrets.Open(now.Peer.Token)
		if err != nil {
			return login{}, fmt.Errorf("call %s: %w", r.partner.ID, err)
		}
		r.sealed, r.token, r.encoding = now.Peer.Token, token, now.Peer.Encoding
	}
	return login{r.token, r.encoding, r.version}, nil
}

// rotated reports whether the partner has given us another token than the one that
// it was called with.
func (r *reading) rotated() bool {
	now, same := r.current(r.partner)
	return same && now.Peer.Token != r.sealed
}
