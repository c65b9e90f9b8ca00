package world

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/shopspring/decimal"
)

// charge is one row with all that is known about it.
type charge struct {
	cpo       *cpo
	tariff    *tariff
	row       *row
	place     place
	driver    *driver
	random    *rand.Rand
	id        string
	sessionID string
	periods   []period
	quote     quote
}

// class is what the row is without a mishap.
func (c *charge) class() Class {
	switch {
	case c.row.end.Before(c.row.start):
		return EndBeforeStart
	case c.row.wattHours < 0:
		return NegativeEnergy
	case c.row.wattHours == 0:
		return ZeroEnergy
	}
	return Good
}

// records makes the CDRs of the charge: those sent when it ended and those
// sent some charges later.
func (c *charge) records(clean bool) (now, later []Item) {
	body, class := c.cdr(), c.class()
	what := draw(c.random)
	if what == none && c.limited() && hash(c.id)%2 == 1 {
		what = mistaken // so few charges come to a limit that hardly one would be drawn
	}
	if clean || class == EndBeforeStart || class == NegativeEnergy {
		what = none
	}
	right := body
	switch what {
	case repeated, reserialised, conflicting, none:
		first := c.item(body, class)
		now = []Item{first}
		switch what {
		case repeated:
			first.Class = Repeat
			later = []Item{first}
		case reserialised:
			first.Class, first.Body = Reserialised, reserialise(first.Body)
			later = []Item{first}
		case conflicting:
			c.overcharge(&body)
			body.Remark, body.LastUpdated = "corrected by operator", stamp(c.sent().Add(48*time.Hour))
			later = []Item{c.item(body, Conflict)}
		}
	case overcharged:
		c.overcharge(&body)
		now = []Item{c.item(body, WrongTotal)}
	case mistaken:
		now = []Item{c.misbilled(body, class)}
	case credited:
		c.overcharge(&body)
		now = []Item{c.item(body, WrongTotal)}
		later = c.correct(body, right)
	case unpublished:
		c.retag(&body, c.tariff.id+"-OLD")
		body.Tariffs = nil
		now = []Item{c.item(body, UnknownTariff)}
	case incomplete:
		c.strip(&body)
		now = []Item{c.item(body, Incomplete)}
		if c.random.IntN(2) == 0 {
			now = append(now, c.item(right, class))
		}
	}
	return now, later
}

// correct credits a wrong CDR and replaces it (R-CDR-06).
func (c *charge) correct(wrong, right cdrBody) []Item {
	credit := wrong
	credit.ID, credit.Credit, credit.CreditReference = c.id+"-C", true, c.id
	credit.TotalCost = &priceBody{Excl: negated(wrong.TotalCost.Excl), Incl: negated(wrong.TotalCost.Incl)}
	credit.LastUpdated = stamp(c.sent().Add(72 * time.Hour))
	right.ID, right.LastUpdated = c.id+"-R", stamp(c.sent().Add(72*time.Hour+time.Minute))
	return []Item{c.item(credit, Credit), c.item(right, Replacement)}
}

func negated(n json.Number) json.Number {
	if n == "" {
		return ""
	}
	return number(must(string(n)).Neg())
}

// overcharge makes the total wrong by more than any rounding explains.
func (c *charge) overcharge(body *cdrBody) {
	extra := decimal.New(25+c.random.Int64N(200), -2)
	total := c.quote.total
	total.excl = total.excl.Add(extra)
	total.incl = total.incl.Add(extra.Mul(decimal.New(12, -1)))
	body.TotalCost = total.body(c.cpo)
}

// strip takes away who owns the CDR, or its id: without one it is nobody's. All
// else that may be missing is accepted, and told.
func (c *charge) strip(body *cdrBody) {
	switch c.random.IntN(3) {
	case 0:
		body.ID = ""
	case 1:
		body.CountryCode = ""
	case 2:
		body.PartyID = ""
	}
}

func (c *charge) retag(body *cdrBody, tariff string) {
	body.Periods = append([]periodBody(nil), body.Periods...)
	for i := range body.Periods {
		body.Periods[i].TariffID = tariff
	}
}

// sent is when the CDR was made.
func (c *charge) sent() time.Time {
	end := c.row.end
	if end.Before(c.row.start) {
		end = c.row.start.Add(time.Hour)
	}
	return end.Add(time.Duration(2+hash(c.id)%20) * time.Minute)
}

