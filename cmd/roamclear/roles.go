package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"

	"go.yaml.in/yaml/v3"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/session"
	"github.com/roamclear/roamclear/settlement"
)

// current joins the two followers into what the intake and the APIs read.
type current struct {
	reference *reference.Follower
	sessions  *session.Follower
}

// Get implements ingest.Current.
func (c current) Get(ctx context.Context, t ingest.Target) ([]byte, ocpi.Version, bool, error) {
	if t.Object != ingest.ObjectSession {
		return c.reference.Get(ctx, t)
	}
	s, ok, err := c.sessions.Get(ctx, t.Key)
	return s.Body, s.Version, ok, err
}

// CatchUp implements ingest.Current.
func (c current) CatchUp(ctx context.Context, t ingest.Target) error {
	if t.Object == ingest.ObjectSession {
		return c.sessions.CatchUp(ctx, t.Key)
	}
	return c.reference.CatchUp(ctx)
}

// Wait implements ingest.Current.
func (c current) Wait(ctx context.Context, topic ingest.Topic, p ingest.Position) error {
	if topic == ingest.TopicSessions {
		return c.sessions.WaitNext(ctx, p.Partition, p.Offset+1)
	}
	return c.reference.WaitNext(ctx, p.Partition, p.Offset+1)
}

// latest is current for partners who read: before an object is called unknown,
// the log is read to its end.
type latest struct{ current }

// Get implements hub.Objects.
func (l latest) Get(ctx context.Context, t ingest.Target) ([]byte, ocpi.Version, bool, error) {
	raw, v, ok, err := l.current.Get(ctx, t)
	if err != nil || ok {
		return raw, v, ok, err
	}
	if err := l.CatchUp(ctx, t); err != nil {
		return nil, 0, false, fmt.Errorf("%w: %w", settlement.ErrUnavailable, err)
	}
	return l.current.Get(ctx, t)
}

// policies says, from the control log, who can be billed and how CDRs of a
// CPO are priced.
type policies struct{ control *control.Control }

// DebtorKnown implements pricing.Policies.
func (p policies) DebtorKnown(party ocpi.Party) bool { return p.control.State().DebtorKnown(party) }

// Profile implements pricing.Policies.
func (p policies) Profile(cpo ocpi.Party) string { return p.control.State().Profile(cpo) }

func newLogger(c LogConfig, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // the settings were checked before
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// printConfig prints the settings as YAML, secrets left out.
func printConfig(w io.Writer, c Config) error {
	if c.Store.Password != "" {
		c.Store.Password = "(set)"
	}
	m := map[string]any{
		"data": c.Data, "listen": c.Listen, "public_url": c.PublicURL, "roles": c.Roles,
		"log":    map[string]any{"level": c.Log.Level, "format": c.Log.Format},
		"limits": map[string]any{"body_bytes": c.Limits.BodyBytes, "in_flight": c.Limits.InFlight},
		"kafka": map[string]any{"brokers": c.Kafka.Brokers, "partitions": c.Kafka.Partitions, "replication": c.Kafka.Replication,
			"queue_bytes": c.Kafka.QueueBytes, "cap_bytes": c.Kafka.CapBytes},
		"clickhouse": map[string]any{"addr": c.Store.Addr, "database": c.Store.Database, "user": c.Store.User,
			"password": c.Store.Password, "memory_bytes": c.Store.MemoryBytes},
	}
	b, err := yaml.Marshal(m)
	if err != nil {
		return fmt.Errorf("print settings: %w", err)
	}
	b = bytes.Replace(b, []byte("partitions: 0\n"), []byte("partitions: 0 # 2 at creation, later as many as there are\n"), 1)
	_, err = w.Write(b)
	return err
}
