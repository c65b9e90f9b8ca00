package clearing_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// A pack's edition names its data: of an edition that was given nothing changes any more,
// for statements that name it must come out the same. A pack that was changed gets a new
// edition; -update adds it and never changes one that is there.
func TestEditionsNeverChange(t *testing.T) {
	const path = "testdata/editions.txt"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(string(b))); lines.Scan(); {
		if edition, digest, ok := strings.Cut(lines.Text(), " "); ok {
			given[edition] = digest
		}
	}
	for _, p := range clearing.Packs() {
		text, err := json.Marshal(struct {
			Rules    []clearing.PackRule
			Editions []string
		}{p.Rules, editions()})
		if err != nil {
			t.Fatal(err)
		}
		digest := fmt.Sprintf("%x", sha256.Sum256(text))
		switch was, ok := given[p.Edition]; {
		case !strings.HasPrefix(p.Edition, p.Name+"-"):
			t.Errorf("edition %s of pack %s: want it to begin with its name", p.Edition, p.Name)
		case ok && was != digest:
			t.Errorf("pack %s, or the edition of a rule, was changed: give it another edition than %s", p.Name, p.Edition)
		case !ok && *update:
			b = fmt.Appendf(b, "%s %s\n", p.Edition, digest)
		case !ok:
			t.Errorf("%s does not know %s; go test -update adds it", path, p.Edition)
		}
	}
	if *update {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// editions are those of the rules: a rule that measures in another way has another.
func editions() (list []string) {
	for _, r := range clearing.Rules() {
		list = append(list, r.Code+" "+r.Edition)
	}
	return list
}

// fits says what is wrong with a value that an agreement gives.
func fits(key, value string) error {
	_, err := clearing.Compile("observe", map[string]string{key: value})
	return err
}

// A pack says of every rule that it may what becomes of it, and of no other.
func TestPacksSayAllOfEveryRule(t *testing.T) {
	if p := clearing.Packs()[0]; p.Name != clearing.DefaultPack {
		t.Errorf("the first pack is %s, want %s", p.Name, clearing.DefaultPack)
	}
	for _, p := range clearing.Packs() {
		if _, err := clearing.Compile(p.Name, nil); err != nil {
			t.Error(err)
		}
		if p.Purpose == "" || p.Source.Title == "" {
			t.Errorf("%s: purpose %q, source %+v", p.Name, p.Purpose, p.Source)
		}
		i := 0
		for _, r := range clearing.Rules() {
			if r.Structural {
				continue
			}
			if i == len(p.Rules) || p.Rules[i].Code != r.Code {
				t.Fatalf("%s: rule %d is not %s", p.Name, i, r.Code)
			}
			for k, v := range p.Rules[i].Values {
				if v.Name != r.Params[k].Name {
					t.Errorf("%s: %s: value %d is of %s, want %s", p.Name, r.Code, k, v.Name, r.Params[k].Name)
				}
				if err := fits("rule."+r.Code+"."+v.Name, v.Value); err != nil {
					t.Errorf("%s: %v", p.Name, err)
				}
			}
			if p.Name == "observe" && p.Rules[i].Effect != clearing.Note {
				t.Errorf("observe: %s has the effect %s, want notes alone", r.Code, p.Rules[i].Effect)
			}
			i++
		}
		if i != len(p.Rules) {
			t.Errorf("%s says something of %d rules more", p.Name, len(p.Rules)-i)
		}
	}
}

// What is not known is named, with what is.
func TestCompileNamesWhatIsNotKnown(t *testing.T) {
	for _, tc := range []struct{ pack, key, value, wants string }{
		{"lenient", "", "", `pack: there is no pack "lenient"; known are observe, strict, hubject, eviolin, market`},
		{"observe", "owed", "claimed", "want rule.CODE.PARAM or rule.CODE.effect"},
		{"observe", "rule.energy", "5", "want rule.CODE.PARAM or rule.CODE.effect"},
		{"observe", "rule.enery.max_kwh", "5", `there is no rule "enery"; known are energy, duration, `},
		{"observe", "rule.energy.max", "5", `rule energy has no parameter "max"; it has effect, max_kwh`},
		{"observe", "rule.energy.max_kwh", "many", `"many": want 0 to 100000 (kWh), 4 decimals at most`},
		{"observe", "rule.energy.max_kwh", "-1", "want 0 to 100000 (kWh)"},
		{"observe", "rule.energy.max_kwh", "0.00001", "4 decimals at most"},
		{"observe", "rule.energy.effect", "deny", `"deny": want one of off, note, zero, hold, reject`},
		{"observe", "rule.future.effect", "note", "rule future is structural: no agreement changes it"},
		{"observe", "rule.unpriced.amount", "1", `rule unpriced has no parameter "amount"; it has effect`},
	} {
		agreed := map[string]string{}
		if tc.key != "" {
			agreed[tc.key] = tc.value
		}
		_, err := clearing.Compile(tc.pack, agreed)
		if err == nil || !strings.Contains(err.Error(), tc.wants) || !strings.Contains(err.Error(), tc.key) {
			t.Errorf("%s, %s=%s: %v, want %s", tc.pack, tc.key, tc.value, err, tc.wants)
		}
	}
}

// What a pair agreed on is what its CDRs are judged by.
func TestTermsAreJudgedBy(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	d.mustAgree(t, "house", "2026-01", "pack=eviolin")
	d.mustAgree(t, "NL*TNM DE*EMP", "2026-01", "rule.below_minimum.min_kwh=20.5 rule.foreign_evse.effect=off")
	terms := d.agreements.Terms(control.Pair{CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("DE", "EMP")}, 202601)
	j, err := terms.Judge()
	if err != nil {
		t.Fatal(err)
	}
	f := inOrder()
	f.EVSEID = "DE*ABC*E1"
	want := []clearing.Ground{{Code: "below_minimum", Effect: clearing.Zero, Measured: "20 kWh", Limit: "20.5 kWh"}}
	if diff := cmp.Diff(want, j.Judge(&f, nil)); diff != "" || j.Pack().Name != "eviolin" {
		t.Errorf("pack %s (-want +got):\n%s", j.Pack().Name, diff)
	}
}

func TestEffectsAreTheirNames(t *testing.T) {
	for _, e := range []clearing.Effect{clearing.Off, clearing.Note, clearing.Zero, clearing.Hold, clearing.Reject} {
		var back clearing.Effect
		text, err := e.MarshalText()
		if err != nil || back.UnmarshalText(text) != nil || back != e {
			t.Errorf("%s becomes %s, %v", e, back, err)
		}
	}
}

func drawNumber(t *rapid.T, label string, scale int) ocpi.Number {
	return ocpi.NewNumber(rapid.Int64Range(-50, 2_000_000).Draw(t, label), uint8(scale))
}

// drawFacts is any charge, known and unknown in any mixture.
func drawFacts(t *rapid.T) clearing.Facts {
	f := inOrder()
	maybe := func(label string) bool { return rapid.IntRange(0, 3).Draw(t, label) == 0 }
	for label, n := range map[string]*ocpi.Number{
		"energy": &f.Energy, "duration": &f.Duration, "peak": &f.PeakPower, "connector": &f.ConnectorPower, "claimed": &f.ClaimedNet, "computed": &f.ComputedNet,
	} {
		switch rapid.IntRange(0, 3).Draw(t, label+" is") {
		case 0:
			*n = ocpi.Number{}
		case 1:
			*n = drawNumber(t, label, rapid.IntRange(0, 6).Draw(t, label+" scale"))
		}
	}
	for label, at := range map[string]*ocpi.Time{"start": &f.Start, "end": &f.End, "received": &f.Received} {
		switch rapid.IntRange(0, 3).Draw(t, label+" is") {
		case 0:
			*at = 0
		case 1:
			*at = ocpi.Time(rapid.Int64().Draw(t, label))
		}
	}
	for label, a := range map[string]*clearing.Answer{"future": &f.InFuture, "terms": &f.OtherTerms, "currency": &f.CurrencyOfTariff, "tariff": &f.DoubtfulTariffs} {
		*a = clearing.Answer(rapid.IntRange(0, 2).Draw(t, label))
	}
	f.Credit = maybe("credit")
	f.Supply = pricing.Supply(rapid.IntRange(0, 2).Draw(t, "supply"))
	f.Status = pricing.Status(rapid.IntRange(0, 3).Draw(t, "status"))
	f.EVSEID = rapid.SampledFrom([]string{"", "NL*TNM*E1", "de-abc-e1", "DEABCE9", "DE*ABC*E", "socket"}).Draw(t, "evse")
	f.Currency = rapid.SampledFrom([]string{"", "EUR", "SEK"}).Draw(t, "currency of it")
	if maybe("debtor") {
		f.Debtor = ocpi.Party{}
	}
	kinds := append(slices.Clone(settlement.RelationKinds), settlement.ChargeBilledTwice, settlement.ConnectorOverlap)
	for range rapid.IntRange(0, 3).Draw(t, "relations") {
		f.Relations = append(f.Relations, clearing.Related{
			Kind:  rapid.SampledFrom(kinds).Draw(t, "kind"),
			Other: ocpi.NewKey("NL", "TNM", rapid.SampledFrom([]string{"", "C2", "C3"}).Draw(t, "other")),
		})
	}
	return f
}

func drawJudge(t *rapid.T, off ...string) *clearing.Judge {
	agreed := map[string]string{}
	for _, code := range off {
		agreed["rule."+code+".effect"] = "off"
	}
	j, err := clearing.Compile(rapid.SampledFrom([]string{"observe", "strict", "hubject", "eviolin", "market"}).Draw(t, "pack"), agreed)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func codes(grounds []clearing.Ground) (list []string) {
	for _, g := range grounds {
		list = append(list, g.Code)
	}
	return list
}

// Grounds come in the order of the rules, each once, whatever the order of the facts; each
// says a whole sentence.
func TestOrderOfGroundsIsFixed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, j := drawFacts(t), drawJudge(t)
		grounds := j.Judge(&f, nil)
		next := 0
		for _, g := range grounds {
			i := slices.IndexFunc(clearing.Rules()[next:], func(r clearing.Rule) bool { return r.Code == g.Code })
			if i < 0 {
				t.Fatalf("%s is out of order in %v", g.Code, codes(grounds))
			}
			next += i + 1
			if text := g.Sentence(); strings.ContainsAny(text, "{}") {
				t.Fatalf("%s says %q", g.Code, text)
			}
		}
		slices.Reverse(f.Relations)
		if again := j.Judge(&f, nil); !slices.Equal(grounds, again) {
			t.Fatalf("%v, and the other way round %v", grounds, again)
		}
	})
}

