package pricing

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unsafe"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Reject reasons of the worker; the engine has its own, see package tariff.
const (
	ReasonUnknownTariff  = "unknown_tariff"
	ReasonNoTimeZone     = "no_time_zone"
	ReasonDebtorUnknown  = "debtor_unknown"
	ReasonEndFirst       = "end_before_start"
	ReasonTimesUnknown   = "times_unknown"
	ReasonUnreadable     = "unreadable"
	ReasonPanic          = "internal_error"
	ReasonUnknownProfile = "unknown_profile"
	ReasonUnstorable     = "unstorable" // the store cannot take what came of it
	ReasonNoCurrency     = "no_currency"
)

// Healable lists the reject reasons whose cause can go away by itself: a
// Tariff or a Location arrives, a partner is added, the store has memory again.
var Healable = []string{ReasonUnknownTariff, ReasonNoTimeZone, ReasonDebtorUnknown, ReasonUnstorable}

// Pricer turns one record into one Row. It owns scratch space: one per
// goroutine. A Row keeps nothing of that space: it is valid as long as the
// record's body is.
type Pricer struct {
	inputs   Inputs
	policies Policies
	decoder  ocpi.Decoder // of the CDR
	beside   ocpi.Decoder // of tariffs that are not in it
	engine   *tariff.Engine
	charge   charge // scratch of one call, which hands it on by name
	scratch  []byte
	kept     []byte // see keep
	unbound  bool   // all findings are wanted, however many
}

// charge is a CDR with what it is priced with and the price.
type charge struct {
	at       AsOf
	in       tariff.Input
	result   tariff.Result
	embedded []*tariff.Prepared
	stored   []*tariff.Prepared
	versions []*reference.TariffVersion // that stored were compiled from
	noted    []ocpi.Finding             // about them and the zone
}

// NewPricer returns a Pricer.
func NewPricer(inputs Inputs, policies Policies) *Pricer {
	return &Pricer{inputs: inputs, policies: policies, engine: tariff.NewEngine()}
}

// Price fills row for one CDR record as of a part of the log, its explanation
// included. It never fails:
// what cannot be priced is a reject with its reason, a panic included.
func (p *Pricer) Price(rec *ingest.Record, row *Row, at AsOf) {
	p.PriceWith(rec, row, at, "", func(*Row) bool { return true })
}

// PriceWith prices with a named profile instead of the partner's when profile
// is not "". An explanation costs several prices: the outcome gets one only
// where explain, asked once the price is known, says so; nil never does.
func (p *Pricer) PriceWith(rec *ingest.Record, row *Row, at AsOf, profile string, explain func(*Row) bool) {
	*row = Row{Record: *rec, Creditor: rec.Key.Party}
	defer func() { row.Outcome.AsOf = at }() // of a panic's reject too
	defer p.rejectPanic(row)
	p.hash(&row.Record)
	p.charge.at = at
	c := p.price(rec, row, profile)
	if row.Outcome.Status == Priced && explain != nil && explain(row) {
		p.explain(row, c)
	}
	row.Outcome.Detail = cutText(row.Outcome.Detail, maxDetail)
	if !p.unbound {
		row.Outcome.Findings = boundFindings(row.Outcome.Findings)
	}
}

// hash adds the content hash, which tells a repeat from a conflict. Nobody
// needs it before the store, so it is not on the way of the acknowledgement:
// it would be a fifth of an intake's CPU (measured). The intake has found the
// body to be JSON; one that is not has no hash and becomes a reject.
func (p *Pricer) hash(rec *ingest.Record) {
	if rec.Hash != (ingest.Hash{}) {
		return
	}
	if h, err := p.decoder.CanonicalHash(rec.Body); err == nil {
		rec.Hash = h
	}
}

// explain completes a priced row: the explanation of its price, what an audit of
// the CDR finds and, where the claim differs, why.
func (p *Pricer) explain(row *Row, c *charge) {
	p.scratch = p.engine.Explain(&c.in, &c.result).AppendWithin(p.scratch[:0], tariff.ExplanationLimit(len(row.Record.Body)))
	row.Outcome.Explanation = p.keep(p.scratch)
	p.audit(row, c)
	if row.Outcome.Claim == tariff.ClaimDiffers {
		if err := p.reconcile(row, c); err != nil {
			panic(err) // strings and numbers of our own always encode
		}
	}
}

// rejectPanic, deferred, makes a panic a reject.
func (p *Pricer) rejectPanic(row *Row) {
	if r := recover(); r != nil {
		p.engine = tariff.NewEngine()
		row.Outcome = Outcome{Status: Rejected, Reason: ReasonPanic,
			Detail:  fmt.Sprintf("pricing panicked: %v at %s", r, firstFrame(debug.Stack())),
			Claimed: row.Outcome.Claimed}
	}
}

