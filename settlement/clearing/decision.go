package clearing

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Undo takes back what was decided about a CDR: rules say again what it comes to, and its
// first copy counts again. Adopt has another copy of one CDR count, with the content that
// it has; rules say what that comes to, whatever was decided about the other content.
const (
	Undo  Act = "undo"
	Adopt Act = "adopt"
)

// acts are what can be decided of many CDRs.
var acts = []Act{Accept, RejectIt, HoldIt, Undo}

// CDRsDecided is one decision of a person about CDRs, each by the record of the copy that
// counted.
type CDRsDecided struct {
	Act    Act    `json:"act"`
	At     Owed   `json:"at,omitempty"` // of accept: the side whose amount is owed
	Reason string `json:"reason"`
	By     string `json:"by"`
	// By what they were chosen, for people. All of them are of the scope's pairs.
	scopeData
	Ground string        `json:"ground,omitempty"`
	Period string        `json:"period,omitempty"`
	Digest ingest.Digest `json:"digest,omitzero"` // of what was shown, see DigestOf
	// Control is below which control record who decided had looked.
	Control int64          `json:"control"`
	Groups  []decidedGroup `json:"groups"` // by what was shown
}

// decidedGroup is CDRs of which the same grounds were shown.
type decidedGroup struct {
	Covers []string `json:"covers"` // codes of grounds, in order
	CDRs   []byte   `json:"cdrs"`   // see encodeSet
}

// Bounds of a decision. The log holds to them: none may shrink.
const (
	maxDecided = 100_000 // CDRs
	maxSets    = 700_000 // bytes of sets: a control record has less than 1,000,000
	maxGroups  = 1_000
	maxCovers  = 64
	maxReason  = 500 // bytes
)

// NewDecision is what Decide needs.
type NewDecision struct {
	Act     Act
	At      Owed
	Reason  string
	By      string
	Scope   Scope // of all pairs of the CDRs
	Ground  string
	Period  ocpi.Month
	Digest  ingest.Digest
	Control int64
	Groups  []DecidedGroup
	Copy    ingest.Position // of Adopt, which is about one CDR: the copy that is to count
}

// DecidedGroup is CDRs, by their records, of which the same grounds were shown.
type DecidedGroup struct {
	Covers []string
	CDRs   []ingest.Position
}

// Event returns what the log has of it.
func (n *NewDecision) Event() control.Change {
	if n.Act == Adopt {
		return n.adopted()
	}
	return n.decided()
}

func (n *NewDecision) decided() CDRsDecided {
	c := CDRsDecided{
		Act: n.Act, At: n.At, Reason: n.Reason, By: n.By, scopeData: newScopeData(n.Scope), Ground: n.Ground,
		Period: n.Period.String(), Digest: n.Digest, Control: n.Control,
	}
	for _, g := range n.Groups {
		covers, cdrs := slices.Clone(g.Covers), slices.Clone(g.CDRs)
		slices.Sort(covers)
		slices.SortFunc(cdrs, comparePositions)
		c.Groups = append(c.Groups, decidedGroup{append([]string{}, slices.Compact(covers)...), encodeSet(slices.Compact(cdrs))})
	}
	slices.SortFunc(c.Groups, func(a, b decidedGroup) int { return slices.Compare(a.Covers, b.Covers) })
	return c
}

// said is what NewDecision of a valid event was.
func (c CDRsDecided) said() NewDecision {
	n := NewDecision{
		Act: c.Act, At: c.At, Reason: c.Reason, By: c.By, Scope: c.scope(), Ground: c.Ground, Digest: c.Digest, Control: c.Control,
	}
	n.Period, _ = ocpi.ParseMonth(c.Period) // "" is none
	for _, g := range c.Groups {
		cdrs, _ := decodeSet(g.CDRs, maxDecided)
		n.Groups = append(n.Groups, DecidedGroup{g.Covers, cdrs})
	}
	return n
}

// Decision is what of it holds for the CDRs of a group, nil where rules say again what
// these come to.
func (n *NewDecision) Decision(g *DecidedGroup) *Decision {
	if n.Act == Undo || n.Act == Adopt {
		return nil
	}
	return &Decision{Act: n.Act, At: n.At, Covers: g.Covers}
}

// Kind implements control.Change.
func (CDRsDecided) Kind() control.Kind { return control.Kind{Name: "cdrs.decided", Version: 1} }

