package settlement

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/lint"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// Bounds of a reading of the radar.
const (
	MaxRadarDays    = 366  // of one request
	MaxTariffSteps  = 100  // changes of a page
	MaxSwapped      = 1000 // CDRs of one change that are priced both ways
	maxSwappedPage  = 5000 // of all changes of a page
	maxCarried      = 100  // tariffs of CDRs that are held against those that were pushed
	maxConnectors   = 20   // that are named of a tariff
	maxListed       = 50   // differences that are told of one change
	swappedTogether = 250  // bodies in memory at once
)

// LateCopy is how long a version may have been in force before it came here without being
// called late: partners push what changes when it changes, give or take clocks and retries.
const LateCopy = time.Hour

// RadarQuery selects the changes of Tariffs of a CPO that came into force, or came here, on
// some days, both inclusive and in UTC.
type RadarQuery struct {
	CPO      ocpi.Party
	From, To time.Time
	Tariff   string // its id, folded; "" = all
	// Location and EVSE have only the Tariffs that connectors there name now: ids, folded, of an
	// EVSE its uid or its EVSE id; "" = anywhere.
	Location, EVSE string
	named          []string   // that these name
	Recipient      ocpi.Party // only what it is charged by alone; zero = all
	After          string     // cursor of the page before
	Limit          int
}

// Tariffs are the ids of those that are asked for; all where there is no such restriction.
func (q *RadarQuery) Tariffs() (ids []string, all bool) {
	switch {
	case q.Location == "" && q.Tariff == "":
		return nil, true
	case q.Location == "":
		return []string{q.Tariff}, false
	case q.Tariff != "" && !slices.Contains(q.named, q.Tariff):
		return nil, false
	case q.Tariff != "":
		return []string{q.Tariff}, false
	}
	return q.named, false
}

// Next is the first instant behind the days.
func (q *RadarQuery) Next() time.Time { return q.To.AddDate(0, 0, 1) }

// TariffStep is a version of a Tariff, or its withdrawal, with its neighbours in the log.
type TariffStep struct {
	Tariff      ingest.Identity
	Position    ingest.Position
	Since       ocpi.Time // from when on it is in force
	Received    ocpi.Time
	LastUpdated ocpi.Time
	Sender      string
	Withdrawn   bool
	// Before is the state that it took the place of; FirstOne: there was none.
	Before        ingest.Position
	BeforeUpdated ocpi.Time
	BeforeGone    bool // it was a withdrawal
	FirstOne      bool
	Until         ocpi.Time // the Since of the version after it, unset where there is none
}

// ChargedBy asks for the CDRs of a CPO that are priced with a tariff of one of some contents,
// by the start of the charge: Until is not part of it, unset for no end.
type ChargedBy struct {
	Hashes      []string
	Debtor      ocpi.Party // zero: any
	From, Until ocpi.Time
}

// ChargedCDR is one of them, with what its price rests on.
type ChargedCDR struct {
	Of      int    // index of what was asked
	Hash    string // by which it is
	Key     ocpi.Key
	At      ingest.Position
	AsOf    pricing.AsOf
	Profile string
}

// CarriedTariff is one set of tariffs that CDRs of a CPO carry.
type CarriedTariff struct {
	IDs, Hashes []string // as results have them
	Count       uint64
	First       ocpi.Time       // when the first of these charges began
	At          ingest.Position // of that CDR
	Key         ocpi.Key
	AsOf        pricing.AsOf
	Debtor      ocpi.Party
}

// ConnectorAt is a connector that is charged by a tariff.
type ConnectorAt struct{ Location, EVSE, Connector string }

// TariffPlaces is where a tariff is charged.
type TariffPlaces struct {
	EVSEs, Connectors int
	First             []ConnectorAt // 20 at most, in the order of Locations
}

