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
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/reference"
)

// owned is what partners own now, with what prices rest on.
type owned struct {
	*objects.Follower
	*reference.Index
}

// newOwned returns what will be known once Run has been called: the objects
// that prices rest on, and those of the other folds.
func newOwned(b *backends, o objects.Options, others ...objects.Fold) owned {
	index := reference.NewIndex()
	o.Log, o.Store, o.Folds = b.log, b.store, append(index.Folds(), others...)
	return owned{objects.New(o), index}
}

// CatchUp implements pricing.Gate: tariffs, locations and tokens are followed
// up to the end of the log.
func (o owned) CatchUp(ctx context.Context) error {
	return o.Follower.CatchUp(ctx, ingest.TopicReference)
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
