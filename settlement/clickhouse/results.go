package clickhouse

import (
	"encoding/json"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
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

func (c *cdrRows) append(r *pricing.Row) {
	c.position.append(r.Record.Position)
	c.identity.append(r.Record.Key)
	c.ver.Append(rowVersion(r.Record.Position, 0))
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

// amountNames are the optional amounts of table results, in amountsOf's order.
var amountNames = [...]string{
	"claimed_excl", "claimed_incl", "computed_excl", "computed_incl", "fixed_excl", "fixed_incl",
	"energy_excl", "energy_incl", "time_excl", "time_incl", "parking_excl", "parking_incl",
	"reservation_excl", "reservation_incl",
}

func amountsOf(o *pricing.Outcome) [len(amountNames)]ocpi.Number {
	return [...]ocpi.Number{
		o.Claimed.Excl, o.Claimed.Incl, o.Computed.Excl, o.Computed.Incl, o.Fixed.Excl, o.Fixed.Incl,
		o.Energy.Excl, o.Energy.Incl, o.Time.Excl, o.Time.Incl, o.Parking.Excl, o.Parking.Incl,
		o.Reservation.Excl, o.Reservation.Incl,
	}
}

// resultRows are rows of table results.
type resultRows struct {
	*block
	position
	identity
	ver                                proto.ColUInt64
	generation                         proto.ColUInt16
	cpoCountry, cpoParty               *proto.ColLowCardinality[string]
	emspCountry, emspParty             *proto.ColLowCardinality[string]
	month                              proto.ColUInt32
	credit                             proto.ColUInt8
	status, claim                      proto.ColEnum8
	currency, reason                   *proto.ColLowCardinality[string]
	amounts                            [len(amountNames)]*proto.ColNullable[proto.Decimal128]
	taxName                            *proto.ColArr[string]
	taxPercentage                      *proto.ColArr[proto.Nullable[proto.Decimal128]]
	taxAmount                          *proto.ColArr[proto.Decimal128]
	detail, tariffIDs, tariffHash      []string
	explanation, findings              []string
	reconciliation                     []string
	cause                              *proto.ColLowCardinality[string]
	tariffSource, timeZone, zoneSource *proto.ColLowCardinality[string]
	zoneDB, profile, engine            *proto.ColLowCardinality[string]
	referenceOffset, controlOffset     proto.ColInt64

	names       []string // scratch of one row's taxes
	percentages []proto.Nullable[proto.Decimal128]
	taxes       []proto.Decimal128
}

func newResultRows() *resultRows {
	r := &resultRows{
		identity: newIdentity(), currency: lowCard(), reason: lowCard(),
		cpoCountry: lowCard(), cpoParty: lowCard(), emspCountry: lowCard(), emspParty: lowCard(),
		taxName: proto.NewArray[string](new(proto.ColStr)), taxPercentage: decimals().Array(),
		taxAmount:    proto.NewArray[proto.Decimal128](new(proto.ColDecimal128)),
		tariffSource: lowCard(), timeZone: lowCard(), zoneSource: lowCard(), zoneDB: lowCard(), profile: lowCard(), engine: lowCard(), cause: lowCard(),
	}
	columns := []blockColumn{
		values("country", r.country), values("party", r.party), texts("id", &r.id),
		values("partition", &r.partition), values("epoch", &r.epoch), values("offset", &r.offset), values("ver", &r.ver),
		values("generation", &r.generation), values("cpo_country", r.cpoCountry), values("cpo_party", r.cpoParty),
		values("emsp_country", r.emspCountry), values("emsp_party", r.emspParty), values("month", &r.month),
		values("currency", r.currency), values("credit", &r.credit), values("status", &r.status), values("claim", &r.claim),
		values("reason", r.reason), texts("detail", &r.detail),
	}
	for i, name := range amountNames {
		r.amounts[i] = decimals()
		columns = append(columns, values(name, r.amounts[i]))
	}
	r.block = newBlock("results", append(columns,
		values("tax_name", r.taxName), values("tax_percentage", r.taxPercentage), values("tax_amount", r.taxAmount),
		texts("tariff_ids", &r.tariffIDs), texts("tariff_hash", &r.tariffHash), values("tariff_source", r.tariffSource),
		values("time_zone", r.timeZone), values("zone_source", r.zoneSource), values("zone_db", r.zoneDB),
		values("profile", r.profile), values("engine", r.engine),
		texts("explanation", &r.explanation), texts("findings", &r.findings),
		values("cause", r.cause), texts("reconciliation", &r.reconciliation),
		values("reference_offset", &r.referenceOffset), values("control_offset", &r.controlOffset))...)
	return r
}

// checkResult refuses what the table cannot express.
func checkResult(row *pricing.Row) error {
	o := &row.Outcome
	if row.Generation > maxGeneration {
		return fmt.Errorf("store result of %s: re-priced more than %d times", row.Record.Key, maxGeneration)
	}
	if o.Status < pricing.Rejected || o.Status > pricing.Credited || o.Claim > tariff.ClaimDiffers {
		return fmt.Errorf("store result of %s: status %d, claim %d", row.Record.Key, o.Status, o.Claim)
	}
	return checkPosition(row.Record.Position)
}

func (r *resultRows) append(row *pricing.Row) error {
	o := &row.Outcome
	findings := ""
	if len(o.Findings) > 0 {
		b, err := json.Marshal(o.Findings)
		if err != nil {
			return fmt.Errorf("encode findings of %s: %w", row.Record.Key, err)
		}
		findings = text(b)
	}
	r.position.append(row.Record.Position)
	r.identity.append(row.Record.Key)
	r.ver.Append(rowVersion(row.Record.Position, resultRank(row.Generation, o.Status)))
	r.generation.Append(row.Generation)
	r.cpoCountry.Append(row.Creditor.Country)
	r.cpoParty.Append(row.Creditor.ID)
	r.emspCountry.Append(row.Debtor.Country)
	r.emspParty.Append(row.Debtor.ID)
	r.month.Append(uint32(row.Booked()))
	r.currency.Append(row.Currency)
	r.credit.Append(flag(row.Credit))
	r.status.Append(proto.Enum8(o.Status))
	r.claim.Append(proto.Enum8(o.Claim))
	r.reason.Append(o.Reason)
	r.detail = append(r.detail, o.Detail)
	for i, n := range amountsOf(o) {
		r.amounts[i].Append(optional(n))
	}
	r.appendTaxes(o.Taxes)
	r.tariffIDs = append(r.tariffIDs, o.TariffIDs)
	r.tariffHash = append(r.tariffHash, o.TariffHash)
	r.tariffSource.Append(o.TariffSource)
	r.timeZone.Append(o.TimeZone)
	r.zoneSource.Append(o.ZoneSource)
	r.zoneDB.Append(o.ZoneDB)
	r.profile.Append(o.Profile)
	r.engine.Append(o.EngineVersion)
	r.explanation = append(r.explanation, text(o.Explanation))
	r.findings = append(r.findings, findings)
	r.cause.Append(o.Cause)
	r.reconciliation = append(r.reconciliation, text(o.Reconciliation))
	r.referenceOffset.Append(o.AsOf.Reference)
	r.controlOffset.Append(o.AsOf.Control)
	return nil
}

func (r *resultRows) appendTaxes(taxes []tariff.Tax) {
	r.names, r.percentages, r.taxes = r.names[:0], r.percentages[:0], r.taxes[:0]
	for i := range taxes {
		r.names = append(r.names, taxes[i].Name)
		r.percentages = append(r.percentages, optional(taxes[i].Percentage))
		r.taxes = append(r.taxes, decimal128(taxes[i].Amount))
	}
	r.taxName.Append(r.names)
	r.taxPercentage.Append(r.percentages)
	r.taxAmount.Append(r.taxes)
}
