package clearing

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// agreementTable has every key of an agreement, in the order in which they are shown.
// Validation, help, completion and the page follow from it. A row stays for ever, for
// the log holds its values; a new one is for agreement.set 2, so that a process that
// does not know it stops before it.
var agreementTable = table[Terms]{
	newRow(Key{
		Name: "owed", Default: string(OwedClaimed), Values: []string{string(OwedClaimed), string(OwedComputed), string(OwedLower)},
		Says: "which amount of an accepted CDR is owed: what the CPO claims, what the tariff gives, or the lower of the two",
	}, word(OwedClaimed, OwedComputed, OwedLower), func(t *Terms, _ string, v Owed) { t.Owed = v }),
	newRow(Key{
		Name: zoneKey, Default: "UTC", Wants: "an IANA time zone, such as Europe/Amsterdam",
		Says: "the time zone in which a CDR's end says which month it belongs to",
	}, zone, func(t *Terms, _ string, v *tariff.Zone) { t.Zone = v }),
	newRow(Key{
		Name: "cut_off_day", Default: "0", Wants: "0 for none, or a day from 1 to 28",
		Says: "a CDR last updated after this day of the next month is settled one month later; 0 for no such day",
	}, number(0, 28), func(t *Terms, _ string, v int) { t.CutOffDay = v }),
	newRow(Key{
		Name: "pack", Default: "observe", Values: packNames(),
		Says: "the rules by which CDRs are noted, held, rejected or zeroed",
	}, word(packNames()...), func(t *Terms, _ string, v string) { t.Pack = v }),
	newRow(Key{
		Name: ruleEffect, Absent: "as the pack has it", Values: effectNames[:],
		Says: "what one rule of the pack does with the CDRs that it finds",
	}, word(effectNames[:]...), (*Terms).setEffect).of(isEffect),
	newRow(Key{
		Name: ruleParameter, Absent: "as the pack has it", Wants: "an exact decimal, such as 90 or 0.5",
		Says: "a parameter of one rule of the pack",
	}, exact, (*Terms).setParameter).of(isParameter),
	newRow(Key{
		Name: profileKey, Absent: "as the CPO's registration says", Wants: "a pricing profile, such as STEP_NONE",
		Says: "how doubtful points of tariffs are read; it prices nothing anew, roamclear reprice does",
	}, profile, func(t *Terms, _ string, v string) { t.Profile = v }),
	newRow(Key{
		Name: taxCategory, Default: string(TaxStated), Values: taxCategories(),
		Says: "the tax of a statement: that which the CDRs state, a standard rate, or none, and why none",
	}, word(allTaxes...), func(t *Terms, _ string, v TaxCategory) { t.Tax.Category = v }),
	newRow(Key{
		Name: taxRate, Absent: "none", Wants: "an exact decimal per cent from 0 to 100, such as 21",
		Says: "the rate of tax.category=standard, with which it is set and withdrawn",
	}, rate, func(t *Terms, _ string, v ocpi.Number) { t.Tax.Rate = v }),
	newRow(Key{
		Name: "undecided", Default: string(UndecidedRefuse), Values: []string{string(UndecidedRefuse), string(UndecidedCarry)},
		Says: "what the close of a period does with held CDRs: refuse to close, or carry them into a later period",
	}, word(UndecidedRefuse, UndecidedCarry), func(t *Terms, _ string, v Undecided) { t.Undecided = v }),
	newRow(Key{
		Name: "days_to_pay", Absent: "no due date", Wants: "a number of days from 0 to 365",
		Says: "how many days after its issue a statement is due",
	}, number(0, 365), func(t *Terms, _ string, v int) { t.DaysToPay, t.HasDaysToPay = v, true }),
	newRow(Key{
		Name: "number_prefix", Absent: "none", Wants: "up to 20 letters, digits and -/._",
		Says: "what stands before the running number of a creditor's statements",
	}, prefix, func(t *Terms, _ string, v string) { t.NumberPrefix = v }),
	newRow(Key{
		Name: fourEyesKey, House: true, Default: "false", Values: []string{"false", "true"},
		Says: "whether one key asks for a close and another one approves it",
	}, word("false", "true"), func(t *Terms, _ string, v string) { t.FourEyes = v == "true" }),
}

// Names of keys that are looked at beyond their value.
const (
	taxCategory   = "tax.category"
	taxRate       = "tax.rate"
	profileKey    = "profile"
	zoneKey       = "zone"
	fourEyesKey   = "four_eyes"
	ruleEffect    = "rule.CODE.effect"
	ruleParameter = "rule.CODE.PARAM"
)

