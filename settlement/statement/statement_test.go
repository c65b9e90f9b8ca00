package statement_test

import (
	"bytes"
	"flag"
	"io"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite golden files")

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func ref(s string) *decimal.Decimal {
	if s == "" {
		return nil
	}
	d := dec(s)
	return &d
}

func instant(s string) ocpi.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return ocpi.TimeOf(t)
}

var stated = clearing.Tax{Category: clearing.TaxStated}

func june(lines ...statement.Line) *statement.Statement {
	s := &statement.Statement{
		CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("DE", "EMP"), Period: 201906, Zone: "UTC", Currency: "EUR",
		Terms: statement.Terms{Owed: clearing.OwedClaimed, Tax: stated}, Lines: lines,
	}
	s.Sort()
	return s
}

func charge(id, kwh, net, tax string) statement.Line {
	return statement.Line{
		CDR: "NL*TNM*" + id, Kind: statement.CDR, Belongs: 201906, Country: "NLD", Start: instant("2019-06-05T09:00:00Z"), End: instant("2019-06-05T11:40:00Z"),
		KWh: ref(kwh), Net: dec(net), LineTax: ref(tax), Tax: stated,
	}
}

func canonical(t testing.TB, s *statement.Statement) string {
	t.Helper()
	var b bytes.Buffer
	n, err := s.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("wrote %d of %d bytes: %v", n, b.Len(), err)
	}
	return b.String()
}

