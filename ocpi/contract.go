package ocpi

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// ContractID is a contract id taken apart: an eMAID as ISO 15118 and eMI³ have it
// (country, provider, nine characters, a check digit that may be left out), or the
// older form of DIN SPEC 91286 (six characters), which stands in the newer one as
// "C0", its six characters and its check digit.
type ContractID struct {
	Country  string // ISO 3166-1 alpha-2, folded as everything here
	Provider string // three letters or digits
	Instance string // nine, of either form
	sure     bool   // it could hardly be anything else
}

// Lengths of the two forms without separators and check digit.
const (
	isoContract = 14
	dinContract = 11

	longestContract = isoContract + 1 + 3 // with its check digit and three separators
)

// ParseContractID reads a contract id in either form: in any case, with "-" or "*"
// between its parts or without, and with its check digit or without. ok is false where
// it is none, its check digit is wrong, or its country is none.
func ParseContractID(s string) (c ContractID, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) > longestContract {
		return c, false
	}
	id, separators, ok := withoutSeparators(Fold(s))
	if !ok || len(id) < dinContract || !IsCountry(id[:2]) {
		return c, false
	}
	checked := len(id) == isoContract+1 || len(id) == dinContract+1
	bare := id
	if checked {
		bare = id[:len(id)-1]
	}
	if len(bare) != isoContract && len(bare) != dinContract || separators&^allowedSeparators(bare, checked) != 0 {
		return c, false
	}
	check := dinCheckDigit(bare)
	if len(bare) == isoContract {
		check = isoCheckDigit(bare)
	}
	if checked && id[len(id)-1] != check {
		return c, false
	}
	c = ContractID{Country: bare[:2], Provider: bare[2:5], Instance: bare[5:]}
	c.sure = checked || separators != 0 || len(bare) == isoContract && bare[5] == 'C'
	switch {
	case len(bare) == dinContract:
		c.Instance = "C0" + c.Instance + string(rune(check))
	case strings.HasPrefix(c.Instance, "00") && c.Instance[8] == dinCheckDigit(bare[:5]+c.Instance[2:8]):
		c.Instance = "C0" + c.Instance[2:] // how ISO 15118 held the older form before eMI³
	}
	return c, true
}

// withoutSeparators returns the letters and digits of an id and, as bits, before which
// of them a separator stands; ok is false where it has anything else, or too many.
func withoutSeparators(s string) (id string, separators uint64, ok bool) {
	var b [63]byte // as many as there are bits before the end
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '-' || c == '*':
			bit := uint64(1) << n
			if separators&bit != 0 {
				return "", 0, false
			}
			separators |= bit
		case n < len(b) && ('A' <= c && c <= 'Z' || '0' <= c && c <= '9'):
			b[n], n = c, n+1
		default:
			return "", 0, false
		}
	}
	return string(b[:n]), separators, true
}

// allowedSeparators says before which characters of a contract id one may stand: the
// provider, the instance and the check digit.
func allowedSeparators(bare string, checked bool) uint64 {
	allowed := uint64(1)<<2 | 1<<5
	if checked {
		allowed |= 1 << len(bare)
	}
	return allowed
}

// Issuer returns the party whose contract it is, by the provider id; ok is false where
// the text may be no contract id after all: without separators, check digit and the C
// of an eMAID it may be anybody's own number.
func (c ContractID) Issuer() (issuer Party, ok bool) {
	return Party{Country: c.Country, ID: c.Provider}, c.sure
}

// FoldContractID returns what a contract id is compared by: one text for all ways to
// write one. What is none is compared as OCPI compares ids.
func FoldContractID(s string) string {
	c, ok := ParseContractID(s)
	if !ok {
		return Fold(s)
	}
	return c.Country + c.Provider + c.Instance
}

