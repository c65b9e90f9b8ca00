package clearing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// asking is a close that is asked for.
func asking(t testing.TB, id uint64, by, of, period string, control int64, statements string) clearing.NewClosing {
	t.Helper()
	n := closing(t, clearing.AttemptID(id, true), of, period, control, statements)
	n.By = by
	return n
}

// approve approves a request as somebody, and says why not.
func (d desk) approve(ctx context.Context, record int64, by string) (*clearing.Closing, error) {
	r, err := d.closes.Request(ctx, record)
	if err != nil {
		return nil, err
	}
	refused := d.closes.RefusesApproval(r, by)
	c, err := d.closes.ApprovePeriod(ctx, r, by)
	if why, _ := errors.AsType[*clearing.NotClosed](err); fmt.Sprint(why) != fmt.Sprint(refused) && err != nil {
		return nil, fmt.Errorf("the log says %w, and before it was said %s", err, fmt.Sprint(refused))
	}
	return c, err
}

// Each step is one record, but for one that is refused at once. A request and a close have
// looked at all before.
func TestACloseIsApprovedByAnotherKey(t *testing.T) {
	ctx, d := t.Context(), newDesk(t, ingesttest.NewLog(1)) // in June 2026
	decides := func(of string) error {
		n := decision(clearing.Accept, "key-anna", d.Next(), d.Next())
		n.Scope = scope(t, of)
		_, err := d.decided.Decide(ctx, "", n)
		return err
	}
	const asked = "four_eyes is agreed for 2026-02: one key asks for the close (period close 2026-02 --request), another one approves what it came to (period close --approve ID)"
	record := map[string]int64{} // of requests, by who asked and for whom
	for i, c := range []struct{ who, does, of, month, want string }{
		{"anna", "asks", "house", "2026-01", ""},
		{"bert", "closes", "NL*TNM DE*EMP", "2026-01", ""}, // nobody agreed on four eyes
		{"bert", "approves anna", "house", "", "NL*TNM → DE*EMP was closed meanwhile, by control record 1: ask for the close of 2026-01 of the house again"},
		{"anna", "asks", "house", "2026-06", "2026-06 has not ended yet"},
		{"anna", "asks", "house", "2026-01", ""},
		{"anna", "approves anna", "house", "", "you asked for the close of 2026-01 of the house yourself, by control record 4: another key has to approve it"},
		{"bert", "approves anna", "house", "", ""},
		{"bert", "approves anna", "house", "", ""}, // again: what stands
		{"carl", "approves anna", "house", "", ""},
		{"anna", "asks", "house", "2026-01", "2026-01 is closed for the house already"},
		{"local", "agrees", "house", "2026-02", ""},
		{"anna", "closes", "NL*TNM DE*EMP", "2026-02", asked},
		{"anna", "closes", "house", "2026-01", "2026-01 is closed for the house already"},
		{"anna", "asks", "NL*TNM DE*EMP", "2026-02", ""},
		{"anna", "decides", "NL*XYZ -", "", ""},
		{"bert", "approves anna", "NL*TNM DE*EMP", "", ""}, // of other pairs
		{"anna", "asks", "- DE*EMP", "2026-02", ""},
		{"bert", "decides", "NL*XYZ -", "", ""},
		{"bert", "approves anna", "- DE*EMP", "", "CDRs of NL*XYZ as CPO were decided on meanwhile, by control record 17: ask for the close of 2026-02 of DE*EMP as eMSP again"},
		{"anna", "asks", "- DE*EMP", "2026-02", ""},
		{"bert", "asks", "- DE*EMP", "2026-02", ""},
		{"bert", "approves anna", "- DE*EMP", "", "another close of DE*EMP as eMSP was asked for meanwhile, by control record 20: that is the one to approve"},
		{"local", "begins", "NL*XYZ DE*EMP", "2026-02", ""},
		{"anna", "approves bert", "- DE*EMP", "", "the begin of NL*XYZ → DE*EMP was set meanwhile, by control record 22: ask for the close of 2026-02 of DE*EMP as eMSP again"},
		{"bert", "asks", "- DE*EMP", "2026-02", ""},
		{"local", "agrees", "NL*XYZ DE*EMP", "2026-03", ""},
		{"anna", "approves bert", "- DE*EMP", "", "the agreement of NL*XYZ → DE*EMP was changed meanwhile, by control record 25: ask for the close of 2026-02 of DE*EMP as eMSP again"},
		{"anna", "approves 22", "", "", "control record 22 asks for no close: period list has the requests that wait"},
		{"anna", "approves 99", "", "", "control record 99 asks for no close: period list has the requests that wait"},
		{"anna", "approves 9", "", "", "2026-01 is closed for the house already"}, // refused then, and now
		{"anna", "approves -1", "", "", "control record -1 asks for no close: period list has the requests that wait"},
	} {
		next, before := int64(i), d.Next()
		var err error
		what, whose, _ := strings.Cut(c.does, " ")
		switch what {
		case "agrees":
			err = d.agree(t, c.of, c.month, map[bool]string{true: "four_eyes=true", false: "owed=lower"}[c.of == "house"])
		case "begins":
			err = d.closes.Begin(ctx, "", clearing.NewBegin{Scope: scope(t, c.of), Month: month(t, c.month), By: clearing.ByLocal})
		case "decides":
			err = decides(c.of)
		case "closes":
			_, err = d.closes.ClosePeriod(ctx, closing(t, uint64(200+2*i), c.of, c.month, before, ""))
		case "asks":
			var r *clearing.Request
			if r, err = d.closes.RequestPeriod(ctx, asking(t, uint64(200+2*i), c.who, c.of, c.month, before, "")); err == nil {
				record[c.who+c.of] = r.Offset
			}
		case "approves":
			of, known := record[whose+c.of]
			if !known {
				if _, err := fmt.Sscan(whose, &of); err != nil {
					t.Fatal(err)
				}
			}
			_, err = d.approve(ctx, of, c.who)
		}
		if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("step %d: %s %s %s %s: %s, want %q", i, c.who, c.does, c.of, c.month, got, c.want)
		}
		for d.Next() < next+1 { // what was refused at once
			if _, err := d.closes.ClosePeriod(ctx, closing(t, 2, "house", "2026-06", 0, "")); err == nil {
				t.Fatal("a month is closed before it ended")
			}
		}
		if d.Next() != next+1 {
			t.Fatalf("step %d: the log ends at %d", i, d.Next())
		}
	}
}

