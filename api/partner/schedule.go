package partner

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// How often a partner's lists are read: what changes all the time, and what does
// not. Hours, with a jitter, as OCPI asks for (R-TRANSPORT-07).
const (
	windowedEvery = 4 * time.Hour
	wholeEvery    = 24 * time.Hour
	jitter        = 0.2
	// failedEvery is when lists are read again of which one was not read to its end.
	failedEvery = 30 * time.Minute
	// lookEvery is how often it is looked whose turn it is.
	lookEvery = 5 * time.Second
	// pulledAtOnce is how many partners are read at once by themselves: many, since
	// one that hardly answers keeps its place for long.
	pulledAtOnce = 64
)

// Watch reads the lists of the registered partners that are mine, each as soon as
// it has registered and then from time to time, until ctx ends.
func (p *Puller) Watch(ctx context.Context, mine func(partner string) bool) error {
	var g errgroup.Group
	places := make(chan struct{}, pulledAtOnce)
	for p.pause(ctx, lookEvery) {
		p.forget()
		for _, one := range p.Partners.All() {
			if one.Peer == nil || !mine(one.ID) {
				continue
			}
			select {
			case places <- struct{}{}:
			default:
				continue // at the next look
			}
			w, due := p.take(one)
			if !due {
				<-places
				continue
			}
			g.Go(func() error {
				defer func() { <-places }()
				p.run(ctx, one, w)
				return nil
			})
		}
	}
	return errors.Join(ctx.Err(), g.Wait())
}

func windowed(id string) bool {
	return slices.ContainsFunc(modules, func(m module) bool { return m.id == id && m.windowed })
}

// shaken is a time with its jitter: partners that came back together are not
// asked together for ever.
func shaken(d time.Duration) time.Duration {
	return d + time.Duration((2*rand.Float64()-1)*jitter*float64(d))
}
