package statement_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/roamclear/roamclear/settlement/statement/statementtest"
)

// ask asks for a close, as finance.
func ask(t *testing.T, h *statementtest.House, period ocpi.Month, of ...string) (*clearing.Request, error) {
	t.Helper()
	r := closeOf(h, period, of...)
	r.Request = true
	result, err := h.Closer().Close(t.Context(), r)
	if err != nil || result.Request == nil {
		return nil, err
	}
	return result.Request, nil
}

func mustAsk(t *testing.T, h *statementtest.House, period ocpi.Month, of ...string) *clearing.Request {
	t.Helper()
	r, err := ask(t, h, period, of...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func approve(t *testing.T, h *statementtest.House, record int64, by string) error {
	t.Helper()
	_, err := h.Closer().Approve(t.Context(), statement.Approval{Record: record, By: by})
	return err
}

// What is asked for is written, told, and counts for nobody; approved, just that counts,
// by the cut of the request: what came since is of the next period.
func TestAnApproval(t *testing.T) {
	plain := threePairs()
	if _, err := plain.Closer().Close(t.Context(), closeOf(plain, 201906)); err != nil {
		t.Fatal(err)
	}
	h := threePairs()
	h.Agree(clearing.Scope{}, 201906, func(terms *clearing.Terms) { terms.FourEyes = true })
	if _, err := h.Closer().Close(t.Context(), closeOf(h, 201906)); err == nil || !strings.Contains(err.Error(), "period close 2019-06 --request") {
		t.Errorf("closed by one key alone: %v", err)
	}
	if attempts, _ := h.Books.Attempts(t.Context()); len(attempts) > 0 {
		t.Errorf("it was refused, and wrote: %v", attempts)
	}
	draft := open(t, h, 201906)
	r := mustAsk(t, h, 201906)
	if got := fmt.Sprintf("%d lines, %s EUR, %s SEK, %d of %s by %s", r.Lines, r.Net["EUR"], r.Net["SEK"], r.Statements[0].Count, r.Statements[0].CPO, r.By); got != "6 lines, 18.005 EUR, 70 SEK, 4 of NL*TNM by finance" {
		t.Error(got)
	}
	if diff := gocmp.Diff(draft, open(t, h, 201906)); diff != "" {
		t.Errorf("what is asked for counts: %s", diff)
	}
	p := prove(t, proverOf(h))
	if len(p.Faults) > 0 || p.Requests != 1 || p.RequestLines != 6 || p.Closes+p.Statements > 0 {
		t.Errorf("proved %+v", *p)
	}
	if err := approve(t, h, r.Offset, "finance"); err == nil || !strings.Contains(err.Error(), "another key has to approve it") {
		t.Errorf("who asks approves: %v", err)
	}
	late := booked("cdr", "C9", "ends", "2019-06-09T11:00:00Z", "claims", "1/1.21")
	late.Position.Offset, late.Version = int64(len(h.Books.CDRs)), 100
	h.Books.CDRs = append(h.Books.CDRs, late)
	for range 2 {
		if err := approve(t, h, r.Offset, "boss"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff(issued(t, plain), issued(t, h)); diff != "" {
		t.Errorf("approved is another thing than a close would have issued: %s", diff)
	}
	c := h.Closings[0]
	if c.By != "boss" || *c.Requested != (clearing.Requested{Record: r.Offset, By: "finance"}) || c.Control != r.Control {
		t.Errorf("%+v", c)
	}
	if diff := gocmp.Diff([]string{"AT*EMP EUR: cdr C5 5", "DE*EMP EUR: cdr C9 1"}, open(t, h, 201907)); diff != "" {
		t.Error(diff)
	}
	if p := prove(t, proverOf(h)); len(p.Faults) > 0 || p.Requests != 0 || p.Again != 4 {
		t.Errorf("proved %+v", *p)
	}
}

// open are the drafts of a period as a close now would issue them.
func open(t *testing.T, h *statementtest.House, period ocpi.Month) (list []string) {
	t.Helper()
	for _, d := range draftsOf(t, h.Books, h.Agreed(h.Next), statement.Query{Period: period, Below: h.Ends()}) {
		list = append(list, strings.Replace(d, period.String()+" ", "", 1))
	}
	return list
}

// What was changed since it was asked for has to be asked for again; what nobody can
// approve any more is swept.
func TestAnApprovalThatComesTooLate(t *testing.T) {
	de := clearing.Scope{CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("DE", "EMP")}
	for _, c := range []struct {
		title  string
		change func(*testing.T, *statementtest.House)
		want   string
	}{
		{"a decision", func(_ *testing.T, h *statementtest.House) {
			h.Decide(ocpi.NewKey("NL", "TNM", "C2"), &clearing.Decision{Act: clearing.RejectIt})
		}, "CDRs of the house were decided on meanwhile, by control record 1: ask for the close of 2019-06 of the house again"},
		{"an agreement", func(_ *testing.T, h *statementtest.House) {
			h.Agree(de, 201906, func(terms *clearing.Terms) { terms.Owed = clearing.OwedLower })
		}, "the agreement of NL*TNM → DE*EMP was changed meanwhile, by control record 1: ask for the close of 2019-06 of the house again"},
		{"a close of one pair", func(t *testing.T, h *statementtest.House) {
			if _, err := h.Closer().Close(t.Context(), closeOf(h, 201906, "NL*TNM", "DE*EMP")); err != nil {
				t.Fatal(err)
			}
		}, "NL*TNM → DE*EMP was closed meanwhile, by control record 1: ask for the close of 2019-06 of the house again"},
		{"another request", func(t *testing.T, h *statementtest.House) { mustAsk(t, h, 201906) },
			"another close of the house was asked for meanwhile, by control record 1: that is the one to approve"},
		{"a line is lost", func(t *testing.T, h *statementtest.House) {
			if err := h.Books.Sweep(t.Context(), []clearing.Attempt{h.Requests[0].Attempt}); err != nil {
				t.Fatal(err)
			}
		}, "the store does not have what control record 0 asks for as it was written: ask for the close of 2019-06 of the house again: "},
	} {
		t.Run(c.title, func(t *testing.T) {
			h := threePairs()
			r := mustAsk(t, h, 201906)
			c.change(t, h)
			if err := approve(t, h, r.Offset, "boss"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
			if _, counts := issued(t, h)["2019-06 NL*TNM FR*OTH EUR 4"]; counts {
				t.Error("it counts")
			}
			again := mustAsk(t, h, 201906)
			if err := approve(t, h, again.Offset, "boss"); err != nil {
				t.Fatal(err)
			}
			gapless(t, h)
			if p := prove(t, proverOf(h)); len(p.Faults) > 0 {
				t.Errorf("%q", p.Faults)
			}
			if _, err := h.Closer().Close(t.Context(), closeOf(h, 201907)); err != nil {
				t.Fatal(err)
			}
			swept(t, h)
		})
	}
}

// A request that waits is spared by closes of others, and one of which a line is lost is
// told by the proof.
func TestARequestThatWaits(t *testing.T) {
	h := threePairs()
	r := mustAsk(t, h, 201906, "NL*TNM", "DE*EMP")
	if _, err := h.Closer().Close(t.Context(), closeOf(h, 201906, "NL*TNM", "FR*OTH")); err != nil {
		t.Fatal(err)
	}
	mustAsk(t, h, 201906, "NL*TNM", "AT*EMP")
	if attempts, _ := h.Books.Attempts(t.Context()); len(attempts) != 3 {
		t.Errorf("attempts: %v", attempts)
	}
	if p := prove(t, proverOf(h)); len(p.Faults) > 0 || p.Requests != 2 || p.RequestLines != 5 {
		t.Errorf("proved %+v", *p)
	}
	unissued := proverOf(h)
	unissued.Books = &damaged{Books: h.Books, issued: func(c *statement.IssuedCDR) bool { return c.Key.ID != "C2" }}
	if proof := prove(t, unissued); len(proof.Faults) == 0 || !strings.Contains(proof.Faults[0], "cannot be approved: not what was written: NL*TNM*C2 has a line to DE*EMP in EUR, and does not count as issued") {
		t.Errorf("%q", proof.Faults)
	}
	closer := h.Closer()
	closer.Books = unissued.Books
	if _, err := closer.Approve(t.Context(), statement.Approval{Record: r.Offset, By: "boss"}); err == nil || !strings.Contains(err.Error(), "does not count as issued") {
		t.Error(err)
	}
	losing := losing{h.Books, true}
	p := proverOf(h)
	p.Issues = losing
	proof := prove(t, p)
	if len(proof.Faults) == 0 || !strings.Contains(strings.Join(proof.Faults, "\n"), "the request to close 2019-06 of NL*TNM → DE*EMP (control record 0) cannot be approved: ") {
		t.Errorf("%q", proof.Faults)
	}
	if err := approve(t, h, r.Offset, "boss"); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]string{"2019-06 NL*TNM DE*EMP EUR 2", "2019-06 NL*TNM DE*EMP SEK 3", "2019-06 NL*TNM FR*OTH EUR 1"}, names(issued(t, h))); diff != "" {
		t.Error(diff)
	}
}

// A request or an approval that dies, at whatever step and whether it was done or not, has
// done all or nothing; asked again and approved, the same is closed as if nothing had been.
func TestAnApprovalThatDies(t *testing.T) {
	twice := func(h *statementtest.House) error {
		r, err := ask(t, h, 201906)
		if err != nil {
			return err
		}
		return approve(t, h, r.Offset, "boss")
	}
	whole := threePairs()
	var steps atomic.Int64
	count := func(string) error { steps.Add(1); return nil }
	whole.Books.Step, whole.Books.Done = count, count
	if err := twice(whole); err != nil {
		t.Fatal(err)
	}
	whole.Books.Step, whole.Books.Done = nil, nil
	want := issued(t, whole)
	killed := errors.New("killed")
	asked, closed := 0, 0
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
		if err := twice(h); !errors.Is(err, killed) {
			t.Fatalf("step %d: %v", n, err)
		}
		h.Books.Step, h.Books.Done = nil, nil
		if p := prove(t, proverOf(h)); len(p.Faults) > 0 || p.Requests+p.Closes != min(len(h.Requests), 1) {
			t.Fatalf("step %d: proved %+v", n, *p)
		}
		switch {
		case len(h.Closings) > 0:
			closed++
		case len(h.Requests) > 0 && n%2 == 0: // it waits still
			asked++
			if err := approve(t, h, h.Requests[0].Offset, "boss"); err != nil {
				t.Fatalf("step %d: %v", n, err)
			}
		default:
			if err := twice(h); err != nil {
				t.Fatalf("step %d: %v", n, err)
			}
		}
		if diff := gocmp.Diff(want, issued(t, h)); diff != "" {
			t.Fatalf("step %d: %s", n, diff)
		}
		if _, err := h.Closer().Close(t.Context(), closeOf(h, 201907)); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
		swept(t, h)
	}
	if closed != 1 || asked == 0 {
		t.Errorf("of %d kills %d came after the record, %d after that of the request", steps.Load(), closed, asked)
	}
}

// What is changed while it is drawn, decisions too, has it drawn anew before it is asked for.
func TestWhatIsDecidedWhileACloseIsAskedFor(t *testing.T) {
	h := threePairs()
	once := true
	h.Books.Step = func(step string) error {
		if step == "ask" && once {
			once = false
			h.Decide(ocpi.NewKey("NL", "TNM", "C2"), &clearing.Decision{Act: clearing.RejectIt})
		}
		return nil
	}
	r := mustAsk(t, h, 201906)
	if r.Lines != 5 || r.Control != 1 {
		t.Errorf("%d lines as of control record %d", r.Lines, r.Control)
	}
	if err := approve(t, h, r.Offset, "boss"); err != nil {
		t.Error(err)
	}
}