// A further ground never makes an effect weaker: with rules off what is left is no
// stronger, and nothing of it changes.
func TestMoreGroundsAreNoWeaker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var off []string
		for _, r := range clearing.Rules() {
			if !r.Structural && rapid.Bool().Draw(t, r.Code) {
				off = append(off, r.Code)
			}
		}
		f, fewer := drawFacts(t), drawJudge(t, off...)
		all, err := clearing.Compile(fewer.Pack().Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		more := all.Judge(&f, nil)
		some := fewer.Judge(&f, nil)
		left := slices.DeleteFunc(slices.Clone(more), func(g clearing.Ground) bool { return slices.Contains(off, g.Code) })
		if clearing.Strongest(some) > clearing.Strongest(more) || !slices.Equal(some, left) {
			t.Fatalf("all rules: %v; some: %v", more, some)
		}
		if len(more) > 0 && clearing.Strongest(more) == clearing.Off {
			t.Fatalf("%v come to nothing", more)
		}
	})
}

// What becomes unknown takes grounds away and brings none.
func TestUnknownNeverStrikes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, j := drawFacts(t), drawJudge(t)
		known := codes(j.Judge(&f, nil))
		less := f
		switch rapid.IntRange(0, 13).Draw(t, "not known") {
		case 0:
			less.Energy = ocpi.Number{}
		case 1:
			less.Duration = ocpi.Number{}
		case 2:
			less.PeakPower = ocpi.Number{}
		case 3:
			less.ConnectorPower = ocpi.Number{}
		case 4:
			less.Start = 0
		case 5:
			less.End = 0
		case 6:
			less.Received = 0
		case 7:
			less.InFuture = 0
		case 8:
			less.OtherTerms = 0
		case 9:
			less.CurrencyOfTariff = 0
		case 10:
			less.DoubtfulTariffs = 0
		case 11:
			less.Supply = 0
		case 12:
			less.EVSEID = ""
		case 13:
			less.Relations, less.Status = nil, 0
		}
		for _, code := range codes(j.Judge(&less, nil)) {
			if !slices.Contains(known, code) {
				t.Fatalf("%s strikes what is less known: before %v", code, known)
			}
		}
	})
	j, err := clearing.Compile("strict", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := codes(j.Judge(&clearing.Facts{}, nil)); !slices.Equal(got, []string{"unknown_debtor", "unknown_currency", "undated"}) {
		t.Errorf("of a charge of which nothing is known: %v", got)
	}
}

// The rules that multiply strike where arbitrary digits say so.
func TestRulesAgainstDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t)
		f.Credit, f.Currency = false, "EUR"
		percent := ocpi.NewNumber(rapid.Int64Range(0, 50).Draw(t, "percent"), 1)
		j, err := clearing.Compile("observe", map[string]string{"rule.difference.percent": percent.String()})
		if err != nil {
			t.Fatal(err)
		}
		struck := codes(j.Judge(&f, nil))
		check := func(code string, want bool) {
			t.Helper()
			if slices.Contains(struck, code) != want {
				t.Fatalf("%s: strikes is %v, want %v of %+v", code, !want, want, f)
			}
		}
		d := func(n ocpi.Number) decimal.Decimal { return n.Decimal() }
		all := func(list ...ocpi.Number) bool {
			return !slices.ContainsFunc(list, func(n ocpi.Number) bool { return !n.IsSet() })
		}

		off := d(f.ClaimedNet).Sub(d(f.ComputedNet)).Abs()
		tolerated := decimal.Max(decimal.RequireFromString("2.5").Shift(-int32(ocpi.MinorUnit(f.Currency))), d(percent).Div(decimal.NewFromInt(100)).Mul(d(f.ComputedNet).Abs()))
		check("difference", all(f.ClaimedNet, f.ComputedNet) && off.GreaterThan(tolerated))
		if all(f.ClaimedNet, f.ComputedNet) && j.Tolerates(f.ClaimedNet, f.ComputedNet, f.Currency) == off.GreaterThan(tolerated) {
			t.Fatalf("tolerates is %v", off.LessThanOrEqual(tolerated))
		}

		given := d(f.ConnectorPower).Mul(d(f.Duration)).Mul(decimal.RequireFromString("1.2"))
		check("energy_above_power", all(f.Energy, f.ConnectorPower, f.Duration) && d(f.Duration).Sign() >= 0 && d(f.Energy).Mul(decimal.NewFromInt(3600)).GreaterThan(given))

		cost := f.ClaimedNet
		if !cost.IsSet() {
			cost = f.ComputedNet
		}
		most := map[pricing.Supply]string{pricing.AC: "1.5", pricing.DC: "2", 0: "0"}[f.Supply]
		check("cost_per_kwh", f.Supply != 0 && all(f.Energy, cost) && d(f.Energy).GreaterThanOrEqual(decimal.NewFromInt(5)) &&
			d(cost).GreaterThan(decimal.RequireFromString(most).Mul(d(f.Energy))))

		minimum := all(f.Duration) && d(f.Duration).LessThan(decimal.NewFromInt(120)) || all(f.Energy) && d(f.Energy).LessThan(decimal.RequireFromString("0.2"))
		check("below_minimum", minimum)
	})
}

