package tariff

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Text writes the explanation as a billing clerk reads it. Elements, periods
// and tariffs are counted from 1. The error is the writer's.
func (x *Explanation) Text(w io.Writer) error {
	b := bufio.NewWriter(w)
	if x.Reason != "" {
		fmt.Fprintf(b, "Not priced (%s): %s.\n", x.Reason, x.Detail)
		return b.Flush()
	}
	x.textHeader(b)
	for i := range x.Lines {
		x.textLine(b, i+1, &x.Lines[i])
	}
	if x.More.Lines > 0 {
		fmt.Fprintf(b, "%-78s %14s %14s\n", x.More.String(), amountText(x.More.Amount.Excl), amountText(x.More.Amount.Incl))
	}
	for i := range x.Unpriced {
		l := &x.Unpriced[i]
		fmt.Fprintf(b, "No price: %s of %s.\n", quantityText(l.Kind, l.Measured), dimensionText(l))
		x.textSegments(b, l)
	}
	if x.Truncated || x.MissesLeftOut > 0 {
		b.WriteString("There is more to say than fits. The amounts are complete.\n")
	}
	if x.Truncated {
		b.WriteString("Periods were merged.\n")
	}
	if x.MissesLeftOut > 0 {
		fmt.Fprintf(b, "Left out: why earlier elements did not apply, %d times.\n", x.MissesLeftOut)
	}
	x.textTotals(b)
	return b.Flush()
}

// String is the line that stands for the others.
func (m More) String() string {
	if m.Lines == 1 {
		return "and 1 more line"
	}
	return fmt.Sprintf("and %d more lines", m.Lines)
}

func (x *Explanation) textHeader(b *bufio.Writer) {
	for i := range x.Tariffs {
		t := &x.Tariffs[i]
		source := "not sent with the CDR"
		if t.Embedded {
			source = "sent with the CDR"
		}
		fmt.Fprintf(b, "Tariff %s of %s (OCPI %s", t.ID, t.Owner, t.Version)
		if t.Updated.IsSet() {
			fmt.Fprintf(b, ", version of %s", t.Updated)
		}
		fmt.Fprintf(b, "), %s.\n", source)
	}
	if x.Zone != "" {
		fmt.Fprintf(b, "Local times are those of %s (%s; time-zone database %s).\n", x.Zone, zoneSourceText(x.ZoneSource), x.ZoneDB)
	}
	fmt.Fprintf(b, "Rules: profile %s, engine %s. Amounts in %s before and after tax.\n\n", x.Profile, x.Engine, x.Currency)
}

func zoneSourceText(source string) string {
	switch source {
	case "cdr":
		return "named in the CDR"
	case "location":
		return "from the Location"
	case "country":
		return "the only one of the country"
	case "":
		return "source not stated"
	}
	return "source: " + source
}

func (x *Explanation) textLine(b *bufio.Writer, n int, l *Line) {
	left := fmt.Sprintf("%d. %s", n, x.lineText(l))
	fmt.Fprintf(b, "%-78s %14s %14s\n", left, amountText(l.Amount.Excl), amountText(l.Amount.Incl))
	if l.Surplus.IsSet() {
		fmt.Fprintf(b, "   step_size %s: the session's %s of %s were rounded up, %s added here.\n",
			stepText(l), quantityText(l.Kind, l.SurplusOf), dimensionText(l), quantityText(l.Kind, l.Surplus))
	}
	fmt.Fprintf(b, "   element %d%s: %s.\n", l.Element+1, x.ofTariff(l.Tariff), restrictionsText(x.restrictions(l.Tariff, l.Element)))
	x.textSegments(b, l)
}

// lineText is the sentence of a line: what, how much, at which price.
func (x *Explanation) lineText(l *Line) string {
	vat := ""
	if l.VAT.IsSet() {
		vat = ", VAT " + percentString(l.VAT) + " %"
	}
	price := l.Price.String() + " " + x.Currency
	switch l.Kind {
	case ocpi.ComponentFlat:
		what := "Fixed fee"
		if l.Reservation {
			what = "Reservation fee"
		}
		return what + " " + price + vat
	case ocpi.ComponentEnergy:
		return fmt.Sprintf("Energy %s at %s per kWh%s", quantityText(l.Kind, l.Billed), price, vat)
	}
	what := map[ocpi.Component]string{ocpi.ComponentTime: "Charging", ocpi.ComponentParkingTime: "Parking"}[l.Kind]
	if l.Reservation {
		what = "Reservation"
	}
	return fmt.Sprintf("%s %s at %s per hour%s", what, quantityText(l.Kind, l.Billed), price, vat)
}

