package clearing

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// RepricingApplied says that a re-pricing was applied: on what terms, what it rests on, and
// what it replaced. The results themselves are the store's; the record comes before them.
type RepricingApplied struct {
	Run       string        `json:"run"` // its name
	From      ocpi.Month    `json:"from"`
	To        ocpi.Month    `json:"to"`
	Party     string        `json:"party,omitempty"`   // CPO or eMSP of the CDRs; "" = all
	Profile   string        `json:"profile,omitempty"` // "" = as was agreed
	Cut       []cutData     `json:"cut"`               // by epoch and partition: which CDRs were priced again
	Reference int64         `json:"reference"`         // below which records of reference data counted
	Control   int64         `json:"control"`           // below which decisions and agreements counted
	Issuers   string        `json:"issuers,omitempty"` // digest of the list of issuers
	Engine    string        `json:"engine"`            // edition of the engine
	ZoneDB    string        `json:"zone_db"`           // release of the time-zone database
	Count     int64         `json:"count"`             // of the results that were replaced
	Digest    ingest.Digest `json:"digest"`            // over them: see settlement.DigestApplied
	By        string        `json:"by"`
}

// Bounds of the record. The log holds to them: none may shrink.
const (
	maxRun     = 500 // bytes of a run's name
	maxIssuers = 100 // bytes of the digest of a list
)

// RepricingAppliedOf returns what the log has of a run.
func RepricingAppliedOf(a settlement.AppliedRun) RepricingApplied {
	c := RepricingApplied{
		Run: a.Run, From: a.From, To: a.To, Profile: a.Profile, Cut: cutOf(a.Cut), Reference: a.AsOf.Reference, Control: a.AsOf.Control, Issuers: a.AsOf.Issuers,
		Engine: a.Engine, ZoneDB: a.ZoneDB, Count: a.Count, Digest: a.Digest, By: a.By,
	}
	if !a.Party.IsZero() {
		c.Party = a.Party.String()
	}
	return c
}

// said is the run that a valid event is about.
func (c *RepricingApplied) said(e control.Event) settlement.AppliedRun {
	party, _ := ocpi.ParseParty(c.Party) // "" is none
	return settlement.AppliedRun{
		Run: c.Run, From: c.From, To: c.To, Party: party, Profile: c.Profile, Cut: endsOf(c.Cut),
		AsOf:   pricing.AsOf{Reference: c.Reference, Control: c.Control, Issuers: c.Issuers},
		Engine: c.Engine, ZoneDB: c.ZoneDB, Count: c.Count, Digest: c.Digest, By: c.By, Offset: e.Offset, At: e.At,
	}
}

// Kind implements control.Change.
func (RepricingApplied) Kind() control.Kind {
	return control.Kind{Name: "repricing.applied", Version: 1}
}

// Validate implements control.Change.
func (c RepricingApplied) Validate() error {
	switch {
	case c.Run == "" || len(c.Run) > maxRun || !utf8.ValidString(c.Run): // others come back from the log as another name
		return control.Invalid("run: %d bytes, want 1 to %d of UTF-8", len(c.Run), maxRun)
	case c.From.IsZero() || c.To.IsZero() || c.To < c.From:
		return control.Invalid("from and to: want months such as 2019-06, from not after to")
	case len(c.Profile) > maxEdition || len(c.Issuers) > maxIssuers:
		return control.Invalid("profile and issuers: want at most %d and %d bytes", maxEdition, maxIssuers)
	case c.Reference < 0 || c.Control < 0:
		return control.Invalid("reference and control: want no negative number")
	case !isEdition(c.Engine) || !isEdition(c.ZoneDB):
		return control.Invalid("engine and zone_db: want 1 to %d bytes each", maxEdition)
	case c.Count < 1:
		return control.Invalid("count: %d, want at least 1", c.Count)
	case c.By == "" || len(c.By) > maxBy:
		return control.Invalid("by: %d bytes, want 1 to %d", len(c.By), maxBy)
	}
	if c.Party != "" {
		if err := validateParty("party", c.Party); err != nil {
			return err
		}
	}
	return validateCut(c.Cut)
}

