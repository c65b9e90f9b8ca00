package rest

import (
	"iter"
	"math"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// Setting is one value of an agreement as it was set.
type Setting struct {
	CPO  *string `json:"cpo"` // null where it is for all
	EMSP *string `json:"emsp"`
	setting
}

// PartySetting is one value of what a party is called, as it was set.
type PartySetting struct {
	Party string `json:"party"`
	setting
}

type setting struct {
	Key       string  `json:"key"`
	Value     *string `json:"value"` // null = withdrawn
	From      string  `json:"from"`  // the first period that it holds for
	DecidedAt string  `json:"decided_at"`
	By        string  `json:"by,omitempty"` // "local", or the id of a key; operators alone are told
	Record    int64   `json:"record"`       // where it stands in the control log
	Replaced  bool    `json:"replaced"`     // by a later record for the same period
}

// SettingList answers the settings of agreements.
type SettingList struct {
	Settings []Setting `json:"settings"`
}

// PartySettingList answers what parties are called.
type PartySettingList struct {
	Settings []PartySetting `json:"settings"`
}

// Terms answers what is agreed for a pair and a period.
type Terms struct {
	CPO           *string `json:"cpo"`
	EMSP          *string `json:"emsp"`
	At            string  `json:"at"`
	ClosedThrough *string `json:"closed_through"` // the last period that keeps its terms; null = none
	Values        []Value `json:"values"`
}

// Value is one of the terms, and what it comes from.
type Value struct {
	Key       string  `json:"key"`
	Value     *string `json:"value"` // null = nothing is agreed, and what means then says
	Means     string  `json:"means"`
	Scope     string  `json:"scope"` // pair, cpo, emsp, house, or default
	From      *string `json:"from"`  // null of defaults, as is what follows
	DecidedAt *string `json:"decided_at"`
	By        string  `json:"by,omitempty"`
	Record    *int64  `json:"record"`
}

// NewSetting shows a setting of an agreement to a key.
func NewSetting(s *clearing.Setting, to Key) Setting {
	return Setting{partyOrNil(s.Scope.CPO), partyOrNil(s.Scope.EMSP), newSetting(s, to)}
}

// NewPartySetting shows what was said of a party to a key.
func NewPartySetting(s *clearing.Setting, to Key) PartySetting {
	return PartySetting{s.Scope.CPO.String(), newSetting(s, to)}
}

func newSetting(s *clearing.Setting, to Key) setting {
	v := setting{Key: s.Key, From: s.From.String(), DecidedAt: s.At.String(), Record: s.Offset, Replaced: s.Replaced}
	if s.Value != "" {
		v.Value = &s.Value
	}
	if to.Party.IsZero() {
		v.By = s.By
	}
	return v
}

func partyOrNil(p ocpi.Party) *string {
	if p.IsZero() {
		return nil
	}
	text := p.String()
	return &text
}

// MaySee reports whether a key may see what a scope says: the house's, and what names
// its party. What another party has for itself shows in the terms of their pair.
func MaySee(k Key, s clearing.Scope) bool {
	return k.Party.IsZero() || s == clearing.Scope{} || k.Party == s.CPO || k.Party == s.EMSP
}

// shown yields settings that stand, or with history all in the order of the log.
func shown(list []clearing.Setting, history bool) iter.Seq[*clearing.Setting] {
	if history {
		slices.SortStableFunc(list, func(a, b clearing.Setting) int { return int(a.Offset - b.Offset) })
	}
	return func(yield func(*clearing.Setting) bool) {
		for i := range list {
			if (history || !list[i].Replaced) && !yield(&list[i]) {
				return
			}
		}
	}
}

// AgreementSettings answers a list of settings that can bear on pairs of ?cpo= and
// ?emsp=, those that stand or with ?history=true all of them.
func AgreementSettings(c *gin.Context, d *clearing.Agreements, k Key) error {
	p := NewParams(c.Request.URL.Query(), "cpo", "emsp", "history")
	within, history := clearing.Scope{CPO: p.Party("cpo"), EMSP: p.Party("emsp")}, p.Bool("history")
	if err := p.Err(); err != nil {
		return err
	}
	list := slices.DeleteFunc(d.Settings(within), func(s clearing.Setting) bool { return !MaySee(k, s.Scope) })
	WriteRows(c, "settings", func(yield func(Setting) bool) {
		for s := range shown(list, history != nil && *history) {
			if !yield(NewSetting(s, k)) {
				return
			}
		}
	})
	return nil
}

// AgreementTerms answers what is agreed for ?cpo= and ?emsp= in the period ?at=. One
// of them alone, or none, is what holds for pairs that have nothing of their own.
func AgreementTerms(c *gin.Context, d *clearing.Agreements, closes *clearing.Closes, k Key) error {
	p := NewParams(c.Request.URL.Query(), "cpo", "emsp", "at")
	scope, at := clearing.Scope{CPO: p.Party("cpo"), EMSP: p.Party("emsp")}, p.RequiredMonth("at")
	if err := p.Err(); err != nil {
		return err
	}
	if !MaySee(k, scope) {
		return api.ErrNotFound
	}
	terms := Terms{CPO: partyOrNil(scope.CPO), EMSP: partyOrNil(scope.EMSP), At: at.String(), Values: []Value{}}
	if m := closes.ClosedThrough(control.Pair(scope)); !m.IsZero() {
		text := m.String()
		terms.ClosedThrough = &text
	}
	for _, s := range d.Sources(scope, at, math.MaxInt64) {
		terms.Values = append(terms.Values, newValue(&s, k))
	}
	WriteJSON(c, http.StatusOK, terms)
	return nil
}

func newValue(s *clearing.Source, to Key) Value {
	key, _ := clearing.AgreementKey(s.Key) // what was set there is
	v := Value{Key: s.Key, Means: key.Says, Scope: s.Level.String()}
	if s.Value != "" {
		v.Value = &s.Value
	} else {
		v.Means += ": " + key.Absent
	}
	if s.Level != clearing.LevelDefault {
		set := newSetting(&s.Setting, to)
		v.From, v.DecidedAt, v.By, v.Record = &set.From, &set.DecidedAt, set.By, &set.Record
	}
	return v
}

// PartyNames answers what a party is called on statements of a period.
type PartyNames struct {
	Party   string  `json:"party"`
	At      string  `json:"at"`
	Name    *string `json:"name"` // legal name; null where nobody said it, as is what follows
	Address *string `json:"address"`
	VATID   *string `json:"vat_id"`
	// Addressee is who gets the party's statements: itself, or whom it was merged into.
	Addressee string `json:"addressee"`
}

// PartySettings answers a list of what parties are called, of ?party= alone where it is
// given; ?history= as in AgreementSettings.
func PartySettings(c *gin.Context, d *clearing.Parties, k Key) error {
	p := NewParams(c.Request.URL.Query(), "party", "history")
	only, history := p.Party("party"), p.Bool("history")
	if err := p.Err(); err != nil {
		return err
	}
	list := slices.DeleteFunc(d.Settings(only), func(s clearing.Setting) bool { return !k.Party.IsZero() && k.Party != s.Scope.CPO })
	WriteRows(c, "settings", func(yield func(PartySetting) bool) {
		for s := range shown(list, history != nil && *history) {
			if !yield(NewPartySetting(s, k)) {
				return
			}
		}
	})
	return nil
}

// NamesOfParty answers what a party is called in the period ?at=.
func NamesOfParty(c *gin.Context, d *clearing.Parties, party ocpi.Party) error {
	p := NewParams(c.Request.URL.Query(), "at")
	at := p.RequiredMonth("at")
	if err := p.Err(); err != nil {
		return err
	}
	names := d.Names(party, at)
	to, _ := d.Addressee(party, at, math.MaxInt64)
	view := PartyNames{Party: party.String(), At: at.String(), Addressee: to.String()}
	for text, member := range map[*string]**string{&names.Name: &view.Name, &names.Address: &view.Address, &names.VATID: &view.VATID} {
		if *text != "" {
			*member = text
		}
	}
	WriteJSON(c, http.StatusOK, view)
	return nil
}
