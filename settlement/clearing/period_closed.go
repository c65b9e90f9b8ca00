package clearing

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// PeriodClosed closes a period, and all before it that are open, for the pairs of a scope:
// what its attempt wrote counts from then on, each creditor's statements have the next
// numbers of that creditor, and what is found out later is a line of a later period.
// Of pairs that are closed further already it says nothing.
type PeriodClosed struct {
	closeData
	Before ingest.Digest `json:"before"` // of the close before; zeros of the first one
	// Requested is which request it approves; without one nobody else asked for it.
	Requested *requestedData `json:"requested,omitempty"`
	By        string         `json:"by"`
}

// requestedData says which request a close approves, and whose that was.
type requestedData struct {
	Record int64  `json:"record"` // of the control log
	By     string `json:"by"`
}

// closeData is what a close comes to, and what that rests on.
type closeData struct {
	scopeData
	Period    ocpi.Month `json:"period"`    // "2019-06"
	Attempt   string     `json:"attempt"`   // 16 hexadecimal digits
	Cut       []cutData  `json:"cut"`       // by epoch and partition: which CDRs counted
	Reference int64      `json:"reference"` // below which records of reference data counted
	Control   int64      `json:"control"`   // below which decisions and agreements counted
	Editions
	Lines      int64         `json:"lines"`
	Net        []netData     `json:"net"`        // by currency
	Statements []creditorSum `json:"statements"` // by CPO
	Root       ingest.Digest `json:"root"`       // over what each statement is
}

// netData is the sum of all lines in one currency.
type netData struct {
	Currency string `json:"currency"`
	Net      string `json:"net"` // an exact decimal, as short as it can be
}

// creditorSum is how many statements a CPO has.
type creditorSum struct {
	CPO   string `json:"cpo"`
	Count int64  `json:"count"`
}

// Bounds of one close.
const (
	maxCut        = 1024 // partitions
	maxCurrencies = 200
	maxCreditors  = 10_000
	maxStatements = 10_000_000 // of one creditor
	maxAmount     = 40         // bytes of an amount
	maxEdition    = 40         // bytes
)

// NewClosing is what a close says. Editions are those of the running program, and the digest before is that of the log.
type NewClosing struct {
	Attempt
	Cut        settlement.Ends
	Reference  int64
	Lines      int64
	Net        map[string]decimal.Decimal // of all lines, by currency
	Statements []Creditor                 // by CPO
	Root       ingest.Digest
	Requested  *Requested // nil where nobody else asked for it
	By         string
}

// Requested is the request that a close approves.
type Requested struct {
	Record int64 // of the control log
	By     string
}

// Creditor is how many statements a CPO has of one close.
type Creditor struct {
	CPO   ocpi.Party
	Count int64
}

// Event returns what the log has of it, but for the digest before.
func (n *NewClosing) Event() PeriodClosed {
	c := PeriodClosed{closeData: n.data(), By: n.By}
	if r := n.Requested; r != nil {
		c.Requested = &requestedData{r.Record, r.By}
	}
	return c
}

func (n *NewClosing) data() closeData {
	c := closeData{
		scopeData: newScopeData(n.Scope), Period: n.Period, Attempt: fmt.Sprintf("%016x", n.ID),
		Cut: cutOf(n.Cut), Reference: n.Reference, Control: n.Control, Editions: RunningEditions(),
		Lines: n.Lines, Net: []netData{}, Statements: []creditorSum{}, Root: n.Root,
	}
	for _, currency := range slices.Sorted(maps.Keys(n.Net)) {
		c.Net = append(c.Net, netData{currency, n.Net[currency].String()})
	}
	for _, s := range n.Statements {
		c.Statements = append(c.Statements, creditorSum{s.CPO.String(), s.Count})
	}
	return c
}

// said is what NewClosing of a valid event was.
func (c *PeriodClosed) said() NewClosing {
	n := c.closeData.said(c.By)
	if r := c.Requested; r != nil {
		n.Requested = &Requested{r.Record, r.By}
	}
	return n
}

