package clearing_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// closes runs the domain on a log, with a clock that can be set.
func closes(t *testing.T, log *ingesttest.Log) (_ *clearing.Closes, setClock func(string)) {
	t.Helper()
	now := ocpi.Time(1)
	m, err := control.Open(t.Context(), log, control.Options{Now: func() ocpi.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	d := clearing.NewCloses(m)
	controltest.Run(t, m)
	if err := m.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d, func(text string) {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		now = ocpi.TimeOf(when)
	}
}

func TestMonthsAreClosedOnceAndAfterTheirEnd(t *testing.T) {
	d, setClock := closes(t, ingesttest.NewLog(1))
	for _, c := range []struct {
		month ocpi.Month
		at    string
		want  control.Refusal // 0 = closed
	}{
		{201902, "2019-02-28T23:59:59Z", control.RefusedConflict},
		{201902, "2019-03-01T00:00:00Z", 0},
		{201902, "2019-04-01T00:00:00Z", control.RefusedConflict},
		{201901, "2019-04-01T00:00:00Z", 0},
		{0, "2019-04-01T00:00:00Z", control.RefusedInvalid},
	} {
		setClock(c.at)
		var got control.Refusal
		err := d.Close(t.Context(), "", c.month)
		if refused, ok := errors.AsType[*control.Refused](err); ok {
			got = refused.Kind
		}
		if got != c.want || (err == nil) != (c.want == 0) {
			t.Errorf("close %s at %s: %v, want refusal %d", c.month, c.at, err, c.want)
		}
	}
	if diff := cmp.Diff([]ocpi.Month{201901, 201902}, d.Months()); diff != "" {
		t.Error(diff)
	}
	for month, want := range map[ocpi.Month]string{201812: "2019-03-01T00:00:00Z", 201901: "2019-03-01T00:00:00Z", 201902: "2019-03-01T00:00:00Z"} {
		if at := d.ElsewhereSince(clearing.Scope{}, month); at.String() != want {
			t.Errorf("%s was closed at %s, want %s", month, at, want)
		}
	}
	if at := d.ElsewhereSince(clearing.Scope{}, 201903); at.IsSet() {
		t.Errorf("an open month was closed at %s", at)
	}
}

// The log keeps these bytes for ever: a change here must be a new version.
func TestEventsAreFrozen(t *testing.T) {
	want, err := os.ReadFile("testdata/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	begun := clearing.PeriodBegun{Month: 201901, By: "local"}
	begun.CPO, begun.EMSP = "NL*TNM", "DE*EMP"
	agreed := clearing.AgreementSet{From: 201901, Values: map[string]string{"zone": "Europe/Amsterdam", "owed": "lower", "rule.age.max_days": "60", "pack": ""}, By: "local"}
	agreed.CPO = "NL*TNM"
	said := clearing.NewClosing{
		Attempt:   clearing.Attempt{ID: 0x00c0ffee00c0ffee, Scope: clearing.Scope{CPO: ocpi.NewParty("NL", "TNM")}, Period: 201901, Control: 6},
		Cut:       settlement.Ends{{Topic: ingest.TopicCDRs, Number: 1}: 7, {Topic: ingest.TopicCDRs}: 5},
		Reference: 12, Lines: 9, Net: map[string]decimal.Decimal{"EUR": decimal.RequireFromString("12.50"), "CHF": decimal.New(-3, 0)},
		Statements: []clearing.Creditor{{CPO: ocpi.NewParty("NL", "TNM"), Count: 2}}, Root: ingest.Digest{1, 2, 3}, By: "key-0123456789",
	}
	closed := said.Event()
	closed.Editions = clearing.Editions{Engine: "3", ZoneDB: "2025c"} // of before that of rules was kept
	accepted := clearing.NewDecision{
		Act: clearing.Accept, At: clearing.OwedClaimed, Reason: "as agreed & signed", By: "key-0123456789", Scope: clearing.Scope{EMSP: ocpi.NewParty("DE", "EMP")},
		Ground: "age", Period: 201901, Digest: ingest.Digest{1, 2, 3}, Control: 7,
		Groups: []clearing.DecidedGroup{{CDRs: records(3, 700)}, {Covers: []string{"age", "difference"}, CDRs: []ingest.Position{{Epoch: 1, Partition: 1, Offset: 5}}}},
	}
	asked := said
	asked.ID, asked.Period, asked.Control = 0x00c0ffee00c0ffef, 201902, 9
	requested := asked.Request()
	requested.Editions = closed.Editions
	asked.Requested, asked.By = &clearing.Requested{Record: 9, By: asked.By}, "local"
	approved := asked.Event()
	approved.Editions = closed.Editions
	asked = said
	asked.ID, asked.Period, asked.Control = 0x00c0ffee00c0fff1, 201903, 12
	requestedBy := asked.Request()
	requestedBy.Editions = clearing.Editions{Engine: "4", ZoneDB: "2026a", Rules: "1-0123456789ab"} // of whichever program closes
	asked.Requested, asked.By = &clearing.Requested{Record: 12, By: asked.By}, "local"
	approvedBy := asked.Event()
	approvedBy.Editions = requestedBy.Editions
	undone := clearing.NewDecision{Act: clearing.Undo, Reason: "it was another one", By: "local", Control: 8, Groups: []clearing.DecidedGroup{{CDRs: records(3)}}}
	adopted := adoption("key-0123456789", 9, 3, 8)
	adopted.Scope, adopted.Digest = clearing.Scope{EMSP: ocpi.NewParty("DE", "EMP")}, ingest.Digest{1, 2, 3}
	var lines []string
	log := ingesttest.NewLog(1)
	for i, c := range []control.Change{
		clearing.MonthClosed{Month: 201811},
		begun,
		clearing.PeriodBegun{Month: 201812, By: "key-0123456789"},
		agreed,
		clearing.AgreementSet{From: 201902, Values: map[string]string{"four_eyes": "true"}, By: "local"},
		clearing.PartySet{Party: "NL*TNM", From: 201901, Values: map[string]string{"name": "TNM & Co", "vat_id": ""}, By: "local"},
		closed,
		accepted.Event(),
		undone.Event(),
		requested,
		approved,
		clearing.RepricingAppliedOf(repricing("audit & more", 9)),
		requestedBy,
		approvedBy,
		adopted.Event(),
	} {
		event := control.Event{Command: fmt.Sprint("c", i+1), Expect: 2, At: 1545782400000000000}
		if _, begins := c.(clearing.PeriodBegun); begins {
			event.Expect = 0 // none that was written before said more
		}
		switch i { // the month has ended by then
		case 6:
			event.At = 1549000000000000000
		case 9:
			event.At = 1552000000000000000
		case 10:
			event.At = 1552000000000000000
			approved.Before = sha256.Sum256(append(make([]byte, sha256.Size), strings.TrimSuffix(lines[6], "\n")...))
			c = approved
		case 12:
			event.At = 1555000000000000000
		case 13:
			event.At = 1555000000000000000
			approvedBy.Before = sha256.Sum256(append(approved.Before[:], strings.TrimSuffix(lines[10], "\n")...))
			c = approvedBy
		}
		body, err := control.Encode(event, c)
		if err == nil {
			_, err = log.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{}, body)
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(body)+"\n")
	}
	if diff := cmp.Diff(string(want), strings.Join(lines, "")); diff != "" {
		t.Error(diff)
	}
	d := newDesk(t, log)
	decisions := 0
	if _, err := d.decided.Since(t.Context(), 0, func(*clearing.DecisionRecord) error { decisions++; return nil }); err != nil || decisions != 3 {
		t.Errorf("%d decisions, %v", decisions, err)
	}
	pair, tnm := pairOf(t, "NL*TNM DE*EMP"), ocpi.NewParty("NL", "TNM")
	terms := d.agreements.Terms(pair, 201902)
	var drawnBy []string
	err = d.closes.Closings(t.Context(), clearing.ClosingQuery{}, func(c *clearing.Closing) error {
		drawnBy = append(drawnBy, c.Rules)
		return nil
	})
	if diff := cmp.Diff([]string{"", "", "1-0123456789ab"}, drawnBy); err != nil || diff != "" {
		t.Errorf("editions of rules: %v %s", err, diff)
	}
	if !d.closes.ElsewhereSince(clearing.Scope{}, 201811).IsSet() || d.closes.ClosedThroughAt(pair, 9) != 201901 || d.closes.ClosedThrough(pair) != 201903 || d.closes.BegunThroughAt(pair, 99) != 201812 || terms.Owed != clearing.OwedLower || !terms.FourEyes || d.parties.Names(tnm, 201901).Name != "TNM & Co" {
		t.Errorf("the events come to closed through %s, %+v, %+v", d.closes.ClosedThrough(pair), terms, d.parties.Names(tnm, 201901))
	}
}
