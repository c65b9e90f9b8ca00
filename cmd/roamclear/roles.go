package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
)

// owned is what partners own now, with what prices rest on.
type owned struct {
	*objects.Follower
	*reference.Index
}

// otherFolds are those of objects that no price rests on; whoever wants to know of
// Sessions and commands gives folds that tell.
func otherFolds(sessions objects.Sessions, commands objects.Commands) []objects.Fold {
	return []objects.Fold{sessions, objects.Invoices{}, objects.Authorizations{}, objects.Deliveries{}, commands}
}

// newOwned returns what will be known once Run has been called: the objects
// that prices rest on, and those of the other folds.
func newOwned(b *backends, issuers ocpi.Issuers, o objects.Options, others ...objects.Fold) owned {
	index := reference.NewIndex(b.store)
	index.Issuers = issuers
	o.Log, o.Store, o.Folds = b.log, b.store, append(index.Folds(), others...)
	return owned{objects.New(o), index}
}

// payer returns who is to pay for a contract, by what is known now: what a Session or
// CDR of OCPI 2.1.1 lacks in later versions.
func (o owned) payer(contractID string, at ocpi.Time) (ocpi.CDRToken, bool) {
	party, ok := o.pays(contractID, at)
	return ocpi.CDRToken{CountryCode: party.Country, PartyID: party.ID, ContractID: contractID}, ok
}

// pays returns who pays for a contract, by what is known now.
func (o owned) pays(contractID string, at ocpi.Time) (ocpi.Party, bool) {
	return o.Payer(contractID, at, pricing.Present)
}

// gate is the part of the log that prices rest on.
type gate struct {
	log     ingest.Reader
	owned   owned
	control *control.Machine
}

// CatchUp implements pricing.Gate.
func (g gate) CatchUp(ctx context.Context) (pricing.AsOf, error) {
	reference, control := g.log.Partitions(ingest.TopicReference)[0], g.log.Partitions(ingest.TopicControl)[0]
	at := pricing.AsOf{Issuers: g.owned.Issuers.Digest()}
	var err error
	if _, at.Reference, err = g.log.Bounds(ctx, reference); err != nil {
		return at, err
	}
	if _, at.Control, err = g.log.Bounds(ctx, control); err != nil {
		return at, err
	}
	if err := g.owned.WaitNext(ctx, reference, at.Reference); err != nil {
		return at, err
	}
	return at, g.control.WaitNext(ctx, at.Control)
}

func newLogger(c LogConfig, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // the settings were checked before
	}
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: inMilliseconds}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// inMilliseconds writes a duration as a number whose name tells the unit: the text
// format would write 1m30s, the JSON format nanoseconds.
func inMilliseconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindDuration {
		return a
	}
	return slog.Int64(a.Key+"_ms", a.Value.Duration().Milliseconds())
}
