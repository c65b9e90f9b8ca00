package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/roamclear/roamclear/benchmarks/floors"
	"github.com/roamclear/roamclear/benchmarks/load"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/ocpi"
)

// What is measured; the order is that of the report.
const (
	product    = "roamclear"
	base       = "baseline"
	readFloor  = "floor: gin reads the body"
	httpDecode = "floor: gin reads and decodes"
)

// series are the results of one thing at one number of connections, a value
// per round.
type series struct {
	rate                           []int64 // acknowledged CDRs per second
	p50, p99                       []time.Duration
	ingest, worker, engine, broker []time.Duration // processor time per CDR
}

// measurements of a run.
type measurements struct {
	byName map[string]map[int]*series // by connections
	floors map[string][]time.Duration // in this process, per CDR

	loadBefore string // of the machine
}

func newMeasurements(o *options) *measurements {
	m := &measurements{byName: map[string]map[int]*series{}, floors: map[string][]time.Duration{}, loadBefore: others()}
	for _, name := range []string{product, base, readFloor, httpDecode} {
		m.byName[name] = map[int]*series{}
		for _, c := range o.connections {
			m.byName[name][c] = &series{}
		}
	}
	return m
}

// subject is one thing to measure.
type subject struct {
	name       string
	addr, path string
	tokens     map[ocpi.Party]string
	ingest     int    // process that answers
	worker     int    // process that stores; 0: nothing is stored
	database   string // where it stores
	stored     int64  // rows that must be there
}

// run measures everything, round by round. The first round is preceded by one
// that warms up and is thrown away.
func (m *measurements) run(ctx context.Context, o *options, s *stack, bodies []load.Body, print *log.Logger) error {
	addr, path := s.endpoint()
	subjects := []*subject{
		{name: product, addr: addr, path: path, tokens: s.tokens, ingest: s.ingest.Pid(), worker: s.worker.Pid(), database: productDatabase},
		{name: base, addr: s.baseAddr, path: "/cdrs", ingest: s.baseIngest.Pid(), worker: s.baseWorker.Pid(), database: baselineDatabase},
		{name: readFloor, addr: s.readAddr, path: "/cdrs", ingest: s.readFloor.Pid()},
		{name: httpDecode, addr: s.decodeAddr, path: "/cdrs", ingest: s.decodeFloor.Pid()},
	}
	whole := make([][]byte, len(bodies))
	for n := range bodies {
		whole[n] = bodies[n].Render("F", int64(n))
	}
	for round := range o.rounds + 1 {
		for _, connections := range o.connections {
			for k, x := range subjects {
				if round%2 == 1 && k < 2 {
					x = subjects[1-k] // A B, B A, …: whoever comes first has no advantage
				}
				lo := load.Options{
					Addr: x.addr, Path: x.path, Tokens: x.tokens, Bodies: bodies, Connections: connections, Count: o.count,
					Run: fmt.Sprintf("R%dC%d", round, connections),
				}
				if err := m.measure(ctx, s, x, lo, round, print); err != nil {
					return fmt.Errorf("measure %s at %d connections: %w", x.name, connections, err)
				}
			}
		}
		if err := m.inProcess(ctx, s, whole, round, print); err != nil {
			return err
		}
	}
	return nil
}

// clocks are processor times at one moment.
type clocks struct{ ingest, worker, engine, broker time.Duration }

func (s *stack) clocks(x *subject) (c clocks, err error) {
	for _, p := range []struct {
		pid  int
		into *time.Duration
	}{{x.ingest, &c.ingest}, {x.worker, &c.worker}, {s.engine.Pid(), &c.engine}, {s.broker.Pid(), &c.broker}} {
		if p.pid == 0 {
			continue
		}
		if *p.into, err = process.CPU(p.pid); err != nil {
			return c, err
		}
	}
	return c, nil
}

