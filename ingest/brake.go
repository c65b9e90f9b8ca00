package ingest

import (
	"context"
	"time"
)

// Brake slows the intake down while what it accepts waits to be stored, long
// before the log is full: who pushes then waits a little longer with each, and
// is not refused. It sets how many pushes are worked on at once.
type Brake struct {
	Max int // pushes at once where nothing waits
	// Age is the age of the oldest record that waits to be priced and stored.
	// moves is false while none is: an outage, which the whole log is there
	// for.
	Age func() (age time.Duration, moves bool)
	// Fill is how full the log is, in bytes; nil where it has no bound of ours.
	Fill func() (used, limit int64)
	Set  func(atOnce int)
}

const (
	brakeInterval = 250 * time.Millisecond
	// Between these the intake goes from all that it can to a thirty-second.
	brakeAge, brakeAgeWhole   = 5 * time.Second, 20 * time.Second
	brakeFill, brakeFillWhole = 25, 75 // percent of the log
	// brakeBits is what is taken off where the brake is on wholly: the number
	// at once is divided by 2^brakeBits. In between it falls by equal factors,
	// since half as many at once are served in much less than twice the time.
	brakeBits = 5
	// brakeStep is how much of the way, in percent, it moves in an interval.
	brakeStep = 10
)

// Run sets how many pushes are worked on at once until ctx ends; then it
// returns nil.
func (b *Brake) Run(ctx context.Context) error {
	on := 0
	for {
		want := b.wanted()
		on = min(max(want, on-brakeStep), on+brakeStep)
		b.Set(b.atOnce(on))
		if !Pause(ctx, brakeInterval) {
			return nil
		}
	}
}

// wanted is how far the brake should be on, in percent.
func (b *Brake) wanted() int {
	on := 0
	if age, moves := b.Age(); moves {
		on = percent(int64(age), int64(brakeAge), int64(brakeAgeWhole))
	}
	if b.Fill != nil {
		if used, limit := b.Fill(); limit > 0 {
			on = max(on, percent(used*100/limit, brakeFill, brakeFillWhole))
		}
	}
	return on
}

// percent is how far x is on the way from one value to another, 0 to 100.
func percent(x, from, to int64) int { return int(min(max((x-from)*100/(to-from), 0), 100)) }

// atOnce is the number of pushes where the brake is on so far, in percent.
func (b *Brake) atOnce(on int) int {
	bits := on * brakeBits // hundredths
	n := b.Max >> (bits / 100)
	return max(n-n*(bits%100)/200, 1)
}