// What is approved is what was asked for: its cut, its lines, its editions; and both
// names stand with it.
func TestAnApprovalIsOfWhatWasAskedFor(t *testing.T) {
	ctx, log := t.Context(), ingesttest.NewLog(1)
	d := newDesk(t, log)
	said := asking(t, 7, "anna", "NL*TNM -", "2026-05", 0, "NL*TNM:2")
	for range 2 { // the same again is the same
		r, err := d.closes.RequestPeriod(ctx, said)
		if err != nil || r.Offset != 0 {
			t.Fatal(r, err)
		}
		if diff := cmp.Diff(said, r.NewClosing, cmpopts.EquateComparable(ingest.Partition{}), cmp.Comparer(decimal.Decimal.Equal)); diff != "" {
			t.Error(diff)
		}
	}
	pair := pairOf(t, "NL*TNM DE*EMP")
	if through := d.closes.ClosedThrough(pair); !through.IsZero() || len(d.closes.CountedAt(99)) > 0 || d.closes.Doomed(said.Attempt) {
		t.Errorf("what is asked for counts: closed through %s, %v", through, d.closes.CountedAt(99))
	}
	for name, d := range map[string]desk{"the process that was asked": d, "another one": newDesk(t, log)} {
		var open []string
		_, err := d.closes.Requests(ctx, 0, 9, func(r *clearing.Request) error {
			open = append(open, fmt.Sprint(r.Offset, " ", r.Period, " ", r.Scope, " ", r.By))
			return nil
		})
		if diff := cmp.Diff([]string{"0 2026-05 NL*TNM as CPO anna"}, open); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	c, err := d.approve(ctx, 0, "bert")
	if err != nil {
		t.Fatal(err)
	}
	want := said
	want.By, want.Requested = "bert", &clearing.Requested{Record: 0, By: "anna"}
	if diff := cmp.Diff(want, c.NewClosing, cmpopts.EquateComparable(ingest.Partition{}), cmp.Comparer(decimal.Decimal.Equal)); diff != "" {
		t.Error(diff)
	}
	if through := d.closes.ClosedThrough(pair); through != 202605 || c.Firsts[0] != 1 || d.closes.Doomed(said.Attempt) {
		t.Errorf("approved: closed through %s, numbers from %v", through, c.Firsts)
	}
	if _, err := d.closes.Requests(ctx, 0, 9, func(r *clearing.Request) error { return fmt.Errorf("%d waits", r.Offset) }); err != nil {
		t.Error(err)
	}
}

// Only what says the very same approves; what was asked for, and nobody can approve any
// more, can be swept.
func TestWhatApprovesNothing(t *testing.T) {
	ctx := t.Context()
	for name, c := range map[string]struct {
		change func(*clearing.NewClosing)
		want   clearing.WhyNotClosed
	}{
		"other lines":          {func(n *clearing.NewClosing) { n.Lines++ }, clearing.OtherRequest},
		"another root":         {func(n *clearing.NewClosing) { n.Root[0]++ }, clearing.OtherRequest},
		"another attempt":      {func(n *clearing.NewClosing) { n.ID += 2 }, clearing.OtherRequest},
		"another cut":          {func(n *clearing.NewClosing) { n.Reference++ }, clearing.OtherRequest},
		"who asked is another": {func(n *clearing.NewClosing) { n.Requested.By = "carl" }, clearing.OtherRequest},
		"a later record":       {func(n *clearing.NewClosing) { n.Requested.Record++ }, clearing.NoRequest},
		"its own":              {func(n *clearing.NewClosing) { n.By = "anna" }, clearing.OwnRequest},
		"of another scope":     {func(n *clearing.NewClosing) { n.Scope.EMSP = ocpi.NewParty("DE", "EMP") }, clearing.NoRequest},
		"none":                 {func(n *clearing.NewClosing) { n.Requested = nil }, clearing.FourEyes},
		"the same":             {func(*clearing.NewClosing) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ingesttest.NewLog(1))
			d.mustAgree(t, "house", "2026-01", "four_eyes=true")
			n := asking(t, 7, "anna", "house", "2026-05", 1, "NL*TNM:2")
			r, err := d.closes.RequestPeriod(ctx, n)
			if err != nil {
				t.Fatal(err)
			}
			n.By, n.Requested = "bert", &clearing.Requested{Record: r.Offset, By: "anna"}
			c.change(&n)
			_, err = d.closes.ClosePeriod(ctx, n)
			if why, _ := errors.AsType[*clearing.NotClosed](err); (why == nil) != (c.want == 0) || why != nil && (why.Why != c.want || why.Again()) {
				t.Errorf("%v, want reason %d", err, c.want)
			}
		})
	}
	d := newDesk(t, ingesttest.NewLog(1))
	first, second := asking(t, 8, "anna", "house", "2026-04", 0, ""), asking(t, 10, "anna", "house", "2026-05", 1, "")
	other := asking(t, 12, "anna", "NL*TNM -", "2026-05", 1, "")
	for _, n := range []clearing.NewClosing{first, second, other} {
		if _, err := d.closes.RequestPeriod(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	doomed := func(want ...bool) {
		t.Helper()
		got := []bool{d.closes.Doomed(first.Attempt), d.closes.Doomed(second.Attempt), d.closes.Doomed(other.Attempt)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	doomed(true, false, false) // a newer one took its place
	n := decision(clearing.Accept, "key-anna", d.Next(), 1)
	n.Scope = scope(t, "NL*XYZ -")
	if _, err := d.decided.Decide(ctx, "", n); err != nil {
		t.Fatal(err)
	}
	doomed(true, true, false)
	if _, err := d.closes.ClosePeriod(ctx, closing(t, 14, "NL*TNM -", "2026-05", d.Next(), "")); err != nil {
		t.Fatal(err)
	}
	doomed(true, true, true)
}

// What makes no sense is refused before it is in the log.
func TestRequestsThatMakeNoSense(t *testing.T) {
	said := asking(t, 7, "anna", "NL*TNM -", "2026-05", 7, "NL*TNM:2")
	said.Requested = &clearing.Requested{Record: 3, By: "bert"}
	closes, err := json.Marshal(said.Event())
	if err != nil {
		t.Fatal(err)
	}
	asks, err := json.Marshal(said.Request())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{`x`, `y`, "<nil>"},
		{`"record":3`, `"record":-3`, "requested: want a control record, and by whom in 1 to 64 bytes"},
		{`"by":"bert"`, `"by":""`, "requested: want a control record, and by whom in 1 to 64 bytes"},
	} {
		var event clearing.PeriodClosed
		if err := json.Unmarshal([]byte(strings.Replace(string(closes), c.from, c.to, 1)), &event); err != nil {
			t.Fatal(err)
		}
		if err := event.Validate(); fmt.Sprint(err) != c.want {
			t.Errorf("%s: %v, want %s", c.to, err, c.want)
		}
	}
	for _, c := range []struct{ from, to, want string }{
		{`x`, `y`, "<nil>"},
		{`"by":"anna"`, `"by":""`, "by: 0 bytes, want 1 to 64"},
		{`"period":"2026-05",`, ``, "period: required, such as 2019-06"},
		{`"12.5"`, `"12.50"`, `net.1: "12.50" is not an exact decimal, as short as it can be`},
	} {
		var event clearing.PeriodRequested
		if err := json.Unmarshal([]byte(strings.Replace(string(asks), c.from, c.to, 1)), &event); err != nil {
			t.Fatal(err)
		}
		if err := event.Validate(); fmt.Sprint(err) != c.want {
			t.Errorf("%s: %v, want %s", c.to, err, c.want)
		}
	}
	d := newDesk(t, ingesttest.NewLog(1))
	if _, err := d.closes.RequestPeriod(t.Context(), closing(t, 8, "house", "2026-05", 0, "")); fmt.Sprint(err) != "attempt 0000000000000008 is none to ask for a close" {
		t.Error(err)
	}
}

// A list of what waits has the first ones, of a period where it is asked for, and says how
// many more there are.
func TestTheCloseRequestsOfAPeriod(t *testing.T) {
	ctx, d := t.Context(), newDesk(t, ingesttest.NewLog(1))
	for i, of := range []string{"NL*TNM - 2026-04", "NL*XYZ - 2026-05", "DE*ABC - 2026-05", "DE*DEF - 2026-05"} {
		at := strings.LastIndex(of, " ")
		if _, err := d.closes.RequestPeriod(ctx, asking(t, uint64(2*i+9), "anna", of[:at], of[at+1:], d.Next(), "")); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		period ocpi.Month
		most   int
		want   string
		more   int
	}{
		{0, 9, "0 1 2 3", 0}, {0, 3, "0 1 2", 1}, {202605, 9, "1 2 3", 0}, {202605, 1, "1", 2}, {202604, 1, "0", 0}, {202603, 1, "", 0},
	} {
		var got []string
		more, err := d.closes.Requests(ctx, tc.period, tc.most, func(r *clearing.Request) error {
			got = append(got, fmt.Sprint(r.Offset))
			return nil
		})
		if list := strings.Join(got, " "); err != nil || list != tc.want || more != tc.more {
			t.Errorf("%d of %s: %q and %d more, want %q and %d (%v)", tc.most, tc.period, list, more, tc.want, tc.more, err)
		}
	}
}
