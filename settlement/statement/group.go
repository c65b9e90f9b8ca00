package statement

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// group is what a draft of one pair and currency is made of.
type group struct {
	place
	closed, begun ocpi.Month // through which the pair is, see Agreed
	before        bool       // with what is booked before it began, see Query

	members   []drawn
	at        map[string]int    // members by id; nil until one is looked for
	lines     map[string]*said  // by id, of what was issued here
	named     map[ocpi.Key]bool // what credits name, and the group does not have by itself
	others    map[ocpi.Key]bool // of these, those of another eMSP or in another currency
	ofCredits map[ocpi.Key]bool // and those that are credits themselves
	credits   map[ocpi.Key]bool // CDRs of which all credits were looked for
	asked     map[string]bool   // lines whose CDR was looked for
	hashes    map[uint64]bool   // of what is open, once it is asked for; see asks
}

// drawn is a CDR that bears on the draft.
type drawn struct {
	settlement.BookedCDR
	open      bool // it is not issued as it stands
	elsewhere bool // it is another pair's or in another currency now, and was issued here
	named     bool // a credit names it
	looked    bool // whether it was issued here has been looked for
	decided   *Decided
	pending   bool // the decision is not in any line yet
}

// said is what the lines of one place said of a CDR together.
type said struct {
	clearing.Issued
	claim decimal.Decimal
	moved bool // it stands otherwise than its lines have it, as far as is found
}

func (s *said) add(l *IssuedCDR) {
	if s.Period.IsZero() {
		s.Amount.Tax, s.KWh = &decimal.Decimal{}, &decimal.Decimal{}
	}
	if s.Period.IsZero() || l.Period < s.Period {
		s.Period, s.Zeroed = l.Period, l.Zeroed
	}
	s.Amount.Net, s.claim = s.Amount.Net.Add(l.Net), s.claim.Add(l.Claim)
	s.Amount.Tax, s.KWh = plus(s.Amount.Tax, l.Tax), plus(s.KWh, l.KWh)
}

// plus returns a + b, nil where one of them is not known.
func plus(a, b *decimal.Decimal) *decimal.Decimal {
	if a == nil || b == nil {
		return nil
	}
	sum := a.Add(*b)
	return &sum
}

// addOpen takes what is not issued as it stands. What is booked before the pair began
// bears on nothing, and whether it is read depends on the other pairs that are.
func (g *group) addOpen(e *entry) {
	if c := e.booked; g.before || c.Month.IsZero() || c.Month >= g.begun {
		g.members = append(g.members, drawn{BookedCDR: *c, open: true})
	}
}

func (g *group) addDecided(e *entry) {
	d := *e.decided
	m := g.adopt(e.booked)
	m.decided, m.pending = &d, true
}

func (g *group) addMoved(e *entry) { g.issued(e.line).moved = true }

// issued adds a line that was issued here.
func (g *group) issued(l *IssuedCDR) *said {
	if g.lines == nil {
		g.lines = map[string]*said{}
	}
	s := g.lines[l.Key.ID]
	if s == nil {
		s = &said{}
		g.lines[l.Key.ID] = s
	}
	s.add(l)
	return s
}

// find returns the member of an id, nil where there is none.
func (g *group) find(id string) *drawn {
	if g.at == nil {
		g.at = make(map[string]int, len(g.members))
		for i := range g.members {
			g.at[g.members[i].Key.ID] = i
		}
	}
	if i, ok := g.at[id]; ok {
		return &g.members[i]
	}
	return nil
}

// adopt returns the member of a CDR, a new one where there is none. It is valid until the
// next one.
func (g *group) adopt(c *settlement.BookedCDR) *drawn {
	if m := g.find(c.Key.ID); m != nil {
		return m
	}
	g.at[c.Key.ID] = len(g.members)
	g.members = append(g.members, drawn{BookedCDR: *c, elsewhere: placeOf(c) != g.place})
	return &g.members[len(g.members)-1]
}

// fresh reports whether nothing of a member was ever issued here, and nothing need be
// looked for but what was decided lately.
func (g *group) fresh(m *drawn) bool { return m.open && g.lines[m.Key.ID] == nil }

