package tariff

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// The stored form of an Explanation. Keys are short because every CDR keeps
// one: t, e, c are indexes of tariff, element and component, k the dimension, q
// a quantity, p a price, a an amount, s segments, f and l the first and last
// period of one. Amounts are [before tax, after tax], null where unknown.

// AppendJSON appends the explanation as compact JSON.
func (x *Explanation) AppendJSON(b []byte) []byte {
	b = appendString(append(b, `{"engine":`...), x.Engine)
	b = appendString(append(b, `,"profile":`...), x.Profile)
	b = appendString(append(b, `,"version":`...), x.Version.String())
	b = appendString(append(b, `,"currency":`...), x.Currency)
	if x.Zone != "" {
		b = appendString(append(b, `,"zone":`...), x.Zone)
		b = appendString(append(b, `,"zone_source":`...), x.ZoneSource)
		b = appendString(append(b, `,"zone_db":`...), x.ZoneDB)
	}
	if x.Credit {
		b = append(b, `,"credit":true`...)
	}
	if x.Reason != "" {
		b = appendString(append(b, `,"reason":`...), x.Reason)
		b = appendString(append(b, `,"detail":`...), x.Detail)
		return append(b, '}')
	}
	b = append(b, `,"tariffs":[`...)
	for i := range x.Tariffs {
		b = x.Tariffs[i].append(comma(b, i))
	}
	b = append(b, `],"lines":[`...)
	for i := range x.Lines {
		b = x.Lines[i].append(comma(b, i))
	}
	b = append(b, ']')
	if x.More.Lines > 0 {
		b = strconv.AppendInt(append(b, `,"more":{"n":`...), int64(x.More.Lines), 10)
		b = append(x.More.Amount.append(append(b, `,"a":`...)), '}')
	}
	if len(x.Unpriced) > 0 {
		b = append(b, `,"unpriced":[`...)
		for i := range x.Unpriced {
			b = x.Unpriced[i].append(comma(b, i))
		}
		b = append(b, ']')
	}
	if x.Truncated {
		b = append(b, `,"truncated":true`...)
	}
	if x.MissesLeftOut > 0 {
		b = strconv.AppendInt(append(b, `,"missed_left_out":`...), int64(x.MissesLeftOut), 10)
	}
	return append(x.appendTotals(b), '}')
}

func (x *Explanation) appendTotals(b []byte) []byte {
	if len(x.Limits) > 0 {
		b = append(b, `,"limits":[`...)
		for i, l := range x.Limits {
			b = append(comma(b, i), `{"max":`...)
			b = strconv.AppendBool(b, l.Maximum)
			b = strconv.AppendBool(append(b, `,"after_tax":`...), l.AfterTax)
			b = append(appendNumber(append(b, `,"bound":`...), l.Bound), '}')
		}
		b = append(b, `],"limit":`...)
		b = x.Limit.append(b)
	}
	if x.Rounding.Excl.Sign() != 0 || x.Rounding.Incl.Sign() != 0 {
		b = x.Rounding.append(append(b, `,"rounding":`...))
	}
	if len(x.Taxes) > 0 {
		b = append(b, `,"taxes":[`...)
		for i := range x.Taxes {
			t := &x.Taxes[i]
			b = appendString(append(comma(b, i), `{"name":`...), t.Name)
			b = appendNumber(append(b, `,"percentage":`...), t.Percentage)
			b = append(appendNumber(append(b, `,"amount":`...), t.Amount), '}')
		}
		b = append(b, ']')
	}
	if x.TaxesStated {
		b = append(b, `,"taxes_stated":true`...)
	}
	b = x.Total.append(append(b, `,"total":`...))
	if x.Claimed.Excl.IsSet() || x.Claimed.Incl.IsSet() {
		b = x.Claimed.append(append(b, `,"claimed":`...))
	}
	return appendString(append(b, `,"claim":`...), x.Claim.String())
}

// MarshalJSON is AppendJSON for encoding/json.
func (x *Explanation) MarshalJSON() ([]byte, error) { return x.AppendJSON(nil), nil }

func (t *TariffRef) append(b []byte) []byte {
	if t.json != nil {
		b = append(b, t.json...)
	} else {
		b = t.appendHead(b)
	}
	if t.Embedded {
		b = append(b, `,"embedded":true`...)
	}
	b = append(b, `,"elements":[`...)
	for i := range t.Elements {
		b = t.Elements[i].append(comma(b, i))
	}
	return append(b, ']', '}')
}

// appendHead appends what is the same for every explanation by the tariff.
func (t *TariffRef) appendHead(b []byte) []byte {
	b = appendString(append(b, `{"id":`...), t.ID)
	b = appendString(append(b, `,"owner":`...), t.Owner)
	b = appendString(append(b, `,"version":`...), t.Version.String())
	if t.Updated.IsSet() {
		b = append(appendTime(append(b, `,"updated":"`...), t.Updated), '"')
	}
	return b
}

func (e *ElementRef) append(b []byte) []byte {
	if e.json != nil {
		return append(b, e.json...)
	}
	b = strconv.AppendInt(append(b, `{"i":`...), int64(e.Index), 10)
	return append(appendRestrictions(b, &e.Restrictions), '}')
}

