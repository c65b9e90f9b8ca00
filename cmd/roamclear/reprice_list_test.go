package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// What was applied stands in the control log, list shows it, and verify holds the store
// against it: what was not replaced, or by something else, is told.
func TestAppliedRepricingsAreListedAndProved(t *testing.T) {
	data, s := pushed(t)
	list := func() (all []appliedJSON) {
		t.Helper()
		out, err := run(t, newRepriceCmd(), "list", "--data", data, "--log.level", "error", "--format", "json")
		var got struct{ Repricings []appliedJSON }
		if err == nil {
			err = json.Unmarshal([]byte(out), &got)
		}
		if err != nil {
			t.Fatalf("list: %v\n%s", err, out)
		}
		return got.Repricings
	}
	if all := list(); all == nil || len(all) > 0 {
		t.Errorf("before any: %v", all)
	}
	apply(t, s, "STEP_NONE", repriceAppliedJSON{Applied: 6}, 6)
	apply(t, s, "STEP_NONE", repriceAppliedJSON{Applied: 6}, 0) // nothing to say of it
	apply(t, s, "DEFAULT", repriceAppliedJSON{Applied: 6}, 6)
	all := list()
	if len(all) != 2 {
		t.Fatalf("%d are listed, want 2", len(all))
	}
	first := all[0]
	want := appliedJSON{
		Run: first.Run, From: "2019-01", To: "2019-01", Profile: "STEP_NONE", Engine: tariff.EngineVersion, ZoneDB: first.ZoneDB, Reference: first.Reference, Control: first.Control,
		Count: 6, ReplacedSince: 6, Digest: first.Digest, By: "local", Record: first.Record, AppliedAt: first.AppliedAt,
	}
	if diff := cmp.Diff(want, first); diff != "" || first.Record < first.Control || first.AppliedAt == "" || !strings.HasPrefix(first.Run, "2019-01..2019-01, STEP_NONE") {
		t.Errorf("-want +got:\n%s", diff)
	}
	if all[1].ReplacedSince != 0 || all[1].Profile != "STEP_LAST" || all[1].Digest == first.Digest {
		t.Errorf("the second is %+v", all[1])
	}
	if out, err := verifyAll(t, data); err != nil || !strings.Contains(out, "repriced  12 results by 2 re-pricings that were applied: as the control log says; 6 of them were replaced by others since") {
		t.Errorf("verify: %v\n%s", err, out)
	}
	s.stop()
	if out, err := run(t, newRepriceCmd(), "list", "--data", data, "--log.level", "error"); err != nil || !strings.Contains(out, "LEFT") || strings.Count(out, "local") != 2 {
		t.Errorf("list: %v\n%s", err, out)
	}

	// As a process leaves it that dies once the log has its record.
	damage(t, data, "DELETE FROM results WHERE generation = 2 AND id IN ('C-0', 'C-3')")
	if all := list(); all[1].Left != 2 {
		t.Errorf("%d are left, want 2", all[1].Left)
	}
	if out, err := verifyAll(t, data); err == nil || !strings.Contains(out, "DISAGREES the re-pricing \"2019-01..2019-01, STEP_LAST") || !strings.Contains(out, "is not finished: 2 of its results are still to be replaced, apply it again") {
		t.Errorf("verify of what is not finished: %v\n%s", err, out)
	}
	if r := repriceAs(t, data, "--profile", "DEFAULT", "--apply"); r.Applied != (repriceAppliedJSON{Applied: 6}) || r.Moved.Applied != 2 {
		t.Errorf("applied again: %+v, %+v", r.Applied, r.Moved)
	}
	if out, err := verifyAll(t, data); err != nil {
		t.Errorf("verify once it is finished: %v\n%s", err, out)
	}

	// Left as it was, and something else is asked for: it is finished first.
	damage(t, data, "DELETE FROM results WHERE generation = 2 AND id IN ('C-2', 'C-3')")
	if r := repriceAs(t, data, "--profile", "STEP_NONE", "--restart", "--apply"); r.Applied != (repriceAppliedJSON{Applied: 6}) || r.Moved.Applied != 6 {
		t.Errorf("another one: %+v, %+v", r.Applied, r.Moved)
	}
	if all := list(); len(all) != 3 || all[1].Left != 0 || all[1].ReplacedSince != 6 {
		t.Errorf("listed are %+v", all)
	}
	if out, err := verifyAll(t, data); err != nil {
		t.Errorf("verify of another one: %v\n%s", err, out)
	}
	damage(t, data, "ALTER TABLE applied DELETE WHERE id = 'C-3' SETTINGS mutations_sync = 2")
	if out, err := verifyAll(t, data); err == nil || strings.Count(out, "replaced 6 results, and the store has 5 of them") != 3 {
		t.Errorf("verify without a row: %v\n%s", err, out)
	}
}
