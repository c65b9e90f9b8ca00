package reference

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// payers are the parties whose Tokens have carried a contract id. There are as
// many contracts as Tokens, so each takes 16 bytes of a hash that nobody outside
// can foresee in the place of its text, and one party where there is one.
type payers struct {
	seeds   [2]maphash.Seed
	parties []ocpi.Party
	numbers map[ocpi.Party]uint32
	first   map[[2]uint64]payer
	others  map[[2]uint64][]payer // of contracts of which several parties have Tokens
}

// payer is a party, by its number, of whose Tokens one has carried a contract id
// since an end of the reference topic.
type payer struct {
	next  int64
	party uint32
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
func (p *payers) add(contract string, party ocpi.Party, next int64) (came bool) {
	key, n := p.key(contract), p.number(party)
	known, ok := p.first[key]
	if !ok || known.party == n {
		if ok {
			next = min(next, known.next)
		}
		p.first[key] = payer{next, n}
		return !ok
	}
	others := p.others[key]
	if i := slices.IndexFunc(others, func(o payer) bool { return o.party == n }); i >= 0 {
		others[i].next = min(next, others[i].next)
		return false
	}
	p.others[key] = append(others, payer{next, n})
	return true
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

// of returns the party with the smallest name of those that were known below an
// end of the reference topic.
func (p *payers) of(contract string, below int64) (found ocpi.Party, ok bool) {
	key := p.key(contract)
	consider := func(c payer) {
		if party := p.parties[c.party]; c.next <= below && (!ok || party.String() < found.String()) {
			found, ok = party, true
		}
	}
	if first, known := p.first[key]; known {
		consider(first)
	}
	for _, other := range p.others[key] {
		consider(other)
	}
	return found, ok
}
