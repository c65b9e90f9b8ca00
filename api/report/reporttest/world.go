package reporttest

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/shopspring/decimal"
)

// operator is a CPO with its prices.
type operator struct {
	party    ocpi.Party
	sender   string
	currency string
	zone     string
	price    string // per kWh, excluding VAT
	fee      string // per session, "" for none
	vat      string // percentage
	station  string
}

var operators = []operator{
	{ocpi.NewParty("GB", "DUN"), "dundee", "GBP", "Europe/London", "0.3550", "0.50", "20", "Greenmarket Multi Car Park"},
	{ocpi.NewParty("GB", "PER"), "perth", "GBP", "Europe/London", "0.2900", "", "20", "Leslie Street Car Park"},
	{ocpi.NewParty("FR", "PAR"), "paris", "EUR", "Europe/Paris", "0.4125", "1.00", "20", "Rue de Rivoli 12"},
	{ocpi.NewParty("FR", "MOU"), "mougins", "EUR", "Europe/Paris", "0.3100", "", "20", "Rue du Port"},
	{ocpi.NewParty("US", "BOU"), "boulder", "USD", "America/Denver", "0.2500", "", "0", "1500 Pearl St"},
}

var providers = []ocpi.Party{ocpi.NewParty("NL", "EXW"), ocpi.NewParty("DE", "VOL"), ocpi.NewParty("GB", "OCT")}

var reasons = []struct{ code, detail string }{
	{"unknown_tariff", "the CDR carries no tariff and names none that was pushed before"},
	{"no_time_zone", "the tariff depends on the time of day and the Location was never pushed"},
	{"periods_out_of_order", "charging_periods[2] starts before charging_periods[1]"},
}

