package clearing_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// inOrder is a charge that no rule has anything to say of; see testdata/rules.txt.
func inOrder() clearing.Facts {
	return clearing.Facts{
		Key: ocpi.NewKey("NL", "TNM", "C1"), Debtor: ocpi.NewParty("DE", "EMP"),
		Start: instant("2019-06-05T09:00:00Z"), End: instant("2019-06-05T11:00:00Z"),
		LastUpdated: instant("2019-06-05T11:04:00Z"), Received: instant("2019-06-05T11:05:00Z"),
		Energy: ocpi.MustNumber("20"), Duration: ocpi.MustNumber("7200"), Parking: ocpi.MustNumber("0"),
		PeakPower: ocpi.MustNumber("11"), ConnectorPower: ocpi.MustNumber("11"), Supply: pricing.AC, EVSEID: "NL*TNM*E1",
		Currency: "EUR", ClaimedNet: ocpi.MustNumber("7"), ClaimedTax: ocpi.MustNumber("1.47"),
		ComputedNet: ocpi.MustNumber("7"), ComputedTax: ocpi.MustNumber("1.47"), Status: pricing.Priced,
		InFuture: clearing.No, OtherTerms: clearing.No, CurrencyOfTariff: clearing.Yes, DoubtfulTariffs: clearing.No,
	}
}

func instant(s string) ocpi.Time {
	t, _, err := ocpi.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}

// ruleCase is one block of testdata/rules.txt.
type ruleCase struct {
	rule, kind string
	pack       string
	agreed     map[string]string
	facts      string
	grounds    []string
}

// rulesFile is the file in pieces: what is written between the cases stays.
func rulesFile(t *testing.T) (head string, cases []ruleCase) {
	t.Helper()
	b, err := os.ReadFile("testdata/rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	head, text, _ := strings.Cut(string(b), "\n\n")
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		c := ruleCase{pack: clearing.DefaultPack, agreed: map[string]string{}}
		for i, line := range strings.Split(block, "\n") {
			word := strings.TrimSpace(line)
			arrow, isGround := strings.CutPrefix(word, "→")
			under, isPack := strings.CutPrefix(word, "under ")
			switch {
			case i == 0:
				c.rule, c.kind, _ = strings.Cut(line, ", ")
			case isPack:
				parts := strings.Split(under, ", ")
				c.pack = parts[0]
				for _, p := range parts[1:] {
					key, value, _ := strings.Cut(p, " ")
					c.agreed[key] = value
				}
			case isGround:
				c.grounds = append(c.grounds, strings.TrimSpace(arrow))
			default:
				c.facts = word
			}
		}
		cases = append(cases, c)
	}
	return head, cases
}

func (c *ruleCase) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", c.rule, c.kind)
	if c.pack != clearing.DefaultPack || len(c.agreed) > 0 {
		fmt.Fprintf(&b, "  under %s", c.pack)
		for _, key := range slices.Sorted(maps.Keys(c.agreed)) {
			fmt.Fprintf(&b, ", %s %s", key, c.agreed[key])
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "  %s\n", c.facts)
	for _, g := range c.grounds {
		fmt.Fprintf(&b, "  → %s\n", g)
	}
	return b.String()
}

// judge returns the grounds of the case as they are written.
func (c *ruleCase) judge(t *testing.T) (list []string) {
	t.Helper()
	j, err := clearing.Compile(c.pack, c.agreed)
	if err != nil {
		t.Fatalf("%s, %s: %v", c.rule, c.kind, err)
	}
	f := inOrder()
	for word := range strings.SplitSeq(c.facts, ", ") {
		if err := say(&f, word); err != nil {
			t.Fatalf("%s, %s: %v", c.rule, c.kind, err)
		}
	}
	for _, g := range j.Judge(&f, nil) {
		list = append(list, fmt.Sprintf("%s: %s: %s", g.Effect, g.Code, g.Sentence()))
	}
	if list == nil {
		list = []string{"nothing"}
	}
	return list
}

// say changes one fact by its words.
func say(f *clearing.Facts, words string) error {
	numbers := map[string]*ocpi.Number{
		"energy": &f.Energy, "peak": &f.PeakPower, "connector": &f.ConnectorPower,
		"claimed": &f.ClaimedNet, "gross": &f.ClaimedGross, "computed": &f.ComputedNet,
	}
	times := map[string]*ocpi.Time{"start": &f.Start, "end": &f.End, "updated": &f.LastUpdated, "received": &f.Received}
	answers := map[string]*clearing.Answer{
		"future": &f.InFuture, "other terms": &f.OtherTerms,
		"currency of tariff": &f.CurrencyOfTariff, "doubtful tariff": &f.DoubtfulTariffs,
	}
	for name, answer := range answers {
		if value, ok := strings.CutPrefix(words, name+" "); ok {
			i := slices.Index([]string{"unknown", "no", "yes"}, value)
			if i < 0 {
				return fmt.Errorf("%q: want yes, no or unknown", words)
			}
			*answer = clearing.Answer(i)
			return nil
		}
	}
	name, value, _ := strings.Cut(words, " ")
	known := value != "unknown"
	switch name {
	case "energy", "peak", "connector", "claimed", "gross", "computed":
		n := numbers[name]
		if *n = (ocpi.Number{}); known {
			digits, _, _ := strings.Cut(value, " ")
			var err error
			*n, err = ocpi.ParseNumber(digits)
			return err
		}
	case "start", "end", "updated", "received":
		at := times[name]
		if *at = 0; known {
			*at = instant(value)
		}
	case "duration":
		if f.Duration = (ocpi.Number{}); known {
			return sayDuration(f, value)
		}
	case "debtor":
		if f.Debtor = (ocpi.Party{}); known {
			f.Debtor, _ = ocpi.ParseParty(value)
		}
	case "currency":
		if f.Currency = ""; known {
			f.Currency = value
		}
	case "evse":
		if f.EVSEID = ""; known {
			f.EVSEID = value
		}
	case "AC", "supply":
		if f.Supply = pricing.AC; !known {
			f.Supply = 0
		}
	case "DC":
		f.Supply = pricing.DC
	case "credit":
		f.Credit, f.Status = true, pricing.Credited
	case "rejected":
		f.Status, f.Reason = pricing.Rejected, strings.Trim(value, "()")
	case "status":
		f.Status = 0
	case "alone":
		f.Relations = nil
	default:
		return sayRelation(f, name, value)
	}
	return nil
}

