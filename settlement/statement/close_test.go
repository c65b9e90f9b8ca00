package statement_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/roamclear/roamclear/settlement/statement/statementtest"
)

// house is an installation with CDRs, of which settlement begins with 2019-06.
func house(cdrs ...settlement.BookedCDR) *statementtest.House {
	h := &statementtest.House{Books: &statementtest.Books{CDRs: cdrs}, Begun: 201905}
	for i := range h.Books.CDRs {
		c := &h.Books.CDRs[i]
		c.Position.Offset, c.Version = int64(i), uint64(i+1)
	}
	return h
}

// threePairs are CDRs of three pairs, with a credit, and one that nobody is known to pay.
func threePairs() *statementtest.House {
	return house(
		booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7/8.47"), booked("cdr", "C2", "ends", "2019-06-07T11:00:00Z", "claims", "8.005/9.69"),
		booked("cdr", "K1", "ends", "2019-06-08T11:00:00Z", "claims", "-7/-8.47", "credits", "C1"),
		booked("cdr", "C3", "ends", "2019-06-09T11:00:00Z", "claims", "70", "currency", "SEK"),
		booked("cdr", "C4", "ends", "2019-06-09T11:00:00Z", "claims", "4/5", "emsp", "AT*EMP"), booked("cdr", "C5", "ends", "2019-07-09T11:00:00Z", "claims", "5/6", "emsp", "AT*EMP"),
		booked("cdr", "C6", "ends", "2019-06-09T11:00:00Z", "claims", "6/7", "emsp", "FR*OTH"),
	)
}

func closeOf(h *statementtest.House, period ocpi.Month, of ...string) statement.CloseRequest {
	r := statement.CloseRequest{Period: period, By: "finance", Now: instant("2030-01-01T00:00:00Z")}
	if len(of) == 2 {
		r.Scope.CPO, _ = ocpi.ParseParty(of[0])
		r.Scope.EMSP, _ = ocpi.ParseParty(of[1])
	}
	return r
}

// tb is a test, also one of rapid's.
type tb interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

