package clearing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// records are CDRs by their offsets in the first partition.
func records(offsets ...int64) (list []ingest.Position) {
	for _, o := range offsets {
		list = append(list, ingest.Position{Offset: o})
	}
	return list
}

func decision(act clearing.Act, by string, control int64, offsets ...int64) clearing.NewDecision {
	return clearing.NewDecision{
		Act: act, Reason: "as agreed by phone", By: by, Control: control,
		Groups: []clearing.DecidedGroup{{Covers: []string{"age"}, CDRs: records(offsets...)}},
	}
}

// Two people at once: the log decides, and the second is told what stands.
func TestTheFirstDecisionStands(t *testing.T) {
	ctx, log := t.Context(), ingesttest.NewLog(1)
	d := newDesk(t, log)
	for i, c := range []struct {
		decide clearing.NewDecision
		want   string
	}{
		{decision(clearing.Accept, "key-anna", 0, 5, 6, 7), ""},
		{decision(clearing.RejectIt, "key-bert", 0, 1, 6), "record 0-0-6 was decided on meanwhile (accept), control record 0: look again"},
		{decision(clearing.RejectIt, "key-bert", 0, 1, 8), ""}, // nothing of Anna's
		{decision(clearing.RejectIt, "key-bert", 1, 6), ""},    // who saw hers
		{decision(clearing.Undo, "key-anna", 3, 5, 6), "record 0-0-6 was decided on meanwhile (reject), control record 3: look again"},
		{decision(clearing.Undo, "key-anna", 4, 5, 6), ""},
		{decision(clearing.HoldIt, "key-bert", 9, 9), "control offset 9 is behind the decision itself, control record 6"},
	} {
		at, err := d.decided.Decide(ctx, "", c.decide)
		if got := fmt.Sprint(err); at != int64(i) || c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("decision %d at %d: %s, want %q", i, at, got, c.want)
		}
	}
	for from, want := range map[int64][]int64{0: {0, 2, 3, 5}, 1: {2, 3, 5}, 3: {3, 5}, 6: nil, 99: nil} {
		var got []int64
		next, err := d.decided.Since(ctx, from, func(r *clearing.DecisionRecord) error {
			got = append(got, r.Offset)
			return nil
		})
		if diff := cmp.Diff(want, got); err != nil || diff != "" || next != max(from, 7) {
			t.Errorf("since %d: up to %d, %v %s", from, next, err, diff)
		}
	}
}

