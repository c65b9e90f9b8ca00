package lint

import (
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// text writes a box as the condition it stands for, such as "Mon–Fri
// 09:00–18:00, below 32 A"; the whole space is "".
func (s *space) text(b *box) string {
	var parts []string
	if week := weekText(b[axisWeek]); week != "" {
		parts = append(parts, week)
	}
	if b[axisDate].size() != int32(len(s.dates))+1 {
		parts = append(parts, s.dateText(b[axisDate]))
	}
	for axis := axisKWh; axis < axes; axis++ {
		if b[axis].size() == int32(len(s.cuts[axis])) {
			continue
		}
		ranges := make([]string, len(b[axis]))
		for i, r := range b[axis] {
			ranges[i] = s.rangeText(axis, r)
		}
		parts = append(parts, strings.Join(ranges, " or "))
	}
	return strings.Join(parts, ", ")
}

func (s *space) dateText(dates set) string {
	var parts []string
	for _, d := range dates {
		switch first, last := d.from == 0, int(d.to) == len(s.dates)+1; {
		case first:
			parts = append(parts, "before "+s.dates[d.to-1].String())
		case last:
			parts = append(parts, "from "+s.dates[d.from-1].String())
		default:
			parts = append(parts, "from "+s.dates[d.from-1].String()+" until before "+s.dates[d.to-1].String())
		}
	}
	return strings.Join(parts, " or ")
}

// units of the numeric axes but the duration.
var units = [axes]string{axisKWh: " kWh", axisCurrent: " A", axisPower: " kW"}

func (s *space) rangeText(axis int, r span) string {
	cuts := s.cuts[axis]
	first, last := r.from == 0, int(r.to) == len(cuts)
	if axis == axisDuration {
		switch {
		case first:
			return "in the first " + unitText(cuts[r.to])
		case last:
			return "after " + secondsText(cuts[r.from])
		}
		return "from " + secondsText(cuts[r.from]) + " to " + secondsText(cuts[r.to]) + " after the start"
	}
	write := func(i int32) string { return cuts[i].Decimal().String() + units[axis] }
	switch {
	case first:
		return "below " + write(r.to)
	case last:
		return write(r.from) + " and more"
	}
	return "from " + write(r.from) + " to below " + write(r.to)
}

// secondsText writes seconds as a person would: "30 minutes", "1 hour".
func secondsText(n ocpi.Number) string {
	seconds := n.Decimal()
	if !seconds.IsInteger() {
		return n.String() + " seconds"
	}
	whole := seconds.IntPart()
	var parts []string
	for _, unit := range []struct {
		name   string
		length int64
	}{{"hour", 3600}, {"minute", 60}, {"second", 1}} {
		count := whole / unit.length
		whole %= unit.length
		if count != 0 {
			parts = append(parts, plural(count, unit.name))
		}
	}
	if len(parts) == 0 {
		return "0 seconds"
	}
	return strings.Join(parts, " ")
}

// unitText is secondsText without the count of a single unit: "hour".
func unitText(n ocpi.Number) string {
	text := secondsText(n)
	if one, ok := strings.CutPrefix(text, "1 "); ok && !strings.Contains(one, " ") {
		return one
	}
	return text
}