// A month has a million CDRs, and nearly all are in order: they cost no allocation.
func TestJudgeAllocatesNothing(t *testing.T) {
	for _, p := range clearing.Packs() {
		j, err := clearing.Compile(p.Name, map[string]string{"rule.difference.percent": "2"})
		if err != nil {
			t.Fatal(err)
		}
		into := make([]clearing.Ground, 0, 8)
		for _, evse := range []string{"NL*TNM*E1", "nl-tnm-e1-2", "+49*810*000*438", "socket 7", ""} {
			f := inOrder()
			f.EVSEID, f.ClaimedNet, f.ComputedNet = evse, ocpi.MustNumber("7.00"), ocpi.MustNumber("7.0049")
			f.Relations = []clearing.Related{{Kind: settlement.Credited, Other: ocpi.NewKey("NL", "TNM", "C2")}}
			if n := testing.AllocsPerRun(100, func() {
				if into = j.Judge(&f, into[:0]); len(into) > 0 {
					t.Errorf("%s: %v", p.Name, into)
				}
			}); n != 0 {
				t.Errorf("%s, EVSE %q: %v allocations", p.Name, evse, n)
			}
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	j, err := clearing.Compile("strict", map[string]string{"rule.difference.percent": "2"})
	if err != nil {
		b.Fatal(err)
	}
	f := inOrder()
	f.ClaimedNet, f.ComputedNet = ocpi.MustNumber("7.00"), ocpi.MustNumber("7.0049")
	into := make([]clearing.Ground, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		into = j.Judge(&f, into[:0])
	}
	if len(into) > 0 {
		b.Fatal(into)
	}
}
