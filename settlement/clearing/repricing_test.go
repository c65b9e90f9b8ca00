package clearing_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// repricing is a run that was priced below a control record.
func repricing(run string, control int64) settlement.AppliedRun {
	return settlement.AppliedRun{
		Run: run, From: 201901, To: 201903, Party: ocpi.NewParty("NL", "TNM"), Profile: "STEP_NONE",
		Cut:  settlement.Ends{{Topic: ingest.TopicCDRs, Number: 1}: 7, {Topic: ingest.TopicCDRs}: 5},
		AsOf: pricing.AsOf{Reference: 12, Control: control, Issuers: "0123"}, Engine: "3", ZoneDB: "2025c", Count: 6, Digest: ingest.Digest{1, 2, 3}, By: "local",
	}
}

// openRepricings opens the domain on a log and folds it.
func openRepricings(t *testing.T, log *ingesttest.Log) *clearing.Repricings {
	t.Helper()
	m, err := control.Open(t.Context(), log, control.Options{Now: func() ocpi.Time { return 1545782400000000000 }})
	if err != nil {
		t.Fatal(err)
	}
	d := clearing.NewRepricings(m)
	controltest.Run(t, m)
	if err := m.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// One re-pricing after the other: one that was priced before another was applied is told so,
// as is the same one twice; and another process folds the same.
func TestAppliedRepricings(t *testing.T) {
	ctx, log := t.Context(), ingesttest.NewLog(1)
	d := openRepricings(t, log)
	for i, c := range []struct {
		run  settlement.AppliedRun
		want string
	}{
		{repricing("audit", 0), ""},
		{repricing("audit", 0), "another re-pricing was applied meanwhile, by control record 0: apply it again"},
		{repricing("other", 1), ""}, // at record 2: the refused one stands in the log too
		{repricing("audit", 2), "another re-pricing was applied meanwhile, by control record 2: apply it again"},
		{repricing("audit", 9), "control offset 9 is behind the record itself, control record 4"},
		{repricing("audit", 3), ""},
	} {
		err := d.Apply(ctx, c.run)
		if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("%d: %v, want %q", i, err, c.want)
		}
		if i == 1 && !errors.Is(err, settlement.ErrMeanwhile) {
			t.Errorf("%v is not what callers know", err)
		}
	}
	for name, d := range map[string]*clearing.Repricings{"the process itself": d, "another one": openRepricings(t, log)} {
		for latest, want := range map[int][]string{0: {"audit 0", "other 2", "audit 5"}, 2: {"other 2", "audit 5"}} {
			var got []string
			err := d.Applied(ctx, latest, func(a *settlement.AppliedRun) error {
				got = append(got, fmt.Sprint(a.Run, " ", a.Offset))
				return nil
			})
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s, the last %d: %v (-want +got):\n%s", name, latest, err, diff)
			}
		}
		want := repricing("audit", 3)
		want.Offset, want.At = 5, 1545782400000000000
		got, ok := d.LastApplied("audit")
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s, the last one (-want +got):\n%s", name, diff)
		}
		if got.ID() != want.ID() || got.ID() == (&settlement.AppliedRun{}).ID() {
			t.Errorf("%s: ID %x", name, got.ID())
		}
		if _, ok := d.LastApplied("never"); ok {
			t.Errorf("%s: a run that never was is applied", name)
		}
		first := repricing("audit", 0)
		for _, c := range []struct {
			noted settlement.NotedRun
			want  bool
		}{
			{settlement.NotedRun{ID: first.ID(), Control: 0}, false}, {settlement.NotedRun{ID: 99, Control: 0}, true},
			{settlement.NotedRun{ID: want.ID(), Control: 3}, false}, {settlement.NotedRun{ID: 99, Control: 3}, true},
			{settlement.NotedRun{ID: 99, Control: 6}, false}, // to be recorded still
		} {
			if doomed, err := d.Doomed(ctx, c.noted); err != nil || doomed != c.want {
				t.Errorf("%s: %+v doomed %t, %v", name, c.noted, doomed, err)
			}
		}
	}
}

// Beyond what is kept in memory, they are read from the log.
func TestEarlyRepricingsAreReadFromTheLog(t *testing.T) {
	ctx, log := t.Context(), ingesttest.NewLog(1)
	const many = 1010
	for i := range int64(many) {
		body, err := control.Encode(control.Event{Command: fmt.Sprint("c", i), At: 1545782400000000000}, clearing.RepricingAppliedOf(repricing(fmt.Sprint("run ", i), i)))
		if err == nil {
			_, err = log.Append(ctx, ingest.TopicControl, &ingest.Envelope{}, body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	d, n := openRepricings(t, log), 0
	err := d.Applied(ctx, 0, func(a *settlement.AppliedRun) error {
		if a.Run != fmt.Sprint("run ", n) || a.Offset != int64(n) || a.At != 1545782400000000000 {
			t.Errorf("%d is %s at %d", n, a.Run, a.Offset)
		}
		n++
		return nil
	})
	if err != nil || n != many {
		t.Errorf("%d of them, %v", n, err)
	}
	if _, ok := d.LastApplied("run 9"); ok {
		t.Error("more than the last ones are kept")
	}
	early := repricing("run 3", 3)
	if doomed, err := d.Doomed(ctx, settlement.NotedRun{ID: early.ID(), Control: 3}); err != nil || doomed {
		t.Errorf("what the fourth noted is doomed %t, %v", doomed, err)
	}
}

// What makes no sense in any state is refused, naming the field.
func TestRepricingsThatCannotBe(t *testing.T) {
	d := openRepricings(t, ingesttest.NewLog(1))
	for want, change := range map[string]func(*settlement.AppliedRun){
		"run: 2 bytes, want 1 to 500 of UTF-8":               func(a *settlement.AppliedRun) { a.Run = "a\xff" },
		"run: 0 bytes, want 1 to 500 of UTF-8":               func(a *settlement.AppliedRun) { a.Run = "" },
		"from and to: want months":                           func(a *settlement.AppliedRun) { a.To = 201812 },
		"count: 0, want at least 1":                          func(a *settlement.AppliedRun) { a.Count = 0 },
		"by: 0 bytes":                                        func(a *settlement.AppliedRun) { a.By = "" },
		"engine and zone_db: want 1 to":                      func(a *settlement.AppliedRun) { a.Engine = "" },
		"reference and control: want no negative number":     func(a *settlement.AppliedRun) { a.AsOf.Reference = -1 },
		"profile and issuers: want at most 40 and 100 bytes": func(a *settlement.AppliedRun) { a.Profile = fmt.Sprintf("%050d", 1) },
		"cut.0: want partitions once each":                   func(a *settlement.AppliedRun) { a.Cut = settlement.Ends{{Number: -1}: 1} },
	} {
		run := repricing("audit", 0)
		change(&run)
		if err := d.Apply(t.Context(), run); err == nil || !errorHas(err, want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func errorHas(err error, part string) bool {
	refused, ok := errors.AsType[*control.Refused](err)
	return ok && refused.Kind == control.RefusedInvalid && len(refused.Reason) >= len(part) && refused.Reason[:len(part)] == part
}