// maxValue bounds the value of an agreement's key, in bytes.
const maxValue = 100

// isEffect and isParameter report whether a key is one of a rule.
func isEffect(key string) bool {
	_, parameter, ok := ruleOf(key)
	return ok && parameter == "effect"
}

func isParameter(key string) bool {
	_, parameter, ok := ruleOf(key)
	return ok && parameter != "effect"
}

// ruleOf takes the key of a rule apart. That a pack has the rule it does not say.
func ruleOf(key string) (code, parameter string, ok bool) {
	rest, ok := strings.CutPrefix(key, "rule.")
	code, parameter, dotted := strings.Cut(rest, ".")
	return code, parameter, ok && dotted && isCode(code) && isCode(parameter)
}

// isCode reports whether a text is lower-case letters, digits and underscores.
func isCode(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

// AgreementKeys returns what can be set in an agreement.
func AgreementKeys() []Key { return agreementTable.keys() }

// AgreementKey returns what is to be said of a key, also of one of a rule.
func AgreementKey(name string) (Key, bool) {
	r, ok := agreementTable.find(name)
	if !ok {
		return Key{}, false
	}
	return r.Key, true
}

// AgreementValues returns the values that a key may have, where they are few; nil
// where it has others, or is unknown.
func AgreementValues(key string) []string {
	if key == profileKey {
		return profileNames()
	}
	if r, ok := agreementTable.find(key); ok {
		return slices.Clone(r.Values)
	}
	return nil
}

// word reads one of a few words.
func word[W ~string](words ...W) func(string) (W, string, error) {
	return func(text string) (W, string, error) {
		i := slices.Index(words, W(text))
		if i < 0 {
			list := make([]string, len(words))
			for i, w := range words {
				list[i] = string(w)
			}
			return "", "", fmt.Errorf("want one of %s", strings.Join(list, ", "))
		}
		return words[i], text, nil
	}
}

// number reads a whole number in a range.
func number(least, most int) func(string) (int, string, error) {
	return func(text string) (int, string, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return 0, "", fmt.Errorf("want a whole number from %d to %d", least, most)
		}
		return n, strconv.Itoa(n), nil
	}
}

// zone reads a time zone by its IANA name, in any case. An offset is none: it knows no
// daylight saving, and partners mean their local time.
func zone(text string) (*tariff.Zone, string, error) {
	z, err := tariff.LoadZone(text)
	switch {
	case err != nil, strings.HasPrefix(z.Name(), "UTC+"), strings.HasPrefix(z.Name(), "UTC-"), !strings.EqualFold(z.Name(), text):
		return nil, "", fmt.Errorf("want an IANA time zone of release %s, such as Europe/Amsterdam or UTC", tariff.ZoneDBVersion())
	case z.Name() == tariff.UTC.Name():
		z = tariff.UTC
	}
	return z, z.Name(), nil
}

// profile reads a pricing profile by its name.
func profile(text string) (string, string, error) {
	p, ok := tariff.ProfileByName(text)
	if !ok {
		return "", "", fmt.Errorf("want one of %s", strings.Join(profileNames(), ", "))
	}
	return p.Name, p.Name, nil
}

func profileNames() []string {
	names := []string{}
	for _, p := range tariff.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// exact reads an exact decimal that is not negative. It is written without zeros at
// its end.
func exact(text string) (ocpi.Number, string, error) {
	n, err := ocpi.ParseNumber(text)
	if err != nil || n.Sign() < 0 {
		return n, "", errors.New("want an exact decimal that is not negative, such as 90 or 0.5")
	}
	shortest := n.Decimal().String()
	n, err = ocpi.ParseNumber(shortest)
	return n, shortest, err
}

// rate reads a percentage of tax.
func rate(text string) (ocpi.Number, string, error) {
	n, written, err := exact(text)
	if err != nil || n.Cmp(ocpi.NewNumber(100, 0)) > 0 {
		return n, "", errors.New("want an exact decimal per cent from 0 to 100, such as 21 or 5.5")
	}
	return n, written, nil
}

// prefix reads what stands before numbers of statements.
func prefix(text string) (string, string, error) {
	for _, r := range text {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/._", r) {
			return "", "", fmt.Errorf("want up to %d letters, digits and -/._", maxPrefix)
		}
	}
	if len(text) > maxPrefix {
		return "", "", fmt.Errorf("want up to %d letters, digits and -/._", maxPrefix)
	}
	return text, text, nil
}

const maxPrefix = 20
