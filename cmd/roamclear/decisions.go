package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// decisions are the domains of the control log on their machine. Every process
// has all of them, whatever its roles: one that lacks a kind of event would
// halt at it.
type decisions struct {
	machine      *control.Machine
	installation *control.Installation
	partners     *control.Partners
	keys         *control.Keys
	closes       *clearing.Closes
	agreements   *clearing.Agreements
	parties      *clearing.Parties
	decided      *clearing.Decisions
	repricings   *clearing.Repricings
}

// openDecisions opens the control log; nothing is folded until the machine
// runs.
func openDecisions(ctx context.Context, log control.Log, logger *slog.Logger) (*decisions, error) {
	m, err := control.Open(ctx, log, control.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	closes := clearing.NewCloses(m)
	return &decisions{
		machine: m, installation: control.NewInstallation(m),
		partners: control.NewPartners(m), keys: control.NewKeys(m),
		closes: closes, agreements: clearing.NewAgreements(m, closes), parties: clearing.NewParties(m), decided: clearing.NewDecisions(m, closes), repricings: clearing.NewRepricings(m),
	}, nil
}

// fold folds what the control log holds now, and stops; whoever follows it goes on there.
// Errors are those of control.Machine.WaitReady.
func (d *decisions) fold(ctx context.Context) error {
	follow, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- d.machine.Run(follow) }()
	defer func() { stop(); <-done }()
	return firstOf(done, func() error { return d.machine.WaitReady(ctx) })
}

// place has the log place records by the numbers of partitions that were registered when
// it began.
func (d *decisions) place(log *kafka.Log) error {
	registered := map[ingest.Topic]int{}
	for _, spec := range ingest.Topics() {
		if epoch, ok := d.installation.Topic(spec.Topic); ok {
			if epoch.Epoch != logEpoch {
				return fmt.Errorf("topic %s is registered with epoch %d, this version works on epoch %d: it was created anew; put the old one back", spec.Topic, epoch.Epoch, logEpoch)
			}
			registered[spec.Topic] = epoch.Partitions
		}
	}
	return log.UsePartitions(registered)
}

// install names the installation, unless another process that starts too was faster, and
// returns its id.
func (d *decisions) install(ctx context.Context) (string, error) {
	err := d.installation.Create(ctx, randomToken())
	if id := d.installation.ID(); isRefused(err) && id != "" {
		return id, nil
	}
	return d.installation.ID(), err
}

// register registers a topic, unless another process was faster, which must have found
// the same.
func (d *decisions) register(ctx context.Context, t ingest.Topic, e control.TopicEpoch) error {
	err := d.installation.RegisterTopic(ctx, t, e)
	if known, ok := d.installation.Topic(t); isRefused(err) && ok && known == e {
		return nil
	}
	return err
}

// isHalted reports whether the control log goes on with what this version cannot read.
func isHalted(err error) bool {
	_, ok := errors.AsType[*control.HaltedError](err)
	return ok
}

// isRefused reports whether a command has no effect, since the log holds another one.
func isRefused(err error) bool {
	_, ok := errors.AsType[*control.Refused](err)
	return ok
}

// policies are by what CDRs are priced.
func (d *decisions) policies() clearing.Policies {
	return clearing.Policies{Partners: d.partners, Agreements: d.agreements}
}

// clearing is what reports and pages show of agreements and of what they bear on.
func (d *decisions) clearing(lookups settlement.LookupStore) report.Clearing {
	return report.Clearing{Closes: d.closes, Agreements: d.agreements, Parties: d.parties, Lookups: lookups}
}

// keyName is what an API key is called, "" where there is none of that id any more.
func (d *decisions) keyName(id string) string {
	k, ok := d.keys.ByID(id)
	if !ok {
		return ""
	}
	return k.Name
}