// price prices one record. The charge is the Pricer's scratch, until the next call.
func (p *Pricer) price(rec *ingest.Record, row *Row, profile string) *charge {
	c := &p.charge
	cdr, err := p.decoder.CDR(rec.Version, rec.Body)
	if err != nil {
		row.Outcome = Outcome{Status: Rejected, Reason: ReasonUnreadable, Detail: err.Error()}
		return c
	}
	p.describe(cdr, row, c.at)
	o := &row.Outcome
	o.ZoneDB, o.EngineVersion = tariff.ZoneDBVersion(), tariff.EngineVersion
	c.noted = appendFuture(c.noted[:0], cdr, rec.Received)
	o.Findings = append(append(o.Findings, cdr.Findings...), c.noted...)
	switch {
	case row.Debtor.IsZero():
		reject(o, ReasonDebtorUnknown, "the CDR does not say whose token was used, its contract id does not either, and no Token with it is known")
	case !p.policies.Billable(row.Debtor, c.at.Control):
		reject(o, ReasonDebtorUnknown, "no eMSP "+row.Debtor.String()+" is registered here: add the partner, and the CDR is priced by itself"+byContract(cdr))
	case cdr.Credit:
		o.Status = Credited
		if cdr.TotalCost.Excl.Sign() > 0 {
			o.Findings = append(o.Findings, ocpi.Finding{Code: "credit_positive", Severity: ocpi.Serious, Path: "total_cost.excl_vat",
				Detail: "a credit CDR negates the total of what it credits; this one adds to the claim"})
		}
	case !cdr.Start.IsSet() || !cdr.End.IsSet():
		reject(o, ReasonTimesUnknown, "the CDR does not say when the charge began and ended (1970-1-1T00:00:00Z asks for pricing by hand)")
	case cdr.Currency == "":
		reject(o, ReasonNoCurrency, "the CDR does not say in which currency it claims its total")
	case cdr.End < cdr.Start:
		reject(o, ReasonEndFirst, "the charge ends at "+cdr.End.String()+", before it starts at "+cdr.Start.String())
	default:
		p.compute(cdr, row, c, profile)
	}
	return c
}

// describe copies what the store keeps of a CDR whether it can be priced or not.
func (p *Pricer) describe(cdr *ocpi.CDR, row *Row, at AsOf) {
	// Strings of the decoder live in the body or in its arena, which the next
	// call reuses.
	row.ID, row.Start, row.End, row.LastUpdated = p.text(cdr.ID), cdr.Start, cdr.End, cdr.LastUpdated
	row.Currency = p.text(ocpi.Fold(cdr.Currency))
	row.Credit = cdr.Credit
	row.CreditReferenceSent, row.CreditReferenceID = p.folded(cdr.CreditReferenceID)
	row.SessionSent, row.SessionID = p.folded(cdr.SessionID)
	row.TokenUID, row.ContractID = p.text(cdr.Token.UID), p.text(cdr.Token.ContractID)
	row.LocationID, row.EVSEUID = p.text(cdr.Location.ID), p.text(cdr.Location.EVSEUID)
	row.EnergyKWh = cdr.TotalEnergy
	row.Measures = p.measure(cdr, &row.Record)
	row.Outcome.ConnectorPower = p.connectorPower(cdr, row.Creditor, at)
	row.Outcome.Claimed = tariff.Money{Excl: cdr.TotalCost.Excl, Incl: cdr.TotalCost.Incl}
	row.Debtor = ocpi.Party{Country: p.text(ocpi.Fold(cdr.Token.CountryCode)), ID: p.text(ocpi.Fold(cdr.Token.PartyID))}
	if row.Debtor.Country == "" || row.Debtor.ID == "" {
		row.Debtor, _ = p.inputs.Payer(cdr.Token.ContractID, cdr.Start, at.Reference)
	}
}

// connectorPower returns what the connector of a charge could give, in kW: as the CDR says
// (2.1.1), else its Location as it was when the charge began.
func (p *Pricer) connectorPower(cdr *ocpi.CDR, creditor ocpi.Party, at AsOf) ocpi.Number {
	l := &cdr.Location
	watts, ok := (&ocpi.Connector{PowerType: l.PowerType, MaxVoltage: l.MaxVoltage, MaxAmperage: l.MaxAmperage}).Watts()
	if !ok && cdr.Start.IsSet() && l.ID != "" && l.EVSEUID != "" && l.ConnectorID != "" {
		watts, ok = p.inputs.ConnectorPower(ocpi.Key{Party: creditor, ID: ocpi.Fold(l.ID)}, l.EVSEUID, l.ConnectorID, cdr.Start, at.Reference)
	}
	if !ok {
		return ocpi.Number{}
	}
	return ocpi.NewNumber(watts, 3)
}