// dinCheckDigit returns the check digit of the older form (DIN SPEC 91286): the decimal
// digits of its characters, a letter counting from 10 on, times the powers of two,
// modulo eleven; X is ten.
func dinCheckDigit(id string) byte {
	sum, weight := 0, 1
	add := func(digit int) {
		sum += digit * weight
		weight = weight * 2 % 11
	}
	for i := range len(id) {
		n := digitOf(id[i])
		if n >= 10 {
			add(n / 10)
		}
		add(n % 10)
	}
	if sum %= 11; sum < 10 {
		return byte('0' + sum)
	}
	return 'X'
}

// isoCheckDigit returns the check digit of an eMAID (eMI³, "Check Digit Calculation for
// Contract-IDs"): each character is two numbers modulo 2 and two modulo 3; with the
// powers of a matrix for each pair as weights, all of it and the check digit sum to
// nothing.
func isoCheckDigit(id string) byte {
	var two, three [2]int
	for i := len(id) - 1; i >= 0; i-- {
		n := digitOf(id[i])
		two = [2]int{two[1] + n/18, two[0] + two[1] + n/9%2}
		two = [2]int{two[0] % 2, two[1] % 2}
		three = [2]int{three[1] + n%9/3, three[0] + 2*three[1] + n%3}
		three = [2]int{three[0] % 3, three[1] % 3}
	}
	// Once more by the matrices, which the last step of the loop lacks, then by the
	// inverse of the fifteenth power, negative, of the second.
	two = [2]int{two[1] % 2, (two[0] + two[1]) % 2}
	three = [2]int{three[1] % 3, (three[0] + 2*three[1]) % 3}
	three = [2]int{2 * three[1] % 3, (2*three[0] + three[1]) % 3}
	return digits36[18*two[0]+9*two[1]+3*three[0]+three[1]]
}

const digits36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// digitOf returns what a letter or digit, folded, counts.
func digitOf(c byte) int {
	if c >= 'A' {
		return int(c-'A') + 10
	}
	return int(c - '0')
}

// Issuers says which party's contracts are those of a provider id where it is not the
// one of the same name: provider ids need not be party ids (R-ROUTE-12).
type Issuers map[Party]Party

// ParseIssuers reads lines such as "DE/8AC=DE/EMP".
func ParseIssuers(lines []string) (Issuers, error) {
	issuers := Issuers{}
	for _, line := range lines {
		provider, party, _ := strings.Cut(line, "=")
		from, okFrom := ParseParty(strings.TrimSpace(provider))
		to, okTo := ParseParty(strings.TrimSpace(party))
		if !okFrom || !okTo || !IsCountry(from.Country) || !IsCountry(to.Country) {
			return nil, fmt.Errorf("%q: want a provider and a party such as DE/8AC=DE/EMP", line)
		}
		if other, ok := issuers[from]; ok && other != to {
			return nil, fmt.Errorf("%q: the contracts of %s are those of %s already", line, from, other)
		}
		issuers[from] = to
	}
	return issuers, nil
}

// Lines returns the list as ParseIssuers reads it, in order.
func (i Issuers) Lines() []string {
	lines := make([]string, 0, len(i))
	for provider, party := range i {
		lines = append(lines, provider.Country+"/"+provider.ID+"="+party.Country+"/"+party.ID)
	}
	slices.Sort(lines)
	return lines
}

// Digest names the list by what it says, "" for no other.
func (i Issuers) Digest() string {
	sum := sha256.Sum256([]byte(strings.Join(i.Lines(), "\n")))
	return hex.EncodeToString(sum[:8])
}

// Of returns the party that issued a contract, by its id; ok is false where the id does
// not say.
func (i Issuers) Of(contractID string) (issuer Party, ok bool) {
	c, ok := ParseContractID(contractID)
	if !ok {
		return Party{}, false
	}
	if issuer, ok = c.Issuer(); !ok {
		return Party{}, false
	}
	if party, listed := i[issuer]; listed {
		return party, true
	}
	return issuer, true
}
