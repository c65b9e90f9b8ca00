package settlement

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// creditClaim reads "EMSP CURRENCY excl/incl", "credit" or "late" before it; "-"
// is not known.
func creditClaim(t *testing.T, text string) *CreditClaim {
	t.Helper()
	f := strings.Fields(text)
	c := &CreditClaim{}
	if len(f) == 4 && f[0] == "credit" {
		c.Credit, f = true, f[1:]
	}
	if len(f) == 4 && f[0] == "late" {
		c.Late, f = true, f[1:]
	}
	if len(f) != 3 {
		t.Fatalf("claim %q", text)
	}
	if f[0] != "-" {
		c.EMSP = ocpi.NewParty("NL", f[0])
	}
	c.Currency = f[1]
	excl, incl, _ := strings.Cut(f[2], "/")
	for into, amount := range map[**decimal.Decimal]string{&c.Excl: excl, &c.Incl: incl} {
		if amount != "-" {
			d := decimal.RequireFromString(amount)
			*into = &d
		}
	}
	return c
}

// Of each credit: what is wrong with it, "ok" when nothing is, and "+" when the
// original is credited in full by it and those beside it.
func said(c *Credits, credits []*CreditClaim) string {
	var out []string
	for _, credit := range credits {
		word := string(c.Of(credit))
		if word == "" {
			word = "ok"
		}
		if c.Cancels(credit) {
			word += "+"
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

func TestCredits(t *testing.T) {
	const c1 = "EXW EUR 5.00/6.00"
	for name, tc := range map[string]struct {
		original string // "" when there is none
		credits  []string
		want     string
	}{
		"in full":                          {c1, []string{"EXW EUR -5/-6"}, "ok+"},
		"a part":                           {c1, []string{"EXW EUR -2/-2.4"}, "ok"},
		"in two parts":                     {c1, []string{"EXW EUR -2/-2.4", "EXW EUR -3/-3.6"}, "ok+ ok+"},
		"twice":                            {c1, []string{"EXW EUR -5/-6", "EXW EUR -5/-6"}, "credit_excess+ credit_excess+"},
		"too much":                         {c1, []string{"EXW EUR -1000/-1200"}, "credit_excess+"},
		"too much tax":                     {c1, []string{"EXW EUR -5/-6.01"}, "credit_excess+"},
		"the tax is not credited":          {c1, []string{"EXW EUR -5/-5"}, "ok"},
		"no amount with tax":               {c1, []string{"EXW EUR -5/-"}, "ok+"},
		"one of two without tax":           {c1, []string{"EXW EUR -2/-2.4", "EXW EUR -3/-"}, "ok+ ok+"},
		"the original states none":         {"EXW EUR 5/-", []string{"EXW EUR -5/-6"}, "ok+"},
		"another eMSP's":                   {c1, []string{"TNM EUR -5/-6"}, "credit_mismatch"},
		"another currency":                 {c1, []string{"EXW GBP -5/-6"}, "credit_mismatch"},
		"another's takes nothing off":      {c1, []string{"EXW EUR -5/-6", "TNM EUR -5/-6"}, "ok+ credit_mismatch"},
		"it adds":                          {c1, []string{"EXW EUR 5/6"}, "credit_excess"},
		"what adds cancels nothing":        {c1, []string{"EXW EUR 5/6", "EXW EUR -5/-6"}, "credit_excess ok+"},
		"only its tax adds":                {c1, []string{"EXW EUR -5/6"}, "credit_excess"},
		"of nothing":                       {"", []string{"EXW EUR -5/-6"}, "credit_orphan"},
		"of a credit":                      {"credit EXW EUR -5/-6", []string{"EXW EUR -5/-6", "TNM GBP 1/1"}, "credit_orphan credit_orphan"},
		"eMSP of the credit not known":     {c1, []string{"- EUR -5/-6"}, "credit_undecided"},
		"eMSP of the original not known":   {"- EUR 5/6", []string{"EXW EUR -5/-6"}, "credit_undecided"},
		"another currency, eMSP not known": {c1, []string{"- GBP -5/-6"}, "credit_mismatch"},
		"not known takes nothing off":      {c1, []string{"- EUR -5/-6", "EXW EUR -5/-6"}, "credit_undecided ok+"},
		"nothing of nothing":               {"EXW EUR 0/0", []string{"EXW EUR 0/0"}, "ok+"},
		"something of nothing":             {"EXW EUR 0/0", []string{"EXW EUR -0.01/-0.01"}, "credit_excess+"},
		"no claim at all":                  {"EXW EUR -/-", []string{"EXW EUR -5/-6"}, "credit_excess+"},
		"of a negative claim":              {"EXW EUR -5/-6", []string{"EXW EUR 5/6", "EXW EUR -5/-6"}, "ok+ credit_excess"},
		"after the close":                  {c1, []string{"late EXW EUR -5/-6"}, "ok"},
		"half of it after the close":       {c1, []string{"EXW EUR -2/-2.4", "late EXW EUR -3/-3.6"}, "ok ok"},
		"again after the close":            {c1, []string{"EXW EUR -5/-6", "late EXW EUR -5/-6"}, "credit_excess+ credit_excess"},
		"too much after the close":         {c1, []string{"late EXW EUR -6/-7.2"}, "credit_excess"},
		"the last of 12 decimals":          {"EXW EUR 5.000000000001/-", []string{"EXW EUR -5/-"}, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			var original *CreditClaim
			if tc.original != "" {
				original = creditClaim(t, tc.original)
			}
			set := CreditsOf(original)
			var credits []*CreditClaim
			for _, text := range tc.credits {
				credits = append(credits, creditClaim(t, text))
				set.Add(credits[len(credits)-1], 1)
			}
			if got := said(set, credits); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// Whatever order they come in, and added one by one or summed by what is alike,
// the same is said of every credit.
func TestCreditsInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	for range 2_000 {
		original := creditClaim(t, pick("EXW", "EXW", "-")+" EUR "+pick("5/6", "5/-", "0/0", "-5/-6"))
		var credits []*CreditClaim
		for range 1 + random.IntN(6) {
			credits = append(credits, creditClaim(t, pick("", "", "late ")+pick("EXW", "EXW", "EXW", "TNM", "-")+" "+pick("EUR", "EUR", "EUR", "GBP")+
				" "+pick("-5/-6", "-2/-2.4", "-3/-3.6", "-5/-", "-5/6", "5/6", "0/0", "-1000/-1200", "-/-6")))
		}
		ordered := CreditsOf(original)
		for _, c := range credits {
			ordered.Add(c, 1)
		}
		want := said(ordered, credits)
		shuffled := CreditsOf(original)
		for _, i := range random.Perm(len(credits)) {
			shuffled.Add(credits[i], 1)
		}
		if diff := cmp.Diff(want, said(shuffled, credits)); diff != "" {
			t.Fatalf("shuffled, -want +got:\n%s", diff)
		}
		if diff := cmp.Diff(want, said(summed(original, credits), credits)); diff != "" {
			t.Fatalf("summed, -want +got:\n%s", diff)
		}
	}
}

// summed adds the sums of credits that are alike, as the store gives them.
func summed(original *CreditClaim, credits []*CreditClaim) *Credits {
	type sum struct {
		claim CreditClaim
		n     uint64
	}
	sign := func(d *decimal.Decimal) string {
		if d == nil {
			return "none"
		}
		return fmt.Sprint(d.Sign())
	}
	plus := func(a, b *decimal.Decimal) *decimal.Decimal {
		if a == nil || b == nil {
			return b
		}
		s := a.Add(*b)
		return &s
	}
	sums := map[string]*sum{}
	for _, c := range credits {
		alike := fmt.Sprint(c.EMSP, c.Currency, sign(c.Excl), sign(c.Incl), c.Late)
		if sums[alike] == nil {
			sums[alike] = &sum{claim: CreditClaim{EMSP: c.EMSP, Currency: c.Currency, Late: c.Late}}
		}
		s := sums[alike]
		s.claim.Excl, s.claim.Incl = plus(s.claim.Excl, c.Excl), plus(s.claim.Incl, c.Incl)
		s.n++
	}
	set := CreditsOf(original)
	for _, s := range sums {
		set.Add(&s.claim, s.n)
	}
	return set
}