// textSegments says where a line applied and why not an earlier element.
func (x *Explanation) textSegments(b *bufio.Writer, l *Line) {
	for i := range l.Segments {
		s := &l.Segments[i]
		periods := fmt.Sprintf("period %d", s.First+1)
		if s.Last > s.First {
			periods = fmt.Sprintf("periods %d to %d", s.First+1, s.Last+1)
		}
		fmt.Fprintf(b, "   %s, %s%s", periods, quantityText(l.Kind, s.Quantity), stateText(s, l.Reservation))
		for _, m := range s.Missed {
			fmt.Fprintf(b, "; not element %d (%s): %s", m.Element+1,
				restrictionsText(x.restrictions(l.Tariff, m.Element)), missText(m.On, l.Reservation))
		}
		b.WriteString(".\n")
	}
}

// stateText is what restrictions were tested against.
func stateText(s *Segment, reservation bool) string {
	since := " into the session"
	if reservation {
		since = " into the reservation"
	}
	var parts []string
	if s.Local != 0 {
		parts = append(parts, s.Local.Go().Format("Monday 2006-01-02 15:04"))
	}
	parts = append(parts, durationText(s.Elapsed)+since, s.KWh.String()+" kWh before")
	for _, m := range []struct {
		v    [2]ocpi.Number
		unit string
	}{{s.Current, "A"}, {s.Power, "kW"}} {
		switch {
		case !m.v[0].IsSet():
		case m.v[0].Cmp(m.v[1]) == 0:
			parts = append(parts, m.v[0].String()+" "+m.unit)
		default:
			parts = append(parts, m.v[0].String()+" to "+m.v[1].String()+" "+m.unit)
		}
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func missText(on Restriction, reservation bool) string {
	switch on {
	case OnTime:
		return "the time of day does not fit"
	case OnDate:
		return "the date does not fit"
	case OnWeekday:
		return "the weekday does not fit"
	case OnDuration:
		return "the duration does not fit"
	case OnEnergy:
		return "the energy so far does not fit"
	case OnCurrent:
		return "the current does not fit"
	case OnPower:
		return "the power does not fit"
	}
	if reservation {
		return "it is not for this reservation"
	}
	return "this is not a reservation"
}

func (x *Explanation) textTotals(b *bufio.Writer) {
	row := func(what string, m Money) {
		fmt.Fprintf(b, "%-78s %14s %14s\n", what, amountText(m.Excl), amountText(m.Incl))
	}
	b.WriteString("\n")
	for _, l := range x.Limits {
		what, side := "minimum", "before"
		if l.Maximum {
			what = "maximum"
		}
		if l.AfterTax {
			side = "after"
		}
		fmt.Fprintf(b, "The %s price %s tax of %s %s applies.\n", what, side, l.Bound, x.Currency)
	}
	if len(x.Limits) > 0 {
		row("Price limit", x.Limit)
	}
	if x.Rounding.Excl.Sign() != 0 || x.Rounding.Incl.Sign() != 0 {
		row("Rounding", x.Rounding)
	}
	stated := ""
	if x.TaxesStated {
		stated = ", as the CDR states: its tariff gives no rate"
	}
	for _, t := range x.Taxes {
		if t.Percentage.IsSet() {
			fmt.Fprintf(b, "of which %s %s %%: %s%s\n", t.Name, percentString(t.Percentage), t.Amount, stated)
		} else {
			fmt.Fprintf(b, "of which %s: %s%s\n", t.Name, t.Amount, stated)
		}
	}
	if x.Credit {
		b.WriteString("This is a credit: the total is negated.\n")
	}
	row("Total", x.Total)
	if x.Claimed.Excl.IsSet() || x.Claimed.Incl.IsSet() {
		row("The partner's total "+x.Claim.String(), x.Claimed)
	}
}

// Applies says when an element applies: "from 08:00 to 20:00".
func (x *Explanation) Applies(tariff, element int) string {
	return restrictionsText(x.restrictions(tariff, element))
}

func (x *Explanation) ofTariff(i int) string {
	if len(x.Tariffs) < 2 {
		return ""
	}
	return " of tariff " + x.Tariffs[i].ID
}

func (x *Explanation) restrictions(tariff, element int) *ocpi.Restrictions {
	if tariff < len(x.Tariffs) {
		for i := range x.Tariffs[tariff].Elements {
			if e := &x.Tariffs[tariff].Elements[i]; e.Index == element {
				return &e.Restrictions
			}
		}
	}
	return &ocpi.Restrictions{}
}
