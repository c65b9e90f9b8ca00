package rest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// Trial answers what a pack would do with the CDRs of some periods, beside the packs in
// force.
type Trial struct {
	Pack     string       `json:"pack"`
	From     string       `json:"from"`
	To       string       `json:"to"`
	Rules    []TrialRule  `json:"rules"`
	States   []TrialState `json:"states"`
	Problems []string     `json:"problems"` // of pairs of which nobody can say what is owed
}

// TrialRule is how many CDRs of a currency a rule strikes with one effect, and what they
// claim before tax.
type TrialRule struct {
	Rule     string          `json:"rule"`
	Effect   clearing.Effect `json:"effect"`
	Currency string          `json:"currency"`
	InForce  Apart           `json:"in_force"`
	Tried    Apart           `json:"tried"`
}

// TrialState is how many CDRs of a currency come to a state.
type TrialState struct {
	State    clearing.State `json:"state"`
	Currency string         `json:"currency"`
	InForce  Apart          `json:"in_force"`
	Tried    Apart          `json:"tried"`
	Change   Apart          `json:"change"` // tried less in force
}

// TryPack answers what ?pack= would do with the CDRs that belong to ?from= to ?to=, of
// ?cpo= and ?emsp= where these are given: as if nothing of them were issued, and with
// what agreements change of packs. Nothing of it is kept.
func TryPack(c *gin.Context, d Drafts, k Key) error {
	p := NewParams(c.Request.URL.Query(), "pack", "from", "to", "cpo", "emsp")
	pack, from, to := p.pack("pack"), p.RequiredMonth("from"), p.RequiredMonth("to")
	q := statement.Query{CPO: p.Party("cpo"), EMSP: p.Party("emsp"), Party: k.Party, Period: to, Debtless: true}
	if to < from {
		p.Fail(Invalid("to", "%s is before %s", to, from))
	}
	if err := p.Err(); err != nil {
		return err
	}
	inForce, tried := newTrialSide(from, to), newTrialSide(from, to)
	if err := d.Try(c.Request.Context(), q, pack, inForce.add, tried.add); err != nil {
		return err
	}
	WriteJSON(c, http.StatusOK, Trial{pack, from.String(), to.String(), trialRules(inForce, tried), trialStates(inForce, tried), tried.problems})
	return nil
}

// pack reads the name of a pack, which must be given.
func (p *Params) pack(name string) string {
	pack := p.Text(name)
	if _, known := clearing.PackOf(pack); !known {
		var names []string
		for _, p := range clearing.Packs() {
			names = append(names, p.Name)
		}
		p.Fail(Invalid(name, "there is no pack %q; known are %s", pack, strings.Join(names, ", ")))
	}
	return pack
}

type trialRuleKey struct {
	rule, currency string
	effect         clearing.Effect
}

type trialStateKey struct {
	state    clearing.State
	currency string
}

// trialSide is what comes of the CDRs of some periods.
type trialSide struct {
	from, to ocpi.Month
	rules    map[trialRuleKey]*tally
	states   map[trialStateKey]*tally
	problems
}

func newTrialSide(from, to ocpi.Month) *trialSide {
	return &trialSide{from, to, map[trialRuleKey]*tally{}, map[trialStateKey]*tally{}, problems{}}
}

func (t *trialSide) add(d *statement.Draft) error {
	t.note(d)
	for i := range d.Settled {
		s := &d.Settled[i]
		if s.Belongs < t.from || s.Belongs > t.to || s.Issued != nil && s.AtRest() || s.Later && s.Credit { // what a credit comes to later depends on what comes until then
			continue
		}
		tallyOf(t.states, trialStateKey{s.State, d.Currency}).add(s)
		for _, g := range s.Grounds {
			tallyOf(t.rules, trialRuleKey{g.Code, d.Currency, g.Effect}).add(s)
		}
	}
	return nil
}

// beside calls fn for each key of one of two sides with both tallies.
func beside[K comparable](inForce, tried map[K]*tally, fn func(key K, inForce, tried tally)) {
	for key, t := range tried {
		fn(key, *tallyOf(inForce, key), *t)
	}
	for key, t := range inForce {
		if tried[key] == nil {
			fn(key, *t, tally{})
		}
	}
}

// trialRules are in the order of rules, currencies and effects.
func trialRules(inForce, tried *trialSide) []TrialRule {
	list := []TrialRule{}
	beside(inForce.rules, tried.rules, func(key trialRuleKey, a, b tally) {
		list = append(list, TrialRule{key.rule, key.effect, key.currency, a.apart(), b.apart()})
	})
	at := func(code string) int {
		return slices.IndexFunc(clearing.Rules(), func(r clearing.Rule) bool { return r.Code == code })
	}
	slices.SortFunc(list, func(a, b TrialRule) int {
		return cmp.Or(at(a.Rule)-at(b.Rule), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Effect, b.Effect))
	})
	return list
}

// trialStates are in the order of currencies and states.
func trialStates(inForce, tried *trialSide) []TrialState {
	list := []TrialState{}
	beside(inForce.states, tried.states, func(key trialStateKey, a, b tally) {
		change := b.less(a)
		list = append(list, TrialState{key.state, key.currency, a.apart(), b.apart(), change.apart()})
	})
	slices.SortFunc(list, func(a, b TrialState) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.State, b.State))
	})
	return list
}
