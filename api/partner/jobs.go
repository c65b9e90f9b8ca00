package partner

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
)

// Job is a pull that somebody asked for.
type Job struct {
	Pulled
	Done  bool   `json:"done"`
	Error string `json:"error,omitempty"` // why nothing could be read
}

// jobs are the pulls that were asked for: the last one of each partner.
type jobs struct {
	mu   sync.Mutex // guards what follows
	last map[string]*Job
}

// Start begins a pull of all that a partner offers, unless one that was asked for
// is under way. It ends with ctx, which is not the request's.
func (p *Puller) Start(ctx context.Context, partner *control.Partner) error {
	if partner.Peer == nil {
		return control.Conflict("partner %s has not registered: there is nothing to pull from", partner.ID)
	}
	p.jobs.mu.Lock()
	defer p.jobs.mu.Unlock()
	if before := p.jobs.last[partner.ID]; before != nil && !before.Done {
		return nil
	}
	if p.jobs.last == nil {
		p.jobs.last = map[string]*Job{}
	}
	j := &Job{Pulled: Pulled{Partner: partner.ID, Modules: []PulledModule{}}}
	p.jobs.last[partner.ID] = j
	go p.work(ctx, partner, j)
	return nil
}

func (p *Puller) work(ctx context.Context, partner *control.Partner, j *Job) {
	since := p.now().Add(-FirstWindow)
	result, err := p.pull(ctx, partner, wanted{from: func(*module) time.Time { return since }}, func(soFar Pulled) { p.tell(j, soFar, nil, false) })
	p.tell(j, result, err, true)
}

func (p *Puller) tell(j *Job, result Pulled, err error, done bool) {
	p.jobs.mu.Lock()
	defer p.jobs.mu.Unlock()
	j.Pulled, j.Done = result, done
	j.Modules = append([]PulledModule(nil), result.Modules...)
	if err != nil {
		j.Error = fmt.Sprint(err)
	}
}

// Job returns the last pull of a partner that was asked for here.
func (p *Puller) Job(partner string) (Job, bool) {
	p.jobs.mu.Lock()
	defer p.jobs.mu.Unlock()
	j, ok := p.jobs.last[partner]
	if !ok {
		return Job{}, false
	}
	return *j, true
}
