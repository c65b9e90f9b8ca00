package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/app/stations"
	commanding "github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/hub"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/statement"
)

func newServeCmd() *cobra.Command {
	var withDemo bool
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: "serve runs the clearing house: all roles in one process on the embedded log and store by default,\n" +
			"or the named roles against Apache Kafka and ClickHouse servers. It stops in order on Ctrl-C.",
		Example: "  roamclear serve --data data\n  roamclear serve --data data --demo\n" +
			"  roamclear serve --roles price --kafka.brokers k1:9092,k2:9092 --clickhouse.addr ch1:9000",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := configFrom(cmd)
			if err != nil {
				return err
			}
			if err := o.check(); err != nil {
				return err
			}
			alone, private := false, c.PartnerURLs.AllowPrivate
			if withDemo {
				if alone, err = demoAlone(&c); err != nil {
					return err
				}
				if alone && pageOpen(&c) {
					c.PartnerURLs.AllowPrivate = true // the demo's CPO is on this machine, and only who is can name another URL
				}
			}
			s, err := startService(cmd.Context(), c, os.Stderr)
			if err != nil {
				return err
			}
			if c.PartnerURLs.AllowPrivate && !private {
				s.logger.Info("partners at addresses of this machine and of private networks are called, and by http there, as if partner_urls.allow_private were set: the demo's stations are at one")
			}
			var after func(context.Context) error
			if withDemo {
				after = func(ctx context.Context) error {
					return runDemo(ctx, s, o, alone, cmd.OutOrStdout(), cmd.ErrOrStderr())
				}
			}
			return s.run(cmd.Context(), after)
		},
	}
	configFlags(cmd)
	cmd.Flags().BoolVar(&withDemo, "demo", false, "load a demo roaming world when the data directory is new; where only this machine can reach the service, and the data directory was new, charges can be started at its stations")
	o.register(cmd)
	return cmd
}

// stopWithin is how long an orderly stop may take altogether.
const stopWithin = 30 * time.Second

// mergingBytes bounds the objects that PATCHes and parts are merged into at once,
// in bytes; a partner may hold a quarter.
const mergingBytes = 64 << 20

// service is the running process: its backends, its followers, its roles.
type service struct {
	config     Config
	dir        *dataDir
	logger     *slog.Logger
	certs      *certificates
	registry   *prometheus.Registry
	backends   *backends
	control    *decisions
	owned      owned
	stations   *stations.Index
	worked     *stations.Worked
	intake     *ingest.Service
	tally      ingest.Tally // of what is found in what partners send
	adminToken string
	sealer     *control.Sealer
	messages   *messages.Log // nil = none are kept
	peers      *peers
	desk       *commanding.Desk
	waiting    *statement.Waiting // what waits for finance; nil without the role api
	metrics    *pricing.Metrics
	relations  *settlement.RelationMetrics
	named      *objects.PayerMetrics
	drains     *ingest.DrainMetrics
	lag        *ingest.Lag
	turns      *api.Turns // of pushes
	http       *httpServer
	scrapes    *httpServer // nil where metrics have no address of their own

	announced atomic.Bool
	telling   sync.Mutex // held while the service file is written
	stopping  atomic.Bool
	alarm     atomic.Pointer[string] // why a worker stopped for good; not ready from then on
}