func (l *Line) append(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"t":`...), int64(l.Tariff), 10)
	b = strconv.AppendInt(append(b, `,"e":`...), int64(l.Element), 10)
	if l.Component != 0 {
		b = strconv.AppendInt(append(b, `,"c":`...), int64(l.Component), 10)
	}
	b = append(append(append(b, `,"k":"`...), l.Kind.String()...), '"')
	if l.Reservation {
		b = append(b, `,"r":true`...)
	}
	b = appendNumber(append(b, `,"q":`...), l.Measured)
	for _, f := range [...]struct {
		key string
		n   ocpi.Number
	}{
		{`,"surplus":`, l.Surplus}, {`,"of":`, l.SurplusOf}, {`,"billed":`, l.billedIfOther()},
		{`,"step":`, l.Step}, {`,"p":`, l.Price}, {`,"vat":`, l.VAT},
	} {
		if f.n.IsSet() {
			b = appendNumber(append(b, f.key...), f.n)
		}
	}
	if l.Amount.Excl.IsSet() || l.Amount.Incl.IsSet() {
		b = l.Amount.append(append(b, `,"a":`...))
	}
	b = append(b, `,"s":[`...)
	for i := range l.Segments {
		b = l.Segments[i].append(comma(b, i), len(l.Segments) == 1)
	}
	return append(b, ']', '}')
}

// billedIfOther leaves the billed quantity out where it is the measured one.
func (l *Line) billedIfOther() ocpi.Number {
	if l.Surplus.IsSet() {
		return l.Billed
	}
	return ocpi.Number{}
}

// append leaves out what goes without saying: a last period that is the
// first, the quantity of an only segment, zero energy and zero seconds before.
func (s *Segment) append(b []byte, only bool) []byte {
	b = strconv.AppendInt(append(b, `{"f":`...), int64(s.First), 10)
	if s.Last != s.First {
		b = strconv.AppendInt(append(b, `,"l":`...), int64(s.Last), 10)
	}
	if !only {
		b = appendNumber(append(b, `,"q":`...), s.Quantity)
	}
	if s.Local != 0 {
		b = append(s.Local.append(append(b, `,"at":"`...)), '"')
	}
	if s.Elapsed.Sign() != 0 {
		b = appendNumber(append(b, `,"s":`...), s.Elapsed)
	}
	if s.KWh.Sign() != 0 {
		b = appendNumber(append(b, `,"kwh":`...), s.KWh)
	}
	for _, m := range [...]struct {
		key    string
		bounds [2]ocpi.Number
	}{{`,"A":[`, s.Current}, {`,"kW":[`, s.Power}} {
		if m.bounds[0].IsSet() {
			b = appendNumber(append(b, m.key...), m.bounds[0])
			b = append(appendNumber(append(b, ','), m.bounds[1]), ']')
		}
	}
	return append(s.appendMissed(b), '}')
}

func (s *Segment) appendMissed(b []byte) []byte {
	if len(s.Missed) == 0 {
		return b
	}
	b = append(b, `,"missed":[`...)
	for i, m := range s.Missed {
		b = strconv.AppendInt(append(comma(b, i), '['), int64(m.Element), 10)
		b = append(append(append(b, `,"`...), m.On.String()...), `"]`...)
	}
	return append(b, ']')
}

func (m Money) append(b []byte) []byte {
	b = appendNumber(append(b, '['), m.Excl)
	return append(appendNumber(append(b, ','), m.Incl), ']')
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

func appendNumber(b []byte, n ocpi.Number) []byte {
	if !n.IsSet() {
		return append(b, "null"...)
	}
	return n.Append(b)
}

// appendString appends a JSON string; partners' ids may hold anything.
func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil { // not for a string
				return append(b, `""`...)
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendRestrictions appends the members that are present, named as in OCPI.
func appendRestrictions(b []byte, r *ocpi.Restrictions) []byte {
	clock := func(key string, t ocpi.TimeOfDay) {
		if t.IsSet() {
			b = append(append(append(b, `,"`...), key...), `":"`...)
			b = append(appendClock(b, t.Minute()), '"')
		}
	}
	date := func(key string, d ocpi.Date) {
		if d.IsSet() {
			b = append(append(append(b, `,"`...), key...), `":"`...)
			b = append(appendOCPIDate(b, d), '"')
		}
	}
	clock("start_time", r.StartTime)
	clock("end_time", r.EndTime)
	date("start_date", r.StartDate)
	date("end_date", r.EndDate)
	for _, m := range restrictionNumbers(r) {
		if m.n.IsSet() {
			b = append(append(append(b, `,"`...), m.key...), `":`...)
			b = appendNumber(b, *m.n)
		}
	}
	if r.DayOfWeek != 0 {
		b = append(b, `,"day_of_week":[`...)
		n := 0
		for day := time.Sunday; day <= time.Saturday; day++ {
			if r.DayOfWeek.Has(day) {
				b = append(append(append(comma(b, n), '"'), weekdayNames[day]...), '"')
				n++
			}
		}
		b = append(b, ']')
	}
	if r.Reservation != ocpi.ReservationNone {
		b = append(append(append(b, `,"reservation":"`...), reservationNames[r.Reservation]...), '"')
	}
	return b
}

var (
	weekdayNames     = [...]string{"SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"}
	reservationNames = [...]string{"", "RESERVATION", "RESERVATION_EXPIRES", ""}
)

type restrictionNumber struct {
	key string
	n   *ocpi.Number
}

func restrictionNumbers(r *ocpi.Restrictions) [8]restrictionNumber {
	return [...]restrictionNumber{
		{"min_kwh", &r.MinKWh}, {"max_kwh", &r.MaxKWh}, {"min_current", &r.MinCurrent}, {"max_current", &r.MaxCurrent},
		{"min_power", &r.MinPower}, {"max_power", &r.MaxPower}, {"min_duration", &r.MinDuration}, {"max_duration", &r.MaxDuration},
	}
}