// measure pushes to one subject and waits until it has stored everything.
func (m *measurements) measure(ctx context.Context, s *stack, x *subject, lo load.Options, round int, print *log.Logger) error {
	before, err := s.clocks(x)
	if err != nil {
		return err
	}
	r, err := load.Run(ctx, lo)
	if err != nil {
		return err
	}
	pushed, err := s.clocks(x)
	if err != nil {
		return err
	}
	if r.Acknowledged != lo.Count {
		return fmt.Errorf("%d of %d CDRs acknowledged; others: %v", r.Acknowledged, lo.Count, r.Status)
	}
	done := pushed
	if x.worker != 0 {
		x.stored += int64(lo.Count)
		if err := s.awaitStored(ctx, x); err != nil {
			return err
		}
		if done, err = s.clocks(x); err != nil {
			return err
		}
	}
	n := time.Duration(lo.Count)
	ingest, worker := (pushed.ingest-before.ingest)/n, (done.worker-before.worker)/n
	engine, broker := (done.engine-before.engine)/n, (done.broker-before.broker)/n
	line := fmt.Sprintf("round %d  %3d connections  %-28s %6d CDR/s  p50 %8s  p99 %8s  ingest %7s", round, lo.Connections, x.name, r.Rate(),
		r.Latency.PerMille(500).Round(10*time.Microsecond), r.Latency.PerMille(990).Round(10*time.Microsecond), micros(ingest))
	if x.worker != 0 {
		line += fmt.Sprintf("  worker %7s  engine %7s  broker %7s", micros(worker), micros(engine), micros(broker))
	}
	if round == 0 {
		print.Print(line, "  (warm-up, not counted)")
		return nil
	}
	print.Print(line)
	q := m.byName[x.name][lo.Connections]
	q.rate = append(q.rate, r.Rate())
	q.p50, q.p99 = append(q.p50, r.Latency.PerMille(500)), append(q.p99, r.Latency.PerMille(990))
	q.ingest, q.worker = append(q.ingest, ingest), append(q.worker, worker)
	q.engine, q.broker = append(q.engine, engine), append(q.broker, broker)
	return nil
}

// awaitStored waits until every result is queryable. It asks for the rows of
// parts, which costs the engine next to nothing.
func (s *stack) awaitStored(ctx context.Context, x *subject) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		var rows uint64
		err := s.store.QueryRow(ctx, "SELECT sum(rows) FROM system.parts WHERE database = ? AND table = 'results' AND active", x.database).Scan(&rows)
		if err != nil {
			return fmt.Errorf("count results: %w", err)
		}
		if int64(rows) >= x.stored {
			return nil
		}
		timer := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%d of %d results stored: %w", rows, x.stored, ctx.Err())
		case <-timer.C:
		}
	}
}

// inProcess measures the floors that need no server.
func (m *measurements) inProcess(ctx context.Context, s *stack, bodies [][]byte, round int, print *log.Logger) error {
	topic := fmt.Sprintf("floors.%d", round)
	if err := s.createTopic(ctx, topic); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		cost func() (floors.Cost, error)
	}{
		{"decode", func() (floors.Cost, error) { return floors.Decode(bodies, 3) }},
		{"price", func() (floors.Cost, error) { return floors.Price(bodies, 5) }},
		{"produce in large batches", func() (floors.Cost, error) { return floors.Produce(ctx, s.brokerAddr, topic, bodies) }},
		{"fetch", func() (floors.Cost, error) { return floors.Fetch(ctx, s.brokerAddr, topic) }},
	} {
		cost, err := f.cost()
		if err != nil {
			return fmt.Errorf("floor of %s: %w", f.name, err)
		}
		print.Printf("round %d  floor: %-30s %s per CDR", round, f.name, micros(cost))
		if round > 0 {
			m.floors[f.name] = append(m.floors[f.name], cost)
		}
	}
	return nil
}

// micros prints a processor time in microseconds with one decimal.
func micros(d time.Duration) string {
	tenths := int64(d+50) / 100
	return fmt.Sprintf("%d.%d µs", tenths/10, tenths%10)
}
