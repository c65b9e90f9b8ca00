package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clickhouse"
)

// logEpoch is the topic epoch this version writes: topics that are re-created
// or re-partitioned are a new epoch (registered in the control log).
const logEpoch = 1

// backends are the log and the store, embedded or on servers. Only this file
// knows which.
type backends struct {
	log    *kafka.Log
	store  *clickhouse.Store
	broker *kafka.Embedded    // nil on servers
	engine *clickhouse.Engine // nil on servers
	certs  *certificates
	login  clickhouseLogin
	addrs  []string // brokers
	access kafkaLogin
}

// openBackends starts what is embedded and opens both ends. What it opened is
// closed again when a later step fails.
func openBackends(ctx context.Context, c *Config, dir *dataDir, certs *certificates, logger *slog.Logger, reg prometheus.Registerer) (_ *backends, err error) {
	b := &backends{certs: certs}
	defer func() {
		if err != nil {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			err = errors.Join(err, b.Close(closing))
		}
	}()
	// Both start at the same time: a start takes as long as the slower one.
	engineErr := make(chan error, 1)
	go func() { engineErr <- b.openStore(ctx, c, dir, logger, reg) }()
	logErr := b.openLog(ctx, c, dir, logger, reg)
	if err := errors.Join(logErr, <-engineErr); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *backends) openLog(ctx context.Context, c *Config, dir *dataDir, logger *slog.Logger, reg prometheus.Registerer) error {
	o := c.kafkaOptions(b.certs)
	o.Logger, o.Registerer = logger, reg
	if len(o.Brokers) == 0 {
		broker, err := kafka.StartEmbedded(ctx, kafka.EmbeddedOptions{
			Dir: dir.join("log"), CapBytes: c.Kafka.CapBytes, Logger: logger, Registerer: reg,
		})
		if err != nil {
			return fmt.Errorf("start embedded log: %w", err)
		}
		b.broker, o = broker, broker.Options()
	}
	o.Epoch, o.Partitions, o.QueueBytes = logEpoch, c.Kafka.Partitions, c.Kafka.QueueBytes
	b.addrs, b.access = o.Brokers, kafkaLogin{Prefix: o.Prefix, Login: o.Login}
	var err error
	if b.access.TLS, err = c.Kafka.TLS.absolute(); err != nil {
		return err
	}
	if o.Login.Mechanism == "PLAIN" && o.TLS == nil {
		logger.Warn("the password for the brokers can be read on the way: set kafka.tls.enabled, or a SCRAM mechanism")
	}
	log, err := kafka.Open(ctx, o)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	b.log = log
	return nil
}

func (b *backends) openStore(ctx context.Context, c *Config, dir *dataDir, logger *slog.Logger, reg prometheus.Registerer) error {
	o := c.storeOptions(b.certs)
	if len(o.Addr) == 0 {
		library, err := clickhouse.FetchEngine(ctx, os.Stderr)
		if err != nil {
			return fmt.Errorf("find the embedded store's engine: %w", err)
		}
		b.engine, err = clickhouse.StartEngine(ctx, clickhouse.EngineOptions{
			Dir: dir.join("store"), Library: library, MaxMemory: c.Store.MemoryBytes, Logger: logger, Registerer: reg,
		})
		if err != nil {
			return fmt.Errorf("start embedded store: %w", err)
		}
		o = b.engine.Options()
	}
	b.login = clickhouseLogin{Addr: o.Addr, Database: o.Database, User: o.User, Password: o.Password}
	var err error
	if b.login.TLS, err = c.Store.TLS.absolute(); err != nil {
		return err
	}
	if o.TLS == nil && o.Password != "" && slices.ContainsFunc(o.Addr, func(a string) bool { return !loopback(a) }) {
		logger.Warn("the password for ClickHouse can be read on the way: set clickhouse.tls.enabled")
	}
	o.Logger, o.Registerer = logger, reg
	err = awaitStore(ctx, logger, func() (err error) {
		b.store, err = clickhouse.Open(ctx, o)
		return err
	})
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	if err := awaitStore(ctx, logger, func() error { return b.store.Migrate(ctx) }); err != nil {
		return fmt.Errorf("bring the store's schema up to date: %w", err)
	}
	return nil
}

// storePatience is how long a start waits for a store that is just starting
// too, as the log's client does for its brokers.
const storePatience = 30 * time.Second

// awaitStore asks again while the store is away.
func awaitStore(ctx context.Context, logger *slog.Logger, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	for {
		err := ask()
		if err == nil || !errors.Is(err, settlement.ErrUnavailable) {
			return err
		}
		logger.Warn("waiting for the store", "error", err)
		if !ingest.Pause(ctx, time.Second) {
			return err
		}
	}
}

// Close closes in data order: the log's clients, the store's pools, the
// engine, the broker.
func (b *backends) Close(ctx context.Context) error {
	var errs []error
	if b.log != nil {
		errs = append(errs, b.log.Close())
	}
	if b.store != nil {
		errs = append(errs, b.store.Close())
	}
	if b.engine != nil {
		errs = append(errs, b.engine.Close(ctx))
	}
	if b.broker != nil {
		errs = append(errs, b.broker.Close())
	}
	return errors.Join(errs...)
}
