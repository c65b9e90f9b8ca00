package statement_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// openBooks are drafts of CDRs that wait: each of one eMSP, by ids.
type openBooks struct {
	sync.Mutex
	waits    map[string]int // how many CDRs, by eMSP
	next     int64
	control  int64
	takes    time.Duration
	drawn    []string // which queries
	decided  []clearing.DecisionRecord
	accepted int // CDRs beside, of each
	handed   int // drafts
	fails    error
}

var cdrsOf0 = ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1}

func (b *openBooks) Standing(context.Context) (statement.Standing, error) {
	b.Lock()
	defer b.Unlock()
	return statement.Standing{CDRs: settlement.Ends{cdrsOf0: b.next}, Control: b.control}, nil
}

func (b *openBooks) DrawNow(ctx context.Context, q statement.Query, fn func(*statement.Draft) error) (statement.Standing, error) {
	at, _ := b.Standing(ctx)
	b.Lock()
	b.drawn = append(b.drawn, strings.TrimSpace(fmt.Sprintf("%s %s", q.CPO, q.EMSP)))
	waits := maps.Clone(b.waits)
	b.Unlock()
	time.Sleep(b.takes)
	if b.fails != nil {
		return at, b.fails
	}
	for _, name := range []string{"AT*EMP", "DE*BIG", "DE*EMP", "FR*EMP"} {
		emsp, _ := ocpi.ParseParty(name)
		if !q.EMSP.IsZero() && q.EMSP != emsp || !q.Party.IsZero() && q.Party != emsp {
			continue
		}
		d := &statement.Draft{Statement: statement.Statement{CPO: tnm, EMSP: emsp, Period: q.Period, Currency: "EUR"}}
		for i := range waits[name] + b.accepted {
			key := ocpi.Key{Party: tnm, ID: fmt.Sprint(name, i)}
			s := statement.Settled{Charge: &statement.Charge{Case: &clearing.Case{Key: key, Claimed: &clearing.Amount{Net: decimal.New(1, 0)}}, Booked: &settlement.BookedCDR{Key: key}}}
			if i < waits[name] {
				s.State = clearing.Held
			}
			d.Settled = append(d.Settled, s)
		}
		b.Lock()
		b.handed++
		b.Unlock()
		if err := fn(d); err != nil {
			return at, err
		}
		clear(d.Settled) // it is the callee's no longer
	}
	return at, nil
}

func (b *openBooks) Since(_ context.Context, from int64, fn func(*clearing.DecisionRecord) error) (int64, error) {
	b.Lock()
	decided, next := slices.Clone(b.decided), b.control
	b.Unlock()
	for i := range decided {
		if decided[i].Offset >= from {
			if err := fn(&decided[i]); err != nil {
				return 0, err
			}
		}
	}
	return next, nil
}

func (b *openBooks) draws() int {
	b.Lock()
	defer b.Unlock()
	return len(b.drawn)
}

// looks says what somebody sees: CDRs by eMSP, and whether more has come since.
func looks(t *testing.T, w *statement.Waiting, q statement.Query) string {
	t.Helper()
	var seen []string
	asOf, err := w.Draw(t.Context(), q, func(d *statement.Draft) error {
		for i := range d.Settled {
			if s := &d.Settled[i]; s.State != clearing.Held || s.Booked.Key != s.Key {
				t.Errorf("%s is not as it was: %+v", d.EMSP, s)
			}
		}
		seen = append(seen, fmt.Sprint(d.EMSP, " ", len(d.Settled)))
		return nil
	})
	if err != nil {
		return err.Error()
	}
	if asOf.Behind {
		seen = append(seen, "behind")
	}
	return strings.Join(seen, ", ")
}

