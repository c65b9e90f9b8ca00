package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	segmentio "github.com/segmentio/kafka-go"

	"github.com/roamclear/roamclear/ingest"
)

// ErrOwnershipLost says that a commit failed: the partition may be another
// member's by now. Stop working on it; Consume joins the group again.
var ErrOwnershipLost = errors.New("ownership of the partition is lost")

const (
	// A member that was killed is noticed after sessionTimeout; one that
	// leaves properly, at once.
	sessionTimeout    = 10 * time.Second
	heartbeatInterval = time.Second
	rebalanceTimeout  = 30 * time.Second
	joinBackoff       = 500 * time.Millisecond
)

// Consume joins a consumer group and calls work in a goroutine of its own for
// each partition it is given, until ctx ends (then it returns nil) or work
// returns an error that wraps neither its context's nor ErrOwnershipLost:
// then it leaves the group and returns that error.
//
// When the group changes hands, or ctx ends, the context of work ends; work
// finishes what it has begun, may still commit it (with a context that has not
// ended), and returns. It should do so within 30 s, or the others take over
// without it. It is called again with a new Lease for each partition it then
// has. Work that returns nil earlier keeps its partition, idle, until then.
func (l *Log) Consume(ctx context.Context, group string, topics []ingest.Topic, work func(ctx context.Context, l *Lease) error) error {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = l.opts.name(string(t))
	}
	g, err := segmentio.NewConsumerGroup(segmentio.ConsumerGroupConfig{
		ID: l.opts.name(group), Brokers: l.opts.Brokers, Topics: names,
		Dialer:         &segmentio.Dialer{ClientID: clientID, Timeout: requestTimeout, DialFunc: l.opts.dial},
		StartOffset:    segmentio.FirstOffset,
		SessionTimeout: sessionTimeout, HeartbeatInterval: heartbeatInterval,
		RebalanceTimeout: rebalanceTimeout, JoinGroupBackoff: joinBackoff,
		Timeout: requestTimeout,
	})
	if err != nil {
		return fmt.Errorf("consume as %s: %w", group, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &consumer{log: l, group: group, work: work, cancel: cancel, outage: ingest.Outage{Logger: l.opts.Logger}}
	c.generations(ctx, g)
	err = g.Close()  // waits for work to return, then leaves
	c.running.Wait() // for calls that began as their generation ended
	if err != nil {
		return fmt.Errorf("consume as %s: %w", group, err)
	}
	if c.err != nil {
		return fmt.Errorf("consume as %s: %w", group, c.err)
	}
	return nil
}

// consumer is one call of Consume.
type consumer struct {
	log    *Log
	group  string
	work   func(ctx context.Context, c *Lease) error
	cancel context.CancelFunc
	outage ingest.Outage // of joining

	running sync.WaitGroup // calls of work

	mu  sync.Mutex // guards err
	err error      // the first that ends Consume
}

// generations starts work for each generation of the group until ctx ends.
func (c *consumer) generations(ctx context.Context, g *segmentio.ConsumerGroup) {
	for {
		gen, err := g.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil { // kafka-go joins again by itself
			c.outage.Failed(slog.LevelWarn, "join group failed", "group", c.group, "error", err)
			continue
		}
		c.outage.Over("group is joined again", "group", c.group)
		c.begin(ctx, gen)
	}
}

func (c *consumer) begin(ctx context.Context, gen *segmentio.Generation) {
	given := 0
	for name, assignments := range gen.Assignments {
		topic, _ := c.log.opts.topic(name) // those that were asked for
		for _, a := range assignments {
			if a.ID >= c.log.counts[topic] {
				continue // there is nothing in it: see UsePartitions
			}
			given++
			lease := &Lease{
				log: c.log, group: c.group, generation: gen.ID, member: gen.MemberID,
				partition: c.log.partition(topic, int32(a.ID)),
			}
			lease.reader = &partitionReader{partition: lease.partition, memory: &slabs{}, outage: ingest.Outage{Logger: c.log.opts.Logger}}
			c.running.Add(1)
			gen.Start(func(gctx context.Context) {
				defer c.running.Done()
				c.run(ctx, gctx, lease)
			})
		}
	}
	c.log.opts.Logger.Info("joined group", "group", c.group, "generation", gen.ID, "partitions", given)
}

// run works on one lease until ctx or the generation ends. That it returns
// ends the generation, so errors that pass lead to joining again.
func (c *consumer) run(ctx, generation context.Context, lease *Lease) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(generation, cancel)()

	err := lease.load(ctx)
	if err == nil {
		err = c.work(ctx, lease)
	}
	switch {
	case err == nil:
		<-ctx.Done() // returning would send everyone into a rebalance
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
	case errors.Is(err, ErrOwnershipLost):
		c.log.opts.Logger.Warn("partition lost", "group", c.group, "partition", lease.partition, "error", err)
	default:
		c.log.opts.Logger.Error("partition stopped", "group", c.group, "partition", lease.partition, "error", err)
		c.fail(err)
	}
}

func (c *consumer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.cancel()
}