// Validate implements control.Change.
func (c CDRsDecided) Validate() error {
	month, err := ocpi.ParseMonth(c.Period)
	switch {
	case !slices.Contains(acts, c.Act):
		return control.Invalid("act: %q, want accept, reject, hold or undo", c.Act)
	case c.At != "" && (c.Act != Accept || c.At != OwedClaimed && c.At != OwedComputed):
		return control.Invalid("at: %q, want claimed or computed, of accept alone", c.At)
	case !isReason(c.Reason):
		return control.Invalid("reason: want 1 to %d bytes of UTF-8 without control characters", maxReason)
	case c.By == "" || len(c.By) > maxBy:
		return control.Invalid("by: %d bytes, want 1 to %d", len(c.By), maxBy)
	case c.Ground != "" && !isGround(c.Ground):
		return control.Invalid("ground: %q is not the code of one", c.Ground)
	case c.Period != "" && (err != nil || month.String() != c.Period):
		return control.Invalid("period: %q is not a month such as 2019-06", c.Period)
	case c.Control < 0:
		return control.Invalid("control: want no negative number")
	}
	if err := c.validate(); err != nil {
		return err
	}
	_, err = c.cdrs()
	return err
}

func isReason(s string) bool {
	return strings.TrimSpace(s) != "" && len(s) <= maxReason && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func isGround(s string) bool { return isCode(s) && len(s) <= maxKeyLength }

// cdrs returns all that is decided on, in order, or a *control.Refused.
func (c *CDRsDecided) cdrs() (all []ingest.Position, err error) {
	if len(c.Groups) == 0 || len(c.Groups) > maxGroups {
		return nil, control.Invalid("groups: %d of them, want 1 to %d", len(c.Groups), maxGroups)
	}
	size := 0
	for i, g := range c.Groups {
		switch {
		case len(g.Covers) > maxCovers || !slices.IsSorted(g.Covers) || len(slices.Compact(slices.Clone(g.Covers))) != len(g.Covers) || slices.ContainsFunc(g.Covers, func(s string) bool { return !isGround(s) }):
			return nil, control.Invalid("groups.%d.covers: want at most %d codes of grounds, once each and in order", i, maxCovers)
		case i > 0 && slices.Compare(c.Groups[i-1].Covers, g.Covers) >= 0:
			return nil, control.Invalid("groups.%d: want one group for the same grounds, and groups in their order", i)
		}
		if size += len(g.CDRs); size > maxSets {
			return nil, control.Invalid("groups: more than %d bytes of CDRs: decide on them in parts", maxSets)
		}
		set, err := decodeSet(g.CDRs, maxDecided-len(all))
		if err != nil {
			return nil, control.Invalid("groups.%d.cdrs: want a set of records of CDRs, at most %d in all", i, maxDecided)
		}
		all = append(all, set...)
	}
	slices.SortFunc(all, comparePositions)
	if !isSet(all) {
		return nil, control.Invalid("groups: a CDR is in two of them")
	}
	return all, nil
}

// Decisions is the domain of what people decided about CDRs. What holds now is the
// store's to tell, which has a row for each: see [Decisions.Since]. Its methods are safe
// for concurrent use.
type Decisions struct {
	machine *control.Machine
	state   control.State[decided]
	recent  recentDecisions // of the folds alone
}

// decided are the records of all decisions that had an effect, ascending; the list only
// grows.
type decided struct {
	offsets []int64
	last    control.Map[Scope, int64] // by the scope of their CDRs
}

// NewDecisions registers the domain. closes are those of the same machine.
func NewDecisions(m *control.Machine, closes *Closes) *Decisions {
	d := &Decisions{machine: m}
	closes.decisions = d
	m.Register(d.state.Publish, control.On(d.decide), control.On(d.adopt))
	return d
}

// Decide decides on CDRs, all or none, and returns the offset of the record. command may
// be "". Errors as in [control.Machine.Do]; the cause of a *control.Refused is a
// *NotDecided where somebody else decided meanwhile.
func (d *Decisions) Decide(ctx context.Context, command string, n NewDecision) (int64, error) {
	at, err := d.machine.Do(ctx, control.Command{ID: command, Change: n.Event()})
	return at.Offset, err
}

// DecisionRecord is a decision that had an effect.
type DecisionRecord struct {
	NewDecision
	Offset  int64     // of its control record
	Decided ocpi.Time // of the record
}

// Since hands on the decisions that had an effect, by the control records from an offset
// on, in their order, and returns below which record it looked. Errors: those of fn and
// of the log.
func (d *Decisions) Since(ctx context.Context, from int64, fn func(*DecisionRecord) error) (next int64, err error) {
	next = d.machine.Next() // what is published is not behind it
	list := d.state.Current().offsets
	first, _ := slices.BinarySearch(list, from)
	last, _ := slices.BinarySearch(list, next)
	if first >= last {
		return max(from, next), nil
	}
	err = d.machine.Read(ctx, slices.Values(list[first:last]), func(e control.Event, change control.Change) error {
		c, ok := change.(interface{ said() NewDecision })
		if !ok {
			return fmt.Errorf("control record %d decides on no CDRs", e.Offset)
		}
		return fn(&DecisionRecord{NewDecision: c.said(), Offset: e.Offset, Decided: e.At})
	})
	return next, err
}

func (d *Decisions) decide(e control.Event, c CDRsDecided) error {
	cdrs, err := c.cdrs()
	if err != nil {
		return err
	}
	return d.fold(e, &NewDecision{Act: c.Act, By: c.By, Scope: c.scope(), Control: c.Control}, cdrs)
}

// fold folds a decision about CDRs that are in order.
func (d *Decisions) fold(e control.Event, n *NewDecision, cdrs []ingest.Position) error {
	if n.Control > e.Offset {
		return control.Conflict("control offset %d is behind the decision itself, control record %d", n.Control, e.Offset)
	}
	if why := d.recent.meets(cdrs, n.Control); why != nil {
		return &control.Refused{Kind: control.RefusedConflict, Reason: why.Error(), Cause: why}
	}
	d.recent.add(recentDecision{e.Offset, n.Act, n.By, encodeSet(cdrs)})
	s := &d.state.Folded
	s.offsets, s.last = append(s.offsets, e.Offset), s.last.With(n.Scope, e.Offset)
	return nil
}

// recentDecisions are the last decisions that had an effect, the oldest first.
type recentDecisions struct {
	list  []recentDecision
	bytes int
	from  int64 // by which record the first one is kept, or could be
}

type recentDecision struct {
	offset int64
	act    Act
	by     string
	cdrs   []byte // see encodeSet
}

// What is kept of decisions. Every process refuses by the same, so neither may change.
const (
	recentCount = 10_000
	recentBytes = 32 << 20
)

func (r *recentDecisions) add(d recentDecision) {
	r.list = append(r.list, d)
	r.bytes += len(d.cdrs)
	for len(r.list) > recentCount || r.bytes > recentBytes {
		r.bytes -= len(r.list[0].cdrs)
		r.from = r.list[0].offset + 1
		r.list[0] = recentDecision{}
		r.list = r.list[1:]
	}
}

// meets returns the last decision about one of some CDRs by a record at or above an
// offset, nil where there is none.
func (r *recentDecisions) meets(cdrs []ingest.Position, control int64) *NotDecided {
	if control < r.from {
		return &NotDecided{Again: true}
	}
	for _, d := range slices.Backward(r.list) {
		if d.offset < control {
			break
		}
		set, err := decodeSet(d.cdrs, math.MaxInt32)
		if err != nil {
			panic(err) // we wrote it
		}
		if at, ok := meet(set, cdrs); ok {
			return &NotDecided{CDR: at, Record: d.offset, Act: d.act, By: d.by}
		}
	}
	return nil
}

// meet returns a record that is in both sets.
func meet(a, b []ingest.Position) (at ingest.Position, ok bool) {
	if len(a) > len(b) {
		a, b = b, a
	}
	for _, p := range a {
		i, found := slices.BinarySearchFunc(b, p, comparePositions)
		if found {
			return p, true
		}
		b = b[i:]
	}
	return at, false
}

// NotDecided is why a decision has no effect, the cause of a *control.Refused.
type NotDecided struct {
	CDR    ingest.Position // one that somebody else decided on meanwhile
	Record int64           // by this control record
	Act    Act
	By     string
	Again  bool // instead of all that: it is too long ago that it looked
}

// Error says which decision stands. Who decided is not for everybody who is refused: keys of
// one party are told by nobody else's.
func (n *NotDecided) Error() string {
	if n.Again {
		return "so much was decided since it was looked at that nobody knows whether it is the same still: look again"
	}
	return fmt.Sprintf("record %s was decided on meanwhile (%s), control record %d: look again", n.CDR, n.Act, n.Record)
}
