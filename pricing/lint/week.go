package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

const (
	minutesPerDay  = 24 * 60
	minutesPerWeek = 7 * minutesPerDay
)

// weekdays in the order a week is read in Europe; minute 0 of a week set is
// Monday 00:00 local time.
var weekdays = [7]time.Weekday{
	time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday,
}

var wholeWeek = interval(0, minutesPerWeek)

// weekOf returns the minutes of the week at which the weekday and time-of-day
// restrictions match (P-04). The weekday is that of the instant, also where
// the window passes midnight; start_time equal to end_time is the whole day.
func weekOf(r *ocpi.Restrictions) set {
	windows := set{{0, minutesPerDay}}
	start, end := int32(0), int32(minutesPerDay)
	if r.StartTime.IsSet() {
		start = int32(r.StartTime.Minute())
	}
	if r.EndTime.IsSet() && r.EndTime.Minute() != 0 {
		end = int32(r.EndTime.Minute())
	}
	switch {
	case start < end:
		windows = set{{start, end}}
	case start > end:
		windows = set{{0, end}, {start, minutesPerDay}}
	}
	return onDays(windows, r.DayOfWeek)
}

// onDays repeats the windows of a day on each of the days; the empty set of
// days stands for all of them.
func onDays(windows set, days ocpi.Weekdays) set {
	var week set
	for i, day := range weekdays {
		if days != 0 && !days.Has(day) {
			continue
		}
		var shifted set
		for _, w := range windows {
			shifted = append(shifted, span{w.from + int32(i)*minutesPerDay, w.to + int32(i)*minutesPerDay})
		}
		week = union(week, shifted)
	}
	return week
}

// weekText writes a set of minutes of the week, such as "Mon–Fri 09:00–18:00";
// the whole week is "".
func weekText(week set) string {
	if week.size() == minutesPerWeek {
		return ""
	}
	var daily [7]set
	for i := range daily {
		from := int32(i) * minutesPerDay
		daily[i] = intersect(week, interval(from, from+minutesPerDay))
		for j := range daily[i] {
			daily[i][j].from -= from
			daily[i][j].to -= from
		}
	}
	var parts []string
	var done [7]bool
	for i := range daily {
		if done[i] || len(daily[i]) == 0 {
			continue
		}
		var days []int
		for j := i; j < len(daily); j++ {
			if slices.Equal(daily[i], daily[j]) {
				days, done[j] = append(days, j), true
			}
		}
		parts = append(parts, dayText(days, daily[i]))
	}
	return strings.Join(parts, "; ")
}

// dayText writes one set of windows and the days it holds on.
func dayText(days []int, windows set) string {
	if len(days) == 7 {
		n := len(windows)
		if n == 2 && windows[0].from == 0 && windows[1].to == minutesPerDay {
			return "daily " + clock(windows[1].from) + "–" + clock(windows[0].to)
		}
		return "daily " + windowsText(windows)
	}
	if windows.size() == minutesPerDay {
		return daysText(days)
	}
	return daysText(days) + " " + windowsText(windows)
}

func windowsText(windows set) string {
	parts := make([]string, len(windows))
	for i, w := range windows {
		parts[i] = clock(w.from) + "–" + clock(w.to)
	}
	return strings.Join(parts, " and ")
}

func clock(minute int32) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// daysText writes days by their index from Monday, runs of three and more as a range.
func daysText(days []int) string {
	var parts []string
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && days[j+1] == days[j]+1 {
			j++
		}
		switch j - i {
		case 0:
			parts = append(parts, shortDay(days[i]))
		case 1:
			parts = append(parts, shortDay(days[i]), shortDay(days[j]))
		default:
			parts = append(parts, shortDay(days[i])+"–"+shortDay(days[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

func shortDay(i int) string { return weekdays[i].String()[:3] }
