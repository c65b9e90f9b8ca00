package settlement

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// ArrivalReader counts CDRs by the day on which their charges ended, in UTC: began where
// the end is not known, else were last updated, else came. Party, where it is not zero, restricts to
// CDRs in which it is CPO or eMSP.
type ArrivalReader interface {
	// CDRsByDay counts those that are booked in a month, the first day first.
	CDRsByDay(ctx context.Context, party ocpi.Party, month ocpi.Month) ([]uint64, error)
	// PairsBefore calls fn for the pairs that have CDRs in the month before one.
	PairsBefore(ctx context.Context, party ocpi.Party, month ocpi.Month, fn func(*PairArrivals) error) error
}

// PairArrivals is what a pair has in a month and in the one before.
type PairArrivals struct {
	CPO, EMSP     ocpi.Party
	Before, Count uint64
	Last          time.Time // the end of the last charge of both
}

// SilentFor says for how many days a pair has had no charge, by the end of the month or
// now, and whether that is more than one would expect: three days, and three times as long
// as it took from one to the next in the month before.
func (p *PairArrivals) SilentFor(month ocpi.Month, now time.Time) (days int, silent bool) {
	end := month.Add(1).Start()
	if now.Before(end) {
		end = now
	}
	days = int(end.Sub(p.Last) / (24 * time.Hour))
	const expected, longest = 3, 31
	return days, p.Before > 0 && days >= max(expected, expected*longest/int(min(p.Before, longest)))
}

// CompareSilent puts first what had the most CDRs in the month before.
func CompareSilent(a, b PairArrivals) int {
	return cmp.Or(cmp.Compare(b.Before, a.Before), cmp.Compare(a.CPO.String(), b.CPO.String()), cmp.Compare(a.EMSP.String(), b.EMSP.String()))
}

// KeepSilent adds a pair to the most of those that count, most of them at most.
func KeepSilent(list []PairArrivals, p PairArrivals, most int) []PairArrivals {
	at, _ := slices.BinarySearchFunc(list, p, CompareSilent)
	if at >= most {
		return list
	}
	list = slices.Insert(list, at, p)
	return list[:min(len(list), most)]
}