// RadarStore reads what the radar tells. Errors: ErrUnavailable; ErrCursor.
type RadarStore interface {
	// TariffSteps reads a page, in the order of Since.
	TariffSteps(ctx context.Context, q RadarQuery) (page []TariffStep, next string, err error)
	// ChargedBy counts the CDRs of a CPO that some tariffs priced, and returns some of each, each
	// as likely as the next: most of one, and by far not all where there are many.
	ChargedBy(ctx context.Context, cpo ocpi.Party, of []ChargedBy, most int) (counts []uint64, some []ChargedCDR, err error)
	// CarriedTariffs are the tariffs that CDRs of charges of some days carry, those of most
	// CDRs first.
	CarriedTariffs(ctx context.Context, q RadarQuery, most int) ([]CarriedTariff, error)
	// LocationsOf calls fn for the Locations of a CPO that name one of some tariffs, perhaps for others too, in the
	// order of their ids; without tariffs for all.
	LocationsOf(ctx context.Context, cpo ocpi.Party, tariffs []string, fn func(*ingest.ObjectState) error) error
	LookupObjects(ctx context.Context, ids []ingest.Identity) (map[ingest.Identity]ingest.ObjectState, error)
	VersionsAt(ctx context.Context, wanted []reference.VersionAt, fn func(ingest.ObjectState) error) error
	BodiesAt(ctx context.Context, positions []ingest.Position, fn func(p ingest.Position, v ocpi.Version, body []byte) error) error
}

// ChangeOrigin says whose doing a change is.
type ChangeOrigin string

// Whose doing a change is.
const (
	OriginCPO    ChangeOrigin = "cpo"    // the CPO's tariff changed, and came when it changed
	OriginCopy   ChangeOrigin = "copy"   // our copy changed: the CPO's had changed more than LateCopy before
	OriginUnsaid ChangeOrigin = "unsaid" // the CPO's tariff changed and says of itself that it did not: its last_updated is that of before
	OriginCDR    ChangeOrigin = "cdr"    // CDRs carry another tariff than was pushed
)

// ChangeAct says what happened to a Tariff.
type ChangeAct string

// What happened to a Tariff.
const (
	ActPublished ChangeAct = "published"
	ActChanged   ChangeAct = "changed"
	ActWithdrawn ChangeAct = "withdrawn"
	ActCarried   ChangeAct = "carried" // by CDRs
)

// ChangeMoney is what a change came to: of Priced CDRs, their price by the new version less
// that by the one before. Where Priced is less than CDRs these are Priced of them at
// random, or some have no price by one of the two.
type ChangeMoney struct {
	CDRs, Priced uint64
	Sampled      bool // more than could be priced
	Currency     string
	Excl         decimal.Decimal
	Incl         *decimal.Decimal // nil where it is not known of all
}

// TariffChange is one change of a Tariff.
type TariffChange struct {
	TariffStep
	Act      ChangeAct
	Origin   ChangeOrigin
	Currency string // of the version; "" of a withdrawal
	Hash     string // of the version
	Version  ocpi.Version
	Changes  []lint.Change // 50 at most
	More     int           // further ones
	Places   TariffPlaces
	Money    *ChangeMoney // nil where there is nothing to compare with
}

// Late is how much later than in force the version came, 0 where it says not since when.
func (c *TariffChange) Late() time.Duration {
	if !c.LastUpdated.IsSet() || c.Received <= c.LastUpdated {
		return 0
	}
	return time.Duration(c.Received - c.LastUpdated)
}

// RadarPage is a page of changes in the order of when they came into force. Carried, on
// the first page, are those that CDRs alone know, in the order of their first charge; CarriedCut:
// there may be more.
type RadarPage struct {
	Changes    []TariffChange
	Carried    []TariffChange
	CarriedCut bool
	Next       string
}

// Radar tells how Tariffs changed, and what that came to.
type Radar struct {
	Store  RadarStore
	Inputs func() pricing.Inputs // of one goroutine
	Ready  func() bool           // nil = always
}