// byContract says that the debtor was found by the contract id, whose provider id need
// not be the party's.
func byContract(cdr *ocpi.CDR) string {
	if cdr.Token.CountryCode != "" && cdr.Token.PartyID != "" {
		return ""
	}
	return "; its contract id names it, and the setting roaming.issuers may name another party"
}

// keepChunk is how much keep allocates at a time: rows are many and their texts
// small, so one allocation serves dozens.
const keepChunk = 64 << 10

// keep returns a copy of b that lives as long as somebody holds it.
func (p *Pricer) keep(b []byte) []byte {
	if cap(p.kept)-len(p.kept) < len(b) {
		p.kept = make([]byte, 0, max(keepChunk, len(b)))
	}
	start := len(p.kept)
	p.kept = append(p.kept, b...)
	return p.kept[start:len(p.kept):len(p.kept)]
}

// text is keep for a string.
func (p *Pricer) text(s string) string {
	if s == "" {
		return ""
	}
	b := p.keep(unsafe.Slice(unsafe.StringData(s), len(s)))
	return unsafe.String(&b[0], len(b)) // nobody writes to b again
}

// folded is text of an id, as sent and folded, which most are alike.
func (p *Pricer) folded(s string) (sent, folded string) {
	sent = p.text(s)
	if folded = ocpi.Fold(sent); folded != sent {
		folded = p.text(folded)
	}
	return sent, folded
}

// compute finds tariffs and zone and calls the engine.
func (p *Pricer) compute(cdr *ocpi.CDR, row *Row, c *charge, profileName string) {
	o := &row.Outcome
	c.in = tariff.Input{CDR: cdr}
	in := &c.in
	if profileName == "" {
		profileName = p.policies.Profile(row.Creditor, row.Debtor, ocpi.BookedAt(cdr.End, cdr.Start, cdr.LastUpdated), c.at.Control)
	}
	if profileName != "" {
		profile, ok := tariff.ProfileByName(profileName)
		if !ok {
			reject(o, ReasonUnknownProfile, "the partner's policy names a pricing profile that this version does not have: "+profileName)
			return
		}
		in.Profile = profile
	}
	if !p.findTariffs(cdr, row, c) {
		return
	}
	p.findZone(cdr, row, c)
	r := &c.result
	p.engine.Price(in, r)
	o.Findings = append(append(append(o.Findings[:0], cdr.Findings...), c.noted...), r.Findings...)
	o.Profile = tariff.Default.Name
	if in.Profile != nil {
		o.Profile = in.Profile.Name
	}
	if !r.OK {
		if slices.Contains(c.embedded, nil) { // for want of a tariff
			o.TariffSource, o.TariffIDs, o.TariffHash, o.Doubt = "", "", "", UnknownDoubt
		}
		reject(o, r.Reason, r.Detail)
		return
	}
	o.Status = Priced
	o.Computed, o.Claim = r.Total, r.Claim
	o.Fixed, o.Energy, o.Time, o.Parking, o.Reservation = r.Fixed, r.Energy, r.Time, r.Parking, r.Reservation
	o.Taxes = append(o.Taxes, r.Taxes...) // the engine reuses its own
	if o.TaxesStated = r.TaxesStated; o.TaxesStated {
		for i := range o.Taxes { // their names are the CDR's
			o.Taxes[i].Name = p.text(o.Taxes[i].Name)
		}
	}
}

