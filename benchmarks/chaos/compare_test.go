package chaos

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/shopspring/decimal"
)

// book is a clearing house that reports exactly what it is given.
type book struct {
	rows []map[string]any
	ids  []string // of the CDRs listed, whatever is asked
}

func (b *book) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := map[string]any{"rows": b.rows}
	if r.URL.Path == "/api/v1/cdrs" {
		list := make([]map[string]string, len(b.ids))
		for n, id := range b.ids {
			list[n] = map[string]string{"id": id}
		}
		answer = map[string]any{"cdrs": list, "next": nil}
	}
	json.NewEncoder(w).Encode(answer)
}

func amounts(s world.Sum) map[string]any {
	m := map[string]any{"excl_vat": s.Excl.String(), "incl_vat": nil, "incl_vat_missing": s.MissingIncl}
	if s.MissingIncl == 0 {
		m["incl_vat"] = s.Incl.String()
	}
	return m
}

// acknowledged pushes a small world to nobody and returns what a perfect
// clearing house would report.
func acknowledged(t *testing.T) (*partners, *book) {
	t.Helper()
	p := &partners{lines: map[world.Line]map[string]bool{}}
	for item, err := range world.Items(world.Options{Seed: 5, Rows: 400, Only: []world.Module{world.CDRs}}) {
		if err != nil {
			t.Fatal(err)
		}
		if !item.Class.Refused() {
			p.accept(&item)
		}
	}
	b := &book{}
	for _, l := range p.accepted.Sorted() {
		w := p.accepted.Lines[l]
		b.rows = append(b.rows, map[string]any{
			"cpo": l.CPO.String(), "emsp": l.EMSP.String(), "month": l.Month, "currency": l.Currency,
			"cdr_count": w.CDRs, "credit_count": w.Credits, "claimed": amounts(w.Claimed), "credits": amounts(w.CreditedAmount),
			"net": amounts(world.Sum{
				Excl: w.Claimed.Excl.Add(w.CreditedAmount.Excl), Incl: w.Claimed.Incl.Add(w.CreditedAmount.Incl),
				MissingIncl: w.Claimed.MissingIncl + w.CreditedAmount.MissingIncl,
			}),
		})
	}
	for id := range p.lines[p.accepted.Sorted()[0]] {
		b.ids = append(b.ids, id)
	}
	return p, b
}

// The comparison must be able to fail: every damage below is seen.
func TestCompareSeesDamage(t *testing.T) {
	for _, test := range []struct {
		name           string
		damage         func(*book)
		violations     bool
		missing, twice int
	}{
		{name: "none", damage: func(*book) {}},
		{name: "an amount changed", violations: true, damage: func(b *book) {
			claimed := b.rows[0]["claimed"].(map[string]any)
			claimed["excl_vat"] = decimal.RequireFromString(claimed["excl_vat"].(string)).Add(decimal.New(1, -12)).String()
		}},
		{name: "a CDR gone", violations: true, missing: 1, damage: func(b *book) {
			b.rows[0]["cdr_count"] = b.rows[0]["cdr_count"].(int) - 1
			b.rows[1]["cdr_count"] = b.rows[1]["cdr_count"].(int) + 1 // so that the whole count is right
			b.ids = b.ids[1:]
		}},
		{name: "a CDR twice", violations: true, twice: 1, damage: func(b *book) {
			b.rows[0]["cdr_count"] = b.rows[0]["cdr_count"].(int) + 1
			b.ids = append(b.ids, b.ids[0])
		}},
		{name: "tax that was not stated", violations: true, damage: func(b *book) {
			for _, r := range b.rows {
				if c := r["claimed"].(map[string]any); c["incl_vat"] == nil {
					c["incl_vat"], c["incl_vat_missing"] = "1.00", 0
				}
			}
		}},
		{name: "a row that nobody sent", violations: true, twice: 7, damage: func(b *book) {
			zero := amounts(world.Sum{})
			b.rows = append(b.rows, map[string]any{
				"cpo": "GB*DUN", "emsp": "NL*EXW", "month": "2031-01", "currency": "GBP", "cdr_count": 7, "credit_count": 0,
				"claimed": zero, "credits": zero, "net": zero,
			})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, b := acknowledged(t)
			test.damage(b)
			server := httptest.NewServer(b)
			defer server.Close()
			var r Result
			if err := p.compare(t.Context(), server.URL, &r); err != nil {
				t.Fatal(err)
			}
			if (len(r.Violations) > 0) != test.violations {
				t.Errorf("violations: %q", r.Violations)
			}
			if test.missing > 0 && r.Missing < test.missing || test.twice > 0 && r.Twice < test.twice {
				t.Errorf("%d missing, %d twice; want at least %d, %d", r.Missing, r.Twice, test.missing, test.twice)
			}
		})
	}
}
