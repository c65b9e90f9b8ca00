package clickhouse

import (
	"github.com/ClickHouse/ch-go/proto"
	"github.com/roamclear/roamclear/pricing"
)

// cdrRows are rows of table cdrs.
type cdrRows struct {
	*block
	position
	identity
	ver                               proto.ColUInt64
	sender, currency                  *proto.ColLowCardinality[string]
	cpoCountry, cpoParty              *proto.ColLowCardinality[string]
	emspCountry, emspParty            *proto.ColLowCardinality[string]
	version, credit                   proto.ColUInt8
	hash                              proto.ColFixedStr
	received, start, end, lastUpdated proto.ColDateTime64
	month                             proto.ColUInt32
	idSent, creditOf, session, token  []string
	contract, location, evse          []string
	energy, timeHours, parkingHours   *proto.ColNullable[proto.Decimal128]
}

func newCDRRows() *cdrRows {
	c := &cdrRows{
		identity: newIdentity(), sender: lowCard(), currency: lowCard(),
		cpoCountry: lowCard(), cpoParty: lowCard(), emspCountry: lowCard(), emspParty: lowCard(),
		received: nanoseconds(), start: nanoseconds(), end: nanoseconds(), lastUpdated: nanoseconds(),
		energy: decimals(), timeHours: decimals(), parkingHours: decimals(),
	}
	c.hash.SetSize(32)
	c.block = newBlock("cdrs",
		values("country", c.country), values("party", c.party), texts("id", &c.id),
		values("partition", &c.partition), values("epoch", &c.epoch), values("offset", &c.offset), values("ver", &c.ver),
		texts("id_sent", &c.idSent), values("sender", c.sender), values("version", &c.version), values("hash", &c.hash),
		values("received", &c.received), values("cpo_country", c.cpoCountry), values("cpo_party", c.cpoParty),
		values("emsp_country", c.emspCountry), values("emsp_party", c.emspParty), values("start", &c.start), values("end", &c.end),
		values("last_updated", &c.lastUpdated), values("month", &c.month), values("currency", c.currency), values("credit", &c.credit),
		texts("credit_of", &c.creditOf), texts("session_id", &c.session), texts("token_uid", &c.token), texts("contract_id", &c.contract),
		texts("location_id", &c.location), texts("evse_uid", &c.evse), values("energy_kwh", c.energy),
		values("time_hours", c.timeHours), values("parking_hours", c.parkingHours))
	return c
}

// append appends a row. rank is that of its result: the CDR's row is written
// again, with the debtor, when one is found later.
func (c *cdrRows) append(r *pricing.Row, rank uint16) {
	c.position.append(r.Record.Position)
	c.identity.append(r.Record.Key)
	c.ver.Append(rowVersion(r.Record.Position, rank))
	c.idSent = append(c.idSent, r.ID)
	c.sender.Append(r.Record.Sender)
	c.version.Append(uint8(r.Record.Version))
	c.hash.Append(r.Record.Hash[:])
	c.received.AppendRaw(proto.DateTime64(r.Record.Received))
	c.cpoCountry.Append(r.Creditor.Country)
	c.cpoParty.Append(r.Creditor.ID)
	c.emspCountry.Append(r.Debtor.Country)
	c.emspParty.Append(r.Debtor.ID)
	c.start.AppendRaw(proto.DateTime64(r.Start))
	c.end.AppendRaw(proto.DateTime64(r.End))
	c.lastUpdated.AppendRaw(proto.DateTime64(r.LastUpdated))
	c.month.Append(uint32(r.Booked()))
	c.currency.Append(r.Currency)
	c.credit.Append(flag(r.Credit))
	c.creditOf = append(c.creditOf, r.CreditReferenceID)
	c.session = append(c.session, r.SessionID)
	c.token = append(c.token, r.TokenUID)
	c.contract = append(c.contract, r.ContractID)
	c.location = append(c.location, r.LocationID)
	c.evse = append(c.evse, r.EVSEUID)
	c.energy.Append(optional(r.EnergyKWh))
	c.timeHours.Append(optional(r.TimeHours))
	c.parkingHours.Append(optional(r.ParkingHours))
}
