package reporttest

import (
	"testing"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// Agreed is what parties of the World agreed on, all decided on 2026-01-05.
func Agreed(t testing.TB) report.Clearing {
	t.Helper()
	day := ocpi.Time(1_767_607_200_000_000_000)
	m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{Now: func() ocpi.Time { return day }})
	if err != nil {
		t.Fatal(err)
	}
	closes := clearing.NewCloses(m)
	c := report.Clearing{Closes: closes, Agreements: clearing.NewAgreements(m, closes), Parties: clearing.NewParties(m)}
	controltest.Run(t, m)
	dundee, volt, exw := ocpi.NewParty("GB", "DUN"), ocpi.NewParty("DE", "VOL"), ocpi.NewParty("NL", "EXW")
	for _, n := range []clearing.NewAgreement{
		{Values: map[string]string{"pack": "strict"}},
		{Scope: clearing.Scope{CPO: dundee}, Values: map[string]string{"zone": "Europe/London"}},
		{Scope: clearing.Scope{EMSP: volt}, Values: map[string]string{"owed": "lower"}},
		{Scope: clearing.Scope{CPO: dundee, EMSP: volt}, Values: map[string]string{"days_to_pay": "14"}},
		{Scope: clearing.Scope{CPO: dundee, EMSP: exw}, Values: map[string]string{"days_to_pay": "30"}},
	} {
		n.From, n.By = 202601, clearing.ByLocal
		if _, _, err := c.Agreements.Set(t.Context(), "", n); err != nil {
			t.Fatal(err)
		}
	}
	for party, name := range map[ocpi.Party]string{dundee: "Dundee City Council", volt: "Voltmeister GmbH"} {
		if _, _, err := c.Parties.Set(t.Context(), "", clearing.NewParty{Party: party, From: 202601, Values: map[string]string{"name": name}, By: clearing.ByLocal}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}