// Repricings is the domain of the re-pricings that were applied. Folding it changes no
// result. Its methods are safe for concurrent use.
type Repricings struct {
	machine *control.Machine
	state   control.State[repricings]
}

type repricings struct {
	offsets []int64                 // of all records that had an effect, ascending; the list only grows
	latest  []settlement.AppliedRun // the last ones of them, no more than keptRepricings
}

// keptRepricings is how many are kept in memory; the others are read from the log.
const keptRepricings = 1000

// NewRepricings registers the domain.
func NewRepricings(m *control.Machine) *Repricings {
	d := &Repricings{machine: m}
	m.Register(d.state.Publish, control.On(d.applied))
	return d
}

func (d *Repricings) applied(e control.Event, c RepricingApplied) error {
	s := &d.state.Folded
	if c.Control > e.Offset {
		return control.Conflict("control offset %d is behind the record itself, control record %d", c.Control, e.Offset)
	}
	if n := len(s.offsets); n > 0 && s.offsets[n-1] >= c.Control {
		return &control.Refused{Kind: control.RefusedConflict, Reason: fmt.Sprintf("another re-pricing was applied meanwhile, by control record %d: apply it again", s.offsets[n-1]), Cause: settlement.ErrMeanwhile}
	}
	s.offsets = append(s.offsets, e.Offset)
	s.latest = append(s.latest, c.said(e))
	s.latest = s.latest[max(0, len(s.latest)-keptRepricings):]
	return nil
}

// Apply implements [settlement.AppliedLog]. Errors as in [control.Machine.Do].
func (d *Repricings) Apply(ctx context.Context, a settlement.AppliedRun) error {
	_, err := d.machine.Do(ctx, control.Command{Change: RepricingAppliedOf(a)})
	return err
}

// LastApplied implements [settlement.AppliedLog].
func (d *Repricings) LastApplied(run string) (settlement.AppliedRun, bool) {
	for _, a := range slices.Backward(d.state.Current().latest) {
		if run == "" || a.Run == run {
			return a, true
		}
	}
	return settlement.AppliedRun{}, false
}

// Doomed implements [settlement.AppliedLog]: the first record of a run that was applied
// since what is noted was priced names it, or none ever does.
func (d *Repricings) Doomed(ctx context.Context, n settlement.NotedRun) (doomed bool, err error) {
	list := d.state.Current().offsets
	i, _ := slices.BinarySearch(list, n.Control)
	if i == len(list) {
		return false, nil
	}
	err = d.read(ctx, list[i:i+1], func(a *settlement.AppliedRun) error {
		doomed = a.ID() != n.ID
		return nil
	})
	return doomed, err
}

// Applied calls fn for the re-pricings that were applied, in the order of their records;
// with latest, for no more than so many, the last ones. The asker waits first
// (control.Machine.WaitNext). Errors: those of fn and of the log.
func (d *Repricings) Applied(ctx context.Context, latest int, fn func(*settlement.AppliedRun) error) error {
	list := d.state.Current().offsets
	if latest > 0 {
		list = list[max(0, len(list)-latest):]
	}
	return d.read(ctx, list, fn)
}

// read reads records, from memory where they are kept there.
func (d *Repricings) read(ctx context.Context, offsets []int64, fn func(*settlement.AppliedRun) error) error {
	kept := d.state.Current().latest
	early := len(offsets)
	if len(kept) > 0 {
		early, _ = slices.BinarySearch(offsets, kept[0].Offset)
	}
	err := d.machine.Read(ctx, slices.Values(offsets[:early]), func(e control.Event, change control.Change) error {
		c, ok := change.(RepricingApplied)
		if !ok {
			return fmt.Errorf("control record %d applies no re-pricing", e.Offset)
		}
		a := c.said(e)
		return fn(&a)
	})
	for i := 0; err == nil && i < len(kept); i++ {
		if _, asked := slices.BinarySearch(offsets[early:], kept[i].Offset); asked {
			a := kept[i]
			err = fn(&a)
		}
	}
	return err
}
