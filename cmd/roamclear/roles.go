package main

import (
	"context"
	"io"
	"log/slog"

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
