package ocpi

import (
	"strings"
	"testing"
)

// The check digits are those of the published examples of both forms.
func TestContractCheckDigits(t *testing.T) {
	for id, want := range map[string]byte{
		"NN123ABCDEFGHI": 'T', "FRXYZ123456789": '2', "ITA1B2C3E4F5G6": '4', "ESZU8WOX834H1D": 'R',
		"PT73902837ABCZ": 'Z', "DE83DUIEN83QGZ": 'D', "DE83DUIEN83ZGQ": 'M', "DE8AA001234567": '0',
		"NLTNM000122045": 'U', "NLTNMC00122045": 'K', "NLTNM000722345": 'X', "NLTNM012345678": 'W',
	} {
		if got := isoCheckDigit(id); got != want {
			t.Errorf("%s: %c, want %c", id, got, want)
		}
	}
	for id, want := range map[string]byte{
		"INTNM000071": '9', "INTNM000110": 'X', "INTNM000124": '0', "INTNM000114": '6', "INTNM000191": '5', "NLTNM012204": '5', "NLTNM122045": '0',
	} {
		if got := dinCheckDigit(id); got != want {
			t.Errorf("%s: %c, want %c", id, got, want)
		}
	}
}

func TestContractIDs(t *testing.T) {
	for _, c := range []struct {
		id     string
		fold   string
		issuer string // "" where it does not say
	}{
		{"NL-TNM-C00122045-K", "NLTNMC00122045", "NL*TNM"},
		{"NL-TNM-C00122045", "NLTNMC00122045", "NL*TNM"},
		{"NLTNMC00122045", "NLTNMC00122045", "NL*TNM"},
		{"nltnmc00122045k", "NLTNMC00122045", "NL*TNM"},
		{" nl*tnm*C00122045*k ", "NLTNMC00122045", "NL*TNM"},
		{"NL-TNM-012204-5", "NLTNMC00122045", "NL*TNM"}, // the older form
		{"NL*TNM*012204", "NLTNMC00122045", "NL*TNM"},
		{"NLTNM0122045", "NLTNMC00122045", "NL*TNM"},
		{"NLTNM012204", "NLTNMC00122045", ""},
		{"NL-TNM-000122045-U", "NLTNMC00122045", "NL*TNM"}, // the older form within ISO 15118's
		{"NLTNM000122045", "NLTNMC00122045", ""},
		{"NL-TNM-012345678-W", "NLTNM012345678", "NL*TNM"},
		{"DE8ACC12E46L89", "DE8ACC12E46L89", "DE*8AC"}, // the one of the specification
		{"DE-8AC-C12E46L89", "DE8ACC12E46L89", "DE*8AC"},

		{"NL-TNM-C00122045-X", "NL-TNM-C00122045-X", ""}, // a wrong check digit
		{"NL-TNM-012204-6", "NL-TNM-012204-6", ""},
		{"ZZ-TNM-C00122045", "ZZ-TNM-C00122045", ""}, // no country
		{"N-LTNM-C00122045", "N-LTNM-C00122045", ""},
		{"NL--TNM-C00122045", "NL--TNM-C00122045", ""},
		{"NL-TNM-C0012-2045", "NL-TNM-C0012-2045", ""},
		{"NL-TNM-C00122045-", "NL-TNM-C00122045-", ""},
		{"-NLTNMC00122045", "-NLTNMC00122045", ""},
		{"NL-TNM-C001220456-KK", "NL-TNM-C001220456-KK", ""},
		{"CONTRACT0001", "CONTRACT0001", ""}, // twelve letters and digits of Colombia, but for the check digit
		{"driver-17", "DRIVER-17", ""},
		{"NL-T|M-000122045", "NL-T|M-000122045", ""},
		{"", "", ""},
		{strings.Repeat("A", 200), strings.Repeat("A", 200), ""},
	} {
		if got := FoldContractID(c.id); got != c.fold {
			t.Errorf("%q folds to %q, want %q", c.id, got, c.fold)
		}
		issuer, ok := Issuers(nil).Of(c.id)
		if ok != (c.issuer != "") || ok && issuer.String() != c.issuer {
			t.Errorf("%q is of %s (%t), want %q", c.id, issuer, ok, c.issuer)
		}
	}
}

