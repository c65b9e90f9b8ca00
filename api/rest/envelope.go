package rest

import (
	"fmt"
	"math"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// Papers know what stands around statements, and beside their lines. A member that is nil
// knows nothing.
type Papers struct {
	Agreements *clearing.Agreements
	Parties    *clearing.Parties
	Lookups    settlement.LookupStore
}

// Notice stands on every statement.
const Notice = "This is not a tax invoice."

// Envelope is what a statement is handed over with: names and dates, of which the canonical
// form has nothing. It answers GET /statements/envelope.
type Envelope struct {
	Statement string    `json:"statement"` // "draft" or "issued"
	Number    *string   `json:"number"`    // with IssuedAt and DueOn null of a draft
	IssuedAt  *string   `json:"issued_at"`
	DueOn     *string   `json:"due_on"`      // a day in the zone of the agreement; null where none was agreed
	DaysToPay *int      `json:"days_to_pay"` // as agreed when it was issued; null where it was not
	From      Addressed `json:"from"`        // the CPO
	To        Addressed `json:"to"`          // the eMSP
	Period    string    `json:"period"`
	Zone      string    `json:"zone"`
	Currency  string    `json:"currency"`
	Lines     int       `json:"lines"`
	Net       string    `json:"net"`
	Tax       *string   `json:"tax"` // with Payable and Debtor null where a CDR states none
	Payable   *string   `json:"payable"`
	Debtor    *string   `json:"debtor"` // who pays
	Digest    string    `json:"digest"` // SHA-256 of the canonical form, hex
	Notice    string    `json:"notice"`
}

// Addressed is a party of a statement as people write to it. Texts are "" where nobody said
// them.
type Addressed struct {
	Party   string `json:"party"`
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"` // lines separated by a line feed
	VATID   string `json:"vat_id,omitempty"`
	// Addressee gets its statements, since it was merged into that one: name, address and
	// VAT id are of it.
	Addressee string `json:"addressee,omitempty"`
}

// Envelope returns that of a statement.
func (p Papers) Envelope(f *FoundStatement) Envelope {
	t := f.Totals()
	e := Envelope{
		Statement: "draft", From: p.addressed(f.CPO, f.Period), To: p.addressed(f.EMSP, f.Period),
		Period: f.Period.String(), Zone: f.Zone, Currency: f.Currency, Lines: t.Lines, Net: t.Net.String(),
		Tax: statement.Fixed(t.Tax, f.Currency), Payable: statement.Fixed(t.Payable, f.Currency), Debtor: partyOrNil(t.Debtor),
		Digest: fmt.Sprintf("%x", f.Digest()), Notice: Notice,
	}
	below := int64(math.MaxInt64)
	if i := f.Issued; i != nil {
		at := i.At.String()
		e.Statement, e.Number, e.IssuedAt, below = "issued", &i.Number, &at, i.Control
		e.DueOn = p.dueOn(i)
	}
	if terms, known := p.terms(f.CPO, f.EMSP, f.Period, below); known && terms.HasDaysToPay {
		e.DaysToPay = &terms.DaysToPay
	}
	return e
}

func (p Papers) terms(cpo, emsp ocpi.Party, period ocpi.Month, below int64) (t clearing.Terms, known bool) {
	if p.Agreements == nil {
		return t, false
	}
	return p.Agreements.TermsAt(control.Pair{CPO: cpo, EMSP: emsp}, period, below), true
}

// dueOn is the day on which an issued statement is due, in the zone of its agreement, nil
// where none was agreed when it was issued.
func (p Papers) dueOn(i *Issued) *string {
	terms, known := p.terms(i.CPO, i.EMSP, i.Period, i.Control)
	if !known || !terms.HasDaysToPay {
		return nil
	}
	day := terms.Zone.Local(i.At).AddDate(0, 0, terms.DaysToPay).Format("2006-01-02")
	return &day
}

// addressed says to whom a statement of a period goes.
func (p Papers) addressed(party ocpi.Party, period ocpi.Month) Addressed {
	a := Addressed{Party: party.String()}
	if p.Parties == nil {
		return a
	}
	to, names := p.Parties.Addressee(party, period, math.MaxInt64)
	a.Name, a.VATID, a.Address = names.Name, names.VATID, names.Address
	if to != party {
		a.Addressee = to.String()
	}
	return a
}

// StatementEnvelope answers GET /statements/envelope: what the statement that the same
// parameters name is handed over with.
func StatementEnvelope(c *gin.Context, d Drafts, p Papers, k Key) error {
	found, err := FindStatement(c.Request.Context(), d, k, c.Request.URL.Query())
	if err != nil {
		return err
	}
	WriteJSON(c, 200, p.Envelope(found))
	return nil
}

// head is the envelope as the first rows of a table.
func (e *Envelope) head() (rows [][]string) {
	add := func(name string, values ...string) { rows = append(rows, append([]string{name}, values...)) }
	add("statement", e.Statement)
	for _, one := range []struct {
		name  string
		value *string
	}{{"number", e.Number}, {"issued at", e.IssuedAt}, {"due on", e.DueOn}} {
		if one.value != nil {
			add(one.name, Cell(*one.value))
		}
	}
	for _, side := range []struct {
		name string
		of   *Addressed
	}{{"from", &e.From}, {"to", &e.To}} {
		add(side.name, side.of.Party, Cell(side.of.Name), Cell(strings.ReplaceAll(side.of.Address, "\n", ", ")))
		if side.of.VATID != "" {
			add(side.name+": VAT id", side.of.VATID)
		}
		if side.of.Addressee != "" {
			add(side.name+": goes to", side.of.Addressee)
		}
	}
	add("period", e.Period, e.Zone)
	add("currency", e.Currency)
	add("net", e.Net)
	add("tax", orUnsaid(e.Tax))
	add("payable", orUnsaid(e.Payable))
	add("who pays", orUnsaid(e.Debtor))
	add("sha-256", e.Digest)
	add(e.Notice)
	return rows
}

func orUnsaid(s *string) string {
	if s == nil {
		return "not known: a CDR states no tax"
	}
	return *s
}

// localTime is an instant by the wall clock of a zone, "" where it is not known.
func localTime(t ocpi.Time, zone *tariff.Zone) string {
	if !t.IsSet() {
		return ""
	}
	return zone.Local(t).Format("2006-01-02T15:04:05-07:00")
}
