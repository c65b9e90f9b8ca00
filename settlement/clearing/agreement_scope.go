package clearing

import (
	"iter"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Scope is what a setting is for: a pair; with one party alone, all pairs of it as
// CPO or as eMSP; the zero value is the house, all pairs there are.
type Scope struct{ CPO, EMSP ocpi.Party }

// ScopeOf returns the scope of one pair.
func ScopeOf(p control.Pair) Scope { return Scope(p) }

// Level says how much a scope holds. The narrower one wins.
type Level uint8

// Levels, the widest first. The built-in default is what no scope sets.
const (
	LevelDefault Level = iota
	LevelHouse
	LevelEMSP
	LevelCPO
	LevelPair
)

var levelNames = [...]string{"default", "house", "emsp", "cpo", "pair"}

// String returns the level as it is written: "pair", "cpo", "emsp", "house",
// "default".
func (l Level) String() string { return levelNames[l] }

// Level returns how much the scope holds.
func (s Scope) Level() Level {
	switch {
	case s == Scope{}:
		return LevelHouse
	case s.CPO.IsZero():
		return LevelEMSP
	case s.EMSP.IsZero():
		return LevelCPO
	}
	return LevelPair
}

// String returns the scope as people write it: "the house", "NL*TNM as CPO",
// "DE*EMP as eMSP", "NL*TNM → DE*EMP".
func (s Scope) String() string {
	switch s.Level() {
	case LevelPair:
		return s.CPO.String() + " → " + s.EMSP.String()
	case LevelCPO:
		return s.CPO.String() + " as CPO"
	case LevelEMSP:
		return s.EMSP.String() + " as eMSP"
	}
	return "the house"
}

// Bears reports whether what is set for the scope can bear on a pair within
// another one: a party that only one of them names does not part them.
func (s Scope) Bears(on Scope) bool {
	meet := func(a, b ocpi.Party) bool { return a.IsZero() || b.IsZero() || a == b }
	return meet(s.CPO, on.CPO) && meet(s.EMSP, on.EMSP)
}

// widening returns the scopes that bear on all of this one, the widest first, each
// once: what a later one of them says goes before.
func (s Scope) widening() (list [4]Scope, n int) {
	for _, w := range [...]Scope{{}, {EMSP: s.EMSP}, {CPO: s.CPO}, s} {
		if n == 0 || w.Level() != LevelHouse && w != list[n-1] {
			list[n] = w
			n++
		}
	}
	return list, n
}

// bearing yields of a map those whose scope bears on another one, in no order: of a pair's
// it looks at four alone.
func bearing[V any](m control.Map[Scope, V], on Scope) iter.Seq2[Scope, V] {
	return func(yield func(Scope, V) bool) {
		if on.Level() == LevelPair {
			scopes, n := on.widening()
			for _, s := range scopes[:n] {
				if v, ok := m.Get(s); ok && !yield(s, v) {
					return
				}
			}
			return
		}
		for s, v := range m.All() {
			if s.Bears(on) && !yield(s, v) {
				return
			}
		}
	}
}

// compare orders scopes for lists: the house, then eMSPs, CPOs and pairs, each by
// name.
func (s Scope) compare(o Scope) int {
	if d := int(s.Level()) - int(o.Level()); d != 0 {
		return d
	}
	return compareParties(s.CPO, o.CPO, s.EMSP, o.EMSP)
}

// scopeData is a scope as events have it: parties as people write them, none where
// it names none.
type scopeData struct {
	CPO  string `json:"cpo,omitempty"` // "NL*TNM"
	EMSP string `json:"emsp,omitempty"`
}

func newScopeData(s Scope) (d scopeData) {
	if !s.CPO.IsZero() {
		d.CPO = s.CPO.String()
	}
	if !s.EMSP.IsZero() {
		d.EMSP = s.EMSP.String()
	}
	return d
}

func (d scopeData) validate() error {
	for _, side := range []struct{ member, party string }{{"cpo", d.CPO}, {"emsp", d.EMSP}} {
		if side.party == "" {
			continue
		}
		if err := validateParty(side.member, side.party); err != nil {
			return err
		}
	}
	return nil
}

// scope returns what a valid one names.
func (d scopeData) scope() (s Scope) {
	s.CPO, _ = ocpi.ParseParty(d.CPO) // "" is none
	s.EMSP, _ = ocpi.ParseParty(d.EMSP)
	return s
}

// validateParty refuses what is not a party as we write it, such as "NL*TNM".
func validateParty(member, text string) error {
	p, ok := ocpi.ParseParty(text)
	if !ok || p.String() != text || !upperAlnum(p.Country+p.ID) {
		return control.Invalid("%s: %q is not a party such as NL*TNM", member, text)
	}
	return nil
}

func upperAlnum(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