// What is decided is read as it was said, whatever its order.
func TestADecisionIsReadAsItWasSaid(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	said := clearing.NewDecision{
		Act: clearing.Accept, At: clearing.OwedComputed, Reason: "der Tarif stimmt", By: "key-anna",
		Scope: scope(t, "NL*TNM DE*EMP"), Ground: "difference", Period: 202605, Digest: ingest.Digest{1},
		Groups: []clearing.DecidedGroup{
			{Covers: []string{"serious_lint", "difference"}, CDRs: []ingest.Position{{Partition: 1, Offset: 9}, {Offset: 12}}},
			{CDRs: records(700, 3)},
		},
	}
	if _, err := d.decided.Decide(t.Context(), "", said); err != nil {
		t.Fatal(err)
	}
	want := said
	want.Groups = []clearing.DecidedGroup{
		{Covers: []string{}, CDRs: records(3, 700)},
		{Covers: []string{"difference", "serious_lint"}, CDRs: []ingest.Position{{Offset: 12}, {Partition: 1, Offset: 9}}},
	}
	_, err := d.decided.Since(t.Context(), 0, func(r *clearing.DecisionRecord) error {
		if diff := cmp.Diff(want, r.NewDecision); diff != "" || r.Decided != *d.now {
			t.Errorf("decided at %s %s", r.Decided, diff)
		}
		holds := r.Decision(&r.Groups[1])
		if diff := cmp.Diff(&clearing.Decision{Act: clearing.Accept, At: clearing.OwedComputed, Covers: want.Groups[1].Covers}, holds); diff != "" {
			t.Error(diff)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// What makes no sense is refused before it is in the log, and has no effect in it.
func TestDecisionsThatMakeNoSense(t *testing.T) {
	said := decision(clearing.Accept, "key-anna", 7, 5, 6)
	said.Groups = append(said.Groups, clearing.DecidedGroup{Covers: []string{"currency"}, CDRs: records(9)})
	said.At, said.Ground, said.Period, said.Scope = clearing.OwedClaimed, "age", 202605, scope(t, "NL*TNM -")
	valid, err := json.Marshal(said.Event())
	if err != nil {
		t.Fatal(err)
	}
	log := ingesttest.NewLog(1)
	for i, c := range []struct{ from, to, want string }{
		{`x`, `y`, "<nil>"},
		{`"accept"`, `"adopt"`, `act: "adopt", want accept, reject, hold or undo`},
		{`"accept"`, `"reject"`, `at: "claimed", want claimed or computed, of accept alone`},
		{`"claimed"`, `"lower"`, `at: "lower", want claimed or computed, of accept alone`},
		{`"as agreed by phone"`, `" "`, "reason: want 1 to 500 bytes of UTF-8 without control characters"},
		{`"as agreed by phone"`, `"as\nagreed"`, "reason: want 1 to 500 bytes of UTF-8 without control characters"},
		{`"key-anna"`, `""`, "by: 0 bytes, want 1 to 64"},
		{`"NL*TNM"`, `"nl*tnm"`, `cpo: "nl*tnm" is not a party such as NL*TNM`},
		{`"ground":"age"`, `"ground":"Age"`, `ground: "Age" is not the code of one`},
		{`"2026-05"`, `"2026-5"`, `period: "2026-5" is not a month such as 2019-06`},
		{`"control":7`, `"control":-7`, "control: want no negative number"},
		{`["age"]`, `["age","age"]`, "groups.0.covers: want at most 64 codes of grounds, once each and in order"},
		{`["age"]`, `["unpriced","age"]`, "groups.0.covers: want at most 64 codes of grounds, once each and in order"},
		{`["age"]`, `["currency"]`, "groups.1: want one group for the same grounds, and groups in their order"},
		{`["age"]`, `["unpriced"]`, "groups.1: want one group for the same grounds, and groups in their order"},
		{`"AQAAAgUB"`, `"AQAAAgUA"`, "groups.0.cdrs: want a set of records of CDRs, at most 100000 in all"},
		{`"AQAAAgUB"`, `"AQAAAQk="`, "groups: a CDR is in two of them"},
	} {
		text := strings.Replace(string(valid), c.from, c.to, 1)
		if text == string(valid) && c.from != "x" {
			t.Fatalf("nothing to replace by %s in %s", c.to, valid)
		}
		var event clearing.CDRsDecided
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			t.Fatal(err)
		}
		if err := event.Validate(); fmt.Sprint(err) != c.want {
			t.Errorf("%s: %v, want %s", c.to, err, c.want)
		}
		if c.want == "<nil>" {
			continue
		}
		body, err := control.Encode(control.Event{Command: fmt.Sprint("c", i), At: 1}, event)
		if err == nil {
			_, err = log.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{}, body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	d := newDesk(t, log) // which they do not halt
	if _, err := d.decided.Since(t.Context(), 0, func(r *clearing.DecisionRecord) error { return fmt.Errorf("%+v has an effect", r) }); err != nil {
		t.Error(err)
	}
	var event clearing.CDRsDecided
	if err := ocpi.DecodeStrict([]byte(strings.Replace(string(valid), "AQAAAgUB", "AQA AgUB", 1)), &event); err == nil {
		t.Error("what is not Base64 was read")
	}
}

// Decisions at random come to what a look at each record says, in every process.
func TestDecisionsFollowFromTheLog(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		log := ingesttest.NewLog(1)
		d := openDesk(t, log)
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		last := map[int64]int64{} // CDR → record of its last decision
		var want []string
		for range rapid.IntRange(1, 30).Draw(rt, "decisions") {
			offsets := rapid.SliceOfNDistinct(rapid.Int64Range(0, 20), 1, 5, rapid.ID).Draw(rt, "CDRs")
			next := d.Next()
			n := decision(rapid.SampledFrom([]clearing.Act{clearing.Accept, clearing.RejectIt, clearing.HoldIt, clearing.Undo}).Draw(rt, "act"), "key-anna", max(0, next-int64(rapid.IntRange(0, 5).Draw(rt, "ago"))), offsets...)
			stands := int64(-1)
			for _, o := range offsets {
				if at, ok := last[o]; ok && at >= n.Control {
					stands = max(stands, at)
				}
			}
			at, err := d.decided.Decide(ctx, "", n)
			why, _ := errors.AsType[*clearing.NotDecided](err)
			if stands < 0 != (err == nil) || stands >= 0 && (why == nil || why.Record != stands) {
				rt.Fatalf("%+v: %v, and %d stands", n, err, stands)
			}
			if err == nil {
				for _, o := range offsets {
					last[o] = at
				}
				slices.Sort(offsets)
				want = append(want, fmt.Sprint(at, n.Act, offsets))
			}
		}
		var got []string
		_, err := d.decided.Since(ctx, 0, func(r *clearing.DecisionRecord) error {
			var offsets []int64
			for _, p := range r.Groups[0].CDRs {
				offsets = append(offsets, p.Offset)
			}
			got = append(got, fmt.Sprint(r.Offset, r.Act, offsets))
			return nil
		})
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			rt.Fatal(err, diff)
		}
		stop()
		if err := <-done; err != nil {
			rt.Fatal(err)
		}
	})
}

// What is remembered of decisions is bounded: who looked before that looks again.
func TestALookOfLongAgoIsOneTooLong(t *testing.T) {
	log := ingesttest.NewLog(1)
	const kept = 10_000
	for i := range int64(kept + 1) {
		n := decision(clearing.Accept, "key-anna", i, i)
		body, err := control.Encode(control.Event{Command: fmt.Sprint("c", i), At: 1}, n.Event())
		if err == nil {
			_, err = log.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{}, body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	d := newDesk(t, log)
	_, err := d.decided.Decide(t.Context(), "", decision(clearing.RejectIt, "key-bert", 0, kept+5))
	if why, ok := errors.AsType[*clearing.NotDecided](err); !ok || !why.Again {
		t.Errorf("got %v", err)
	}
	if _, err := d.decided.Decide(t.Context(), "", decision(clearing.RejectIt, "key-bert", 1, kept+5)); err != nil {
		t.Error(err)
	}
}

// The largest decision is one control record, and one CDR more is refused.
func TestTheLargestDecision(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	for n, want := range map[int64]string{100_000: "<nil>", 100_001: "groups.0.cdrs: want a set of records of CDRs, at most 100000 in all"} {
		offsets := make([]int64, n)
		for i := range offsets {
			offsets[i] = int64(i)*200_000 + 1<<40 // three bytes each
		}
		said := decision(clearing.HoldIt, "key-anna", d.Next(), offsets...)
		body, err := control.Encode(control.Event{Command: "c", At: 1}, said.Event())
		if err != nil || len(body) > 900_000 {
			t.Errorf("%d CDRs take %d bytes, %v", n, len(body), err)
		}
		if _, err := d.decided.Decide(t.Context(), "", said); fmt.Sprint(err) != want {
			t.Errorf("%d CDRs: %v, want %s", n, err, want)
		}
	}
}

// Both sides of a decision compute this digest: it is frozen.
func TestDigestOfWhatWasShown(t *testing.T) {
	amount := func(net, tax string) *clearing.Amount {
		a := &clearing.Amount{Net: decimal.RequireFromString(net)}
		if tax != "" {
			d := decimal.RequireFromString(tax)
			a.Tax = &d
		}
		return a
	}
	list := []clearing.Shown{
		{Key: ocpi.NewKey("NL", "TNM", "C2"), Version: 7, Grounds: []string{"difference", "age"}, Claimed: amount("10.50", "2.1"), Computed: amount("8", "")},
		{Key: ocpi.NewKey("DE", "ABC", "a \"b\"\n"), Version: 1 << 63},
		{Key: ocpi.NewKey("NL", "TNM", "C1"), Grounds: []string{"unpriced"}, Claimed: amount("-0.005", "0")},
	}
	// As sha256sum has it of the lines
	//   "DE*ABC*A \"B\"\n" 9223372036854775808  - - - -
	//   "NL*TNM*C1" 0 unpriced -0.005 0 - -
	//   "NL*TNM*C2" 7 age,difference 10.5 2.1 8 -
	const want = "f40ea2c20a8fa0079e06bb0f6097ee2d5a62a0f10d2ef981c806c70a34289e0d"
	got := clearing.DigestOf(list)
	if text := fmt.Sprintf("%x", got); text != want {
		t.Errorf("the digest is %s, want %s", text, want)
	}
	slices.Reverse(list)
	if clearing.DigestOf(list) != got {
		t.Error("the digest depends on the order in which it is shown")
	}
	for name, change := range map[string]func(s *clearing.Shown){
		"version": func(s *clearing.Shown) { s.Version++ }, "ground": func(s *clearing.Shown) { s.Grounds = s.Grounds[:1] },
		"claimed": func(s *clearing.Shown) { s.Claimed = amount("10.51", "2.1") }, "tax": func(s *clearing.Shown) { s.Claimed = amount("10.5", "") },
		"computed": func(s *clearing.Shown) { s.Computed = nil }, "key": func(s *clearing.Shown) { s.Key.ID = "C3" },
	} {
		other := slices.Clone(list)
		change(&other[2])
		if clearing.DigestOf(other) == got {
			t.Errorf("another %s has the same digest", name)
		}
	}
}