// cdr is the right CDR of the charge.
func (c *charge) cdr() cdrBody {
	method, reference := authorization(hash(c.id))
	b := cdrBody{
		CountryCode: c.cpo.party.Country, PartyID: c.cpo.party.ID, ID: c.id,
		Start: stamp(c.row.start), End: stamp(c.row.end), SessionID: c.sessionID,
		Token: &c.driver.token, AuthMethod: method, AuthRef: reference,
		Location: c.place.snapshot(), MeterID: fmt.Sprintf("MTR%08d", hash(c.place.evse.UID)%100_000_000),
		Currency: c.cpo.currency, Periods: periodBodies(c.row, c.tariff, c.periods),
		TotalEnergy: kwh(c.row.wattHours), TotalTime: hours(max(0, c.row.end.Sub(c.row.start))), LastUpdated: stamp(c.sent()),
	}
	b.claim(c.cpo, &c.quote)
	if parked := parkedFor(c.periods); parked > 0 {
		b.TotalParking = hours(parked)
	}
	if c.random.IntN(100) >= 15 { // else the receiver is to use the tariff it was sent
		b.Tariffs = []json.RawMessage{c.tariff.body(c.cpo)}
	}
	if c.cpo.source == "mougins" && c.random.IntN(100) < 30 {
		b.SignedData = c.signature()
	}
	return b
}

// claim states the totals of a quote.
func (b *cdrBody) claim(c *cpo, q *quote) {
	b.TotalCost, b.TotalFixed, b.TotalEnergyCost = q.total.body(c), q.fixed.body(c), q.energy.body(c)
	b.TotalTimeCost, b.TotalParkCost = q.time.body(c), q.parking.body(c)
}

func parkedFor(all []period) time.Duration {
	var sum time.Duration
	for _, p := range all {
		if p.parked {
			sum += p.end.Sub(p.start)
		}
	}
	return sum
}

func periodBodies(r *row, t *tariff, all []period) []periodBody {
	bodies := make([]periodBody, len(all))
	for i, p := range all {
		length := max(0, p.end.Sub(p.start))
		b := periodBody{Start: stamp(p.start), TariffID: t.id}
		if p.parked {
			b.Dimensions = []dimensionBody{{"PARKING_TIME", hours(length)}}
		} else {
			b.Dimensions = append([]dimensionBody{{"ENERGY", kwh(p.wattHours)}, {"TIME", hours(length)}}, flow(r, &p)...)
		}
		bodies[i] = b
	}
	return bodies
}

// flow is what the meter saw of current (AC, amperes) or power (DC, kW): no
// tariff here looks at it.
func flow(r *row, p *period) []dimensionBody {
	seconds := int64(p.end.Sub(p.start) / time.Second)
	if seconds <= 0 || p.wattHours < 0 {
		return nil
	}
	mean := decimal.NewFromInt(p.wattHours * 3600).Div(decimal.NewFromInt(seconds)) // watts
	kinds, unit := [2]string{"MIN_CURRENT", "MAX_CURRENT"}, decimal.NewFromInt(230)
	if r.dc {
		kinds, unit = [2]string{"MIN_POWER", "MAX_POWER"}, decimal.NewFromInt(1000)
	}
	low, high := mean.Mul(decimal.New(9, -1)), mean.Mul(decimal.New(11, -1))
	return []dimensionBody{{kinds[0], number(low.DivRound(unit, 1))}, {kinds[1], number(high.DivRound(unit, 1))}}
}

// signature looks like a meter's signed readings. Nothing here can check it.
func (c *charge) signature() *signedDataBody {
	blob := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(c.random.Uint32())
		}
		return base64.StdEncoding.EncodeToString(b)
	}
	reading := func(nature string, at time.Time, wattHours int64) signedValueBody {
		plain := fmt.Sprintf(`OCMF|{"FV":"1.0","GI":"WALLBOX","GS":%q,"PG":"T1","RD":[{"TM":"%s S","TX":%q,"RV":%s,"RI":"01-00:B2.08.00*FF","RU":"kWh","ST":"G"}]}`,
			c.place.evse.UID, stamp(at), nature[:1], kwh(wattHours))
		return signedValueBody{nature, plain, blob(72)}
	}
	return &signedDataBody{EncodingMethod: "OCMF", PublicKey: blob(88), SignedValues: []signedValueBody{
		reading("Start", c.row.start, 0), reading("End", c.row.end, c.row.wattHours),
	}}
}

// item is the POST of a CDR.
func (c *charge) item(body cdrBody, class Class) Item {
	i := Item{
		Sender: c.cpo.party, Module: CDRs, Method: "POST", Body: text(body), Lane: c.lane(), Class: class,
		Claim: Claim{
			Key: ocpi.NewKey(body.CountryCode, body.PartyID, body.ID), EMSP: c.driver.emsp.party,
			End: c.booked(), Currency: c.cpo.currency, Credit: body.Credit, NoIncl: !c.cpo.taxed,
		},
	}
	if t := body.TotalCost; t != nil {
		i.Claim.Excl = must(string(t.Excl))
		if c.cpo.taxed {
			i.Claim.Incl = must(string(t.Incl))
		}
	}
	return i
}

// booked is when the settlement counts the charge: at its end or, where the
// source lost that (1970-01-01T00:00:00Z, OCPI's "not known"), at its start.
func (c *charge) booked() time.Time {
	if c.row.end.Unix() == 0 {
		return c.row.start
	}
	return c.row.end
}

// lane keeps everything about one charge in order.
func (c *charge) lane() uint64 { return hash(c.cpo.party.ID, c.id) }
