package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// repriceAs runs `roamclear reprice` for January 2019 and returns its report.
func repriceAs(t *testing.T, data string, args ...string) (r repriceJSON) {
	t.Helper()
	args = append([]string{"--data", data, "--log.level", "error", "--from", "2019-01", "--quiet", "--format", "json"}, args...)
	out, err := run(t, newRepriceCmd(), args...)
	if err != nil {
		t.Fatalf("reprice %v: %v\n%s", args, err, out)
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("reprice %v: %v\n%s", args, err, out)
	}
	return r
}

func total(excl, incl string) repriceTotalJSON { return repriceTotalJSON{Excl: excl, Incl: &incl} }

// computedIs wants the settlement report to compute these sums: over all but
// c-1, which a credit cancels in full.
func (s *testService) computedIs(excl, incl string, differs int) {
	s.t.Helper()
	var got struct {
		Rows []struct {
			Computed repriceTotalJSON
			Differs  int `json:"differs_count"`
		}
	}
	s.finance("/reports/settlement?from=2019-01&to=2019-01", &got)
	if len(got.Rows) != 1 {
		s.t.Fatalf("%d settlement rows, want 1", len(got.Rows))
	}
	if diff := cmp.Diff(total(excl, incl), got.Rows[0].Computed); diff != "" || got.Rows[0].Differs != differs {
		s.t.Errorf("settlement computes (-want +got), %d claims differ, want %d:\n%s", got.Rows[0].Differs, differs, diff)
	}
}