// Read reads a page.
func (r *Radar) Read(ctx context.Context, q RadarQuery) (*RadarPage, error) {
	if r.Ready != nil && !r.Ready() {
		return nil, fmt.Errorf("read changes of tariffs: %w: they are still being read", ErrUnavailable)
	}
	if q.Location != "" {
		if err := r.name(ctx, &q); err != nil {
			return nil, err
		}
	}
	if ids, all := q.Tariffs(); !all && len(ids) == 0 {
		return &RadarPage{}, nil
	}
	steps, next, err := r.Store.TariffSteps(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read changes of tariffs of %s: %w", q.CPO, err)
	}
	page := &RadarPage{Next: next}
	asked, err := r.steps(ctx, steps, page)
	if err != nil {
		return nil, err
	}
	carried, same, err := r.carried(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.After == "" {
		page.CarriedCut = carried.cut
		page.Carried = carried.list
		for i := range page.Carried {
			c := &page.Carried[i]
			if was := carried.before[i]; was != nil && was.Currency() == c.Currency {
				asked = append(asked, compared{c, c.Hash, was, ocpi.TimeOf(q.Next())})
			}
		}
	}
	if err := r.money(ctx, q.CPO, asked, same); err != nil {
		return nil, err
	}
	return page, r.places(ctx, q.CPO, page)
}

// name finds which Tariffs connectors at a Location name now. The error is ErrNotFound where
// there is no such Location, or no such EVSE in it.
func (r *Radar) name(ctx context.Context, q *RadarQuery) error {
	id := ingest.Identity{Object: ingest.ObjectLocation, Key: ocpi.Key{Party: q.CPO, ID: q.Location}}
	found, err := r.Store.LookupObjects(ctx, []ingest.Identity{id})
	if err != nil {
		return fmt.Errorf("read location %s: %w", id.Key, err)
	}
	s, ok := found[id]
	if !ok || s.Deleted {
		return fmt.Errorf("read location %s: %w", id.Key, ErrNotFound)
	}
	l, err := new(ocpi.Decoder).Location(s.Version, s.Body)
	if err != nil {
		return fmt.Errorf("read location %s: %v", id.Key, err) //nolint:errorlint // ours, not the reader's
	}
	there := q.EVSE == ""
	for i := range l.EVSEs {
		e := &l.EVSEs[i]
		if q.EVSE != "" && ocpi.Fold(e.UID) != q.EVSE && ocpi.Fold(e.EVSEID) != q.EVSE {
			continue
		}
		there = true
		for j := range e.Connectors {
			for _, tariff := range e.Connectors[j].TariffIDs {
				q.named = append(q.named, ocpi.Fold(tariff))
			}
		}
	}
	if !there {
		return fmt.Errorf("find EVSE %s in location %s: %w", q.EVSE, id.Key, ErrNotFound)
	}
	slices.Sort(q.named)
	q.named = slices.Compact(q.named)
	return nil
}

// compared is a change whose money is asked for.
type compared struct {
	of     *TariffChange
	hash   string
	before *tariff.Prepared
	until  ocpi.Time
}

// steps makes changes of steps, and returns those that have two versions to price with.
func (r *Radar) steps(ctx context.Context, steps []TariffStep, page *RadarPage) (asked []compared, err error) {
	var wanted []reference.VersionAt
	for i := range steps {
		s := &steps[i]
		if !s.Withdrawn {
			wanted = append(wanted, reference.VersionAt{Tariff: s.Tariff, Position: s.Position})
		}
		if !s.FirstOne && !s.BeforeGone && !s.Withdrawn {
			wanted = append(wanted, reference.VersionAt{Tariff: s.Tariff, Position: s.Before})
		}
	}
	type place struct {
		ingest.Identity
		ingest.Position
	}
	bodies := make(map[place]*ingest.ObjectState, len(wanted))
	err = r.Store.VersionsAt(ctx, wanted, func(s ingest.ObjectState) error {
		bodies[place{s.Identity(), s.Position}] = &s
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read versions of tariffs: %w", err)
	}
	page.Changes = make([]TariffChange, len(steps))
	for i := range steps {
		c := &page.Changes[i]
		c.TariffStep = steps[i]
		c.Act, c.Origin = ActPublished, originOf(c)
		now := bodies[place{c.Tariff, c.Position}]
		switch {
		case c.Withdrawn:
			c.Act = ActWithdrawn
			continue
		case now == nil:
			return nil, fmt.Errorf("read versions of tariffs: %s at %s is not in the store", c.Tariff, c.Position)
		}
		v, err := readVersion(now)
		if err != nil {
			return nil, err
		}
		c.Currency, c.Hash, c.Version = v.currency, v.hash, now.Version
		before := bodies[place{c.Tariff, c.Before}]
		if c.FirstOne || c.BeforeGone || before == nil {
			continue
		}
		c.Act = ActChanged
		if err := c.compare(before.Body, now.Body); err != nil {
			return nil, err
		}
		old, err := readVersion(before)
		if err != nil {
			return nil, err
		}
		if old.prepared != nil && old.currency == v.currency {
			until := c.Until
			if until <= c.Since {
				until = 0
			}
			asked = append(asked, compared{c, v.hash, old.prepared, until})
		}
	}
	return asked, nil
}

// compare notes in what a version differs from the one before.
func (c *TariffChange) compare(before, now []byte) error {
	list, err := lint.Changes(before, now)
	if err != nil {
		return fmt.Errorf("compare versions of tariff %s: %w", c.Tariff.Key, err)
	}
	// What prices comes first.
	slices.SortStableFunc(list, func(a, b lint.Change) int {
		return cmp.Compare(priceless(&a), priceless(&b))
	})
	c.Changes = list
	if len(list) > maxListed {
		c.Changes, c.More = list[:maxListed], len(list)-maxListed
	}
	return nil
}

func priceless(c *lint.Change) int {
	if c.Prices() {
		return 0
	}
	return 1
}

func originOf(c *TariffChange) ChangeOrigin {
	switch {
	case !c.Withdrawn && !c.FirstOne && !c.BeforeGone && c.LastUpdated == c.BeforeUpdated:
		return OriginUnsaid
	case !c.Withdrawn && c.Late() > LateCopy:
		return OriginCopy
	}
	return OriginCPO
}

// version is what is read of a version's body. prepared is nil where nothing can be priced
// with it.
type version struct {
	hash, currency string
	prepared       *tariff.Prepared
}

func readVersion(s *ingest.ObjectState) (v version, err error) {
	d := new(ocpi.Decoder)
	t, err := d.Tariff(s.Version, s.Body)
	if err != nil {
		return v, fmt.Errorf("read tariff %s: the body at %s: %v", s.Key, s.Position, err) //nolint:errorlint // ours, not the reader's
	}
	v.currency = strings.Clone(t.Currency)
	if p, err := tariff.Prepare(t); err == nil {
		v.prepared = p
	}
	hash, err := d.CanonicalHash(s.Body)
	if err != nil {
		return v, fmt.Errorf("read tariff %s: the body at %s: %v", s.Key, s.Position, err) //nolint:errorlint // likewise
	}
	v.hash = hex.EncodeToString(hash[:])
	return v, nil
}

// carried are tariffs that CDRs carry and that differ from those that were pushed, each with
// what was pushed, nil where nothing can be priced with that.
type carried struct {
	list   []TariffChange
	before []*tariff.Prepared
	cut    bool
}

// carried finds them. same are those that say what was pushed in other words, such as
// without its owner: their hashes by that of the version.
func (r *Radar) carried(ctx context.Context, q RadarQuery) (found carried, same map[string][]string, err error) {
	groups, err := r.Store.CarriedTariffs(ctx, q, maxCarried)
	if err != nil {
		return found, nil, fmt.Errorf("read which tariffs CDRs of %s carry: %w", q.CPO, err)
	}
	found.cut = len(groups) == maxCarried
	pushed, err := r.pushed(ctx, q, groups)
	if err != nil {
		return found, nil, err
	}
	var positions []ingest.Position
	at := map[ingest.Position]int{}
	for i := range groups {
		if slices.ContainsFunc(pushed[i], func(v *reference.TariffVersion) bool { return v != nil }) {
			at[groups[i].At] = i
			positions = append(positions, groups[i].At)
		}
	}
	seen, d := map[string]bool{}, new(ocpi.Decoder)
	same = map[string][]string{}
	err = r.Store.BodiesAt(ctx, positions, func(p ingest.Position, v ocpi.Version, body []byte) error {
		g, was := &groups[at[p]], pushed[at[p]]
		cdr, err := d.CDR(v, body)
		if err != nil {
			return fmt.Errorf("read the CDR at %s: %v", p, err) //nolint:errorlint // ours
		}
		for j := range min(len(was), len(cdr.Tariffs)) {
			if was[j] == nil || seen[g.Hashes[j]] {
				continue
			}
			seen[g.Hashes[j]] = true
			t := &cdr.Tariffs[j]
			c := TariffChange{Act: ActCarried, Origin: OriginCDR, Currency: strings.Clone(t.Currency), Hash: g.Hashes[j], Version: v, TariffStep: TariffStep{
				Tariff: was[j].Identity(), Position: p, Since: g.First, LastUpdated: t.LastUpdated, Before: was[j].Position, BeforeUpdated: was[j].LastUpdated,
			}}
			if err := c.compare(was[j].Body, t.Raw); err != nil {
				return err
			}
			switch {
			case len(c.Changes) == 0:
				same[was[j].Hash()] = append(same[was[j].Hash()], c.Hash)
			case g.First < ocpi.TimeOf(q.Next()) && (q.Recipient.IsZero() || was[j].Variant == q.Recipient.String()):
				prepared, err := was[j].Prepared()
				if err != nil {
					prepared = nil // nothing is priced with it
				}
				found.list, found.before = append(found.list, c), append(found.before, prepared)
			}
		}
		return nil
	})
	if err != nil {
		return found, nil, fmt.Errorf("read tariffs that CDRs carry: %w", err)
	}
	found.inOrder()
	return found, same, nil
}

// inOrder sorts by the first charge.
func (c *carried) inOrder() {
	order := make([]int, len(c.list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(c.list[a].Since, c.list[b].Since), cmp.Compare(c.list[a].Tariff.Key.ID, c.list[b].Tariff.Key.ID), cmp.Compare(c.list[a].Hash, c.list[b].Hash))
	})
	list, before := make([]TariffChange, len(order)), make([]*tariff.Prepared, len(order))
	for i, at := range order {
		list[i], before[i] = c.list[at], c.before[at]
	}
	c.list, c.before = list, before
}

// pushed finds of each tariff of some groups the version that was in force, nil where none
// was known then or it is the very same.
func (r *Radar) pushed(ctx context.Context, q RadarQuery, groups []CarriedTariff) ([][]*reference.TariffVersion, error) {
	in, list := r.Inputs(), make([][]*reference.TariffVersion, len(groups))
	wanted, all := q.Tariffs()
	err := pricing.Gather(ctx, in, len(groups), func(i int) bool {
		g := &groups[i]
		list[i] = make([]*reference.TariffVersion, len(g.IDs))
		for j, id := range g.IDs {
			if j >= len(g.Hashes) || !all && !slices.Contains(wanted, ocpi.Fold(id)) {
				continue
			}
			v, later := in.Tariff(ocpi.Key{Party: q.CPO, ID: ocpi.Fold(id)}, g.Debtor, g.First, g.AsOf.Reference)
			if v != nil && !later && v.Hash() != g.Hashes[j] {
				list[i][j] = v
			}
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read versions of tariffs: %w", err)
	}
	return list, nil
}

// money prices CDRs of each change with both of its versions.
func (r *Radar) money(ctx context.Context, cpo ocpi.Party, asked []compared, same map[string][]string) error {
	if len(asked) == 0 {
		return nil
	}
	of := make([]ChargedBy, len(asked))
	for i, a := range asked {
		of[i] = ChargedBy{Hashes: append([]string{a.hash}, same[a.hash]...), From: a.of.Since, Until: a.until}
		if a.of.Tariff.Variant != "" {
			of[i].Debtor, _ = ocpi.ParseParty(a.of.Tariff.Variant)
		}
		a.of.Money = &ChangeMoney{Currency: a.of.Currency}
	}
	most := min(MaxSwapped, max(1, maxSwappedPage/len(asked)))
	counts, some, err := r.Store.ChargedBy(ctx, cpo, of, most)
	if err != nil {
		return fmt.Errorf("find CDRs of %s that are priced with tariffs: %w", cpo, err)
	}
	for i, a := range asked {
		a.of.Money.CDRs, a.of.Money.Sampled = counts[i], counts[i] > uint64(most)
		if counts[i] > 0 {
			a.of.Money.Incl = new(decimal.Decimal)
		}
	}
	in := r.Inputs()
	for part := range slices.Chunk(some, swappedTogether) {
		if err := r.price(ctx, in, asked, part); err != nil {
			return err
		}
	}
	return nil
}

// price prices some CDRs both ways, and adds up.
func (r *Radar) price(ctx context.Context, in pricing.Inputs, asked []compared, part []ChargedCDR) error {
	positions := make([]ingest.Position, len(part))
	for i := range part {
		positions[i] = part[i].At
	}
	type text struct {
		version ocpi.Version
		body    []byte
	}
	bodies := make(map[ingest.Position]text, len(part))
	err := r.Store.BodiesAt(ctx, positions, func(p ingest.Position, v ocpi.Version, body []byte) error {
		bodies[p] = text{v, slices.Clone(body)}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read CDRs: %w", err)
	}
	swaps := make([]pricing.Swap, len(part))
	for i := range part {
		c, b := &part[i], bodies[part[i].At]
		swaps[i] = pricing.Swap{At: c.AsOf, Profile: c.Profile, Hash: c.Hash, Instead: asked[c.Of].before,
			Record: &ingest.Record{Envelope: ingest.Envelope{Object: ingest.ObjectCDR, Key: c.Key, Version: b.version}, Position: c.At, Body: b.body}}
	}
	swapped, err := pricing.PriceSwapped(ctx, in, swaps)
	if err != nil {
		return err
	}
	for i, s := range swapped {
		if s.OK {
			asked[part[i].Of].of.Money.add(&s)
		}
	}
	return nil
}

func (m *ChangeMoney) add(s *pricing.Swapped) {
	m.Priced++
	m.Excl = m.Excl.Add(s.With.Excl.Decimal().Sub(s.Instead.Excl.Decimal()))
	if m.Incl == nil || !s.With.Incl.IsSet() || !s.Instead.Incl.IsSet() {
		m.Incl = nil
		return
	}
	sum := m.Incl.Add(s.With.Incl.Decimal().Sub(s.Instead.Incl.Decimal()))
	m.Incl = &sum
}

// places finds where the tariffs of a page are charged now. A recipient's is charged at
// the same places as everybody's of its id.
func (r *Radar) places(ctx context.Context, cpo ocpi.Party, page *RadarPage) error {
	places := map[string]*TariffPlaces{}
	var ids []string
	for _, list := range [][]TariffChange{page.Changes, page.Carried} {
		for i := range list {
			if id := list[i].Tariff.Key.ID; places[id] == nil {
				places[id] = &TariffPlaces{}
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	d := new(ocpi.Decoder)
	err := r.Store.LocationsOf(ctx, cpo, ids, func(s *ingest.ObjectState) error {
		l, err := d.Location(s.Version, s.Body)
		if err != nil {
			return nil // of a state that an older decoder could read
		}
		note(l, places)
		return nil
	})
	if err != nil {
		return fmt.Errorf("find where tariffs of %s are charged: %w", cpo, err)
	}
	for _, list := range [][]TariffChange{page.Changes, page.Carried} {
		for i := range list {
			list[i].Places = *places[list[i].Tariff.Key.ID]
		}
	}
	return nil
}

// note counts the connectors of a Location by the tariffs they name.
func note(l *ocpi.Location, places map[string]*TariffPlaces) {
	for i := range l.EVSEs {
		e := &l.EVSEs[i]
		if e.Status == "REMOVED" {
			continue
		}
		counted := map[*TariffPlaces]bool{}
		for j := range e.Connectors {
			named := map[*TariffPlaces]bool{}
			for _, id := range e.Connectors[j].TariffIDs {
				if p := places[ocpi.Fold(id)]; p != nil && !named[p] {
					named[p] = true
					p.Connectors++
					if len(p.First) < maxConnectors {
						p.First = append(p.First, ConnectorAt{strings.Clone(l.ID), strings.Clone(e.UID), strings.Clone(e.Connectors[j].ID)})
					}
				}
			}
			for p := range named {
				if !counted[p] {
					counted[p] = true
					p.EVSEs++
				}
			}
		}
	}
}
