package ocpi

import "strings"

// Party names a roaming partner's legal role holder: country_code (ISO 3166
// alpha-2) and party_id (ISO 15118), both folded to upper case.
type Party struct {
	Country string
	ID      string
}

// NewParty folds a country code and a party id into a Party.
func NewParty(country, id string) Party {
	return Party{Country: Fold(country), ID: Fold(id)}
}

// ParseParty reads "GB*DUN", "GB/DUN" or "GBDUN".
func ParseParty(s string) (Party, bool) {
	country, id, ok := strings.Cut(s, "*")
	if !ok {
		country, id, ok = strings.Cut(s, "/")
	}
	if !ok && len(s) == 5 {
		country, id, ok = s[:2], s[2:], true
	}
	if !ok || len(country) != 2 || len(id) == 0 || len(id) > 3 {
		return Party{}, false
	}
	return NewParty(country, id), true
}

// String returns the party as people write it: "GB*DUN".
func (p Party) String() string { return p.Country + "*" + p.ID }

// IsZero reports whether the party is not named.
func (p Party) IsZero() bool { return p.Country == "" && p.ID == "" }

// Key identifies one object of one owner. OCPI's CiString ids compare
// without case, so ID is folded; the id as sent stays in the raw body.
type Key struct {
	Party Party
	ID    string
}

// NewKey folds an owner and an id into a Key.
func NewKey(country, party, id string) Key {
	return Key{Party: NewParty(country, party), ID: Fold(id)}
}

// String returns "GB*DUN*id", for messages.
func (k Key) String() string { return k.Party.Country + "*" + k.Party.ID + "*" + k.ID }

// Fold maps ASCII letters to upper case and leaves every other byte alone, as
// OCPI's CiString compares. It returns s itself when nothing changes.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if 'a' <= s[i] && s[i] <= 'z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'a' <= b[i] && b[i] <= 'z' {
					b[i] -= 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
