package ocpi

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The check digits are those of the published examples of both forms.
func TestContractCheckDigits(t *testing.T) {
	for id, want := range map[string]byte{
		"NN123ABCDEFGHI": 'T', "FRXYZ123456789": '2', "ITA1B2C3E4F5G6": '4', "ESZU8WOX834H1D": 'R',
		"PT73902837ABCZ": 'Z', "DE83DUIEN83QGZ": 'D', "DE83DUIEN83ZGQ": 'M', "DE8AA001234567": '0',
		"NLTNM000122045": 'U', "NLTNMC00122045": 'K', "NLTNM000722345": 'X', "NLTNM012345678": 'W',
		"DE8AACA2B3C4D5": 'L', // the example of eMI³, Part 2, 1.0
	} {
		if got := isoCheckDigit(id); got != want {
			t.Errorf("%s: %c, want %c", id, got, want)
		}
	}
	for id, want := range map[string]byte{
		"INTNM000071": '9', "INTNM000110": 'X', "INTNM000124": '0', "INTNM000114": '6', "INTNM000191": '5', "NLTNM012204": '5', "NLTNM122045": '0', "NLTNM123456": '7',
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
		{"NL-TNM-000722345-X", "NLTNM000722345", "NL*TNM"},
		{"de-8aa-ca2b3c4d5-l", "DE8AACA2B3C4D5", "DE*8AA"},
		{"DE83DUIEN83QGZD", "DE83DUIEN83QGZ", "DE*83D"},
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

// Five kinds of slips are what the check digit of an eMAID is made to find, by what
// eMI³ says of it, and it finds each of them, in every id.
func TestContractCheckDigitFindsSlips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := []byte(rapid.StringMatching(`[0-9A-Z]{14}`).Draw(t, "id"))
		i := rapid.IntRange(0, 11).Draw(t, "at")
		c := rapid.SampledFrom([]byte(digits36)).Draw(t, "other")
		slip := func(kind string, of []byte, change func(b []byte)) {
			wrong := bytes.Clone(of)
			change(wrong)
			if !bytes.Equal(of, wrong) && isoCheckDigit(string(of)) == isoCheckDigit(string(wrong)) {
				t.Errorf("%s: %s and %s have the same check digit", kind, of, wrong)
			}
		}
		twin, jump := bytes.Clone(id), bytes.Clone(id)
		twin[i+1], jump[i+2] = twin[i], jump[i]
		slip("one character wrong", id, func(b []byte) { b[i] = c })
		slip("two neighbours swapped", id, func(b []byte) { b[i], b[i+1] = b[i+1], b[i] })
		slip("two equal neighbours wrong", twin, func(b []byte) { b[i], b[i+1] = c, c })
		slip("swapped over one between", id, func(b []byte) { b[i], b[i+2] = b[i+2], b[i] })
		slip("two equal ones wrong over one between", jump, func(b []byte) { b[i], b[i+2] = c, c })
	})
}

// The older form's finds each digit that is wrong.
func TestDINCheckDigitFindsSlips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := []byte(rapid.StringMatching(`[A-Z]{5}[0-9]{6}`).Draw(t, "id"))
		wrong := bytes.Clone(id)
		wrong[rapid.IntRange(5, 10).Draw(t, "at")] = rapid.SampledFrom([]byte("0123456789")).Draw(t, "other")
		if !bytes.Equal(id, wrong) && dinCheckDigit(string(id)) == dinCheckDigit(string(wrong)) {
			t.Errorf("%s and %s have the same check digit", id, wrong)
		}
	})
}

