package main

import (
	"context"
	"log/slog"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/ingest/control"
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