// findTariffs fills the tariffs the CDR carries or, for ids it names but does
// not carry, the owner's version in force.
func (p *Pricer) findTariffs(cdr *ocpi.CDR, row *Row, c *charge) bool {
	c.embedded, c.stored, c.versions = c.embedded[:0], c.stored[:0], c.versions[:0]
	if n := len(cdr.Tariffs); n > tariff.MaxTariffs {
		reject(&row.Outcome, tariff.ReasonTooManyTariffs, fmt.Sprintf("the CDR carries %d tariffs; at most %d are looked at", n, tariff.MaxTariffs))
		return false
	}
	missing := p.missing(cdr)
	if len(missing) > tariff.MaxTariffs {
		reject(&row.Outcome, tariff.ReasonTooManyTariffs, fmt.Sprintf("the charging periods name more than %d tariffs that the CDR does not carry", tariff.MaxTariffs))
		return false
	}
	var ids, hashes []string
	doubt := UnknownDoubt
	for i := range cdr.Tariffs {
		t := &cdr.Tariffs[i]
		own := p.prepare(t)
		// One that cannot be priced with is nil: the engine says why, where it is
		// the one that is needed.
		c.embedded = append(c.embedded, own.prepared)
		doubt = max(doubt, DoubtOf(own.doubtful))
		ids, hashes = append(ids, t.ID), append(hashes, own.hash)
	}
	source := "cdr"
	for _, id := range missing {
		v, later := p.inputs.Tariff(ocpi.Key{Party: row.Creditor, ID: ocpi.Fold(id)}, row.Debtor, cdr.Start, c.at.Reference)
		if v == nil {
			reject(&row.Outcome, ReasonUnknownTariff, "tariff "+id+" is neither in the CDR nor among the tariffs of "+row.Creditor.String())
			return false
		}
		stored := p.prepareStored(v.Version, v.Body)
		if stored.err != nil {
			reject(&row.Outcome, reasonOf(stored.err), stored.err.Error())
			return false
		}
		c.stored, c.versions = append(c.stored, stored.prepared), append(c.versions, v)
		doubt = max(doubt, DoubtOf(stored.doubtful))
		ids, hashes = append(ids, id), append(hashes, v.Hash())
		source = "store"
		if later {
			c.noted = append(c.noted, laterVersion(id, v))
		}
	}
	if len(c.embedded)+len(c.stored) == 0 {
		reject(&row.Outcome, ReasonUnknownTariff, "the CDR carries no tariff and names none in its charging periods")
		return false
	}
	row.Outcome.TariffSource, row.Outcome.Doubt = source, doubt // of what was found: a reject for want of a tariff has none
	// Joining one id copies nothing: it would stay in the decoder's arena.
	row.Outcome.TariffIDs, row.Outcome.TariffHash = strings.Clone(strings.Join(ids, ",")), strings.Join(hashes, ",")
	c.in.Embedded, c.in.Tariffs = c.embedded, c.stored
	return true
}

// laterVersion says that no version of a tariff was in force when the charge
// began.
func laterVersion(id string, v *reference.TariffVersion) ocpi.Finding {
	return ocpi.Finding{Code: "tariff_after_start", Severity: ocpi.Warning, Path: "charging_periods",
		Detail: "no version of tariff " + strings.Clone(id) + " was in force when the charge started; the first one after it was used, of " + v.Since().String()}
}

// missing returns the distinct tariff ids the periods name and the CDR does
// not carry, one more than can be priced with at most.
func (p *Pricer) missing(cdr *ocpi.CDR) []string {
	var missing []string
next:
	for i := range cdr.Periods {
		id := cdr.Periods[i].TariffID
		if id == "" || (i > 0 && id == cdr.Periods[i-1].TariffID) {
			continue
		}
		for j := range cdr.Tariffs {
			if strings.EqualFold(cdr.Tariffs[j].ID, id) {
				continue next
			}
		}
		for _, m := range missing {
			if strings.EqualFold(m, id) {
				continue next
			}
		}
		if missing = append(missing, id); len(missing) > tariff.MaxTariffs {
			break
		}
	}
	return missing
}

// findZone sets the time zone: the CDR's own (2.1.1), else the Location's; where
// that is none, the only one of the country. Without one the engine decides
// whether it needs one.
func (p *Pricer) findZone(cdr *ocpi.CDR, row *Row, c *charge) {
	name, source := cdr.Location.TimeZone, "cdr"
	if name != "" {
		if _, err := tariff.LoadZone(name); err != nil {
			c.noted, name = append(c.noted, tariff.ZoneFindings(name)...), ""
		}
	}
	if name == "" {
		key := ocpi.Key{Party: row.Creditor, ID: ocpi.Fold(cdr.Location.ID)}
		name, source = p.inputs.Zone(key, ocpi.Fold(cdr.Location.Country), cdr.Start, c.at.Reference)
	}
	zone, byCountry, found := tariff.PlaceZone(name, cdr.Location.Country)
	c.noted = append(c.noted, found...)
	if zone == nil {
		return
	}
	if byCountry {
		source = "country"
	}
	c.in.Zone, c.in.ZoneSource = zone, source
	row.Outcome.TimeZone, row.Outcome.ZoneSource = zone.Name(), source
}

func reject(o *Outcome, reason, detail string) {
	o.Status, o.Reason, o.Detail = Rejected, reason, detail
}

func reasonOf(err error) string {
	if u, ok := errors.AsType[*tariff.Unpriceable](err); ok {
		return u.Code
	}
	return "unpriceable_tariff"
}

// firstFrame returns the line of the stack that panicked, for the reject's detail.
func firstFrame(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	for i := len(lines) - 1; i > 0; i-- {
		if strings.HasPrefix(lines[i-1], "panic(") && i+2 < len(lines) {
			return strings.TrimSpace(lines[i+2])
		}
	}
	return "unknown"
}