// issued are all statements that count, as they are exported: "2019-06 AT*EMP EUR 1" and
// the bytes.
func issued(t tb, h *statementtest.House) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, c := range h.Closings {
		err := statement.ReadIssued(context.Background(), h.Books, statement.IssueQuery{Period: c.Period}, []uint64{c.ID}, func(i *statement.Issue, s *statement.Statement) error {
			number, ok := c.Number(i.CPO, i.Rank)
			if !ok {
				return fmt.Errorf("rank %d of %s has no number", i.Rank, i.CPO)
			}
			var b bytes.Buffer
			if _, err := s.WriteTo(&b); err != nil {
				return err
			}
			name := fmt.Sprintf("%s %s %s %s %d", i.Period, i.CPO, i.EMSP, i.Currency, number)
			if _, twice := all[name]; twice {
				return fmt.Errorf("%s is there twice", name)
			}
			all[name] = b.String()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func names(statements map[string]string) (list []string) {
	for name := range statements {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func TestAClose(t *testing.T) {
	h := threePairs()
	var stages []statement.CloseStage
	r := closeOf(h, 201906)
	r.Told = func(p statement.CloseProgress) {
		if len(stages) == 0 || stages[len(stages)-1] != p.Stage {
			stages = append(stages, p.Stage)
		}
	}
	result, err := h.Closer().Close(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]string{"2019-06 NL*TNM AT*EMP EUR 1", "2019-06 NL*TNM DE*EMP EUR 2", "2019-06 NL*TNM DE*EMP SEK 3", "2019-06 NL*TNM FR*OTH EUR 4"}, names(issued(t, h))); diff != "" {
		t.Error(diff)
	}
	c := result.Closing
	if got := fmt.Sprintf("%d lines, %s EUR, %s SEK, %d of %s by %s", c.Lines, c.Net["EUR"], c.Net["SEK"], c.Statements[0].Count, c.Statements[0].CPO, c.By); got != "6 lines, 18.005 EUR, 70 SEK, 4 of NL*TNM by finance" {
		t.Error(got)
	}
	if diff := gocmp.Diff([]statement.CloseStage{"drawing", "writing", "reading back", "appending"}, stages); diff != "" {
		t.Error(diff)
	}
	again, err := h.Closer().Close(t.Context(), r)
	if err != nil || again.Already == nil || again.Already.Error() != "2019-06 is closed for the house already" {
		t.Errorf("again: %+v, %v", again, err)
	}
	if attempts, _ := h.Books.Attempts(t.Context()); len(attempts) != 1 {
		t.Errorf("attempts: %v", attempts)
	}
}

// What stands against a close is said, and nothing is written.
func TestAPeriodThatCannotBeClosed(t *testing.T) {
	held := func() *statementtest.House {
		return house(booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "emsp", ""), booked("cdr", "C2", "ends", "2019-06-07T11:00:00Z", "claims", "8"),
			booked("cdr", "K1", "ends", "2019-06-05T11:00:00Z", "claims", "-7", "credits", "N1"), booked("cdr", "K2", "ends", "2019-06-05T11:00:00Z", "claims", "-2", "credits", "N2"))
	}
	carry := func(terms *clearing.Terms) { terms.Undecided = clearing.UndecidedCarry }
	pack := func(terms *clearing.Terms) { terms.Pack = "none of this name" }
	newYork := func(terms *clearing.Terms) { terms.Zone = zoneOf("America/New_York") }
	de := clearing.Scope{CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("DE", "EMP")}
	for _, c := range []struct {
		title string
		house *statementtest.House
		with  func(*statementtest.House, *statement.CloseRequest)
		want  string
	}{
		{"what is held", held(), nil, "close 2019-06 of the house: 3 CDRs are held: decide about them (roamclear queue lists them all), or close with --undecided carry"},
		{"of one pair, whose agreement carries it", held(), func(h *statementtest.House, r *statement.CloseRequest) { h.Agree(de, 201906, carry) },
			"close 2019-06 of the house: 1 CDRs are held: decide about them (roamclear queue lists them all), or close with --undecided carry"},
		{"carried where asked to", held(), func(h *statementtest.House, r *statement.CloseRequest) { r.Carry = true }, "carried credit_orphan DE*EMP 2 -9, unknown_debtor * 1 7"},
		{"it has not ended", threePairs(), func(h *statementtest.House, r *statement.CloseRequest) { r.Now = instant("2019-06-30T23:59:59Z") },
			"close 2019-06 of the house: 2019-06 has not ended yet: it ends with the month in UTC"},
		{"it has just ended", threePairs(), func(h *statementtest.House, r *statement.CloseRequest) { r.Now = instant("2019-07-01T00:00:00Z") }, "closed"},
		{"for one pair it has not", threePairs(), func(h *statementtest.House, r *statement.CloseRequest) {
			h.Agree(de, 201906, newYork)
			r.Now = instant("2019-07-01T03:59:59Z")
		}, "close 2019-06 of the house: 2019-06 has not ended yet for NL*TNM and DE*EMP: it ends with the month in America/New_York"},
		{"an agreement does not hold together", threePairs(), func(h *statementtest.House, r *statement.CloseRequest) { h.Agree(de, 201906, pack) },
			`close 2019-06 of the house: there is no statement of NL*TNM to DE*EMP in EUR: agreement of NL*TNM and DE*EMP for 2019-06: pack: there is no pack "none of this name"`},
		{"it is settled elsewhere", threePairs(), func(h *statementtest.House, r *statement.CloseRequest) { r.Period = 201905 },
			"close 2019-05 of the house: the settlement of the house begins with 2019-06: 2019-05 is settled elsewhere"},
	} {
		t.Run(c.title, func(t *testing.T) {
			r := closeOf(c.house, 201906)
			if c.with != nil {
				c.with(c.house, &r)
			}
			result, err := c.house.Closer().Close(t.Context(), r)
			got := "closed"
			switch {
			case err != nil:
				got = err.Error()
			case len(result.Carried) > 0:
				var list []string
				for _, u := range result.Carried {
					list = append(list, fmt.Sprintf("%s %s %d %s", u.Ground, u.EMSP, u.Count, u.Claimed))
				}
				got = "carried " + strings.Join(list, ", ")
			}
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("%s\nwant %s", got, c.want)
			}
			if attempts, _ := c.house.Books.Attempts(t.Context()); err != nil && len(attempts) > 0 {
				t.Errorf("it was refused, and wrote: %v", attempts)
			}
		})
	}
}

func TestUndecidedIsListed(t *testing.T) {
	h := house(booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "7", "emsp", ""), booked("cdr", "K1", "ends", "2019-06-05T11:00:00Z", "claims", "-7", "credits", "N1"))
	_, err := h.Closer().Close(t.Context(), closeOf(h, 201906))
	refused, ok := errors.AsType[*statement.UndecidedError](err)
	if !ok || len(refused.List) != 2 || refused.Count != 2 || refused.List[0].Ground != "credit_orphan" || refused.List[1].Ground != "unknown_debtor" || refused.Claimed["EUR"].String() != "0" {
		t.Errorf("%+v, %v", refused, err)
	}
}

// Whatever is changed while a close is computed, it is computed again by what holds then;
// three times.
func TestWhatIsChangedMeanwhile(t *testing.T) {
	de := clearing.Scope{CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("DE", "EMP")}
	lower := func(terms *clearing.Terms) { terms.Owed = clearing.OwedLower }
	for _, c := range []struct {
		title   string
		changes int // how often
		change  func(*testing.T, *statementtest.House)
		want    string
	}{
		{"an agreement", 1, func(_ *testing.T, h *statementtest.House) { h.Agree(de, 201906, lower) }, "4 statements"},
		{"twice", 2, func(_ *testing.T, h *statementtest.House) { h.Agree(de, 201906, lower) }, "4 statements"},
		{"again and again", 3, func(_ *testing.T, h *statementtest.House) { h.Agree(de, 201906, lower) },
			"close 2019-06 of the house: the agreement of NL*TNM → DE*EMP was changed meanwhile, by control record 2: close 2019-06 of the house again"},
		{"one pair is closed by another", 1, func(t *testing.T, h *statementtest.House) {
			if _, err := h.Closer().Close(t.Context(), closeOf(h, 201906, "NL*TNM", "DE*EMP")); err != nil {
				t.Error(err)
			}
		}, "2 statements"},
		{"the very same is closed by another", 1, func(t *testing.T, h *statementtest.House) {
			if _, err := h.Closer().Close(t.Context(), closeOf(h, 201906)); err != nil {
				t.Error(err)
			}
		}, "4 statements"},
		{"a decision comes too late", 1, func(_ *testing.T, h *statementtest.House) {
			h.Decide(ocpi.NewKey("NL", "TNM", "C2"), &clearing.Decision{Act: clearing.RejectIt})
		}, "4 statements"},
		{"a CDR is priced again", 1, func(_ *testing.T, h *statementtest.House) {
			h.Books.CDRs[1].Claimed.Excl, h.Books.CDRs[1].Version = ocpi.MustNumber("9"), 99
		}, "4 statements"},
	} {
		t.Run(c.title, func(t *testing.T) {
			h := threePairs()
			left := c.changes
			h.Books.Step = func(step string) error {
				if step == "begin" && left > 0 {
					left--
					was := h.Books.Step
					h.Books.Step = nil
					c.change(t, h)
					h.Books.Step = was
				}
				return nil
			}
			result, err := h.Closer().Close(t.Context(), closeOf(h, 201906))
			got := ""
			switch {
			case err != nil:
				got = err.Error()
			case result.Already != nil:
				got = result.Already.Error()
			default:
				got = fmt.Sprintf("%d statements", result.Closing.Statements[0].Count)
			}
			if got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
			h.Books.Step = nil
			gapless(t, h)
			if _, err := h.Closer().Close(t.Context(), closeOf(h, 201907)); err != nil {
				t.Fatal(err)
			}
			swept(t, h)
		})
	}
}

// swept makes sure that only what counts is kept.
func swept(t tb, h *statementtest.House) {
	t.Helper()
	attempts, err := h.Books.Attempts(context.Background())
	if err != nil || len(attempts) != len(h.Closings) {
		t.Errorf("%d attempts are kept, %d count: %v", len(attempts), len(h.Closings), err)
	}
}

// gapless makes sure that the statements of each creditor have the numbers from 1 on.
func gapless(t tb, h *statementtest.House) {
	t.Helper()
	next := map[string]int{}
	for name := range issued(t, h) {
		next[strings.Fields(name)[1]]++
	}
	for name := range issued(t, h) {
		words := strings.Fields(name)
		var n int
		if _, err := fmt.Sscan(words[4], &n); err != nil || n < 1 || n > next[words[1]] {
			t.Errorf("of %d statements %s", next[words[1]], name)
		}
	}
}

// A close that dies, at whatever step and whether it was done or not, has closed all or
// nothing; the next one is the same as if nothing had been.
func TestACloseThatDies(t *testing.T) {
	whole := threePairs()
	var steps atomic.Int64
	count := func(string) error { steps.Add(1); return nil }
	whole.Books.Step, whole.Books.Done = count, count
	if _, err := whole.Closer().Close(t.Context(), closeOf(whole, 201906)); err != nil {
		t.Fatal(err)
	}
	whole.Books.Step = nil
	want := issued(t, whole)
	killed := errors.New("killed")
	closed := 0
	for n := range steps.Load() {
		h := threePairs()
		var did atomic.Int64
		die := func(string) error {
			if did.Add(1) > n {
				return killed
			}
			return nil
		}
		h.Books.Step, h.Books.Done = die, die
		if _, err := h.Closer().Close(t.Context(), closeOf(h, 201906)); !errors.Is(err, killed) {
			t.Fatalf("step %d: %v", n, err)
		}
		h.Books.Step, h.Books.Done = nil, nil
		if len(h.Closings) > 0 {
			closed++
		}
		if n%2 == 0 { // another record came, so that the next attempt is another one
			h.Decide(ocpi.NewKey("NL", "TNM", "none"), &clearing.Decision{Act: clearing.RejectIt})
		}
		if _, err := h.Closer().Close(t.Context(), closeOf(h, 201906)); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
		if diff := gocmp.Diff(want, issued(t, h)); diff != "" {
			t.Fatalf("step %d: %s", n, diff)
		}
		if _, err := h.Closer().Close(t.Context(), closeOf(h, 201907)); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
		if got := names(issued(t, h)); got[len(got)-1] != "2019-07 NL*TNM AT*EMP EUR 5" {
			t.Fatalf("step %d: %v", n, got)
		}
		swept(t, h)
	}
	if closed != 1 {
		t.Errorf("%d of %d kills came after the record", closed, steps.Load())
	}
}

// What a dead close wrote is never mixed with what the next one writes, though both rest
// on the same records: a CDR went to another pair between them, by a price that was
// computed anew.
func TestWhatADeadCloseLeft(t *testing.T) {
	h := threePairs()
	killed := errors.New("killed")
	h.Books.Step = func(step string) error {
		if step == "append" {
			return killed
		}
		return nil
	}
	if _, err := h.Closer().Close(t.Context(), closeOf(h, 201906)); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	h.Books.Step = nil
	h.Books.CDRs[6].EMSP, h.Books.CDRs[6].Version = ocpi.NewParty("AT", "EMP"), 99
	if _, err := h.Closer().Close(t.Context(), closeOf(h, 201906)); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]string{"2019-06 NL*TNM AT*EMP EUR 1", "2019-06 NL*TNM DE*EMP EUR 2", "2019-06 NL*TNM DE*EMP SEK 3"}, names(issued(t, h))); diff != "" {
		t.Error(diff)
	}
}

