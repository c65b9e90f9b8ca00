package statement

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// MaxBytes bounds a statement that is read: some two million lines.
const MaxBytes = 1 << 29

// Parse reads a statement in its canonical form. What is not that very form is none:
// the error says where it departs from it.
func Parse(r io.Reader) (*Statement, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("longer than %d bytes", MaxBytes)
	}
	var f file
	if err := json.Unmarshal(raw, &f, json.RejectUnknownMembers(true)); err != nil {
		if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			return nil, fmt.Errorf("byte %d: %w", e.ByteOffset, err)
		}
		return nil, err
	}
	s, err := f.statement()
	if err != nil {
		return nil, err
	}
	var again bytes.Buffer
	if _, err := s.WriteTo(&again); err != nil {
		return nil, err
	}
	if at := differs(again.Bytes(), raw); at >= 0 {
		return nil, fmt.Errorf("byte %d: not the canonical form: its lines give %q, the file has %q", at, around(again.Bytes(), at), around(raw, at))
	}
	return s, nil
}

// differs returns the first byte at which a and b differ, -1 where they are the same.
func differs(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// around is some of what stands at a byte.
func around(b []byte, at int) string {
	return string(b[max(0, min(at-20, len(b))):min(at+20, len(b))])
}

// file is the canonical form as JSON. Totals, taxes and sums follow from the lines and
// are held against them as bytes.
type file struct {
	Statement int    `json:"statement"`
	CPO       string `json:"cpo"`
	EMSP      string `json:"emsp"`
	Period    string `json:"period"`
	Zone      string `json:"zone"`
	Currency  string `json:"currency"`
	Terms     struct {
		Owed string  `json:"owed"`
		Tax  string  `json:"tax"`
		Rate *string `json:"rate"`
	} `json:"terms"`
	Totals jsontext.Value `json:"totals"`
	Tax    jsontext.Value `json:"tax"`
	Sums   jsontext.Value `json:"sums"`
	Lines  []fileLine     `json:"lines"`
}

type fileLine struct {
	CDR      string  `json:"cdr"`
	Kind     string  `json:"kind"`
	Of       string  `json:"of"` // null is ""
	Belongs  string  `json:"belongs"`
	Country  string  `json:"country"`
	Start    string  `json:"start"`
	End      string  `json:"end"`
	KWh      *string `json:"kwh"`
	Net      string  `json:"net"`
	Tax      *string `json:"tax"`
	Category string  `json:"category"`
	Rate     *string `json:"rate"`
}

func (f *file) statement() (s *Statement, err error) {
	if f.Statement != Version {
		return nil, fmt.Errorf("statement: version %d, want %d", f.Statement, Version)
	}
	r := reader{}
	s = &Statement{
		CPO: r.party("cpo", f.CPO), EMSP: r.party("emsp", f.EMSP), Period: r.month("period", f.Period),
		Zone: f.Zone, Currency: f.Currency,
		Terms: Terms{clearing.Owed(f.Terms.Owed), r.tax("terms.rate", f.Terms.Tax, f.Terms.Rate)},
		Lines: make([]Line, len(f.Lines)),
	}
	for i := range f.Lines {
		l := &f.Lines[i]
		r.at = fmt.Sprintf("line %d (%.80q): ", i+1, l.CDR)
		net := r.number("net", &l.Net)
		if net == nil {
			net = &decimal.Decimal{}
		}
		s.Lines[i] = Line{
			CDR: l.CDR, Kind: Kind(l.Kind), Of: l.Of, Belongs: r.month("belongs", l.Belongs), Country: l.Country,
			Start: r.instant("start", l.Start), End: r.instant("end", l.End), KWh: r.number("kwh", l.KWh), Net: *net,
			LineTax: r.number("tax", l.Tax), Tax: r.tax("rate", l.Category, l.Rate),
		}
		if i > 0 && compareLines(s.Lines[i-1], s.Lines[i]) >= 0 {
			r.fail("cdr", "stands behind %q: lines are in the order of belongs and cdr, one per CDR", s.Lines[i-1].CDR)
		}
		r.line(s, &s.Lines[i])
	}
	r.at = ""
	r.head(s)
	return s, r.err
}

// head checks what is said of the whole.
func (r *reader) head(s *Statement) {
	if z, err := tariff.LoadZone(s.Zone); err != nil || z.Name() != s.Zone {
		r.fail("zone", "%.60q is no IANA time zone", s.Zone)
	}
	if len(s.Currency) != 3 || strings.Trim(s.Currency, letters) != "" {
		r.fail("currency", "%.60q: want three capital letters", s.Currency)
	}
	if !slices.Contains([]clearing.Owed{clearing.OwedClaimed, clearing.OwedComputed, clearing.OwedLower}, s.Terms.Owed) {
		r.fail("terms.owed", "%.60q: want claimed, computed or lower", s.Terms.Owed)
	}
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// line checks what no sum holds a line against.
func (r *reader) line(s *Statement, l *Line) {
	if !slices.Contains([]Kind{CDR, Credit, Correction}, l.Kind) {
		r.fail("kind", "%.60q: want cdr, credit or correction", string(l.Kind))
	}
	if id, ok := strings.CutPrefix(l.CDR, s.CPO.String()+"*"); !ok || id == "" || ocpi.Fold(l.CDR) != l.CDR {
		r.fail("cdr", "want a key of %s, in capital letters", s.CPO)
	}
	if l.Belongs > s.Period {
		r.fail("belongs", "%s is after %s, the period of the statement", l.Belongs, s.Period)
	}
	if l.Country != "" && (len(l.Country) != 3 || strings.Trim(l.Country, letters) != "") {
		r.fail("country", "%.60q: want three capital letters", l.Country)
	}
	if l.LineTax != nil && l.Category != clearing.TaxStated {
		r.fail("tax", "category %s has none", l.Category)
	}
}

// reader reads values and keeps the first error.
type reader struct {
	at  string
	err error
}

func (r *reader) fail(name, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s%s: %s", r.at, name, fmt.Sprintf(format, args...))
	}
}

func (r *reader) party(name, s string) ocpi.Party {
	p, ok := ocpi.ParseParty(s)
	if !ok {
		r.fail(name, "%q is no party such as NL*TNM", s)
	}
	return p
}

func (r *reader) month(name, s string) ocpi.Month {
	m, err := ocpi.ParseMonth(s)
	if err != nil {
		r.fail(name, "%v", err)
	}
	return m
}

func (r *reader) instant(name, s string) ocpi.Time {
	if s == "" {
		return 0
	}
	t, err := time.Parse("2006-01-02T15:04:05Z", s)
	if err != nil {
		r.fail(name, "%q is no instant such as 2019-06-05T09:00:00Z", s)
	}
	return ocpi.TimeOf(t)
}

// number reads a decimal; nil is not known.
func (r *reader) number(name string, s *string) *decimal.Decimal {
	if s == nil {
		return nil
	}
	d, err := decimal.NewFromString(*s)
	if err != nil || strings.ContainsAny(*s, "eE") || len(*s) > maxDecimal {
		r.fail(name, "%.60q is no decimal such as 1.25", *s)
		return nil
	}
	return &d
}

// tax reads how something is taxed.
func (r *reader) tax(name, category string, rate *string) clearing.Tax {
	t := clearing.Tax{Category: clearing.TaxCategory(category)}
	if !t.Category.Known() {
		r.fail(name, "%.60q is no category of tax", category)
	}
	if (rate != nil) != (t.Category == clearing.TaxStandard) {
		r.fail(name, "category standard has a rate, and no other")
		return t
	}
	if rate == nil {
		return t
	}
	var err error
	if t.Rate, err = ocpi.ParseNumber(*rate); err != nil || t.Rate.Sign() < 0 {
		r.fail(name, "%.60q is no decimal such as 21", *rate)
	}
	return t
}

// maxDecimal bounds how long a decimal may be: sums of millions of lines are shorter.
const maxDecimal = 60