// startService opens everything a process needs; nothing runs yet.
func startService(ctx context.Context, c Config, stderr *os.File) (_ *service, err error) {
	tuneMemory(&c)
	s := &service{config: c, logger: newLogger(c.Log, stderr), registry: prometheus.NewRegistry()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s.certs, err = openCertificates(&c, s.logger, s.registry); err != nil {
		return nil, err
	}
	if s.dir, err = takeDataDir(&c); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	if s.adminToken, err = s.dir.adminToken(c.Admin.Token); err != nil {
		return nil, err
	}
	if s.sealer, err = s.dir.sealer(c.Secrets.KeyFile); err != nil {
		return nil, err
	}
	if s.backends, err = openBackends(ctx, &c, s.dir, s.certs, s.logger, s.registry); err != nil {
		return nil, err
	}
	b := s.backends
	if err = s.openControl(ctx); err != nil {
		return nil, err
	}
	s.desk = commanding.New(s.commands())
	s.stations, s.worked = stations.New(), stations.NewWorked()
	memory := c.memoryLimit(machineMemory("/"))
	following := objects.Options{Logger: s.logger, Registerer: s.registry, ShelfBytes: memory / 4, WaneBytes: memory / 16}
	if c.has(roleAPI) {
		following.Observers = map[ingest.Object]objects.Observer{ingest.ObjectLocation: s.stations}
	}
	s.owned = newOwned(b, c.Roaming.issuers(), following, otherFolds(s.watched())...)
	s.metrics = pricing.NewMetrics(s.registry)
	s.relations = settlement.NewRelationMetrics(s.registry)
	s.named = objects.NewPayerMetrics(s.registry)
	s.drains = ingest.NewDrainMetrics(s.registry)
	s.lag = ingest.NewLag(b.log, s.logger, s.registry)
	s.registry.MustRegister(buildInfo(&c), api.NewReadiness(s.checks()...))
	s.turns = hub.NewTurns()
	s.intake = ingest.NewService(b.log, s.owned, time.Now, c.Limits.Bodies, ingest.NewMetrics(s.registry))
	s.intake.Issuers, s.intake.Tally = s.owned.Issuers, &s.tally
	s.intake.Merging, s.intake.Check = api.NewBudget(mergingBytes), s.found()
	s.intake.First, s.intake.Payer = s.firstCDR, s.owned.pays
	s.messages = s.messageLog()
	s.peers = newPeers(s)
	s.desk.Objects, s.desk.Sender = s.owned, s.peers.forwarder
	if s.http, err = newHTTPServer(s); err != nil {
		return nil, err
	}
	s.certs.tls.OnChange(s.renewed)
	s.peers.serveAt(s.http.url)
	if s.scrapes, err = newMetricsServer(s); err != nil {
		return nil, err
	}
	return s, nil
}

// run works until ctx ends or something fails that cannot be worked around,
// then stops in data order: no more requests, workers finish their batches,
// followers, clients, backends. after, when not nil, runs once the service is
// ready.
func (s *service) run(ctx context.Context, after func(context.Context) error) error {
	follow, stopFollowing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopFollowing()
	work, stopWorking := context.WithCancel(follow)
	defer stopWorking()

	s.peers.work(work)
	s.desk.Work(work)
	failed := make(chan error, 8)
	followers, workers := &errgroup.Group{}, &errgroup.Group{}
	spawn := func(g *errgroup.Group, ctx context.Context, name string, f func(context.Context) error) {
		g.Go(func() error {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	if s.backends.broker != nil {
		spawn(followers, follow, "embedded log", s.backends.broker.Run)
	}
	spawn(followers, follow, "lag", s.lag.Run)
	spawn(followers, follow, "memory", keepHeadroom)
	spawn(followers, follow, "certificates", s.certs.run)
	spawn(followers, follow, "brake", s.brake().Run)
	spawn(followers, follow, "control", s.control.machine.Run)
	if s.messages != nil {
		spawn(followers, follow, "messages", s.messages.Run)
	}
	spawn(followers, follow, "objects", s.persist("objects", s.owned.Run))
	err := s.identifyOr(ctx, failed)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		// Told to stop while it began: nothing failed, and nothing works yet.
		return s.stop(ctx, stopWorking, workers, stopFollowing, followers)
	}
	// Halted at what a newer version has written, the process lives and says
	// so: nothing is decided and nobody works until it is upgraded.
	stands := isHalted(err)
	if stands {
		err, after = nil, nil
	}
	if err == nil && !stands {
		if s.config.has(rolePrice) {
			spawn(workers, work, "pricing", s.keep("pricing", s.price))
		}
		if s.config.has(roleSettle) {
			spawn(workers, work, "records", s.keep("records", s.record))
			spawn(workers, work, "refused", s.keep("refused", s.refused))
			spawn(workers, work, "commands", s.keep("commands", s.desk.Follow))
		} else if s.config.has(roleAPI) {
			spawn(workers, work, "open commands", s.persist("open commands", s.desk.Load))
		}
	}
	if err == nil && s.config.has(roleAPI) {
		spawn(workers, work, "worked lately", func(ctx context.Context) error {
			return s.worked.Run(ctx, s.backends.store, s.logger, time.Now)
		})
	}
	if err == nil && s.waiting != nil {
		spawn(workers, work, "waiting", func(ctx context.Context) error {
			return s.waiting.Run(ctx, func(err error) {
				s.logger.Warn("what waits was not drawn: who asks for it sees what it was", "error", err)
			})
		})
	}
	if err == nil {
		s.checkSecrets()
		s.checkClients()
		err = s.announce()
	}
	if err == nil {
		s.http.start(failed)
		if s.scrapes != nil {
			s.scrapes.start(failed)
		}
	}
	if err == nil && after != nil {
		go func() {
			if err := after(ctx); err != nil && ctx.Err() == nil {
				failed <- fmt.Errorf("demo: %w", err)
			}
		}()
	}
	if err == nil {
		select {
		case <-ctx.Done():
			s.logger.Info("stopping", "after", s.config.StopDelay, "within", stopWithin)
			err = s.delayStop(failed)
		case err = <-failed:
			s.logger.Error("stopping after a failure", "error", err)
		}
	}
	return errors.Join(err, s.stop(ctx, stopWorking, workers, stopFollowing, followers))
}

// delayStop says at readyz that the process stops, and has all go on until whoever sends
// requests here has seen it. A second signal ends the process at once.
func (s *service) delayStop(failed <-chan error) error {
	s.stopping.Store(true)
	select {
	case <-time.After(s.config.StopDelay):
		return nil
	case err := <-failed:
		return err
	}
}

func (s *service) stop(ctx context.Context, stopWorking func(), workers *errgroup.Group, stopFollowing func(), followers *errgroup.Group) error {
	s.stopping.Store(true)
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	watchdog := time.AfterFunc(stopWithin, func() {
		s.logger.Error("stop took too long: leaving; what was acknowledged is in the log", "within", stopWithin)
		os.Exit(1)
	})
	defer watchdog.Stop()
	var errs []error
	errs = append(errs, s.http.stop(limit))
	s.desk.Close() // what CPOs are being asked is answered, and noted, before its context ends
	stopWorking()
	errs = append(errs, workers.Wait())
	if err := s.control.partners.NoteNow(limit); err != nil { // it takes 2 s at most: it is little that is lost
		s.logger.Warn("what partners did was not noted", "error", err)
	}
	stopFollowing()
	errs = append(errs, followers.Wait())
	if s.scrapes != nil {
		errs = append(errs, s.scrapes.stop(limit))
	}
	errs = append(errs, s.close(limit))
	s.logger.Info("stopped")
	return errors.Join(errs...)
}

// close closes backends and directory.
func (s *service) close(ctx context.Context) error {
	var errs []error
	if s.peers != nil {
		s.peers.dialer.Close()
	}
	if s.backends != nil {
		errs = append(errs, s.backends.Close(ctx))
	}
	if s.dir != nil {
		errs = append(errs, s.dir.removeService(), s.dir.Close())
	}
	return errors.Join(errs...)
}

// checkSecrets says which partners cannot be called for want of the key that their
// tokens were sealed with. All else goes on: what they push is taken.
func (s *service) checkSecrets() {
	for _, p := range s.control.partners.All() {
		if p.Peer == nil {
			continue
		}
		if _, err := s.sealer.Open(p.Peer.Token); err != nil {
			s.logger.Error("a partner cannot be called", "partner", p.ID, "error", err)
		}
	}
}

// announce tells the commands on this machine where the service is.
func (s *service) announce() error {
	if err := s.control.machine.Ready(); err != nil {
		s.logger.Error("serving, but not ready", "url", s.http.url, "error", err)
	} else {
		s.logger.Info("ready", "url", s.http.url, "roles", s.config.Roles, "data", s.dir.path)
	}
	s.announced.Store(true)
	return s.tellCommands()
}

// tellCommands writes down where the service is, and by which certificate it is known.
func (s *service) tellCommands() error {
	s.telling.Lock()
	defer s.telling.Unlock()
	return s.dir.writeService(serviceInfo{
		URL: s.http.url, TLS: s.certs.forCommands(), PID: os.Getpid(), Token: s.config.Admin.Token.Text, Brokers: s.backends.addrs, Kafka: s.backends.access, ClickHouse: s.backends.login,
	})
}

// renewed tells commands of a certificate that has changed while the service runs.
func (s *service) renewed() {
	if !s.announced.Load() || s.stopping.Load() {
		return
	}
	if err := s.tellCommands(); err != nil {
		s.logger.Error("commands on this machine were not told of the new certificate", "error", err)
	}
}

// messageLog keeps what is exchanged with partners, nil where nothing is to be kept.
func (s *service) messageLog() *messages.Log {
	c := &s.config.Messages
	if c.Retention == 0 {
		return nil
	}
	return messages.New(messages.Options{
		Store: s.backends.store, Digest: func(uid string) string { return s.sealer.Sign("message token", uid) }, Retention: c.Retention, Bytes: c.QueueBytes,
		Logger: s.logger, Metrics: messages.NewMetrics(s.registry), Now: time.Now,
	})
}

// brake slows pushes down while what they bring waits to be priced.
func (s *service) brake() *ingest.Brake {
	b := &ingest.Brake{
		Max: hub.DefaultTurns(), Set: s.turns.Limit,
		Age: func() (time.Duration, bool) { return s.lag.Behind(ingest.GroupPricing) },
	}
	if s.backends.broker != nil {
		b.Fill = s.backends.broker.Fill
	}
	return b
}

// found finds what a body has beside the decoder's findings, before it is accepted:
// what the answer to its push, or its price, would say.
func (s *service) found() func(context.Context, *ingest.Envelope, []byte) ([]ocpi.Finding, error) {
	cdrs := s.checker()
	stored := settlement.Source{Store: s.backends.store, Log: s.backends.log}
	return func(ctx context.Context, e *ingest.Envelope, whole []byte) ([]ocpi.Finding, error) {
		if e.Object == ingest.ObjectCDR {
			found, err := cdrs.Check(ctx, e, whole)
			if err != nil {
				return nil, err
			}
			before, err := stored.Repeats(ctx, e.Key, whole)
			return append(found, before...), err
		}
		return s.owned.Check(ctx, e.Object, e.Version, whole)
	}
}

// checker prices CDRs that are not in the log.
func (s *service) checker() *pricing.Checker {
	return pricing.NewChecker(gate{s.backends.log, s.owned, s.control.machine}, s.owned.View(), s.control.policies())
}

// drain keeps partitions of a group in the store.
func (s *service) drain(group string, w ingest.Work) *ingest.Drain {
	return &ingest.Drain{Work: w, Group: group, Logger: s.logger, Metrics: s.drains}
}

// price is the price role: the group that works on the CDR topic.
func (s *service) price(ctx context.Context) error {
	store := s.backends.store
	w := &pricing.Worker{
		Store: store, Gate: gate{s.backends.log, s.owned, s.control.machine}, Inputs: s.owned.View(), Policies: s.control.policies(),
		Logger: s.logger, Metrics: s.metrics,
	}
	adopter := &settlement.Adopter{
		Store: store, Gate: w.Gate, Inputs: w.Inputs, Policies: w.Policies, Logger: s.logger,
		Known:   func(ctx context.Context) error { return statement.Project(ctx, s.control.decided, store) },
		Related: (&settlement.Relater{Store: store, Closings: s.control.agreements}).Changed,
	}
	// What may heal a reject is in the reference topic or in the control log.
	causes := func() uint64 { return s.owned.Causes() + uint64(s.control.machine.Next()) }
	return s.backends.log.Consume(ctx, ingest.GroupPricing, ingest.TopicsOf(ingest.GroupPricing), func(ctx context.Context, l *kafka.Lease) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return s.drain(ingest.GroupPricing, w.Begin()).Run(ctx, l) })
		g.Go(func() error { return w.Heal(ctx, l.Partition(), store, causes) })
		g.Go(func() error {
			return adopter.Run(ctx, l.Partition(), func() uint64 { return uint64(s.control.machine.Next()) })
		})
		return g.Wait()
	})
}

