package settlement

import (
	"crypto/md5"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// SessionCDR is a counted CDR, no credit, as the rule of Sessions that are
// billed twice reads it.
type SessionCDR struct {
	Key       ocpi.Key
	EMSP      ocpi.Party
	Month     ocpi.Month
	Session   string // folded, never ""
	Cancelled bool   // by credits, in full
}

// MaxTwins is how many CDRs of one Session are said to bill it twice. An id that
// more of them share is none: some CPOs write the same for every charge.
const MaxTwins = 100

// BilledTwice returns the relations of the CDRs that name one Session of one CPO
// (OCPI 2.2.1 mod_cdrs: a CDR is of one concluded Session). Where several of
// them stand, each bills it twice and names the first of the others: which came
// first is chance, and either may be the wrong one.
func BilledTwice(cdrs []SessionCDR) []Relation {
	standing := slices.DeleteFunc(slices.Clone(cdrs), func(c SessionCDR) bool { return c.Cancelled })
	if len(standing) < 2 || len(standing) > MaxTwins {
		return nil
	}
	slices.SortFunc(standing, func(a, b SessionCDR) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	relations := make([]Relation, len(standing))
	for i, c := range standing {
		other := standing[0].Key
		if i == 0 {
			other = standing[1].Key
		}
		relations[i] = Relation{Key: c.Key, Kind: SessionBilledTwice, Other: other, EMSP: c.EMSP, Month: c.Month, Active: true}
	}
	return relations
}

// SessionHash is what the store finds the CDRs of a Session by: the first eight
// bytes of an MD5, which may only ever cause work.
func SessionHash(cpo ocpi.Party, session string) uint64 {
	sum := md5.Sum([]byte(cpo.Country + "*" + cpo.ID + "*" + session))
	return binary.LittleEndian.Uint64(sum[:8])
}

// ChargeQuery is what CDRs that name no Session are found by, as those of OCPI 2.1.1: who
// bills whom, or whom it is not known, for a charge that began at a Location within a time.
type ChargeQuery struct {
	CPO, Debtor ocpi.Party
	Location    string // folded
	From, To    ocpi.Time
}

// sessionOf names a Session across CPOs.
type sessionOf struct {
	cpo ocpi.Party
	id  string
}

// bySession sorts CDRs into those of one Session each.
func bySession(cdrs []SessionCDR) map[sessionOf][]SessionCDR {
	sets := map[sessionOf][]SessionCDR{}
	for _, c := range cdrs {
		s := sessionOf{c.Key.Party, c.Session}
		sets[s] = append(sets[s], c)
	}
	return sets
}
