package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/roamclear/roamclear/benchmarks/baseline"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clickhouse"
	"github.com/segmentio/kafka-go"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// partitions of every topic, on both sides.
const partitions = 4

// Databases of the two sides in the one engine.
const (
	productDatabase  = clickhouse.EngineDatabase
	baselineDatabase = clickhouse.EngineDatabase + "_baseline"
)

const stopWithin = 30 * time.Second

// stack is everything that runs.
type stack struct {
	dir        string
	brokerAddr string
	engine     *clickhouse.Engine
	store      driver.Conn
	tokens     map[ocpi.Party]string

	broker                         *process.Process
	ingest, worker                 *process.Roamclear
	baseIngest, baseWorker         *process.Process
	readFloor, decodeFloor         *process.Process
	baseAddr, readAddr, decodeAddr string
}

// startStack builds what is built of this repository and starts everything.
func startStack(ctx context.Context, o *options, dir string) (_ *stack, err error) {
	s := &stack{dir: dir, tokens: map[ocpi.Party]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(context.WithoutCancel(ctx)))
		}
	}()
	for _, name := range []string{"broker", "baseline"} {
		build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, name), "./benchmarks/cmd/"+name)
		if text, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s (run this from the repository's root): %w\n%s", name, err, text)
		}
	}
	for _, start := range []func(context.Context, *options) error{s.startBackends, s.startProduct, s.startBaseline} {
		if err := start(ctx, o); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *stack) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stack) startBackends(ctx context.Context, _ *options) error {
	broker, first, err := process.Start(s.path("broker.log"), s.path("broker"), "--data", s.path("log"))
	if err != nil {
		return err
	}
	s.broker = broker
	if s.brokerAddr, err = broker.Await(ctx, first); err != nil {
		return err
	}
	library, err := clickhouse.FetchEngine(ctx, os.Stderr)
	if err != nil {
		return err
	}
	if s.engine, err = clickhouse.StartEngine(ctx, clickhouse.EngineOptions{Dir: s.path("store"), Library: library, MaxMemory: 4 << 30}); err != nil {
		return err
	}
	e := s.engine.Options()
	s.store, err = ch.Open(&ch.Options{Addr: e.Addr, Auth: ch.Auth{Username: e.User, Password: e.Password}, MaxOpenConns: 1})
	return err
}

// startProduct starts the service as two processes on servers: what answers
// partners, and what prices and stores.
func (s *stack) startProduct(ctx context.Context, o *options) error {
	listen, err := process.FreeAddress()
	if err != nil {
		return err
	}
	e := s.engine.Options()
	servers := []string{
		"--kafka.brokers", s.brokerAddr, "--kafka.partitions", fmt.Sprint(partitions),
		"--clickhouse.addr", e.Addr[0], "--clickhouse.user", e.User, "--clickhouse.password", e.Password, "--clickhouse.database", productDatabase,
	}
	if s.ingest, err = process.Serve(s.path("ingest.log"), o.binary, s.path("ingest-data"), listen, append([]string{"--roles", "api"}, servers...)...); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := s.ingest.Ready(within); err != nil {
		return err
	}
	if s.worker, err = process.Serve(s.path("worker.log"), o.binary, s.path("worker-data"), "127.0.0.1:0", append([]string{"--roles", "price,settle"}, servers...)...); err != nil {
		return err
	}
	return s.makePartners(ctx, o)
}

// makePartners makes the world's partners known and pushes what CDRs refer to.
func (s *stack) makePartners(ctx context.Context, o *options) error {
	source, err := world.Open(o.charges)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	report, err := world.Push(ctx, world.Options{Seed: o.seed, Source: source, Rows: o.rows, Only: []world.Module{world.Tariffs, world.Locations}}, world.PushOptions{
		BaseURL: s.ingest.URL,
		Token: func(ctx context.Context, p world.Partner) (string, error) {
			token, err := s.ingest.AddPartner(ctx, p)
			s.tokens[p.Party] = base64.StdEncoding.EncodeToString([]byte(token))
			return token, err
		},
	})
	if err != nil {
		return fmt.Errorf("push tariffs and locations: %w", err)
	}
	if report.Unexpected > 0 {
		return fmt.Errorf("push tariffs and locations: %q", report.Examples)
	}
	return nil
}

func (s *stack) startBaseline(ctx context.Context, _ *options) error {
	if err := s.createTopic(ctx, baseline.Topic); err != nil {
		return err
	}
	e := s.engine.Options()
	e.Database = baselineDatabase
	store, err := clickhouse.Open(ctx, e) // makes the database
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	conn, err := ch.Open(&ch.Options{Addr: e.Addr, Auth: ch.Auth{Database: e.Database, Username: e.User, Password: e.Password}})
	if err != nil {
		return err
	}
	if err := errors.Join(baseline.CreateTables(ctx, conn), conn.Close()); err != nil {
		return err
	}
	for _, p := range []struct {
		role    string
		process **process.Process
		addr    *string
	}{{"ingest", &s.baseIngest, &s.baseAddr}, {"worker", &s.baseWorker, nil}, {"read", &s.readFloor, &s.readAddr}, {"decode", &s.decodeFloor, &s.decodeAddr}} {
		listen, err := process.FreeAddress()
		if err != nil {
			return err
		}
		started, first, err := process.Start(s.path("baseline-"+p.role+".log"), s.path("baseline"), "--role", p.role, "--listen", listen,
			"--broker", s.brokerAddr, "--clickhouse", e.Addr[0], "--user", e.User, "--password", e.Password, "--database", baselineDatabase)
		if err != nil {
			return err
		}
		*p.process = started
		if p.addr != nil {
			*p.addr = listen
		}
		if _, err := started.Await(ctx, first); err != nil {
			return err
		}
	}
	return nil
}

func (s *stack) createTopic(ctx context.Context, topic string) error {
	client := kafka.Client{Addr: kafka.TCP(s.brokerAddr)}
	r, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}})
	if err == nil {
		err = r.Errors[topic]
	}
	if err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return nil
}

// endpoint is where the product receives CDRs.
func (s *stack) endpoint() (addr, path string) {
	return strings.TrimPrefix(s.ingest.URL, "http://"), "/ocpi/2.2.1/receiver/cdrs"
}

// stop ends everything, what feeds others first.
func (s *stack) stop(ctx context.Context) error {
	var errs []error
	for _, p := range []*process.Process{of(s.ingest), of(s.worker), s.baseIngest, s.baseWorker, s.readFloor, s.decodeFloor} {
		if p != nil {
			errs = append(errs, p.Stop(stopWithin))
		}
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.engine != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		errs = append(errs, s.engine.Close(ctx))
	}
	if s.broker != nil {
		errs = append(errs, s.broker.Stop(stopWithin))
	}
	return errors.Join(errs...)
}

func of(r *process.Roamclear) *process.Process {
	if r == nil {
		return nil
	}
	return r.Process
}
