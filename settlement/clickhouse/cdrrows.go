package clickhouse

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/roamclear/roamclear/ocpi"
)

// cdrRows are rows of table cdrs: which record stands for an identity.
type cdrRows struct {
	*block
	position
	identity
	ver                    proto.ColUInt64
	months                 *proto.ColArr[uint32]
	emspCountry, emspParty *proto.ColLowCardinality[string]
	lastUpdated            proto.ColDateTime64
	earlier                []string
}

func newCDRRows() *cdrRows {
	c := &cdrRows{identity: newIdentity(), months: new(proto.ColUInt32).Array(), emspCountry: lowCard(), emspParty: lowCard(), lastUpdated: nanoseconds()}
	c.block = newBlock("cdrs",
		values("country", c.country), values("party", c.party), texts("id", &c.id),
		values("partition", &c.partition), values("epoch", &c.epoch), values("offset", &c.offset), values("ver", &c.ver),
		values("months", c.months), values("emsp_country", c.emspCountry), values("emsp_party", c.emspParty),
		values("last_updated", &c.lastUpdated), texts("earlier", &c.earlier))
	return c
}

func (c *cdrRows) append(r *placedRow) error {
	earlier := ""
	if len(r.earlier) > 0 {
		b, err := json.Marshal(r.earlier)
		if err != nil {
			return fmt.Errorf("encode where %s stood: %w", r.Record.Key, err)
		}
		earlier = string(b)
	}
	months := []uint32{uint32(r.at.Month)}
	for i := range r.earlier {
		if m := uint32(r.earlier[i].Month); !slices.Contains(months, m) {
			months = append(months, m)
		}
	}
	c.position.append(r.Record.Position)
	c.identity.append(r.Record.Key)
	c.ver.Append(r.ver)
	c.months.Append(months)
	c.emspCountry.Append(r.at.EMSP.Country)
	c.emspParty.Append(r.at.EMSP.ID)
	c.lastUpdated.AppendRaw(proto.DateTime64(r.at.LastUpdated))
	c.earlier = append(c.earlier, earlier)
	return nil
}

// senderRows are rows of table sender_lists.
type senderRows struct {
	*block
	position
	country, party        *proto.ColLowCardinality[string]
	creditor, gone        proto.ColUInt8
	lastUpdated, received proto.ColDateTime64
	ver                   proto.ColUInt64
}

func newSenderRows() *senderRows {
	s := &senderRows{country: lowCard(), party: lowCard(), lastUpdated: nanoseconds(), received: nanoseconds()}
	s.block = newBlock("sender_lists",
		values("country", s.country), values("party", s.party), values("creditor", &s.creditor), values("last_updated", &s.lastUpdated),
		values("partition", &s.partition), values("epoch", &s.epoch), values("offset", &s.offset),
		values("received", &s.received), values("ver", &s.ver), values("gone", &s.gone))
	return s
}

// listing is one row of table sender_lists.
type listing struct {
	of       *placedRow
	party    ocpi.Party
	creditor bool
	at       place
	gone     bool
}

func (s *senderRows) append(l *listing) {
	at := l.of.Record.Position
	at.Epoch, at.Offset = l.at.Epoch, l.at.Offset
	s.position.append(at)
	s.country.Append(l.party.Country)
	s.party.Append(l.party.ID)
	s.creditor.Append(flag(l.creditor))
	s.lastUpdated.AppendRaw(proto.DateTime64(l.at.LastUpdated))
	received := l.of.Record.Received
	if !l.creditor && !l.gone {
		received = l.of.came()
	}
	s.received.AppendRaw(proto.DateTime64(received))
	s.ver.Append(l.of.ver)
	s.gone.Append(flag(l.gone))
}
