package world

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// PushOptions say where and how to push a world.
type PushOptions struct {
	// BaseURL is the service's public address, such as "http://127.0.0.1:8080":
	// the partners find everything from its /ocpi/versions.
	BaseURL string
	// Token returns the OCPI token of a partner, who is made known to the
	// service if need be. It is called once per partner, before any push.
	Token func(ctx context.Context, p Partner) (string, error)
	// Concurrency is how many requests are under way at once; 0 is 16.
	Concurrency int
	// Patience is how long one request is tried again while the service is
	// away or overloaded; 0 is one minute.
	Patience time.Duration
	// Progress, when set, is called after every answer, by one goroutine at a
	// time.
	Progress func(Report)
	TLS      *tls.Config // over https; nil = as the system has it
	// Accepted, when set, is called for everything that was acknowledged, by one
	// goroutine at a time.
	Accepted func(*Item)
}

// Report is what came of a push. The maps must not be changed.
type Report struct {
	Requests int            // answered for good
	Retries  int            // answers that asked to come back, and connections lost
	Modules  map[Module]int // by what was pushed
	// Accepted is what the service acknowledged.
	Accepted *Reference
	// Unexpected counts answers that were not what the object called for;
	// Examples describes the first few.
	Unexpected int
	Examples   []string
}

const maxExamples = 10

// Push pushes a world over HTTP through the public OCPI 2.2.1 interface, as
// its partners would: an object before what refers to it, the requests of one
// charge one after the other, the rest side by side. It returns an error when
// the world cannot be read, the service cannot be reached or ctx ends; the
// report says what had been acknowledged until then.
func Push(ctx context.Context, o Options, p PushOptions) (*Report, error) {
	if p.Concurrency == 0 {
		p.Concurrency = 16
	}
	if p.Patience == 0 {
		p.Patience = time.Minute
	}
	push := &pusher{
		options: p,
		report:  Report{Modules: map[Module]int{}, Accepted: &Reference{}},
		http: &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: p.Concurrency + 1, TLSClientConfig: p.TLS.Clone()},
			Timeout:   30 * time.Second,
		},
	}
	defer push.http.CloseIdleConnections()
	if err := push.connect(ctx); err != nil {
		return &push.report, err
	}
	err := push.run(ctx, o)
	return &push.report, err
}

// pusher is one run of Push.
type pusher struct {
	options PushOptions
	http    *http.Client
	clients map[string]*client // by party

	mu     sync.Mutex
	report Report
}

// connect looks up the endpoints of every partner.
func (p *pusher) connect(ctx context.Context) error {
	p.clients = map[string]*client{}
	for _, partner := range Partners() {
		token, err := p.options.Token(ctx, partner)
		if err != nil {
			return fmt.Errorf("get token of %s: %w", partner.Party, err)
		}
		c, err := discover(ctx, p.http, p.options.BaseURL, token, p.options.Patience)
		if err != nil {
			return fmt.Errorf("discover endpoints as %s: %w", partner.Party, err)
		}
		p.clients[partner.Party.String()] = c
	}
	return nil
}

// run hands every item to the worker of its lane. Locations and tariffs are
// sent before anything that follows is handed on: what follows may refer to
// them.
func (p *pusher) run(ctx context.Context, o Options) error {
	group, ctx := errgroup.WithContext(ctx)
	lanes := make([]chan Item, p.options.Concurrency)
	for n := range lanes {
		lane := make(chan Item, 32)
		lanes[n] = lane
		group.Go(func() error {
			for i := range lane {
				if err := p.send(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer func() {
			for _, lane := range lanes {
				close(lane)
			}
		}()
		for i, err := range Items(o) {
			if err != nil {
				return err
			}
			if i.Module == Locations || i.Module == Tariffs {
				if err := p.send(ctx, i); err != nil {
					return err
				}
				continue
			}
			select {
			case lanes[i.Lane%uint64(len(lanes))] <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return group.Wait()
}

// send pushes one item until it is answered for good.
func (p *pusher) send(ctx context.Context, i Item) error {
	c := p.clients[i.Sender.String()]
	answer, retries, err := c.push(ctx, i, p.options.Patience)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report.Retries += retries
	if err != nil {
		return fmt.Errorf("%s %s %s as %s: %w", i.Method, i.Module, i.Claim.Key.ID+i.Path, i.Sender, err)
	}
	p.report.Requests++
	p.report.Modules[i.Module]++
	if problem := answer.problem(&i); problem != nil {
		p.report.Unexpected++
		if len(p.report.Examples) < maxExamples {
			p.report.Examples = append(p.report.Examples, fmt.Sprintf("%s %s %s as %s: %v", i.Method, i.Module, i.Claim.Key.ID+i.Path, i.Sender, problem))
		}
	} else {
		p.accept(&i)
	}
	if p.options.Progress != nil {
		p.options.Progress(p.report)
	}
	return nil
}

// accept notes an item that the service acknowledged.
func (p *pusher) accept(i *Item) {
	if i.Module == CDRs {
		p.report.Accepted.Accept(i)
	}
	if p.options.Accepted != nil {
		p.options.Accepted(i)
	}
}

// problem says what is wrong with the answer to an item.
func (a *answer) problem(i *Item) error {
	refused := a.http == http.StatusOK && a.code == 2001
	switch {
	case i.Module == CDRs && i.Class.Refused():
		if !refused {
			return fmt.Errorf("an incomplete CDR was not refused with 2001: HTTP %d, OCPI %d %s", a.http, a.code, a.message)
		}
	case a.http/100 != 2 || a.code != 1000:
		return fmt.Errorf("HTTP %d, OCPI %d %s", a.http, a.code, a.message)
	case i.Module == CDRs && a.location == "":
		return errors.New("accepted without a Location header")
	}
	return nil
}
