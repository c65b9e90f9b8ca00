package clearing_test

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// testdata/owed.txt says in which words.
func TestOwed(t *testing.T) {
	text, err := os.ReadFile("testdata/owed.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for block := range strings.SplitSeq(string(text), "\n\n") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if strings.HasPrefix(lines[0], "#") {
			continue
		}
		cases++
		t.Run(lines[0], func(t *testing.T) { owedCase(t, lines[1:]) })
	}
	if cases < 40 {
		t.Errorf("read %d cases", cases)
	}
}

func owedCase(t *testing.T, lines []string) {
	measure := agreed{}
	chain := clearing.Chain{}
	var want []string
	for _, line := range lines {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "agreed":
			measure = agreedOf(t, rest)
		case "mismatched":
			chain.Mismatched = true
		case "cdr":
			chain.Original = measure.caseOf(t, rest)
			chain.Original.Key = ocpi.Key{Party: ocpi.NewParty("NL", "TNM"), ID: "C1"}
		case "credit":
			c := measure.caseOf(t, rest)
			n := len(chain.Credits) + 1
			c.Credit, c.Key = true, ocpi.Key{Party: ocpi.NewParty("NL", "TNM"), ID: fmt.Sprint("K", n)}
			c.LastUpdated = cmp.Or(c.LastUpdated, ocpi.Time(n))
			chain.Credits = append(chain.Credits, c)
		case "=>":
			want = append(want, rest)
		default:
			t.Fatalf("%q", line)
		}
	}
	outcomes := []clearing.Outcome{}
	original, credits := chain.Settle()
	if chain.Original != nil {
		outcomes = append(outcomes, original)
	}
	var got []string
	for _, o := range append(outcomes, credits...) {
		got = append(got, outcomeText(&o))
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func outcomeText(o *clearing.Outcome) string {
	s := o.State.String() + " " + amountText(&o.Owed)
	if o.KWh != nil {
		s += " kwh=" + o.KWh.String()
	}
	for _, g := range o.Grounds {
		s += fmt.Sprintf(" ground=%s:%s", g.Code, g.Effect)
	}
	if !o.Excess.IsZero() {
		s += " excess=" + o.Excess.String()
	}
	if o.Reopened {
		s += " reopened"
	}
	return s
}

func amountText(a *clearing.Amount) string {
	if a.Tax == nil {
		return a.Net.String()
	}
	return a.Net.String() + "/" + a.Tax.String()
}

// agreed is what a case says was agreed.
type agreed struct {
	owed  clearing.Owed
	judge *clearing.Judge
}

func agreedOf(t *testing.T, text string) (a agreed) {
	tolerated := map[string]string{"rule.difference.amount": "0", "rule.difference.percent": "0"}
	for word := range strings.FieldsSeq(text) {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "owed":
			a.owed = clearing.Owed(value)
		case "tolerated":
			tolerated["rule.difference.amount"] = value
		case "percent":
			tolerated["rule.difference.percent"] = value
		default:
			t.Fatalf("%q", word)
		}
	}
	var err error
	if a.judge, err = clearing.Compile(clearing.DefaultPack, tolerated); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a agreed) caseOf(t *testing.T, text string) *clearing.Case {
	c := caseOf(t, text)
	c.Owed = a.owed
	if c.Claimed != nil && c.Computed != nil {
		c.Tolerated = a.judge.Tolerates(ocpi.MustNumber(c.Claimed.Net.String()), ocpi.MustNumber(c.Computed.Net.String()), "EUR")
	}
	return c
}

func amountOf(text string) *clearing.Amount {
	net, tax, stated := strings.Cut(text, "/")
	a := &clearing.Amount{Net: decimal.RequireFromString(net)}
	if stated {
		d := decimal.RequireFromString(tax)
		a.Tax = &d
	}
	return a
}

func caseOf(t *testing.T, text string) *clearing.Case {
	c := &clearing.Case{}
	decided := func() *clearing.Decision {
		if c.Decision == nil {
			c.Decision = &clearing.Decision{}
		}
		return c.Decision
	}
	for word := range strings.FieldsSeq(text) {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "claimed":
			c.Claimed = amountOf(value)
		case "computed":
			c.Computed = amountOf(value)
		case "kwh":
			d := decimal.RequireFromString(value)
			c.KWh = &d
		case "ground":
			code, effect, _ := strings.Cut(value, ":")
			g := clearing.Ground{Code: code}
			if err := g.Effect.UnmarshalText([]byte(effect)); err != nil {
				t.Fatal(err)
			}
			c.Grounds = append(c.Grounds, g)
		case "decided":
			decided().Act = clearing.Act(value)
		case "at":
			decided().At = clearing.Owed(value)
		case "covers":
			decided().Covers = strings.Split(value, ",")
		case "issued":
			c.Issued = &clearing.Issued{Period: 201905, Amount: *amountOf(value)}
		case "zeroed":
			c.Issued.Zeroed = true
		case "updated":
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			c.LastUpdated = ocpi.Time(n)
		case "elsewhere":
			c.Elsewhere = true
		case "before":
			c.Before = true
		default:
			t.Fatalf("%q", word)
		}
	}
	return c
}