// refused is the settle role's keeper of bodies that could not be used.
func (s *service) refused(ctx context.Context) error {
	r := &objects.Recorder{Store: s.backends.store, Objects: s.owned.Follower}
	return s.backends.log.Consume(ctx, ingest.GroupRefused, ingest.TopicsOf(ingest.GroupRefused), func(ctx context.Context, l *kafka.Lease) error {
		return s.drain(ingest.GroupRefused, r).Run(ctx, l)
	})
}

// record is the settle role's keeper of Sessions, commands and of what partners own. Who
// keeps a partition of Sessions reads the lists of the partners in it, and finds who pays
// for those that named nobody; who keeps one of commands sees to them; the relations between
// CDRs are found by whoever keeps the one partition of reference data: so that
// it is done once, and goes on elsewhere when this process goes away.
func (s *service) record(ctx context.Context) error {
	r := &objects.Recorder{
		Store: s.backends.store, Objects: s.owned.Follower,
	}
	return s.backends.log.Consume(ctx, ingest.GroupRecords, ingest.TopicsOf(ingest.GroupRecords), func(ctx context.Context, l *kafka.Lease) error {
		drain := s.drain(ingest.GroupRecords, r)
		keep := func(ctx context.Context) error { return drain.Run(ctx, l) }
		switch l.Partition().Topic {
		case ingest.TopicCommands:
			return beside(ctx, keep, func(ctx context.Context) error { return s.desk.Run(ctx, l.Partition()) })
		case ingest.TopicSessions:
			return beside(ctx, keep,
				func(ctx context.Context) error { return s.peers.watch(ctx, l.Partition()) },
				func(ctx context.Context) error { return s.payers().Run(ctx, l.Partition()) })
		}
		relater := &settlement.Relater{Store: s.backends.store, Closings: s.control.agreements, Logger: s.logger, Metrics: s.relations}
		return beside(ctx, keep, relater.Run)
	})
}