// The form is frozen: the golden files hold one of each thing that it can say.
func TestCanonicalForm(t *testing.T) {
	credit := charge("K1", "-20", "-7", "-0.9")
	credit.Kind, credit.Of = statement.Credit, "NL*TNM*C1"
	correction := charge("A9", "0", "-1.005", "-0.19")
	correction.Kind, correction.Of, correction.Belongs = statement.Correction, "2019-05", 201905
	odd := charge(`Q"\ü`+"\n", "", "0.333", "")
	odd.Country, odd.Start, odd.End = "", 0, 0
	standard := charge("S1", "10.50", "3.335", "")
	standard.Tax = clearing.Tax{Category: clearing.TaxStandard, Rate: ocpi.MustNumber("21.0")}
	reverse := charge("R1", "10", "2.50", "")
	reverse.Tax = clearing.Tax{Category: clearing.TaxReverseCharge}
	dinars := june(charge("C1", "1", "1.00055", "0.1"), charge("C2", "1", "0.12345", "0.0004"))
	dinars.Currency = "KWD"
	yen := june(credit)
	yen.Currency = "JPY"
	for name, s := range map[string]*statement.Statement{
		"five-charges": june(charge("C1", "20", "7", "0.9"), charge("C2", "20.0", "7.50", "0.9"), charge("C3", "20", "7.5", "0.9"), charge("C4", "20", "7.5", "0.9"), charge("C5", "20", "7.5", "0.9")),
		"kinds":        june(charge("C1", "20", "7", "0.9"), credit, correction),
		"unknown":      june(charge("C1", "20", "7", "0.9"), odd),
		"taxes":        june(charge("C1", "20", "7.005", "0.9"), standard, reverse),
		"three-digits": dinars,
		"cpo-owes":     yen,
		"empty":        june(),
	} {
		t.Run(name, func(t *testing.T) {
			got, file := canonical(t, s), "testdata/"+name+".json"
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
			again, err := statement.Parse(strings.NewReader(got))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, canonical(t, again)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The example that partners are given, to the byte.
func TestTheExampleOfTheForm(t *testing.T) {
	const want = `{"statement":1,"cpo":"NL*TNM","emsp":"DE*EMP","period":"2019-06","zone":"UTC","currency":"EUR","terms":{"owed":"claimed","tax":"stated","rate":null},` +
		`"totals":{"lines":5,"kwh":"100","net":"37","rounding":"0.00","tax":"4.50","payable":"41.50","debtor":"DE*EMP"},"tax":[{"category":"stated","rate":null,"base":"37.00","tax":"4.50"}],` +
		`"sums":[{"belongs":"2019-06","kind":"cdr","country":"NLD","lines":5,"kwh":"100","net":"37"}],"lines":[` +
		`{"cdr":"NL*TNM*C1","kind":"cdr","of":null,"belongs":"2019-06","country":"NLD","start":"2019-06-05T09:00:00Z","end":"2019-06-05T11:40:00Z","kwh":"20","net":"7","tax":"0.9","category":"stated","rate":null}`
	s := june(charge("C5", "20", "7.5", "0.9"), charge("C1", "20", "7", "0.9"), charge("C2", "20.0", "7.50", "0.9"), charge("C3", "20", "7.5", "0.9"), charge("C4", "20", "7.5", "0.9"))
	if got := canonical(t, s); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The document's example is a statement.
func TestTheDocumentsExample(t *testing.T) {
	doc, err := os.ReadFile("../../docs/statement.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(doc), "```\n")
	example, _, _ = strings.Cut(example, "```")
	text := strings.ReplaceAll(example, "\n", "") + "\n"
	s, err := statement.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, canonical(t, s)); diff != "" {
		t.Error(diff)
	}
}

// What is no statement is told with where it departs from one.
func TestParseSaysWhereItIsNoStatement(t *testing.T) {
	good := canonical(t, june(charge("C1", "20", "7", "0.9"), charge("C2", "20", "7", "0.9")))
	for name, c := range map[string]struct{ from, to, want string }{
		"an amount":         {`"net":"7","tax"`, `"net":"8","tax"`, "not the canonical form"},
		"a total":           {`"payable":"15.80"`, `"payable":"15.81"`, "not the canonical form"},
		"white space":       {`,"emsp"`, `, "emsp"`, "not the canonical form"},
		"no decimal":        {`"kwh":"20","net":"7","tax"`, `"kwh":"20e0","net":"7","tax"`, `line 1 ("NL*TNM*C1"): kwh: "20e0" is no decimal`},
		"another order":     {`"cdr":"NL*TNM*C1"`, `"cdr":"NL*TNM*C3"`, `line 2 ("NL*TNM*C2"): cdr: stands behind "NL*TNM*C3"`},
		"another kind":      {`"kind":"cdr","of"`, `"kind":"fee","of"`, `line 1 ("NL*TNM*C1"): kind: "fee"`},
		"another version":   {`"statement":1`, `"statement":2`, "statement: version 2, want 1"},
		"no party":          {`"cpo":"NL*TNM"`, `"cpo":"Netherlands"`, `cpo: "Netherlands" is no party`},
		"an unknown member": {`"zone":`, `"number":"1","zone":`, "number"},
		"another zone":      {`"zone":"UTC"`, `"zone":"Mars"`, `zone: "Mars" is no IANA time zone`},
		"a zone's alias":    {`"zone":"UTC"`, `"zone":"utc"`, `zone: "utc" is no IANA time zone`},
		"small letters":     {`"currency":"EUR"`, `"currency":"eur"`, `currency: "eur"`},
		"other terms":       {`"owed":"claimed"`, `"owed":"half"`, `terms.owed: "half"`},
		"a rate":            {`"tax":"stated","rate":null`, `"tax":"stated","rate":"21"`, "terms.rate: category standard has a rate, and no other"},
		"another category":  {`"tax":"stated","rate":null`, `"tax":"vat","rate":null`, `terms.rate: "vat" is no category of tax`},
		"another country":   {`"country":"NLD","start"`, `"country":"=1","start"`, `line 1 ("NL*TNM*C1"): country: "=1"`},
		"another's CDR":     {`"cdr":"NL*TNM*C1"`, `"cdr":"FR*XXX*C1"`, `line 1 ("FR*XXX*C1"): cdr: want a key of NL*TNM`},
		"a small id":        {`"cdr":"NL*TNM*C1"`, `"cdr":"NL*TNM*c1"`, "cdr: want a key of NL*TNM, in capital letters"},
		"a later period":    {`"of":null,"belongs":"2019-06"`, `"of":null,"belongs":"2019-07"`, "belongs: 2019-07 is after 2019-06"},
		"cut off":           {"]}\n", "", "unexpected EOF"},
		"no end of line":    {"]}\n", "]}", "not the canonical form"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good, c.from, c.to, 1)
			if bad == good {
				t.Fatalf("%q is not in %s", c.from, good)
			}
			if _, err := statement.Parse(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

var lines = rapid.Custom(func(t *rapid.T) statement.Line {
	number := func(label string) *decimal.Decimal {
		if rapid.IntRange(0, 9).Draw(t, label+" is known") == 0 {
			return nil
		}
		// Written with zeros that say nothing, as a store hands decimals out.
		d := decimal.New(rapid.Int64Range(-1e9, 1e9).Draw(t, label), -int32(rapid.IntRange(0, 6).Draw(t, "scale")))
		padded := decimal.RequireFromString(d.StringFixed(12))
		return &padded
	}
	l := statement.Line{
		CDR: ocpi.Fold("NL*TNM*" + rapid.StringN(1, 8, 36).Draw(t, "id")), Kind: statement.CDR, Belongs: rapid.SampledFrom([]ocpi.Month{201904, 201905, 201906}).Draw(t, "belongs"),
		Country: rapid.SampledFrom([]string{"", "NLD", "DEU"}).Draw(t, "country"), Start: ocpi.Time(rapid.Int64Range(0, 2e9).Draw(t, "start")) * 1e9,
		KWh: number("kwh"), Tax: rapid.SampledFrom([]clearing.Tax{stated, {Category: clearing.TaxExempt}, {Category: clearing.TaxStandard, Rate: ocpi.MustNumber("7")}, {Category: clearing.TaxStandard, Rate: ocpi.MustNumber("21.0")}}).Draw(t, "category"),
	}
	if net := number("net"); net != nil {
		l.Net = *net
	}
	if l.Category == clearing.TaxStated {
		l.LineTax = number("tax")
	}
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		l.Kind, l.Of = statement.Credit, "NL*TNM*C1"
	case 1:
		l.Kind, l.Of = statement.Correction, "2019-03"
	}
	return l
})

// Whatever is in it, a statement is read back as what it is; the order of its lines
// changes no byte; and its sums are those that fractions give.
func TestStatementsOfRandomLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(lines, 0, 12, func(l statement.Line) string { return l.CDR }).Draw(t, "lines")
		s := june(list...)
		s.Currency = rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(t, "currency")
		text := rapidCanonical(t, s)
		again, err := statement.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		s.Lines = rapid.Permutation(s.Lines).Draw(t, "order")
		s.Sort()
		if differ := statement.Compare(s.Lines, again.Lines); len(differ) > 0 || rapidCanonical(t, s) != text {
			t.Fatalf("differs: %v", differ)
		}
		net, base := new(big.Rat), new(big.Rat)
		for i := range s.Lines {
			net.Add(net, s.Lines[i].Net.Rat())
		}
		totals := s.Totals()
		for _, tax := range totals.ByTax {
			sum := new(big.Rat)
			for i := range s.Lines {
				if l := &s.Lines[i]; l.Category == tax.Category && (!l.Rate.IsSet() || l.Rate.Cmp(tax.Rate) == 0) {
					sum.Add(sum, l.Net.Rat())
				}
			}
			base.Add(base, roundedAway(sum, int(ocpi.MinorUnit(s.Currency))))
		}
		if net.Cmp(totals.Net.Rat()) != 0 || base.Cmp(new(big.Rat).Add(net, totals.Rounding.Rat())) != 0 {
			t.Fatalf("net %s, rounding %s; fractions give net %s, bases %s", totals.Net, totals.Rounding, net, base)
		}
	})
}

func rapidCanonical(t *rapid.T, s *statement.Statement) string {
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// roundedAway rounds half away from zero.
func roundedAway(r *big.Rat, decimals int) *big.Rat {
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil))
	scaled := new(big.Rat).Mul(r, unit)
	half := big.NewRat(1, 2)
	if scaled.Sign() < 0 {
		half.Neg(half)
	}
	scaled.Add(scaled, half)
	whole := new(big.Int).Quo(scaled.Num(), scaled.Denom())
	return new(big.Rat).Quo(new(big.Rat).SetInt(whole), unit)
}

// One flipped figure is named, and a line that only one side has.
func TestCompareNamesWhatDiffers(t *testing.T) {
	ours := june(charge("C1", "20", "7", "0.9"), charge("C2", "20", "7", "0.9"), charge("C4", "20", "7", "0.9"))
	theirs := june(charge("C1", "20", "7", "0.9"), charge("C2", "20", "7.01", "0.91"), charge("C3", "20", "7", "0.9"))
	var got []string
	for _, d := range statement.Compare(ours.Lines, theirs.Lines) {
		switch {
		case d.Theirs == nil:
			got = append(got, "only ours "+d.Ours.CDR)
		case d.Ours == nil:
			got = append(got, "only theirs "+d.Theirs.CDR)
		}
		for _, m := range d.Members() {
			got = append(got, d.Ours.CDR+" "+m.Name+" "+m.Ours+" / "+m.Theirs)
		}
	}
	want := []string{"NL*TNM*C2 net 7 / 7.01", "NL*TNM*C2 tax 0.9 / 0.91", "only theirs NL*TNM*C3", "only ours NL*TNM*C4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkWriteTo(b *testing.B) {
	list := make([]statement.Line, 100_000)
	for i := range list {
		list[i] = charge("C"+decimal.New(int64(i), 0).StringFixed(0), "20.123", "7.5", "0.9")
	}
	s := june(list...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(list)), "ns/line")
}