func (c *closeData) said(by string) NewClosing {
	n := NewClosing{
		Attempt: c.attempt(), Cut: endsOf(c.Cut), Reference: c.Reference, Lines: c.Lines,
		Net: map[string]decimal.Decimal{}, Root: c.Root, By: by,
	}
	for _, s := range c.Net {
		n.Net[s.Currency], _ = decimal.NewFromString(s.Net)
	}
	for _, s := range c.Statements {
		cpo, _ := ocpi.ParseParty(s.CPO)
		n.Statements = append(n.Statements, Creditor{cpo, s.Count})
	}
	return n
}

// attempt returns the attempt that a valid event names.
func (c *closeData) attempt() Attempt {
	id, _ := strconv.ParseUint(c.Attempt, 16, 64)
	return Attempt{ID: id, Scope: c.scope(), Period: c.Period, Control: c.Control}
}

// Kind implements control.Change.
func (PeriodClosed) Kind() control.Kind { return control.Kind{Name: "period.closed", Version: 2} }

// Validate implements control.Change.
func (c PeriodClosed) Validate() error {
	if r := c.Requested; r != nil && (r.Record < 0 || r.By == "" || len(r.By) > maxBy) {
		return control.Invalid("requested: want a control record, and by whom in 1 to %d bytes", maxBy)
	}
	return c.validateBy(c.By)
}

// validateBy validates what is said by somebody.
func (c *closeData) validateBy(by string) error {
	id, err := strconv.ParseUint(c.Attempt, 16, 64)
	switch {
	case c.Period.IsZero():
		return control.Invalid("period: required, such as 2019-06")
	case err != nil || fmt.Sprintf("%016x", id) != c.Attempt:
		return control.Invalid("attempt: %q is not 16 hexadecimal digits", c.Attempt)
	case c.Reference < 0 || c.Control < 0 || c.Lines < 0:
		return control.Invalid("reference, control and lines: want no negative number")
	case !isEdition(c.Engine) || !isEdition(c.ZoneDB):
		return control.Invalid("engine and zone_db: want 1 to %d bytes each", maxEdition)
	case len(c.Rules) > maxEdition: // closes of before it was kept say none
		return control.Invalid("rules: %d bytes, want at most %d", len(c.Rules), maxEdition)
	case by == "" || len(by) > maxBy:
		return control.Invalid("by: %d bytes, want 1 to %d", len(by), maxBy)
	}
	if err := c.validate(); err != nil {
		return err
	}
	if err := validateCut(c.Cut); err != nil {
		return err
	}
	if err := c.validateNet(); err != nil {
		return err
	}
	return c.validateStatements()
}

func isEdition(s string) bool { return s != "" && len(s) <= maxEdition }

func (c *closeData) validateNet() error {
	if len(c.Net) > maxCurrencies {
		return control.Invalid("net: %d currencies, want at most %d", len(c.Net), maxCurrencies)
	}
	for i, s := range c.Net {
		if s.Currency == "" || len(s.Currency) > maxAmount || i > 0 && c.Net[i-1].Currency >= s.Currency {
			return control.Invalid("net.%d: want currencies once each, in order", i)
		}
		if !isAmount(s.Net) {
			return control.Invalid("net.%d: %q is not an exact decimal, as short as it can be", i, s.Net)
		}
	}
	return nil
}

// isAmount reports whether a text is an exact decimal without exponent, as short as it
// can be.
func isAmount(s string) bool {
	if len(s) > maxAmount || strings.Trim(s, "-.0123456789") != "" {
		return false
	}
	d, err := decimal.NewFromString(s)
	return err == nil && d.String() == s
}

func (c *closeData) validateStatements() error {
	if len(c.Statements) > maxCreditors {
		return control.Invalid("statements: %d creditors, want at most %d", len(c.Statements), maxCreditors)
	}
	var before ocpi.Party
	for i, s := range c.Statements {
		if err := validateParty("statements", s.CPO); err != nil {
			return err
		}
		cpo, _ := ocpi.ParseParty(s.CPO)
		switch {
		case c.CPO != "" && s.CPO != c.CPO:
			return control.Invalid("statements.%d: %s is no creditor of what is closed for %s", i, s.CPO, c.scope())
		case i > 0 && compareParties(before, cpo) >= 0:
			return control.Invalid("statements.%d: want creditors once each, in order", i)
		case s.Count < 1 || s.Count > maxStatements:
			return control.Invalid("statements.%d: %d of them, want 1 to %d", i, s.Count, maxStatements)
		}
		before = cpo
	}
	return nil
}