// A check digit finds every single wrong character and every swap of two neighbours.
func TestContractCheckDigitFindsSlips(t *testing.T) {
	const id = "DE8ACC12E46L89"
	check := string(rune(isoCheckDigit(id)))
	for i := 2; i < len(id); i++ {
		for _, c := range digits36 {
			slip := id[:i] + string(c) + id[i+1:] + check
			if _, ok := ParseContractID(slip); ok != (slip == id+check) {
				t.Errorf("%s: %t", slip, ok)
			}
		}
		if i+1 < len(id) && id[i] != id[i+1] {
			if slip := id[:i] + string(id[i+1]) + string(id[i]) + id[i+2:] + check; validContract(slip) {
				t.Errorf("%s counts as right", slip)
			}
		}
	}
}

func validContract(s string) bool {
	_, ok := ParseContractID(s)
	return ok
}

func TestIssuers(t *testing.T) {
	issuers, err := ParseIssuers([]string{"DE/8AC=DE/EMP", " be*xyz = NL/TNM ", "DE8AC=DEEMP"})
	if err != nil {
		t.Fatal(err)
	}
	for contract, want := range map[string]string{"DE8ACC12E46L89": "DE*EMP", "BE-XYZ-C00000001": "NL*TNM", "NL-TNM-C00000001": "NL*TNM"} {
		if got, ok := issuers.Of(contract); !ok || got.String() != want {
			t.Errorf("%s: %s, want %s", contract, got, want)
		}
	}
	for _, line := range []string{"", "DE/8AC", "DE/8AC=", "=DE/EMP", "DE/8AC=ZZ/EMP", "QQ/8AC=DE/EMP"} {
		if _, err := ParseIssuers([]string{line}); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
	if _, err := ParseIssuers([]string{"DE/8AC=DE/EMP", "DE/8AC=DE/OTH"}); err == nil {
		t.Error("one provider is two parties")
	}
}

func TestEVSEIDs(t *testing.T) {
	for _, c := range []struct{ id, fold, operator string }{
		{"DE*ABC*E123", "DE*ABC*E123", "DE*ABC"},
		{"DEABCE123", "DE*ABC*E123", "DE*ABC"},
		{"de-abc-e123", "DE*ABC*E123", "DE*ABC"},
		{"DE*ABC*E45B*78C", "DE*ABC*E45B78C", "DE*ABC"},
		{"BE-BEC-E041503003", "BE*BEC*E041503003", "BE*BEC"},
		{"BE*BEC*E041503003", "BE*BEC*E041503003", "BE*BEC"},
		{"+49*810*000*438", "+49*810*000438", ""},
		{"49*810*000438", "+49*810*000438", ""},

		{"+49*81*1", "+49*81*1", ""},
		{"+49*810", "+49*810", ""},
		{"+49*810*A1", "+49*810*A1", ""},
		{"DE*ABC*X123", "DE*ABC*X123", ""}, // not an EVSE
		{"DE*ABC*E", "DE*ABC*E", ""},
		{"D*EABC*E1", "D*EABC*E1", ""},
		{"DE*ABC*E*1", "DE*ABC*E*1", ""},
		{"DE*ABC*E1*", "DE*ABC*E1*", ""},
		{"#NA", "#NA", ""},
		{"evse 1", "EVSE 1", ""},
		{"", "", ""},
	} {
		if got := FoldEVSEID(c.id); got != c.fold {
			t.Errorf("%q folds to %q, want %q", c.id, got, c.fold)
		}
		e, _ := ParseEVSEID(c.id)
		operator, ok := e.Party()
		if ok != (c.operator != "") || ok && operator.String() != c.operator {
			t.Errorf("%q is of %s (%t), want %q", c.id, operator, ok, c.operator)
		}
	}
}

// FuzzIDs folds what partners may send as ids. To fold is idempotent but for what a
// second look finds to be an id, and no id has two issuers.
func FuzzIDs(f *testing.F) {
	for _, s := range []string{"NL-TNM-C00122045-K", "NL-TNM-012204-5", "DE*ABC*E45B*78C", "+49*810*000*438", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c, ok := ParseContractID(s); ok {
			folded := FoldContractID(s)
			again, ok := ParseContractID(folded)
			if !ok || again.Country != c.Country || again.Provider != c.Provider || FoldContractID(folded) != folded {
				t.Fatalf("%q folds to %q, which is %+v", s, folded, again)
			}
		}
		if _, ok := ParseEVSEID(s); ok && FoldEVSEID(FoldEVSEID(s)) != FoldEVSEID(s) {
			t.Fatalf("%q folds to %q, and that to %q", s, FoldEVSEID(s), FoldEVSEID(FoldEVSEID(s)))
		}
	})
}