// TestReprice prices what was priced under the default profile again under
// another: 40 minutes of parking cost 1.3333 instead of the 1.50 of 45.
func TestReprice(t *testing.T) {
	data, s := pushed(t)
	s.computedIs("35.00", "42.00", 0)

	want := repriceJSON{
		Run: "2019-01..2019-01, STEP_NONE, engine " + tariff.EngineVersion + ", zones " + zoneDB(t, data), From: "2019-01", To: "2019-01", Profile: "STEP_NONE",
		CDRs: 7, Changed: 6, Applied: repriceAppliedJSON{Pending: 6},
		Currencies: []repriceShiftJSON{{Currency: "GBP"}},
		Causes:     []repriceShiftJSON{{Change: "amount", Causes: "profile", Currency: "GBP"}},
		Accounts:   []repriceShiftJSON{{CPO: "GB*DUN", EMSP: "NL*EXW", Month: "2019-01", Currency: "GBP"}},
	}
	for _, shift := range []*repriceShiftJSON{&want.Currencies[0], &want.Causes[0], &want.Accounts[0]} {
		shift.Changed, shift.Old, shift.New, shift.Delta = 6, total("42.00", "50.40"), total("40.9998", "49.20"), total("-1.0002", "-1.20")
	}
	got := repriceAs(t, data, "--profile", "STEP_NONE")
	largest := got.Largest
	got.Largest = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if len(largest) != 5 || largest[0].CDR != "GB*DUN*C-0" || *largest[0].Old.Excl != "7.00" || *largest[0].New.Excl != "6.8333" ||
		largest[0].Old.Profile != "STEP_LAST" || largest[0].New.Profile != "STEP_NONE" || largest[0].New.Claim != "differs" {
		t.Errorf("largest changes: %+v", largest)
	}
	s.computedIs("35.00", "42.00", 0) // nothing changed
	verified(t, data)

	apply(t, s, "STEP_NONE", repriceAppliedJSON{Applied: 6}, 6)
	s.computedIs("34.1665", "41.00", 5)
	verified(t, data)
	apply(t, s, "STEP_NONE", repriceAppliedJSON{Applied: 6}, 0) // again: nothing moves
	s.computedIs("34.1665", "41.00", 5)

	// A later run goes back. What the earlier one found is still what its CDRs
	// come to, so it can be applied again.
	apply(t, s, "DEFAULT", repriceAppliedJSON{Applied: 6}, 6)
	s.computedIs("35.00", "42.00", 0)
	apply(t, s, "STEP_NONE", repriceAppliedJSON{Applied: 6}, 6)
	s.computedIs("34.1665", "41.00", 5)
	verified(t, data)

	// Begun anew it compares with what counts now, also without a service.
	s.stop()
	if again := repriceAs(t, data, "--profile", "DEFAULT", "--restart"); again.Changed != 6 || again.Applied.Pending != 6 {
		t.Errorf("begun anew: %d changes, %+v, want 6 pending", again.Changed, again.Applied)
	}
	if none := repriceAs(t, data, "--profile", "STEP_NONE", "--party", "GB/PKC"); none.CDRs != 0 || none.Changed != 0 {
		t.Errorf("another party's CDRs: %d priced, %d changes, want none", none.CDRs, none.Changed)
	}
	if out, err := verifyAll(t, data); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// apply applies the run of a profile and wants its changes to stand so, and
// moved of them to have come to count by it.
func apply(t *testing.T, s *testService, profile string, want repriceAppliedJSON, moved int64) {
	t.Helper()
	got := repriceAs(t, s.data, "--profile", profile, "--apply")
	if got.Moved == nil || got.Moved.Applied != moved {
		t.Errorf("apply %s moved %+v, want %d", profile, got.Moved, moved)
	}
	if diff := cmp.Diff(want, got.Applied); diff != "" {
		t.Errorf("apply %s (-want +got):\n%s", profile, diff)
	}
}

func zoneDB(t *testing.T, data string) string {
	t.Helper()
	_, zones, ok := strings.Cut(repriceAs(t, data, "--from", "2018-01").Run, "zones ")
	if !ok {
		t.Fatal("the name of a run has no time-zone database")
	}
	return zones
}

func TestRepriceResumes(t *testing.T) {
	data, s := pushed(t)
	s.stop()
	r := settlement.Repricing{Run: "audit", From: ocpi.MonthOf(2019, 1), To: ocpi.MonthOf(2019, 3), Profile: "STEP_NONE"}
	pages := func(stopAfter int) (*settlement.RepriceReport, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p, closeAll, err := openRepricer(t.Context(), testConfig(data))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := closeAll(); err != nil {
				t.Error(err)
			}
		}()
		p.PageRows = 1
		p.Progress = func(int64, int64) {
			if stopAfter--; stopAfter == 0 {
				cancel()
			}
		}
		return p.Run(ctx, r)
	}
	if _, err := pages(2); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted run: %v", err)
	}
	report, err := pages(-1)
	if err != nil {
		t.Fatal(err)
	}
	if report.Resumed < 2 || report.Resumed > 6 || report.CDRs != 7 || report.Changed != 6 {
		t.Errorf("resumed run: %d CDRs of %d before, %d changes; want some of 7 before, 6 changes", report.Resumed, report.CDRs, report.Changed)
	}
	if report, err = pages(-1); err != nil || report.Resumed != 7 || report.Changed != 6 {
		t.Errorf("complete run: %v, %+v", err, report)
	}
	_, err = run(t, newRepriceCmd(), "--data", data, "--from", "2019-01", "--run", "audit", "--quiet")
	if err == nil || !strings.Contains(err.Error(), "--restart") {
		t.Errorf("a run of that name for other months: %v, want it refused", err)
	}
}

func TestRepriceText(t *testing.T) {
	data, s := pushed(t)
	s.stop()
	applied := func() string {
		out, err := run(t, newRepriceCmd(), "--data", data, "--from", "2019-01", "--profile", "STEP_NONE", "--quiet", "--apply")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := applied()
	for _, want := range []string{
		"Priced     7 CDRs again", "Changes    6 results: 6 pending, 0 applied",
		"GBP       6     42.00  40.9998  -1.0002  -1.20", "another amount  another profile", "2019-01  GB*DUN  NL*EXW  GBP",
		"GB*DUN*C-0", "Applied    6 results",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("report lacks %q:\n%s", want, out)
		}
	}
	if out := applied(); !strings.Contains(out, "Applied    NOTHING: there is nothing left to apply, 6 of the run's changes counted before") {
		t.Errorf("an apply that moved nothing reads\n%s", out)
	}
}