// want asks for what bears on the members, and is not there: the CDR that a credit
// names, all credits of one that was issued, and what was issued of others.
func (g *group) want(l *lookups) {
	for id := range g.lines {
		if g.find(id) == nil && !g.asked[id] {
			g.asked = marked(g.asked, id)
			l.booked[ocpi.Key{Party: g.cpo, ID: id}] = true
		}
	}
	for i := range g.members {
		m := &g.members[i]
		if of := m.Original(); m.Credit && of.ID != "" && !g.named[of] && g.find(of.ID) == nil {
			g.named = marked(g.named, of)
			l.booked[of] = true
			g.wantCredits(of, l)
		}
		if g.fresh(m) {
			continue
		}
		if !m.Credit {
			g.wantCredits(m.Key, l)
		}
		if !m.looked && g.lines[m.Key.ID] == nil {
			l.issued[Unit{m.Key, g.emsp, g.currency}] = true
		}
		m.looked = true
	}
}

func (g *group) wantCredits(of ocpi.Key, l *lookups) {
	if !g.credits[of] {
		g.credits = marked(g.credits, of)
		l.credits[of] = true
	}
}

func marked[K comparable](set map[K]bool, key K) map[K]bool {
	if set == nil {
		set = map[K]bool{}
	}
	set[key] = true
	return set
}

// join takes what was found of what groups wanted.
func (g *group) join(f *found) {
	for id := range g.asked {
		if c := f.booked[ocpi.Key{Party: g.cpo, ID: id}]; c != nil {
			g.adopt(c)
		}
	}
	for of := range g.named {
		switch c := f.booked[of]; {
		case c == nil || c.Credit && c.EMSP != g.emsp: // that one is not for the eMSP of this one to know
		case c.Credit:
			g.ofCredits = marked(g.ofCredits, of)
		case placeOf(c) == g.place:
			g.adopt(c).named = true
		default:
			g.others = marked(g.others, of)
		}
	}
	for _, c := range f.credits[g.place] {
		if of := c.Original(); g.credits[of] && (g.named[of] || g.find(of.ID) != nil) {
			g.adopt(c)
		}
	}
	if len(f.lines[g.place]) == 0 {
		return
	}
	for i := range g.members {
		m := &g.members[i]
		if g.fresh(m) || g.lines[m.Key.ID] != nil {
			continue
		}
		for j := range f.lines[g.place][m.Key.ID] {
			g.issued(&f.lines[g.place][m.Key.ID][j])
		}
	}
}

// settle drops what turned out to bear on nothing, and puts the rest in order. What is not
// open and was not issued here is of a month that does not come to this draft.
func (g *group) settle() error {
	for id := range g.lines {
		if g.find(id) == nil {
			return fmt.Errorf("%s is issued, and is not among the CDRs that count", ocpi.Key{Party: g.cpo, ID: id})
		}
	}
	if g.at == nil {
		return nil
	}
	g.members = slices.DeleteFunc(g.members, func(m drawn) bool { return !m.open && !m.named && g.lines[m.Key.ID] == nil })
	slices.SortFunc(g.members, func(a, b drawn) int { return cmp.Compare(a.Key.ID, b.Key.ID) })
	g.at = nil
	return nil
}

// lookups are CDRs that groups which wait want to know more of.
type lookups struct {
	booked  map[ocpi.Key]bool // the CDR itself
	credits map[ocpi.Key]bool // those that name it
	issued  map[Unit]bool     // what was issued of it
}

func newLookups() lookups {
	return lookups{map[ocpi.Key]bool{}, map[ocpi.Key]bool{}, map[Unit]bool{}}
}

func (l *lookups) len() int { return len(l.booked) + len(l.credits) + len(l.issued) }

// found is what was found of them.
type found struct {
	booked  map[ocpi.Key]*settlement.BookedCDR
	credits map[place][]*settlement.BookedCDR
	lines   map[place]map[string][]IssuedCDR // by id
}

func (f *found) issued(l *IssuedCDR) {
	at := place{l.Key.Party, l.EMSP, l.Currency}
	if f.lines[at] == nil {
		f.lines[at] = map[string][]IssuedCDR{}
	}
	f.lines[at][l.Key.ID] = append(f.lines[at][l.Key.ID], *l)
}
