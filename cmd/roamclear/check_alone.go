package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/hub"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// foretold is what a push would be answered, as reports have it.
func foretold(a *ingest.Assessment, body, first []byte) report.PreflightAnswer {
	f := hub.Foretell(a, body, first)
	return report.PreflightAnswer{HTTP: f.HTTP, Status: f.Status, Message: f.Message, Wrong: f.Wrong}
}

// alone is what a process by itself knows: the tariffs that it is given, and nobody. It is
// what CDRs are priced from (pricing.Inputs, pricing.Policies, pricing.Gate) and what
// pushes are held against (ingest.Current).
type alone struct {
	*reference.View
	index         *reference.Index
	zone, profile string
}

// Zone implements pricing.Inputs.
func (a *alone) Zone(location ocpi.Key, country string, start ocpi.Time, below int64) (zone, source string) {
	if a.zone != "" {
		return a.zone, "location"
	}
	return a.View.Zone(location, country, start, below)
}

// Billable implements pricing.Policies: who pays is no matter here.
func (*alone) Billable(ocpi.Party, int64) bool { return true }

// Profile implements pricing.Policies.
func (a *alone) Profile(_, _ ocpi.Party, _ ocpi.Time, _ int64) string { return a.profile }

// CatchUp implements pricing.Gate.
func (*alone) CatchUp(context.Context) (pricing.AsOf, error) {
	return pricing.AsOf{Reference: pricing.Present, Control: pricing.Present}, nil
}

// nothing is what partners own who are not there: it implements ingest.Current.
type nothing struct{}

func (nothing) Get(context.Context, ingest.Target) (s ingest.ObjectState, ok bool, err error) {
	return s, false, nil
}
func (nothing) Peek(context.Context, ingest.Target) (s ingest.ObjectState, ok bool, err error) {
	return s, false, nil
}
func (nothing) Wait(context.Context, ingest.Topic, ingest.Position) error { return nil }
func (nothing) Findings(ingest.Target, ingest.Position, ingest.Hash) ([]ocpi.Finding, bool) {
	return nil, false
}

// RulesOut implements ingest.Current: what is not known here may be there.
func (nothing) RulesOut(ingest.Identity) bool { return false }

// sessionsAlone is what running prices of Sessions are computed from: pricing.Known.
type sessionsAlone struct {
	nothing
	index *reference.Index
}

// View implements pricing.Known.
func (s sessionsAlone) View() *reference.View { return s.index.View() }

// alone makes what looks at objects with what the flags give, and no service.
func (f *checkFlags) alone(cmd *cobra.Command, q report.PreflightQuery) (*report.Preflight, error) {
	if f.zone != "" {
		if _, err := tariff.LoadZone(f.zone); err != nil {
			return nil, fmt.Errorf("--time-zone: %w", err)
		}
	}
	if _, ok := tariff.ProfileByName(f.profile); !ok {
		return nil, fmt.Errorf("--profile %q: want one of %s", f.profile, profileNames())
	}
	index := reference.NewIndex(nil)
	for i, name := range f.tariffs {
		raw, err := readInput(cmd, name)
		if err != nil {
			return nil, err
		}
		for _, body := range elementsIn(raw) {
			if err := knowTariff(index, q, int64(i), body); err != nil {
				return nil, fmt.Errorf("--tariff %s: %w", name, err)
			}
		}
	}
	a := &alone{View: index.View(), index: index, zone: f.zone, profile: f.profile}
	intake := ingest.NewService(nil, nothing{}, time.Now, ingest.DefaultLimits, ingest.NewMetrics(prometheus.NewRegistry()))
	intake.Check = func(ctx context.Context, e *ingest.Envelope, whole []byte) ([]ocpi.Finding, error) {
		return index.Check(ctx, e.Object, e.Version, whole)
	}
	return &report.Preflight{
		Assess: intake.Assess, Answer: foretold, Price: pricing.NewChecker(a, a, a).Price, Known: sessionsAlone{index: index}, Bodies: ingest.DefaultLimits,
	}, nil
}

// knowTariff folds a tariff into an index as if it had been pushed, at an offset.
func knowTariff(index *reference.Index, q report.PreflightQuery, offset int64, body []byte) error {
	if kind, ok := ingest.KindOf(body); ok && kind != ingest.ObjectTariff {
		return fmt.Errorf("it is a %s, not a tariff", kind)
	}
	t, err := new(ocpi.Decoder).Tariff(q.Version, body)
	if err != nil {
		return err
	}
	owner := ocpi.NewParty(t.CountryCode, t.PartyID)
	if q.Version == ocpi.V211 {
		owner = q.Party
	}
	record := &ingest.Record{Body: body, Envelope: ingest.Envelope{Object: ingest.ObjectTariff, Method: ingest.MethodPut, Version: q.Version, Key: ocpi.Key{Party: owner, ID: ocpi.Fold(t.ID)}}}
	record.Position = ingest.Position{Offset: offset}
	for _, fold := range index.Folds() {
		if fold.Kind() != ingest.ObjectTariff {
			continue
		}
		state, err := fold.Apply(latest(fold, record.Identity()), record)
		if err != nil {
			return err
		}
		if state != nil {
			fold.Folded(state)
		}
	}
	return nil
}

// latest is the state of an object that a fold holds itself.
func latest(fold objects.Fold, id ingest.Identity) *ingest.ObjectState {
	if versions, ok := fold.(objects.Versions); ok {
		return versions.Latest(id)
	}
	return nil
}
