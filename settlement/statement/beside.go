package statement

import (
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Hashes are what CDRs of one pair and currency may have in common that bears on what is
// owed: their Session; the token, EVSE, start and end; a credit and the CDR that it names.
// 0 stands for nothing. They only ever cause a look: who is told of a CDR compares what
// its hashes stand for. Stored lines rest on them: they never change.
type Hashes struct {
	Session  uint64
	Charge   uint64
	Credited uint64 // of a credit, the CDR that it names
}

// HashesOf returns the hashes of a CDR.
func HashesOf(c *settlement.BookedCDR) Hashes {
	h := Hashes{Charge: c.Measures.ChargeHash}
	if c.SessionID != "" {
		h.Session = settlement.SessionHash(c.Key.Party, c.SessionID)
	}
	if of := c.Original(); c.Credit && of.ID != "" {
		h.Credited = creditedHash(of)
	}
	return h
}

// creditedHash is the hash of a CDR that credits name.
func creditedHash(key ocpi.Key) uint64 { return settlement.SessionHash(key.Party, "\x00"+key.ID) }

// Unit is a CDR in the pair and currency that something of it was issued in.
type Unit struct {
	Key      ocpi.Key // its party is the CPO
	EMSP     ocpi.Party
	Currency string
}

// Beside asks for what is issued beside a CDR that is not: in its pair and currency, with
// one of its hashes, or as a credit that names it.
type Beside struct {
	CPO, EMSP ocpi.Party
	Currency  string
	Hashes    // but Credited is that of the CDR itself
}

// BesideOf asks for what may be issued beside a CDR that is not.
func BesideOf(c *settlement.BookedCDR) Beside {
	h := HashesOf(c)
	h.Credited = creditedHash(c.Key)
	return Beside{c.Key.Party, c.EMSP, c.Currency, h}
}

// asks reports whether a CDR that is issued may stand beside one of the group that is not:
// what groups that wait together ask for goes as one.
func (g *group) asks(c *settlement.BookedCDR) bool {
	if g.hashes == nil {
		g.hashes = map[uint64]bool{}
		for i := range g.members {
			if m := &g.members[i]; m.open {
				of := BesideOf(&m.BookedCDR)
				g.hashes[of.Session], g.hashes[of.Charge], g.hashes[of.Credited] = true, true, true
			}
		}
		delete(g.hashes, 0)
	}
	h := HashesOf(c)
	return g.hashes[h.Session] || g.hashes[h.Charge] || g.hashes[h.Credited]
}