// What the store does not have as it was written never counts, and is never told as a
// statement.
func TestAStoreThatLosesSomething(t *testing.T) {
	h := threePairs()
	for _, c := range []struct {
		title string
		books statement.IssueStore
		want  string
	}{
		{"a line", losing{h.Books, true}, "it has 2 lines, and had 3"},
		{"a bit", flipping{h.Books}, "its SHA-256 is"},
		{"a statement", losing{h.Books, false}, "it has lines, such as that of NL*TNM*C4, and no head"},
	} {
		t.Run(c.title, func(t *testing.T) {
			closer := h.Closer()
			closer.Issues = c.books
			_, err := closer.Close(t.Context(), closeOf(h, 201906))
			if damaged, ok := errors.AsType[*statement.DamagedError](err); !ok || !strings.Contains(damaged.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
			if len(h.Closings) > 0 {
				t.Error("it is closed")
			}
		})
	}
}

// losing loses the first line of each statement, or all heads.
type losing struct {
	*statementtest.Books
	line bool
}

func (l losing) Lines(ctx context.Context, q statement.IssueQuery, attempts []uint64, fn func(*statement.IssuedLine) error) error {
	return l.Books.Lines(ctx, q, attempts, func(line *statement.IssuedLine) error {
		if l.line && line.Key.ID == "C2" {
			return nil
		}
		return fn(line)
	})
}

func (l losing) Issues(ctx context.Context, q statement.IssueQuery, attempts []uint64, fn func(*statement.Issue) error) error {
	if !l.line {
		return nil
	}
	return l.Books.Issues(ctx, q, attempts, fn)
}

// flipping says of one line that it is of another net.
type flipping struct{ *statementtest.Books }

func (f flipping) Lines(ctx context.Context, q statement.IssueQuery, attempts []uint64, fn func(*statement.IssuedLine) error) error {
	return f.Books.Lines(ctx, q, attempts, func(line *statement.IssuedLine) error {
		if line.Key.ID == "C6" {
			line.Line.Net = dec("6.000000000001")
		}
		return fn(line)
	})
}

// A credit that leaves the pair gives back what it took; what another credit of the same
// CDR could not take then, it takes now.
func TestACreditThatLeavesMakesRoomForOthers(t *testing.T) {
	h := house(
		booked("cdr", "C1", "ends", "2019-06-05T11:00:00Z", "claims", "10"), booked("cdr", "K1", "ends", "2019-06-08T11:00:00Z", "claims", "-6", "credits", "C1"),
		booked("cdr", "K2", "ends", "2019-06-09T11:00:00Z", "claims", "-6", "credits", "C1"),
	)
	if _, err := h.Closer().Close(t.Context(), closeOf(h, 201906)); err != nil {
		t.Fatal(err)
	}
	k1 := cdrOf(h, "K1")
	k1.Currency, k1.Version = "SEK", 99
	var got []string
	d := statement.Drawer{Books: h.Books, Agreed: h.Agreed(h.Next)}
	err := d.Draw(t.Context(), statement.Query{Period: 201907, Below: h.Ends()}, func(d *statement.Draft) error {
		for _, l := range d.Lines {
			got = append(got, fmt.Sprint(d.Currency, " ", l.CDR, " ", l.Kind, " ", l.Net))
		}
		return nil
	})
	if diff := gocmp.Diff([]string{"EUR NL*TNM*K1 correction 6", "EUR NL*TNM*K2 correction -2"}, got); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
}

// waiting is a house whose close waits until all is priced.
type waiting struct {
	*statementtest.House
	wait func()
}

func (w waiting) Reach(ctx context.Context, cut statement.Cut, lags func(string)) error {
	w.wait()
	return w.House.Reach(ctx, cut, lags)
}

// A close takes its turn among those who draw once it has something to read: while it waits
// for what is to be priced, others draw.
func TestACloseThatWaitsHoldsNoTurn(t *testing.T) {
	h, held, turns := threePairs(), false, 0
	c := h.Closer()
	c.Logs = waiting{h, func() {
		if held {
			t.Error("it holds a turn while it waits")
		}
	}}
	c.Turn = func(context.Context) (func(), error) {
		held, turns = true, turns+1
		return func() { held = false }, nil
	}
	r := closeOf(h, 201906)
	r.Carry = true
	if _, err := c.Close(t.Context(), r); err != nil || held || turns != 1 {
		t.Errorf("%v; held %v after %d turns", err, held, turns)
	}
	full := errors.New("it was cut off")
	c.Turn = func(context.Context) (func(), error) { return nil, full }
	r.Period = 201907
	if _, err := c.Close(t.Context(), r); !errors.Is(err, full) {
		t.Errorf("without a turn: %v", err)
	}
}

// Who it is said of that a period has not ended is told in the words of who was named.
func TestNotEndedSaysForWhom(t *testing.T) {
	cpo, emsp := ocpi.NewParty("NL", "TNM"), ocpi.NewParty("DE", "EMP")
	for _, tc := range []struct {
		cpo, emsp ocpi.Party
		want      string
	}{
		{ocpi.Party{}, ocpi.Party{}, "2019-06 has not ended yet: it ends with the month in UTC"},
		{cpo, emsp, "2019-06 has not ended yet for NL*TNM and DE*EMP: it ends with the month in UTC"},
		{cpo, ocpi.Party{}, "2019-06 has not ended yet for NL*TNM as CPO: it ends with the month in UTC"},
		{ocpi.Party{}, emsp, "2019-06 has not ended yet for DE*EMP as eMSP: it ends with the month in UTC"},
	} {
		if got := (&statement.EndedError{CPO: tc.cpo, EMSP: tc.emsp, Period: 201906, Zone: "UTC"}).Error(); got != tc.want {
			t.Errorf("%s, want %s", got, tc.want)
		}
	}
}