func sayDuration(f *clearing.Facts, value string) error {
	var h, m, s int64
	for _, form := range []struct {
		layout string
		to     []any
	}{{"%d h %d min %d s", []any{&h, &m, &s}}, {"%d h", []any{&h}}, {"%d min %d s", []any{&m, &s}}, {"%d min", []any{&m}}, {"%d s", []any{&s}}} {
		h, m, s = 0, 0, 0
		if n, err := fmt.Sscanf(value, form.layout, form.to...); err == nil && n == len(form.to) && strings.Count(value, " ") == strings.Count(form.layout, " ") {
			f.Duration = ocpi.NewNumber(h*3600+m*60+s, 0)
			return nil
		}
	}
	return fmt.Errorf("duration %q: want such as 2 h, 1 min 59 s", value)
}

func sayRelation(f *clearing.Facts, kind, other string) error {
	kinds := append(slices.Clone(settlement.RelationKinds), settlement.ChargeBilledTwice, settlement.ConnectorOverlap)
	if !slices.Contains(kinds, settlement.RelationKind(kind)) {
		return fmt.Errorf("%q says nothing of a charge", kind)
	}
	r := clearing.Related{Kind: settlement.RelationKind(kind)}
	if parts := strings.Split(other, "*"); len(parts) == 3 {
		r.Other = ocpi.NewKey(parts[0], parts[1], parts[2])
	}
	f.Relations = append(f.Relations, r)
	return nil
}

func TestRules(t *testing.T) {
	head, cases := rulesFile(t)
	var got strings.Builder
	got.WriteString(head + "\n")
	for i := range cases {
		cases[i].grounds = cases[i].judge(t)
		got.WriteString("\n" + cases[i].String())
	}
	golden(t, "testdata/rules.txt", got.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); go test -update rewrites it:\n%s", path, diff)
	}
}

// Each rule has a case in which it strikes, one in which it just does not, and one in
// which it cannot measure, and they are what they say.
func TestEveryRuleHasItsCases(t *testing.T) {
	_, cases := rulesFile(t)
	chains, err := os.ReadFile("testdata/owed.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range clearing.Rules() {
		if r.Chain {
			if !strings.Contains(string(chains), "ground="+r.Code+":") {
				t.Errorf("testdata/owed.txt has no case of %s", r.Code)
			}
			continue
		}
		kinds := []string{"strikes", "just not", "not known"}
		if r.Code == "unknown_debtor" || r.Code == "unknown_currency" || r.Code == clearing.GroundUndated {
			kinds = kinds[:2] // what is not known is what they strike
		}
		for _, kind := range kinds {
			i := slices.IndexFunc(cases, func(c ruleCase) bool { return c.rule == r.Code && c.kind == kind })
			if i < 0 {
				t.Errorf("testdata/rules.txt has no case %q of %s", kind, r.Code)
				continue
			}
			struck := slices.ContainsFunc(cases[i].judge(t), func(g string) bool { return strings.Contains(g, ": "+r.Code+": ") })
			if struck != (kind == "strikes") {
				t.Errorf("%s, %s: strikes is %v", r.Code, kind, struck)
			}
		}
	}
}

// What the table says of a rule is whole: what everybody reads of it follows from it.
func TestRulesSayWhatTheyAre(t *testing.T) {
	code := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	structural := true
	for _, r := range clearing.Rules() {
		if !code.MatchString(r.Code) || seen[r.Code] {
			t.Errorf("code %q", r.Code)
		}
		seen[r.Code] = true
		if r.Structural && !structural {
			t.Errorf("%s: structural rules come first", r.Code)
		}
		structural = r.Structural
		if r.Measure == "" || r.Edition == "" || r.Evidence != clearing.Pair && r.Evidence != clearing.Owner {
			t.Errorf("%s: measure %q, edition %q, evidence %q", r.Code, r.Measure, r.Edition, r.Evidence)
		}
		if r.Source.Title == "" || r.Source.URL != "" && !strings.HasPrefix(r.Source.URL, "https://") {
			t.Errorf("%s: source %+v", r.Code, r.Source)
		}
		rest := strings.NewReplacer("{measured}", "", "{limit}", "").Replace(r.Sentence)
		if strings.ContainsAny(rest, "{}") || !strings.HasSuffix(rest, ".") {
			t.Errorf("%s: sentence %q", r.Code, r.Sentence)
		}
		if len(r.Params) > 0 && !strings.Contains(r.Sentence, "{limit}") {
			t.Errorf("%s: its sentence does not say the limit", r.Code)
		}
		for _, p := range r.Params {
			for _, value := range []string{p.Default, p.Min, p.Max} {
				if err := fits("rule."+r.Code+"."+p.Name, value); err != nil {
					t.Error(err)
				}
			}
			if !code.MatchString(p.Name) || p.Unit == "" {
				t.Errorf("%s: parameter %+v", r.Code, p)
			}
		}
	}
}
