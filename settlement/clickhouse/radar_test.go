package clickhouse

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// The versions of some days come page by page in the order of when they are in force, each
// with its neighbours in the log: held against all states there are, replays included.
func TestTariffStepsAgainstAllVersions(t *testing.T) {
	s := newStore(t)
	states := tariffs(t, s, 200)
	cpo := states[0].Key.Party
	day := func(n int) time.Time { return time.Unix(0, 0).UTC().AddDate(0, 0, n) }
	for _, q := range []settlement.RadarQuery{
		{CPO: cpo, From: day(0), To: day(1)}, {CPO: cpo, From: day(0), To: day(1), Tariff: "T1"}, {CPO: cpo, From: day(0), To: day(1), Recipient: ocpi.NewParty("NL", "EXW")},
		{CPO: cpo, From: day(1), To: day(2)}, {CPO: ocpi.NewParty("XX", "YYY"), From: day(0), To: day(1)},
	} {
		var want []settlement.TariffStep
		for i := range states {
			o := &states[i]
			since := sinceOf(o)
			in := func(at ocpi.Time) bool { return at >= ocpi.TimeOf(q.From) && at < ocpi.TimeOf(q.Next()) }
			if o.Key.Party != q.CPO || !in(since) && !in(o.Received) || q.Tariff != "" && o.Key.ID != q.Tariff || !q.Recipient.IsZero() && o.Variant != q.Recipient.String() {
				continue
			}
			step := settlement.TariffStep{Tariff: o.Identity(), Position: o.Position, Since: since, Received: o.Received, LastUpdated: o.LastUpdated, Sender: o.Sender, Withdrawn: o.Deleted, FirstOne: true}
			for j := range states {
				n := &states[j]
				if n.Identity() != o.Identity() {
					continue
				}
				if j < i {
					step.FirstOne, step.Before, step.BeforeUpdated, step.BeforeGone = false, n.Position, n.LastUpdated, n.Deleted
				} else if j > i {
					step.Until = sinceOf(n)
					break
				}
			}
			want = append(want, step)
		}
		slices.SortFunc(want, func(a, b settlement.TariffStep) int {
			return cmp.Or(cmp.Compare(a.Since, b.Since), strings.Compare(a.Tariff.Key.ID, b.Tariff.Key.ID), strings.Compare(a.Tariff.Variant, b.Tariff.Variant), cmp.Compare(a.Position.Offset, b.Position.Offset))
		})
		var got []settlement.TariffStep
		q.Limit = 7
		for {
			page, next, err := s.TariffSteps(t.Context(), q)
			if err != nil || len(page) > 7 {
				t.Fatalf("a page of %d: %v", len(page), err)
			}
			if got = append(got, page...); next == "" {
				break
			}
			q.After = next
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v (-want +got):\n%s", q, diff)
		}
	}
}

// CDRs are counted by the contents of the tariffs that priced them, when they began and who
// pays: held against all of them. Where there are more than are wanted, some of each come.
func TestChargedByAgainstAllCDRs(t *testing.T) {
	s := newStore(t)
	random := rand.New(rand.NewPCG(3, 4))
	var lines strings.Builder
	for i := range 400 {
		status := "priced 1.00/1.20"
		if i%11 == 0 {
			status = "rejected unknown_tariff"
		}
		fmt.Fprintf(&lines, "GB*%s NL*%s c%d 2019-0%d-%02d GBP 1.00/1.20 %s -\n", []string{"DUN", "DUN", "PKC"}[random.IntN(3)], []string{"EXW", "TNM"}[random.IntN(2)], i, 1+random.IntN(3), 1+random.IntN(28), status)
	}
	b := batchOf(t, 1, 10, lines.String())
	hashes := []string{strings.Repeat("a1", 32), strings.Repeat("b2", 32), strings.Repeat("c3", 32)}
	for i := range b.Rows {
		h := hashes[random.IntN(3)]
		if random.IntN(4) == 0 {
			h += "," + hashes[random.IntN(3)] // perhaps twice the same
		}
		b.Rows[i].Outcome.TariffHash = h
		b.Rows[i].Outcome.TariffSource = []string{"cdr", "store"}[random.IntN(2)]
	}
	write(t, s, b)
	write(t, s, b)
	cpo := ocpi.NewParty("GB", "DUN")
	at := func(month, day int) ocpi.Time {
		return ocpi.TimeOf(time.Date(2019, time.Month(month), day, 11, 0, 0, 0, time.UTC))
	}
	asked := []settlement.ChargedBy{
		{Hashes: hashes[:1], From: at(1, 1)}, {Hashes: hashes[:1], From: at(1, 10), Until: at(2, 5)}, {Hashes: hashes[1:2], Debtor: ocpi.NewParty("NL", "TNM"), From: at(2, 1)},
		{Hashes: hashes[1:3], From: at(2, 1), Until: at(3, 1)}, {Hashes: []string{"none"}, From: at(1, 1)},
	}
	for _, most := range []int{1000, 5} {
		counts, some, err := s.ChargedBy(t.Context(), cpo, asked, most)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]map[string]bool, len(asked))
		for _, c := range some {
			if got[c.Of] == nil {
				got[c.Of] = map[string]bool{}
			}
			got[c.Of][c.Key.ID+" "+c.Hash] = true
		}
		for n, a := range asked {
			want := map[string]bool{}
			for i := range b.Rows {
				r := &b.Rows[i]
				if r.Creditor != cpo || r.Outcome.Reason != "" || r.Start < a.From || a.Until.IsSet() && r.Start >= a.Until || !a.Debtor.IsZero() && r.Debtor != a.Debtor {
					continue
				}
				for h := range strings.SplitSeq(r.Outcome.TariffHash, ",") {
					if slices.Contains(a.Hashes, h) {
						want[r.Record.Key.ID+" "+h] = true
					}
				}
			}
			if counts[n] != uint64(len(want)) || len(got[n]) != min(most, len(want)) {
				t.Errorf("%+v: %d CDRs, %d of them, want %d", a, counts[n], len(got[n]), len(want))
			}
			for key := range got[n] {
				if !want[key] {
					t.Errorf("%+v: %s is none of them", a, key)
				}
			}
		}
	}

	// What they carry, with the first charge.
	q := settlement.RadarQuery{CPO: cpo, From: time.Date(2019, 2, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2019, 3, 31, 0, 0, 0, 0, time.UTC)}
	list, err := s.CarriedTariffs(t.Context(), q, 100)
	if err != nil {
		t.Fatal(err)
	}
	type carried struct {
		Count uint64
		First ocpi.Time
	}
	want, got := map[string]carried{}, map[string]carried{}
	for i := range b.Rows {
		r := &b.Rows[i]
		if r.Creditor != cpo || r.Outcome.Reason != "" || r.Outcome.TariffSource != "cdr" || r.Start < ocpi.TimeOf(q.From) {
			continue
		}
		c := want[r.Outcome.TariffHash]
		if c.Count++; c.Count == 1 || r.Start < c.First {
			c.First = r.Start
		}
		want[r.Outcome.TariffHash] = c
	}
	for i := range list {
		c := &list[i]
		got[strings.Join(c.Hashes, ",")] = carried{c.Count, c.First}
		at := slices.IndexFunc(b.Rows, func(r pricing.Row) bool { return r.Record.Position == c.At })
		if at < 0 || b.Rows[at].Record.Key != c.Key || b.Rows[at].Start != c.First || b.Rows[at].Debtor != c.Debtor {
			t.Errorf("%+v is none of the CDRs", c)
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("carried (-want +got):\n%s", diff)
	}
}
