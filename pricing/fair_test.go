package pricing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// slow takes a second to say where a heavy sender's CDRs were charged.
type slow struct {
	inputs
	heavy string // id of its Location
}

func (s slow) Zone(location ocpi.Key, country string, start ocpi.Time, below int64) (string, string) {
	if location.ID == s.heavy {
		time.Sleep(time.Second)
	}
	return s.inputs.Zone(location, country, start, below)
}

// A sender whose CDRs take long to price keeps nobody waiting but itself, and
// how far it got is committed again and again.
func TestOneSendersCostlyCDRsKeepNobodyElseWaiting(t *testing.T) {
	const costly, cheap = 20, 5
	var bodies []string
	for i := range costly + cheap {
		bodies = append(bodies, cdr(fmt.Sprint(i), "EXW", tariff, `{"excl_vat":5}`))
	}
	all := records(bodies...)
	for i := range all {
		all[i].Sender = "cheap"
		if i < costly {
			all[i].Sender = "costly"
			all[i].Body = []byte(strings.Replace(bodies[i], `"id":"L1"`, `"id":"HEAVY"`, 1))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		began := time.Now()
		var visible time.Duration // when the cheap ones were all stored
		p := &partition{records: all, next: -1}
		s := &store{want: len(all), rows: map[int64]pricing.Row{}, done: cancel}
		s.seen = func() {
			if _, ok := s.rows[int64(len(all)-1)]; ok && visible == 0 {
				visible = time.Since(began)
			}
		}
		if err := drain(s, slow{heavy: "HEAVY"}).Run(ctx, p); err != nil {
			t.Fatal(err)
		}
		if visible == 0 || visible > 5*time.Second {
			t.Errorf("the others' CDRs were stored after %s, want within 5 s", visible)
		}
		if p.commits < 5 || p.next != int64(len(all)) || s.next != int64(len(all)) {
			t.Errorf("%d commits up to %d, checkpoint %d; want one every 2 s, and all %d", p.commits, p.next, s.next, len(all))
		}
	})
}

// What comes of a turn is bounded, whatever its explanations come to.
func TestABatchIsBoundedByWhatComesOfIt(t *testing.T) {
	big := make([]ingest.Record, 100)
	for i := range big {
		big[i] = records(cdr(fmt.Sprint(i), "EXW", tariff, `{"excl_vat":5}`))[0]
		big[i].Offset = int64(i)
		big[i].Body = append(big[i].Body, make([]byte, 1<<20)...) // white space would do as well
		for j := len(big[i].Body) - 1<<20; j < len(big[i].Body); j++ {
			big[i].Body[j] = ' '
		}
	}
	p, s := &partition{records: big, next: -1}, &store{want: len(big)}
	if err := run(t, p, s, inputs{}); err != nil {
		t.Fatal(err)
	}
	if s.largest > 33<<20 {
		t.Errorf("a batch holds %d MiB of bodies, want at most 32 and one", s.largest>>20)
	}
}

// A row that the store cannot take is stored as a reject that says so, and
// its neighbours as they are.
func TestARowThatCannotBeStoredIsIsolated(t *testing.T) {
	body := cdr("a", "EXW", tariff, `{"excl_vat":5.00,"incl_vat":6.00}`)
	p, s := &partition{records: records(body, body, body), next: -1}, &store{want: 3}
	s.refuse = func(r *pricing.Row) error {
		if r.Record.Offset == 1 && len(r.Outcome.Explanation) > 0 {
			return errors.New("value out of range")
		}
		return nil
	}
	if err := run(t, p, s, inputs{}); err != nil {
		t.Fatal(err)
	}
	for offset, row := range s.rows {
		o := &row.Outcome
		want, reason := pricing.Priced, ""
		if offset == 1 {
			want, reason = pricing.Rejected, pricing.ReasonUnstorable
		}
		if o.Status != want || o.Reason != reason || o.Claimed.Excl.String() != "5.00" {
			t.Errorf("record %d: %s %s claimed %s, want %s %s", offset, o.Status, o.Reason, o.Claimed.Excl, want, reason)
		}
	}
	if p.next != 3 {
		t.Errorf("committed %d, want 3", p.next)
	}
}
