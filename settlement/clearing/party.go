package clearing

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Parties is the domain of what parties are called on statements: in the envelope
// alone, never in what both sides compute. Its methods are safe for concurrent use.
type Parties struct {
	machine *control.Machine
	state   control.State[parties]
}

type parties struct{ set dated[Names] } // by party: as Scope.CPO

// Names are what a party is called. They are "" where nobody said them.
type Names struct {
	Name      string     // legal name
	Address   string     // lines separated by \n
	VATID     string     // without spaces, such as NL123456789B01
	Addressee ocpi.Party // who gets its statements since it was merged; zero = itself
}

// partyTable has all that is said of a party.
var partyTable = table[Names]{
	newRow(Key{Name: "name", Absent: "its OCPI id", Wants: "a text of one line", Says: "legal name"},
		oneLine, func(n *Names, _ string, v string) { n.Name = v }),
	newRow(Key{Name: "address", Absent: "none", Wants: "a text, lines separated by a line feed", Says: "postal address"},
		lines, func(n *Names, _ string, v string) { n.Address = v }),
	newRow(Key{Name: "vat_id", Absent: "none", Wants: "2 to 20 letters and digits, the country first", Says: "VAT id, with spaces and dots left out"},
		vatID, func(n *Names, _ string, v string) { n.VATID = v }),
	newRow(Key{Name: "addressee", Absent: "itself", Wants: "a party, such as NL*NEW", Says: "who gets its statements since it was merged into another party"},
		aParty, func(n *Names, _ string, v ocpi.Party) { n.Addressee = v }),
}

// maxText bounds what is said of a party, in bytes.
const maxText = 500

// PartyKeys returns what can be said of a party.
func PartyKeys() []Key { return partyTable.keys() }

// NewParties registers the domain.
func NewParties(m *control.Machine) *Parties {
	d := &Parties{machine: m}
	m.Register(d.state.Publish, control.On(d.set))
	return d
}

// NewParty is what Set needs. A value "" withdraws what was said.
type NewParty struct {
	Party  ocpi.Party
	From   ocpi.Month // the first period whose statements carry it
	Values map[string]string
	By     string // as in NewAgreement
}

// Set says what a party is called and returns the values as they are kept, with the
// offset of the record. command may be "". Errors: *ValueError where a member or a
// value is none that can be used, and those of [control.Machine.Do].
func (d *Parties) Set(ctx context.Context, command string, n NewParty) (map[string]string, int64, error) {
	values, err := partyTable.canonical(Scope{}, n.Values)
	if err != nil {
		return nil, 0, err
	}
	at, err := d.machine.Do(ctx, control.Command{ID: command, Change: PartySet{n.Party.String(), n.From, values, n.By}})
	return values, at.Offset, err
}

// Names returns what a party is called in a period.
func (d *Parties) Names(party ocpi.Party, period ocpi.Month) Names {
	return d.NamesAt(party, period, math.MaxInt64)
}

// NamesAt is Names by the control records at offsets below. The asker waits first
// (control.Machine.WaitNext).
func (d *Parties) NamesAt(party ocpi.Party, period ocpi.Month, below int64) Names {
	return d.state.Current().names(party, period, below)
}

func (s *parties) names(party ocpi.Party, period ocpi.Month, below int64) (n Names) {
	for set := range s.set.standing(Scope{CPO: party}, period, below) {
		set.row.apply(&n, set)
	}
	return n
}

// maxMergers bounds how often the addressee of an addressee is asked for.
const maxMergers = 16

// Addressee returns who gets a party's statements of a period, and what it is called:
// the party itself, or whom it was merged into, and that one in turn.
func (d *Parties) Addressee(party ocpi.Party, period ocpi.Month, below int64) (ocpi.Party, Names) {
	return d.state.Current().addressee(party, period, below)
}

func (s *parties) addressee(party ocpi.Party, period ocpi.Month, below int64) (ocpi.Party, Names) {
	n := s.names(party, period, below)
	for range maxMergers {
		if n.Addressee.IsZero() {
			break
		}
		party = n.Addressee
		n = s.names(party, period, below)
	}
	return party, n
}

// Known reports whether anything was said of a party.
func (d *Parties) Known(party ocpi.Party) bool {
	_, ok := d.state.Current().set.byScope.Get(Scope{CPO: party})
	return ok
}

// Settings returns what was ever said of parties, of one where it is named: by party,
// member, period and record. Scope.CPO is the party, in whatever role.
func (d *Parties) Settings(only ocpi.Party) []Setting {
	return d.state.Current().set.settings(Scope{CPO: only}.Bears)
}

// PartySet says what a party is called from a period on. Values are by member; ""
// withdraws one.
type PartySet struct {
	Party  string            `json:"party"` // "NL*TNM"
	From   ocpi.Month        `json:"from"`  // "2026-01"
	Values map[string]string `json:"values"`
	By     string            `json:"by"`
}

// Kind implements control.Change.
func (PartySet) Kind() control.Kind { return control.Kind{Name: "party.set", Version: 1} }

// Validate implements control.Change.
func (c PartySet) Validate() error {
	if err := validateParty("party", c.Party); err != nil {
		return err
	}
	return validateValues(c.From, c.Values, maxText, c.By)
}

func (d *Parties) set(e control.Event, c PartySet) error {
	values, err := partyTable.read(c.Values)
	if err != nil {
		return err
	}
	s := &d.state.Folded
	party, _ := ocpi.ParseParty(c.Party) // valid
	if to, ok := ocpi.ParseParty(c.Values["addressee"]); ok {
		if end, _ := s.addressee(to, c.From, math.MaxInt64); to == party || end == party {
			return control.Conflict("the statements of %s cannot go to %s: those of %s go to %s", party, to, to, end)
		}
	}
	next, err := s.set.with(Scope{CPO: party}, c.From, values, &record{offset: e.Offset, at: e.At, by: c.By})
	if err != nil {
		return err
	}
	s.set = next
	return nil
}

func oneLine(text string) (string, string, error) {
	if text = strings.TrimSpace(text); strings.ContainsAny(text, "\r\n") {
		return "", "", errors.New("want one line")
	}
	return lines(text)
}

func lines(text string) (string, string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case text == "" || len(text) > maxText || !utf8.ValidString(text):
		return "", "", fmt.Errorf("want 1 to %d bytes of UTF-8", maxText)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }):
		return "", "", errors.New("control characters are not allowed")
	}
	return text, text, nil
}

func vatID(text string) (string, string, error) {
	text = strings.NewReplacer(" ", "", ".", "", "-", "").Replace(strings.ToUpper(text))
	if len(text) < 2 || len(text) > 20 || !upperAlnum(text) {
		return "", "", errors.New("want 2 to 20 letters and digits, such as NL123456789B01")
	}
	return text, text, nil
}

func aParty(text string) (ocpi.Party, string, error) {
	p, ok := ocpi.ParseParty(text)
	if !ok || !upperAlnum(p.Country+p.ID) {
		return p, "", errors.New("want a party such as NL*NEW")
	}
	return p, p.String(), nil
}
