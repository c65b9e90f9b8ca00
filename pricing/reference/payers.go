package reference

import (
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// payers are the parties whose Tokens have carried a contract id that does not say
// itself whose it is. There may be as many contracts as Tokens, so each takes 16 bytes
// of a hash that nobody outside can foresee in the place of its text, and one party
// where there is one.
type payers struct {
	seeds   [2]maphash.Seed
	parties []ocpi.Party
	numbers map[ocpi.Party]uint32
	first   map[[2]uint64]payer
	others  map[[2]uint64][]payer // of contracts of which several parties have Tokens
}

// payer is a party, by its number, of whose Tokens one has carried a contract id
// since an end of the reference topic. From when on it is in force are the seconds
// since 1970 of the first record that said so.
type payer struct {
	next  int64
	party uint32
	since uint32
}

// secondsOf returns an instant in whole seconds since 1970; what lies before or beyond
// what that holds is the first or the last.
func secondsOf(t ocpi.Time) uint32 {
	return uint32(min(max(int64(t)/ocpi.Second, 0), math.MaxUint32))
}

func newPayers() *payers {
	return &payers{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, numbers: map[ocpi.Party]uint32{},
		first: map[[2]uint64]payer{}, others: map[[2]uint64][]payer{},
	}
}

func (p *payers) key(contract string) [2]uint64 {
	return [2]uint64{maphash.String(p.seeds[0], contract), maphash.String(p.seeds[1], contract)}
}

// add notes that a Token of a party has carried a contract id, and reports
// whether the party was not known for it.
func (p *payers) add(contract string, party ocpi.Party, next int64, since ocpi.Time) (came bool) {
	key := p.key(contract)
	c := payer{next, p.number(party), secondsOf(since)}
	known, ok := p.first[key]
	if !ok || known.party == c.party {
		p.first[key] = earlier(known, c, ok)
		return !ok
	}
	others := p.others[key]
	if i := slices.IndexFunc(others, func(o payer) bool { return o.party == c.party }); i >= 0 {
		others[i] = earlier(others[i], c, true)
		return false
	}
	p.others[key] = append(others, c)
	return true
}

// earlier returns the one of two that stands first in the log.
func earlier(known, c payer, ok bool) payer {
	if ok && known.next <= c.next {
		return known
	}
	return c
}

func (p *payers) number(party ocpi.Party) uint32 {
	n, ok := p.numbers[party]
	if !ok {
		n = uint32(len(p.parties))
		party = ocpi.Party{Country: strings.Clone(party.Country), ID: strings.Clone(party.ID)}
		p.parties, p.numbers[party] = append(p.parties, party), n
	}
	return n
}

// of returns, of the parties that were known below an end of the reference topic, the
// one whose Token was in force when a charge began: the latest not after start, else
// the first after it, of equal ones the party with the smallest name.
func (p *payers) of(contract string, start ocpi.Time, below int64) (found ocpi.Party, ok bool) {
	key, at := p.key(contract), secondsOf(start)
	var best payer
	consider := func(c payer) {
		if c.next <= below && (!ok || p.goesBefore(c, best, at)) {
			best, ok = c, true
		}
	}
	if first, known := p.first[key]; known {
		consider(first)
	}
	for _, other := range p.others[key] {
		consider(other)
	}
	if !ok {
		return ocpi.Party{}, false
	}
	return p.parties[best.party], true
}

func (p *payers) goesBefore(a, b payer, start uint32) bool {
	switch inForceA, inForceB := a.since <= start, b.since <= start; {
	case inForceA != inForceB:
		return inForceA
	case a.since != b.since:
		return a.since > b.since == inForceA
	}
	return p.parties[a.party].String() < p.parties[b.party].String()
}