func TestWhatWaitsIsDrawnAnewWhereThatIsQuick(t *testing.T) {
	b := &openBooks{waits: map[string]int{"DE*EMP": 2, "AT*EMP": 1}, accepted: 3}
	w := statement.NewWaiting(b, time.Now)
	all := statement.Query{Debtless: true}
	if got, want := looks(t, w, all), "AT*EMP 1, DE*EMP 2"; got != want {
		t.Errorf("first %s, want %s", got, want)
	}
	if looks(t, w, all); len(b.drawn) != 1 {
		t.Errorf("drawn %d times, nothing has changed", len(b.drawn))
	}
	b.waits["DE*EMP"], b.next = 3, 1
	if got, want := looks(t, w, all), "AT*EMP 1, DE*EMP 3"; got != want {
		t.Errorf("then %s, want %s", got, want)
	}
	emp, _ := ocpi.ParseParty("DE*EMP")
	if got, want := looks(t, w, statement.Query{Party: emp, Debtless: true}), "DE*EMP 3"; got != want {
		t.Errorf("of one %s, want %s", got, want)
	}
	b.fails = errors.New("the store is away")
	b.next = 2
	if got := looks(t, w, all); got != "the store is away" {
		t.Errorf("without a store %s", got)
	}
}

// Where it takes long, who looks again sees what was, with what was decided since, while
// it is drawn behind them.
func TestWhatWaitsIsKeptWhereItTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &openBooks{waits: map[string]int{"DE*EMP": 2, "AT*EMP": 1}, takes: 10 * time.Second}
		w := statement.NewWaiting(b, time.Now)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx, func(err error) { t.Error(err) }) }()
		all := statement.Query{Debtless: true}
		looks(t, w, all)
		b.Lock()
		b.waits["DE*EMP"], b.waits["FR*EMP"], b.next = 5, 4, 1
		b.Unlock()
		if got, want := looks(t, w, all), "AT*EMP 1, DE*EMP 2, behind"; got != want {
			t.Errorf("behind: %s, want %s", got, want)
		}
		emp, _ := ocpi.ParseParty("DE*EMP")
		b.Lock()
		b.waits["DE*EMP"], b.control = 1, 1
		b.decided = append(b.decided, clearing.DecisionRecord{NewDecision: clearing.NewDecision{Scope: clearing.Scope{CPO: tnm, EMSP: emp}}})
		b.Unlock()
		if got, want := looks(t, w, all), "AT*EMP 1, DE*EMP 1, behind"; got != want {
			t.Errorf("decided: %s, want %s", got, want)
		}
		time.Sleep(30 * time.Second)
		if got, want := looks(t, w, all), "AT*EMP 1, DE*EMP 1, FR*EMP 4"; got != want {
			t.Errorf("at last %s, want %s", got, want)
		}
		before := b.draws()
		for range 100 {
			b.Lock()
			b.next++
			b.Unlock()
			looks(t, w, all)
			time.Sleep(10 * time.Second)
		}
		if n := b.draws() - before; n > 11 {
			t.Errorf("drawn %d times in 1,000 seconds, 10 of each", n)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// What is too much to keep is drawn by who asks, and what nobody looked at for longest is
// dropped.
func TestWhatWaitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &openBooks{waits: map[string]int{"DE*EMP": 50_001}, takes: time.Second}
		w := statement.NewWaiting(b, time.Now)
		for range 3 {
			if got, want := looks(t, w, statement.Query{Debtless: true}), "DE*EMP 50001"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		if b.handed != 3+3*4 { // it was the third one that was too much
			t.Errorf("%d drafts were drawn for three looks at four, and to see once that it is too much", b.handed)
		}
		b.waits["DE*EMP"], b.drawn = 1, nil
		time.Sleep(11 * time.Minute)
		for range 3 {
			looks(t, w, statement.Query{Debtless: true})
		}
		if len(b.drawn) != 1 {
			t.Errorf("drawn %d times once it is few", len(b.drawn))
		}
		b.drawn = nil
		for m := range ocpi.Month(5) {
			looks(t, w, statement.Query{Period: 202601 + m, Debtless: true})
			time.Sleep(time.Second)
		}
		looks(t, w, statement.Query{Period: 202605, Debtless: true})
		if len(b.drawn) != 5 {
			t.Errorf("drawn %d times for five periods", len(b.drawn))
		}
		if looks(t, w, statement.Query{Period: 202601, Debtless: true}); len(b.drawn) != 6 {
			t.Error("a fifth period is kept")
		}
	})
}