// However a contract id is written, it is the same contract: in small letters, with
// either separator or none, with its check digit or without. The older form is that of
// the newer one that holds it.
func TestWaysToWriteAContractID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		country := rapid.SampledFrom([]string{"NL", "DE", "FR", "GB"}).Draw(t, "country")
		provider := rapid.StringMatching(`[0-9A-Z]{3}`).Draw(t, "provider")
		old := rapid.StringMatching(`[0-9A-Z]{6}`).Draw(t, "old")
		within := "C0" + old + string(rune(dinCheckDigit(country+provider+old)))
		instance := rapid.OneOf(rapid.Just(within), rapid.StringMatching(`C[0-9A-Z]{8}`)).Draw(t, "instance")
		want := country + provider + instance
		forms := map[string]byte{instance: isoCheckDigit(want)}
		if instance == within {
			forms[old], forms["00"+within[2:]] = dinCheckDigit(country+provider+old), isoCheckDigit(country+provider+"00"+within[2:])
		}
		for form, check := range forms {
			for _, separator := range []string{"", "-", "*"} {
				for _, digit := range []string{"", separator + string(rune(check))} {
					id := country + separator + provider + separator + form + digit
					for _, written := range []string{id, strings.ToLower(id), " " + id + " "} {
						if got := FoldContractID(written); got != want {
							t.Errorf("%q folds to %q, want %q", written, got, want)
						}
					}
					if c, ok := ParseContractID(id); !ok || c.Country != country || c.Provider != provider {
						t.Errorf("%q is %+v, %t", id, c, ok)
					}
				}
			}
			wrong := country + "-" + provider + "-" + form + "-" + string(digits36[(digitOf(check)+1)%36])
			if validContract(wrong) {
				t.Errorf("%q counts as right", wrong)
			}
		}
	})
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

		// What others who read such ids hold themselves to.
		{"DE*AB7*E840*6487", "DE*AB7*E8406487", "DE*AB7"},
		{"DEAB7E8406487", "DE*AB7*E8406487", "DE*AB7"},
		{"Nl*tnM*E000122045", "NL*TNM*E000122045", "NL*TNM"},
		{"DEAB7E1", "DE*AB7*E1", "DE*AB7"},
		{"DE*AB7*E1234567890ABCDEFGHIJ1234567890", "DE*AB7*E1234567890ABCDEFGHIJ1234567890", "DE*AB7"},
		{"DE*ICE*E45B*78C", "DE*ICE*E45B78C", "DE*ICE"},
		{"+49*810*1", "+49*810*1", ""},
		{"+49*810*12345678901234567890123456789012", "+49*810*12345678901234567890123456789012", ""},
		{"+49*810548*1234567890", "+49*810548*1234567890", ""},
		{"+31*745*840*6487", "+31*745*8406487", ""},
		{"DE*AB7*E" + strings.Repeat("7", 32), "DE*AB7*E" + strings.Repeat("7", 32), ""}, // too long
		{"+49*810*123456789012345678901234567890123", "+49*810*123456789012345678901234567890123", ""},
		{"NL*TNM*840*6487", "NL*TNM*840*6487", ""}, // an outlet begins with E
		{"ZZ*TNM*E840", "ZZ*TNM*E840", ""},
		{"+49*AB7*840*6487", "+49*AB7*840*6487", ""},
		{"+49*645*E840*6487", "+49*645*E840*6487", ""},
		{"+4A*810*000*438", "+4A*810*000*438", ""},

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

// A list is named by what it says, in whatever order it was written.
func TestDigestOfIssuers(t *testing.T) {
	digests := map[string]string{}
	for _, lines := range [][]string{nil, {"DE/8AC=DE/EMP"}, {"DE/8AC=DE/EMQ"}, {"DE/8AD=DE/EMP"}, {"DE/8AC=DE/EMP", "NL/ABC=NL/EXW"}, {"NL/ABC=NL/EXW", "de/8ac = de/emp"}} {
		list, err := ParseIssuers(lines)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseIssuers(list.Lines())
		if err != nil || again.Digest() != list.Digest() || len(list.Digest()) != 16 {
			t.Errorf("%q: read again as %q, %v", lines, again.Lines(), err)
		}
		said := strings.Join(list.Lines(), " ")
		if other, ok := digests[list.Digest()]; ok && other != said {
			t.Errorf("%q and %q have one digest", other, said)
		}
		digests[list.Digest()] = said
	}
	if len(digests) != 5 {
		t.Errorf("%d lists are told apart, want 5", len(digests))
	}
}
