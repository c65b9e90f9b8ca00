package stations

import (
	"encoding/json"
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Hours are when a Location is open (mod_locations, Hours).
type Hours struct {
	Always   bool          `json:"twentyfourseven"`
	Regular  []RegularHour `json:"regular_hours"`
	Openings []Exception   `json:"exceptional_openings"`
	Closings []Exception   `json:"exceptional_closings"`
	unread   bool
}

// RegularHour is open every week, in the Location's own time: Weekday is 1 for Monday
// to 7 for Sunday.
type RegularHour struct {
	Weekday int    `json:"weekday"`
	Begin   string `json:"period_begin"`
	End     string `json:"period_end"`
}

// Exception is a period that is open, or closed, whatever the regular hours are.
type Exception struct {
	Begin string `json:"period_begin"`
	End   string `json:"period_end"`
}

// Opening says whether a Location is open.
type Opening string

// What can be said.
const (
	Open    Opening = "open"
	Closed  Opening = "closed"
	Unknown Opening = "unknown"
)

// maxHours bounds the periods of each kind that are looked at.
const maxHours = 1000

// NewHours reads opening_times as they were sent; "" says nothing.
func NewHours(sent string) *Hours {
	h := &Hours{}
	if sent == "" || json.Unmarshal([]byte(sent), h) != nil ||
		max(len(h.Regular), len(h.Openings), len(h.Closings)) > maxHours {
		return &Hours{unread: true}
	}
	return h
}

// At says whether a Location is open at an instant. Exceptional closings overwrite all
// else, exceptional openings the regular hours (mod_locations, Hours). zone is nil where
// it is not known: then regular hours say nothing.
func (h *Hours) At(at ocpi.Time, zone *tariff.Zone) Opening {
	switch {
	case h.unread:
		return Unknown
	case within(h.Closings, at):
		return Closed
	case h.Always || within(h.Openings, at):
		return Open
	case len(h.Regular) == 0 && len(h.Openings) == 0:
		return Unknown // it says when it is closed, or nothing
	case len(h.Regular) > 0 && zone == nil:
		return Unknown
	case len(h.Regular) > 0 && h.regular(zone.Local(at)):
		return Open
	}
	return Closed
}

func within(list []Exception, at ocpi.Time) bool {
	for _, e := range list {
		begin, _, err := ocpi.ParseTime(e.Begin)
		end, _, errEnd := ocpi.ParseTime(e.End)
		if err == nil && errEnd == nil && begin <= at && at < end {
			return true
		}
	}
	return false
}

// regular reports whether a local time is within the hours of its day, or within those
// of the day before that go on after midnight.
func (h *Hours) regular(local time.Time) bool {
	day, minute := weekday(local), local.Hour()*60+local.Minute()
	before := (day+5)%7 + 1
	for _, r := range h.Regular {
		begin, ok := ocpi.ReadTimeOfDay(r.Begin, false)
		end, endOK := ocpi.ReadTimeOfDay(r.End, true)
		if !ok || !endOK {
			continue
		}
		from, to := begin.Minute(), end.Minute()
		overnight := to <= from // 22:00 to 06:00; 00:00 to 00:00 is the whole day
		if r.Weekday == day && minute >= from && (overnight || minute < to) || r.Weekday == before && overnight && minute < to {
			return true
		}
	}
	return false
}

// weekday is 1 for Monday to 7 for Sunday.
func weekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }
