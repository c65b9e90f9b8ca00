package main

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/api/hub"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// peers are the other sides of partners: where we knock. It implements
// admin.Peers.
type peers struct {
	*partner.Registrar
	puller    *partner.Puller
	dialer    *partner.Dialer
	forwarder *partner.Forwarder
	public    string
	service   *service
	ctx       atomic.Pointer[context.Context] // of what was asked for and outlives the request
}

var errNotWorking = errors.New("the service is not running")

func newPeers(s *service) *peers {
	urls := &s.config.PartnerURLs
	d := partner.NewDialer(partner.Policy{AllowPrivate: urls.AllowPrivate, Timeout: urls.Timeout, Identity: s.certs.identity})
	d.Messages = s.messages
	self := s.config.self()
	return &peers{
		Registrar: &partner.Registrar{Dialer: d, Partners: s.control.partners, Sealer: s.sealer, Self: self, Logger: s.logger,
			Found: func(id string, f *ocpi.Finding) {
				s.tally.Note(id, "its answer with credentials", ocpi.TimeOf(time.Now()), *f)
			}},
		puller: &partner.Puller{
			Dialer: d, Partners: s.control.partners, Secrets: s.sealer, Intake: s.intake, Objects: s.owned,
			FirstCDR: s.firstCDR, Notes: s.control.partners, Held: s.held, Metrics: partner.NewMetrics(s.registry),
			Pages: api.NewBudget(partner.PageBytes), Sights: api.NewBudget(partner.SightBytes), Limits: s.config.Limits.Bodies, Hub: self.Party, Logger: s.logger,
		},
		dialer: d, forwarder: &partner.Forwarder{Dialer: d, Secrets: s.sealer}, public: s.config.PublicURL, service: s,
	}
}

// firstCDR returns the copy of a CDR that counts, so far as the store has it.
func (s *service) firstCDR(ctx context.Context, key ocpi.Key) (raw []byte, ok bool, err error) {
	raw, _, err = settlement.Source{Store: s.backends.store, Log: s.backends.log}.First(ctx, key)
	if errors.Is(err, settlement.ErrNotFound) {
		return nil, false, nil
	}
	return raw, err == nil, err
}

// heldWithin is how long the store may take until it has what is to be held against
// a list.
const heldWithin = 30 * time.Second

// held is partner.Held of what the store has, once it has what the log had.
func (s *service) held(ctx context.Context, kind ingest.Object, owner, recipient ocpi.Party, before time.Time, fn func(ingest.Identity) error) error {
	wait, cancel := context.WithTimeout(ctx, heldWithin)
	defer cancel()
	if err := (settlement.Lists{StoredLists: s.backends.store, Log: s.backends.log}).Await(wait, kind, false); err != nil {
		return err
	}
	return s.backends.store.Held(ctx, kind, owner, recipient, before, fn)
}

// serveAt says where partners find our versions: under the public URL, else where
// we listen.
func (p *peers) serveAt(url string) { p.Versions = cmp.Or(p.public, url) + hub.Prefix + "/versions" }

// work lets pulls be started; they end with ctx.
func (p *peers) work(ctx context.Context) { p.ctx.Store(&ctx) }

// watch reads the lists of the partners whose place is in a partition of Sessions,
// and tells them whom they reach: so every partner is called by one process, and by
// another when that goes away.
func (p *peers) watch(ctx context.Context, own ingest.Partition) error {
	mine := func(id string) bool {
		return p.service.backends.log.Place(ingest.TopicSessions, ocpi.Key{ID: id}) == own
	}
	return beside(ctx, func(ctx context.Context) error { return p.puller.Watch(ctx, mine) },
		func(ctx context.Context) error { return p.Announce(ctx, mine) })
}

// Connect implements admin.Peers.
func (p *peers) Connect(ctx context.Context, n admin.Connection) (*control.Partner, []string, error) {
	c, err := p.Registrar.Connect(ctx, partner.Invited(n))
	if err != nil {
		return nil, nil, err
	}
	return c.Partner, c.Found.Offered, nil
}

// StartPull implements admin.Peers.
func (p *peers) StartPull(one *control.Partner) error {
	ctx := p.ctx.Load()
	if ctx == nil {
		return errNotWorking
	}
	return p.puller.Start(*ctx, one)
}

// Pull implements admin.Peers.
func (p *peers) Pull(id string) (admin.Pull, bool) {
	j, ok := p.puller.Job(id)
	if !ok {
		return admin.Pull{}, false
	}
	pull := admin.Pull{Partner: j.Partner, Modules: []admin.PullModule{}, Pages: j.Pages, Done: j.Done, Error: j.Error}
	for _, m := range j.Modules {
		pull.Modules = append(pull.Modules, admin.PullModule(m))
	}
	return pull, true
}

// self is who we are to partners.
func (c *Config) self() control.Self {
	return control.Self{Party: c.Hub.party(), Name: c.Hub.Name}
}
