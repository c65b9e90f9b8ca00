package clickhouse

import (
	"context"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/roamclear/roamclear/settlement"
)

// sessionsPart is how many offsets of a partition of the log are in one
// partition of table session_cdrs.
const sessionsPart = 1 << 20

// creditRows are rows of table credits: which CDR a credit names.
type creditRows struct {
	*block
	position
	identity
	creditOf []string
}

func newCreditRows() *creditRows {
	c := &creditRows{identity: newIdentity()}
	c.block = newBlock("credits", values("country", c.country), values("party", c.party), texts("credit_of", &c.creditOf), texts("id", &c.id),
		values("partition", &c.partition), values("epoch", &c.epoch), values("offset", &c.offset))
	return c
}

func (c *creditRows) append(r *placedRow) {
	c.position.append(r.Record.Position)
	c.identity.append(r.Record.Key)
	c.creditOf = append(c.creditOf, r.CreditReferenceID)
}

// sessionRows are rows of table session_cdrs: which CDRs are of which Session.
type sessionRows struct {
	*block
	position
	session proto.ColUInt64
}

func newSessionRows() *sessionRows {
	s := &sessionRows{}
	s.block = newBlock("session_cdrs", values("session", &s.session),
		values("partition", &s.partition), values("epoch", &s.epoch), values("offset", &s.offset))
	return s
}

func (s *sessionRows) append(r *placedRow) {
	s.position.append(r.Record.Position)
	s.session.Append(settlement.SessionHash(r.Record.Key.Party, r.SessionID))
}

// writeBeside stores what relations look rows up by: what credits name, and the
// Sessions of the others.
func (s *Store) writeBeside(ctx context.Context, into *blocks, what string, rows []placedRow) error {
	var credits, sessions []*placedRow
	for i := range rows {
		switch r := &rows[i]; {
		case r.Credit:
			credits = append(credits, r)
		case r.SessionID != "":
			sessions = append(sessions, r)
		}
	}
	err := s.insert(ctx, into.credits.block, what, len(credits), func(i int) error { into.credits.append(credits[i]); return nil })
	for len(sessions) > 0 && err == nil {
		n := 1 // one part goes into one partition of the table
		for n < len(sessions) && sessions[n].Record.Offset/sessionsPart == sessions[0].Record.Offset/sessionsPart {
			n++
		}
		err = s.insert(ctx, into.sessions.block, what, n, func(i int) error { into.sessions.append(sessions[i]); return nil })
		sessions = sessions[n:]
	}
	return err
}
