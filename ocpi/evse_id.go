package ocpi

import "strings"

// EVSEID is the id of an EVSE as drivers see it, taken apart: by ISO 15118 a country,
// an operator, the letter E and the outlet, or by DIN SPEC 91286 the calling code of a
// country, an operator's number and the outlet.
type EVSEID struct {
	Country  string // alpha-2, or a calling code such as "+49"
	Operator string
	Outlet   string // without separators; of the newer form with its E
}

// maxOutlet is how long the outlet of either form may be.
const maxOutlet = 32

// ParseEVSEID reads the id of an EVSE in either form: in any case, of the newer one
// with "*" or "-" between its parts or without. ok is false where it is none.
func ParseEVSEID(s string) (e EVSEID, ok bool) {
	s = Fold(strings.TrimSpace(s))
	if s != "" && (s[0] == '+' || s[0]-'0' <= 9) {
		return parseDINEVSEID(s)
	}
	id, separators, ok := withoutSeparators(s)
	if !ok || len(id) < len("DE8AAE1") || !IsCountry(id[:2]) || id[5] != 'E' || len(id) > 5+maxOutlet {
		return e, false
	}
	const wrong = 1 | 1<<1 | 1<<3 | 1<<4 | 1<<6 // within country and operator, behind the E
	if separators&wrong != 0 || separators>>len(id)&1 != 0 {
		return e, false
	}
	return EVSEID{Country: id[:2], Operator: id[2:5], Outlet: id[5:]}, true
}

// parseDINEVSEID reads the older form, such as "+49*810*000*438": all of it is digits,
// and its parts need their separators.
func parseDINEVSEID(s string) (e EVSEID, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(s, "+"), "*", 3)
	if len(parts) != 3 {
		return e, false
	}
	country, operator, outlet := parts[0], parts[1], strings.ReplaceAll(parts[2], "*", "")
	for _, p := range []struct {
		digits      string
		least, most int
	}{{country, 1, 3}, {operator, 3, 6}, {outlet, 1, maxOutlet}} {
		if len(p.digits) < p.least || len(p.digits) > p.most || digitsEnd(p.digits, 0) != len(p.digits) {
			return e, false
		}
	}
	return EVSEID{Country: "+" + country, Operator: operator, Outlet: outlet}, true
}

// Party returns the operator as a party; ok is false in the older form, whose operators
// are numbers.
func (e EVSEID) Party() (operator Party, ok bool) {
	return Party{Country: e.Country, ID: e.Operator}, e.Country != "" && e.Country[0] != '+'
}

// FoldEVSEID returns what the id of an EVSE is compared by: one text for all ways to
// write one. What is none is compared as OCPI compares ids.
func FoldEVSEID(s string) string {
	e, ok := ParseEVSEID(s)
	if !ok {
		return Fold(s)
	}
	return e.Country + "*" + e.Operator + "*" + e.Outlet
}