// profile is how charges of a CPO are priced from now on.
func (s *service) profile(cpo ocpi.Party) *tariff.Profile {
	p, _ := tariff.ProfileByName(s.control.partners.Profile(cpo, pricing.Present))
	return p
}

// watched are the folds of Sessions and of commands, which tell the desk of them where it
// sees to them; of commands also where they are asked for, since only so many may be open.
func (s *service) watched() (sessions objects.Sessions, commands objects.Commands) {
	if s.config.has(roleSettle) {
		sessions.Seen = s.desk.SessionSeen
	}
	if s.config.has(roleSettle) || s.config.has(roleAPI) {
		commands.Seen = s.desk.Seen
	}
	return sessions, commands
}

// commands is what the desk works with, but for what is opened after it.
func (s *service) commands() commanding.Deps {
	b := s.backends
	return commanding.Deps{
		Log: b.log, Place: func(key ocpi.Key) ingest.Partition { return b.log.Place(ingest.TopicCommands, key) },
		Partners: s.control.partners, Store: b.store, Signer: s.sealer,
		ResultURL:     func(v ocpi.Version) string { return hub.ResultURL(cmp.Or(s.config.PublicURL, s.http.url), v) },
		AnswerTimeout: s.config.Commands.AnswerTimeout, SessionTimeout: s.config.Commands.SessionTimeout, Open: s.config.Commands.Open, Counts: !s.config.has(roleSettle), Logger: s.logger,
	}
}

// payers finds who pays for Sessions that named nobody known.
func (s *service) payers() *objects.Payers {
	return &objects.Payers{Store: s.backends.store, Objects: s.owned.Follower, Log: s.backends.log, Payer: s.owned.pays, Causes: s.owned.Causes, Logger: s.logger, Metrics: s.named}
}

// beside runs all of them until they are done or one fails.
func beside(ctx context.Context, all ...func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range all {
		g.Go(func() error { return run(ctx) })
	}
	return g.Wait()
}