// World makes a store with n CDRs of the months from 2019-01 to 2019-03:
// repeats, conflicts, rejects, wrong claims, claims without VAT and credits
// among them. The same n gives the same world.
func World(n int) *Store {
	s := &Store{}
	random := rand.New(rand.NewPCG(2019, 1))
	for i := range n {
		s.All = append(s.All, newCDR(random, i))
		d := &s.All[len(s.All)-1]
		switch {
		case i%29 == 7 && d.Status == pricing.Priced:
			s.All = append(s.All, creditOf(d, n+i))
		case i%31 == 11:
			s.addCopies(d, true)
		case i%31 == 12:
			s.addCopies(d, false)
		}
	}
	slices.SortStableFunc(s.All, func(a, b settlement.CDRDetail) int {
		return cmp.Or(a.Month.Compare(b.Month), cmp.Compare(a.Key.String(), b.Key.String()))
	})
	s.Refused = []settlement.Refusal{
		{Position: ingest.Position{Epoch: 1, Offset: 0}, Received: at("2019-01-09T08:12:44Z"), Sender: "perth",
			Object: ingest.ObjectCDR, Reason: "total_cost.excl_vat: required", Body: []byte(`{"country_code":"GB","party_id":"PER","id":"P-1","total_cost":{}}`)},
		{Position: ingest.Position{Epoch: 1, Offset: 1}, Received: at("2019-02-11T17:03:01Z"), Sender: "mougins",
			Object: ingest.ObjectSession, Reason: "not valid JSON at byte 17: unexpected end", Body: []byte(`{"id": "S-77", "`)},
	}
	return s
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func newCDR(random *rand.Rand, i int) settlement.CDRDetail {
	op := operators[random.IntN(len(operators))]
	start := at("2019-01-01T06:00:00Z").Add(time.Duration(random.IntN(88*24*60)) * time.Minute)
	end := start.Add(time.Duration(20+random.IntN(220)) * time.Minute)
	energy := decimal.New(int64(2000+random.IntN(46000)), -3)
	id := fmt.Sprintf("%s-%05d", strings.ToLower(op.party.ID), 10000+i)
	d := settlement.CDRDetail{
		CDRSummary: settlement.CDRSummary{
			Key: ocpi.Key{Party: op.party, ID: ocpi.Fold(id)}, ID: id,
			Position: ingest.Position{Epoch: 1, Partition: int32(i % 4), Offset: int64(i / 4)},
			Received: end.Add(90 * time.Second), CPO: op.party, EMSP: providers[random.IntN(len(providers))],
			Start: start, End: end, Month: ocpi.TimeOf(end).Month(), Currency: op.currency, SessionID: "s-" + id, LocationID: op.station,
			EnergyKWh: &energy, Engine: "1", Profile: "default", ZoneDB: "2025c",
		},
		Version: ocpi.V221, Sender: op.sender, Findings: []byte(`[]`),
	}
	x := op.priceBy(&d, energy)
	damage(&d, i)
	if d.Status == pricing.Priced {
		x.Claim, x.Claimed.Excl = d.Claim, number(*d.ClaimedExcl)
		if d.ClaimedIncl != nil {
			x.Claimed.Incl = number(*d.ClaimedIncl)
		}
		d.Explanation = x.AppendJSON(nil)
	}
	if d.Claim == tariff.ClaimDiffers {
		d.Cause, d.Reconciliation = "none_found", []byte(`{"verdict":"none_found","readings":[],"difference_excl_vat":"1.50","dimensions":["energy"]}`)
	}
	d.Raw = raw(&d)
	d.Hash = sha256.Sum256(d.Raw)
	return d
}

// priceBy sets what the CDR's tariff gives and a claim that agrees, and returns
// the explanation, which lacks the claim yet.
func (op *operator) priceBy(d *settlement.CDRDetail, energy decimal.Decimal) *tariff.Explanation {
	vat := decimal.RequireFromString(op.vat)
	x := &tariff.Explanation{
		Engine: "1", Profile: "default", Version: ocpi.V221, Currency: op.currency,
		Tariffs: []tariff.TariffRef{{ID: "kwh-" + op.currency, Owner: op.party.String(), Version: ocpi.V221, Embedded: true, Elements: []tariff.ElementRef{{}}}},
	}
	excl, incl := decimal.Zero, decimal.Zero
	add := func(l tariff.Line, amount decimal.Decimal) {
		gross := amount.Add(amount.Mul(vat).Shift(-2)).Round(4)
		l.VAT, l.Amount = number(vat), tariff.Money{Excl: number(amount), Incl: number(gross)}
		x.Lines = append(x.Lines, l)
		excl, incl = excl.Add(amount), incl.Add(gross)
	}
	if op.fee != "" {
		add(tariff.Line{Kind: ocpi.ComponentFlat, Measured: ocpi.NewNumber(1, 0), Billed: ocpi.NewNumber(1, 0), Price: ocpi.MustNumber(op.fee),
			Segments: []tariff.Segment{{Quantity: ocpi.NewNumber(1, 0), Elapsed: ocpi.NewNumber(0, 0), KWh: ocpi.NewNumber(0, 0)}}},
			decimal.RequireFromString(op.fee))
	}
	add(tariff.Line{Kind: ocpi.ComponentEnergy, Component: 1, Measured: number(energy), Billed: number(energy), Price: ocpi.MustNumber(op.price),
		Segments: []tariff.Segment{{Quantity: number(energy), Elapsed: ocpi.NewNumber(0, 0), KWh: ocpi.NewNumber(0, 0)}}},
		energy.Mul(decimal.RequireFromString(op.price)).Round(4))
	claimedExcl, claimedIncl := excl.Round(2), incl.Round(2)
	d.Status, d.Claim = pricing.Priced, tariff.ClaimAgrees
	d.ComputedExcl, d.ComputedIncl, d.ClaimedExcl, d.ClaimedIncl = &excl, &incl, &claimedExcl, &claimedIncl
	if !vat.IsZero() {
		d.Taxes = []settlement.TaxSum{{Name: "VAT", Percentage: &vat, Amount: incl.Sub(excl)}}
		x.Taxes = []tariff.Tax{{Name: "VAT", Percentage: number(vat), Amount: number(incl.Sub(excl))}}
	}
	d.TariffIDs, d.TariffSource, d.TariffHash = "kwh-"+op.currency, "cdr", fmt.Sprintf("%x", sha256.Sum256([]byte(op.price)))
	d.TimeZone, d.ZoneSource = op.zone, "location"
	x.Total = tariff.Money{Excl: number(excl), Incl: number(incl)}
	return x
}

func number(d decimal.Decimal) ocpi.Number { return ocpi.MustNumber(d.String()) }

// damage does to a share of the CDRs what really happens to them.
func damage(d *settlement.CDRDetail, i int) {
	switch {
	case i%13 == 5: // the partner forgot the step or counted it twice
		excl := d.ClaimedExcl.Mul(decimal.RequireFromString("1.08")).Round(2)
		incl := d.ClaimedIncl.Mul(decimal.RequireFromString("1.08")).Round(2)
		d.ClaimedExcl, d.ClaimedIncl, d.Claim = &excl, &incl, tariff.ClaimDiffers
	case i%17 == 9:
		reason := reasons[i%len(reasons)]
		d.Status, d.Reason, d.Detail, d.Claim = pricing.Rejected, reason.code, reason.detail, tariff.ClaimAbsent
		d.ComputedExcl, d.ComputedIncl, d.Taxes = nil, nil, nil
	case i%97 == 50: // OCPI's "not known": 1970-1-1T00:00:00Z
		d.End, d.Month = time.Time{}, ocpi.TimeOf(d.Start).Month()
	case i%41 == 3:
		d.ClaimedIncl = nil
		d.Findings = []byte(`[{"code":"incl_vat_missing","severity":"info","path":"total_cost.incl_vat","detail":"the total including VAT is not stated"}]`)
	}
}

func creditOf(d *settlement.CDRDetail, i int) settlement.CDRDetail {
	c := *d
	c.ID = d.ID + "-C"
	c.Key.ID = ocpi.Fold(c.ID)
	c.Credit, c.CreditOf, c.Status, c.Claim = true, d.Key.ID, pricing.Credited, tariff.ClaimAbsent
	excl := d.ClaimedExcl.Neg()
	c.ClaimedExcl = &excl
	if d.ClaimedIncl != nil {
		incl := d.ClaimedIncl.Neg()
		c.ClaimedIncl = &incl
	}
	c.ComputedExcl, c.ComputedIncl, c.Taxes, c.Explanation = nil, nil, nil, nil
	c.Position = ingest.Position{Epoch: 1, Partition: int32(i % 4), Offset: int64(i / 4)}
	c.Received = d.Received.Add(72 * time.Hour)
	c.Raw = raw(&c)
	c.Hash = sha256.Sum256(c.Raw)
	return c
}

// addCopies gives d a repeat and, when conflict says so, a conflict.
func (s *Store) addCopies(d *settlement.CDRDetail, conflict bool) {
	repeat := settlement.Copy{Position: d.Position, Received: d.Received.Add(time.Minute), Sender: d.Sender, Hash: d.Hash}
	repeat.Position.Offset += 100_000
	other := repeat
	other.Position.Offset++
	other.Received = d.Received.Add(26 * time.Hour)
	other.Hash = sha256.Sum256([]byte(d.ID))
	other.Conflict = true
	d.Copies = []settlement.Copy{repeat}
	if conflict {
		d.Copies = append(d.Copies, other)
	}
	s.Conflicted = append(s.Conflicted, settlement.Conflict{
		Key: d.Key, ID: d.ID, Counts: settlement.Copy{Position: d.Position, Received: d.Received, Sender: d.Sender, Hash: d.Hash}, Others: d.Copies,
	})
}

// raw writes a body as a partner would, odd spacing and unknown fields included.
func raw(d *settlement.CDRDetail) []byte {
	incl := ""
	if d.ClaimedIncl != nil {
		incl = fmt.Sprintf(`, "incl_vat": %s`, d.ClaimedIncl.StringFixed(2))
	}
	credit := ""
	if d.Credit {
		credit = fmt.Sprintf(`, "credit": true, "credit_reference_id": %q`, strings.TrimSuffix(d.ID, "-C"))
	}
	return fmt.Appendf(nil, `{ "country_code": %q, "party_id": %q, "id": %q, "start_date_time": %q, "end_date_time": %q, "currency": %q,
  "cdr_token": {"country_code": %q, "party_id": %q, "uid": "04A1B2C3", "type": "RFID", "contract_id": "NL-EXW-C00000017-3"},
  "cdr_location": {"id": %q, "name": "Bay <1> & 2"}, "total_energy": %s, "total_cost": {"excl_vat": %s%s}%s, "x_vendor": {"note": "kept"} }`,
		d.CPO.Country, d.CPO.ID, d.ID, d.Start.Format(time.RFC3339), d.End.Format(time.RFC3339), d.Currency,
		d.EMSP.Country, d.EMSP.ID, d.LocationID, d.EnergyKWh, d.ClaimedExcl.StringFixed(2), incl, credit)
}