// TestRepriceOfAClosedMonth: a month that was closed elsewhere is priced again like any
// other; of a CDR of it nothing is owed here.
func TestRepriceOfAClosedMonth(t *testing.T) {
	data, s := pushed(t)
	for _, month := range []ocpi.Month{201901, 201902} {
		if err := s.inside.control.closes.Close(t.Context(), "", month); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := run(t, newPeriodCmd(), "list", "--data", data); err != nil || !strings.Contains(out, "2019-01  elsewhere\n2019-02  elsewhere\n") {
		t.Errorf("closed periods: %v\n%s", err, out)
	}
	apply(t, s, "STEP_NONE", repriceAppliedJSON{Applied: 6}, 6)
	s.computedIs("34.1665", "41.00", 5)
	verified(t, data)
	if out, err := run(t, newStatementCmd(), "list", "--period", "2019-03", "--data", data); err != nil || strings.Contains(out, "GB*DUN") {
		t.Errorf("statements of March: %v\n%s", err, out)
	}
}

// TestApplyOfWhatIsNoLongerSo: what is applied is what the report showed, by what
// is known now. When that is something else, nothing is.
func TestApplyOfWhatIsNoLongerSo(t *testing.T) {
	data, s := pushed(t)
	if r := repriceAs(t, data, "--profile", "STEP_NONE"); r.Changed != 6 {
		t.Fatalf("%d changes, want 6", r.Changed)
	}
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-6", "EXW", "T1", "7.00", "8.40"))
	s.stored(8)

	args := []string{"--data", data, "--log.level", "error", "--from", "2019-01", "--quiet", "--profile", "STEP_NONE", "--apply"}
	out, err := run(t, newRepriceCmd(), append(args, "--format", "json")...)
	var got repriceJSON
	if !errors.Is(err, settlement.ErrDiffers) {
		t.Fatalf("apply: %v, want it refused", err)
	}
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d := got.Difference
	if d == nil || d.Appeared != 1 || d.Vanished != 0 || d.Changed != 0 || len(d.Examples) != 1 || got.Moved.Applied != 0 || got.Applied.Pending != 6 {
		t.Fatalf("difference %+v, moved %+v, %+v", d, got.Moved, got.Applied)
	}
	if x := d.Examples[0]; x.CDR != "GB*DUN*C-6" || x.Then != nil || x.Now == nil || *x.Now.Excl != "6.8333" {
		t.Errorf("example %+v", x)
	}
	out, err = run(t, newRepriceCmd(), args...)
	if !errors.Is(err, settlement.ErrDiffers) || !strings.Contains(out, "Applied    NOTHING: priced again now, 0 CDRs come to another result, 1 more would change, 0 no longer") ||
		!strings.Contains(out, "GB*DUN*C-6  2019-01  GBP       no change  6.8333") {
		t.Errorf("%v\n%s", err, out)
	}
	s.computedIs("42.00", "50.40", 0)
	verified(t, data)

	if r := repriceAs(t, data, "--profile", "STEP_NONE", "--restart", "--apply"); r.Moved.Applied != 7 || r.Difference != nil {
		t.Errorf("begun anew: %+v moved, difference %+v", r.Moved, r.Difference)
	}
	s.computedIs("40.9998", "49.20", 6)
	verified(t, data)
}

// Removing a partner changes no price of before: whoever could be billed then
// is billed, by a re-pricing too, and verify sees the same.
func TestARemovedDebtorStaysADebtor(t *testing.T) {
	data, s := pushed(t)
	s.computedIs("35.00", "42.00", 0)
	if _, err := run(t, newPartnerCmd(), "remove", "nl-exw-emsp", "--data", data); err != nil {
		t.Fatal(err)
	}
	if got := repriceAs(t, data); got.Changed != 0 || len(got.Causes) != 0 {
		t.Errorf("re-pricing after the removal would change %d: %+v", got.Changed, got.Causes)
	}
	verified(t, data)
}

// TestARemovedPartnerStaysBillable: who could be billed when a CDR was priced
// owes it still when it is no partner any more.
func TestARemovedPartnerStaysBillable(t *testing.T) {
	data, _ := pushed(t)
	if out, err := run(t, newPartnerCmd(), "remove", "nl-exw-emsp", "--data", data); err != nil {
		t.Fatalf("remove the partner: %v\n%s", err, out)
	}
	if r := repriceAs(t, data); r.CDRs != 7 || r.Changed != 0 {
		t.Errorf("priced again without the partner: %d CDRs, %d changes, want 7 and none: %+v", r.CDRs, r.Changed, r.Causes)
	}
	verified(t, data)
}
