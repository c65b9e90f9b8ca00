package pricing

import (
	"math/bits"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Measures are what rules of settlement and lines of statements read of a CDR, as it
// says them itself. What it does not say is unset.
type Measures struct {
	Duration, Parking ocpi.Number // total_time and total_parking_time in whole seconds, halves away from zero
	PeakPower         ocpi.Number // kW in whole watts, see peakPower
	Supply            Supply      // connector_power_type; 2.1.1: of the location's connector
	EVSEID            string      // as sent, of eMI3's form where the CDR keeps to OCPI
	ConnectorID       string      // as sent
	Country           string      // that the charge was in, ISO 3166-1 alpha-3
	// Hashes of identities, 0 where a part of them is not known: what differs in them
	// differs, what is alike in them has to be looked at.
	ChargeHash    uint64 // of the token, the EVSE, the start and the end
	ConnectorHash uint64 // of the Location, the EVSE and the connector
	InFuture      bool   // it ends after it came (finding charge_in_the_future)
}

// Supply is what a connector gives.
type Supply uint8

// Supplies (OCPI PowerType).
const (
	UnknownSupply Supply = iota
	AC
	DC
)

var supplyNames = [...]string{"unknown", "AC", "DC"}

// String returns the supply as the store has it.
func (s Supply) String() string { return supplyNames[s] }

// Doubt says whether something serious is wrong with the tariffs that a CDR was
// priced with, see lint.Doubtful.
type Doubt uint8

// Doubts.
const (
	UnknownDoubt Doubt = iota
	NoDoubt
	InDoubt
)

var doubtNames = [...]string{"unknown", "no", "yes"}

// String returns the doubt as the store has it.
func (d Doubt) String() string { return doubtNames[d] }

// DoubtOf is a doubt that is known.
func DoubtOf(doubtful bool) Doubt {
	if doubtful {
		return InDoubt
	}
	return NoDoubt
}

// MeasuresOf measures a CDR that a party sent and that came at a time. The texts share the
// CDR's memory.
func MeasuresOf(cdr *ocpi.CDR, creditor ocpi.Party, received ocpi.Time) Measures {
	l := &cdr.Location
	_, _, future := futureOf(cdr, received)
	m := Measures{
		Duration: wholeSeconds(cdr.TotalTime), Parking: wholeSeconds(cdr.TotalParkingTime), PeakPower: peakPower(cdr), Supply: supplyOf(l.PowerType),
		EVSEID: l.EVSEID, ConnectorID: l.ConnectorID, Country: ocpi.CountryOf(l.Country),
		InFuture: future,
	}
	evse := ocpi.Fold(l.EVSEUID)
	if evse == "" {
		evse = ocpi.FoldEVSEID(l.EVSEID)
	}
	if token := tokenOf(cdr); token != "" && evse != "" && cdr.Start.IsSet() && cdr.End.IsSet() {
		m.ChargeHash = newHash(creditor).text(token).text(evse).time(cdr.Start).time(cdr.End).sum()
	}
	if l.ID != "" && evse != "" && l.ConnectorID != "" {
		m.ConnectorHash = ConnectorHash(creditor, ocpi.Fold(l.ID), evse, ocpi.Fold(l.ConnectorID))
	}
	return m
}

// ConnectorHash is [Measures.ConnectorHash] of a connector, by folded ids: evse is the uid,
// or where a CDR has none the EVSE id.
func ConnectorHash(cpo ocpi.Party, location, evse, connector string) uint64 {
	return newHash(cpo).text(location).text(evse).text(connector).sum()
}

// Measure measures the CDR of a record, and says whether the tariffs that it carries are
// doubtful. The error is that of its decoder.
func (p *Pricer) Measure(rec *ingest.Record) (Measures, Doubt, error) {
	cdr, err := p.decoder.CDR(rec.Version, rec.Body)
	if err != nil {
		return Measures{}, UnknownDoubt, err
	}
	return p.measure(cdr, rec), p.doubtOf(cdr.Tariffs), nil
}

// measure is MeasuresOf with texts that may be kept.
func (p *Pricer) measure(cdr *ocpi.CDR, rec *ingest.Record) Measures {
	m := MeasuresOf(cdr, rec.Key.Party, rec.Received)
	m.EVSEID, m.ConnectorID, m.Country = p.text(m.EVSEID), p.text(m.ConnectorID), p.text(m.Country)
	return m
}

func (p *Pricer) doubtOf(tariffs []ocpi.Tariff) Doubt {
	doubt := UnknownDoubt
	for i := range tariffs {
		doubt = max(doubt, DoubtOf(p.prepare(&tariffs[i]).doubtful))
	}
	return doubt
}

// tokenOf is what tells whose charge it was: the contract, which every version has, else
// the token's uid.
func tokenOf(cdr *ocpi.CDR) string {
	if contract := ocpi.FoldContractID(cdr.Token.ContractID); contract != "" {
		return contract
	}
	return ocpi.Fold(cdr.Token.UID)
}

func supplyOf(powerType string) Supply {
	switch {
	case powerType == "DC":
		return DC
	case strings.HasPrefix(powerType, "AC_"):
		return AC
	}
	return UnknownSupply
}

const (
	secondsOfAnHour = 3600
	wattsOfAKW      = 1000
	// maxWhole is the largest whole Number: what is more is said as that.
	maxWhole = 999_999_999_999_999_999
)

// wholeSeconds returns hours in whole seconds, halves away from zero.
func wholeSeconds(hours ocpi.Number) ocpi.Number {
	if !hours.IsSet() {
		return ocpi.Number{}
	}
	unit := uint64(1)
	for range hours.Scale() {
		unit *= 10
	}
	hi, lo := bits.Mul64(magnitude(hours), secondsOfAnHour)
	hi, lo, rest := divide(hi, lo, unit)
	if rest >= unit-rest {
		var carry uint64
		lo, carry = bits.Add64(lo, 1, 0)
		hi += carry
	}
	n := whole(hi, lo)
	if hours.Sign() < 0 {
		n = -n
	}
	return ocpi.NewNumber(n, 0)
}

// shortestPeriod is below what the energy and the time of a period tell no power any
// more: a clock and a meter round, each once at either end.
const shortestPeriod = ocpi.Time(60 * ocpi.Second)

// peakPower returns the greatest power that a CDR tells of: the greatest MAX_POWER or
// POWER of its charging periods; without any, the greatest energy of a period by the
// time that it took. It is in whole watts and rounded down, so that it never is more
// than what the CDR tells. A current is none: at what voltage it flowed nobody says.
func peakPower(cdr *ocpi.CDR) ocpi.Number {
	var stated, average int64
	for i := range cdr.Periods {
		p := &cdr.Periods[i]
		for _, v := range p.Dimensions {
			switch v.Dimension {
			case ocpi.DimMaxPower, ocpi.DimPower:
				stated = max(stated, watts(v.Volume, wattsOfAKW, 1))
			case ocpi.DimEnergy:
				if took := lengthOf(cdr, i); took >= shortestPeriod {
					average = max(average, watts(v.Volume, wattsOfAKW*secondsOfAnHour*uint64(ocpi.Second), uint64(took)))
				}
			}
		}
	}
	if stated == 0 {
		stated = average
	}
	if stated == 0 {
		return ocpi.Number{}
	}
	return ocpi.NewNumber(stated, 3)
}

// lengthOf is how long a charging period took: to the start of the next one, the last
// to the end of the charge. 0 where that is not known or not later.
func lengthOf(cdr *ocpi.CDR, i int) ocpi.Time {
	start, end := cdr.Periods[i].Start, cdr.End
	if i+1 < len(cdr.Periods) {
		end = cdr.Periods[i+1].Start
	}
	if !start.IsSet() || !end.IsSet() {
		return 0
	}
	return max(end-start, 0)
}

// watts returns n × times / by in whole units, rounded down; 0 of what is not positive.
func watts(n ocpi.Number, times, by uint64) int64 {
	if n.Sign() <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(magnitude(n), times)
	for range n.Scale() {
		hi, lo, _ = divide(hi, lo, 10)
	}
	hi, lo, _ = divide(hi, lo, by)
	return whole(hi, lo)
}

func magnitude(n ocpi.Number) uint64 {
	if n.Sign() < 0 {
		return uint64(-n.Coef())
	}
	return uint64(n.Coef())
}

// divide divides a number of 128 bits.
func divide(hi, lo, by uint64) (qhi, qlo, rest uint64) {
	qhi, rest = bits.Div64(0, hi, by)
	qlo, rest = bits.Div64(rest, lo, by)
	return qhi, qlo, rest
}

// whole bounds a number of 128 bits.
func whole(hi, lo uint64) int64 {
	if hi > 0 || lo > maxWhole {
		return maxWhole
	}
	return int64(lo)
}

// hash is FNV-1a in 64 bits over texts that end with NUL. It is stored: it never
// changes.
type hash uint64

func newHash(of ocpi.Party) hash {
	return hash(0xcbf29ce484222325).text(of.Country).text(of.ID)
}

func (h hash) text(s string) hash {
	for i := range len(s) {
		h = h.byte(s[i])
	}
	return h.byte(0)
}

func (h hash) time(t ocpi.Time) hash {
	for shift := 0; shift < 64; shift += 8 {
		h = h.byte(byte(t >> shift))
	}
	return h
}

func (h hash) byte(b byte) hash { return (h ^ hash(b)) * 0x100000001b3 }

// sum is never 0, which stands for what is not known.
func (h hash) sum() uint64 { return max(uint64(h), 1) }
