package clearing_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// creditors reads "NL*TNM:3 NL*XYZ:1".
func creditors(t testing.TB, text string) (list []clearing.Creditor) {
	t.Helper()
	for _, one := range strings.Fields(text) {
		cpo, count, _ := strings.Cut(one, ":")
		var c clearing.Creditor
		c.CPO, _ = ocpi.ParseParty(cpo)
		if _, err := fmt.Sscan(count, &c.Count); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

func closing(t testing.TB, id uint64, of, period string, control int64, statements string) clearing.NewClosing {
	t.Helper()
	return clearing.NewClosing{
		Attempt:   clearing.Attempt{ID: id, Scope: scope(t, of), Period: month(t, period), Control: control},
		Cut:       settlement.Ends{{Topic: ingest.TopicCDRs, Number: 1}: 7, {Topic: ingest.TopicCDRs}: 5},
		Reference: 12, Lines: 9, Net: map[string]decimal.Decimal{"EUR": decimal.RequireFromString("12.5"), "CHF": decimal.New(-3, 0)},
		Statements: creditors(t, statements), Root: sha256.Sum256([]byte(of)), By: clearing.ByLocal,
	}
}

// Each step is one record; a close has looked at all before it but where it says less.
func TestPeriodsAreClosedOnce(t *testing.T) {
	ctx, d := t.Context(), newDesk(t, ingesttest.NewLog(1)) // in June 2026
	for i, c := range []struct{ do, of, month, want string }{
		{"begin", "house", "2026-02", ""},
		{"close", "house", "2026-01", "the settlement of the house begins with 2026-02: 2026-01 is settled elsewhere"},
		{"close", "house", "2026-06", "2026-06 has not ended yet"},
		{"close", "NL*TNM DE*EMP", "2026-03", ""},
		{"close", "NL*TNM DE*EMP", "2026-03", "2026-03 is closed for NL*TNM → DE*EMP already"},
		{"close", "NL*TNM DE*EMP", "2026-02", "NL*TNM → DE*EMP is closed through 2026-03, and 2026-02 with it: what comes late is settled from 2026-04 on"},
		{"close", "NL*TNM -", "2026-02", ""}, // wider than the pair, which has no line in it
		{"agree", "NL*TNM -", "2026-03", "NL*TNM → DE*EMP is closed through 2026-03: from 2026-04 on something else can be agreed for NL*TNM as CPO, not from 2026-03"},
		{"agree", "NL*TNM DE*BIG", "2026-02", "NL*TNM as CPO is closed through 2026-02: from 2026-03 on something else can be agreed for NL*TNM → DE*BIG, not from 2026-02"},
		{"agree", "NL*TNM DE*BIG", "2026-03", ""},
		{"close 2 before", "NL*TNM -", "2026-03", "the agreement of NL*TNM → DE*BIG was changed meanwhile, by control record 9: close 2026-03 of NL*TNM as CPO again"},
		{"close 2 before", "GB*DUN -", "2026-03", ""}, // which that pair does not bear on
		{"close 1 before", "- DE*EMP", "2026-03", "GB*DUN as CPO was closed meanwhile, by control record 11: close 2026-03 of DE*EMP as eMSP again"},
		{"close", "- DE*EMP", "2026-03", ""},
		{"close", "NL*TNM DE*EMP", "2026-03", "2026-03 is closed for DE*EMP as eMSP already"},
		{"close", "NL*XYZ DE*EMP", "2026-03", "2026-03 is closed for DE*EMP as eMSP already"},
		{"begin", "NL*XYZ DE*EMP", "2026-03", "DE*EMP as eMSP is closed through 2026-03: begin with 2026-04 or later"},
		{"begin", "house", "2026-05", ""},
		{"close 1 before", "NL*XYZ DE*EMP", "2026-05", "the begin of the house was set meanwhile, by control record 17: close 2026-05 of NL*XYZ → DE*EMP again"},
		{"close", "NL*XYZ DE*EMP", "2026-04", "the settlement of the house begins with 2026-05: 2026-04 is settled elsewhere"},
		{"close behind", "house", "2026-05", "control offset 21 is behind the close itself, control record 20"},
		{"close", "house", "2026-05", ""},
		{"month", "house", "2026-04", "the house is closed through 2026-05, with statements: close periods likewise from then on"},
		{"begin 3 closes", "house", "2026-06", "a period was closed meanwhile: look again whether the house begins with 2026-06"},
		{"begin 5 closes", "house", "2026-06", ""},
		{"begin", "house", "2026-03", "the house is closed through 2026-05: begin with 2026-06 or later"},
		{"begin 5 closes", "house", "2026-03", ""}, // put right, though more than that is closed
		{"begin", "house", "2026-04", "the house is closed through 2026-05: begin with 2026-06 or later"},
	} {
		next := int64(i)
		var err error
		switch what, ago, _ := strings.Cut(c.do, " "); what {
		case "begin":
			n := clearing.NewBegin{Scope: scope(t, c.of), Month: month(t, c.month), By: clearing.ByLocal}
			if _, err := fmt.Sscanf(ago, "%d closes", &n.Expect); err == nil {
				n.Expect++
			}
			err = d.closes.Begin(ctx, "", n)
		case "agree":
			err = d.agree(t, c.of, c.month, "owed=lower")
		case "month":
			err = d.closes.Close(ctx, "", month(t, c.month))
		case "close":
			before, known := map[string]int64{"": 0, "1 before": 1, "2 before": 2, "behind": -1}[ago]
			if !known {
				t.Fatal(c.do)
			}
			n := closing(t, uint64(100+i), c.of, c.month, next-before, "")
			doomed := d.closes.Doomed(n.Attempt)
			_, err = d.closes.ClosePeriod(ctx, n)
			why, refused := errors.AsType[*clearing.NotClosed](err)
			certain := refused && why.Why != clearing.NotEnded
			if doomed != certain {
				t.Errorf("step %d: doomed %t, and the close says %v", i, doomed, err)
			}
			if d.closes.Doomed(n.Attempt) != certain {
				t.Errorf("step %d: once appended, doomed is %t", i, !certain)
			}
		}
		if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("step %d: %s %s %s: %s, want %q", i, c.do, c.of, c.month, got, c.want)
		}
		if err != nil && d.Next() != next+1 {
			t.Fatalf("step %d: the log ends at %d", i, d.Next())
		}
	}
	for _, tc := range []struct {
		pair         string
		below        int64
		begun, whole ocpi.Month
	}{
		{"NL*TNM DE*EMP", 0, 0, 0},
		{"NL*TNM DE*EMP", 3, 202601, 202601},
		{"NL*TNM DE*EMP", 4, 202601, 202603},
		{"NL*TNM DE*BIG", 6, 202601, 202601},
		{"NL*TNM DE*BIG", 7, 202601, 202602},
		{"GB*DUN DE*BIG", 12, 202601, 202603},
		{"GB*DUN DE*BIG", 18, 202604, 202604},
		{"GB*DUN DE*BIG", 22, 202604, 202605},
		{"GB*DUN DE*BIG", 99, 202602, 202605},
	} {
		pair := pairOf(t, tc.pair)
		if begun, whole := d.closes.BegunThroughAt(pair, tc.below), d.closes.ClosedThroughAt(pair, tc.below); begun != tc.begun || whole != tc.whole {
			t.Errorf("%s below %d: begun through %s and closed through %s, want %s and %s", tc.pair, tc.below, begun, whole, tc.begun, tc.whole)
		}
	}
	if len(d.closes.Months()) > 0 {
		t.Error("a close of a period is one of a month")
	}
}

// A creditor's numbers follow one another, whoever's months are closed in which order.
func TestNumbersFollowFromCloses(t *testing.T) {
	ctx, log := t.Context(), ingesttest.NewLog(1)
	d := newDesk(t, log)
	d.mustAgree(t, "NL*TNM -", "2026-01", "number_prefix=R-")
	d.mustAgree(t, "NL*TNM DE*EMP", "2026-02", "number_prefix=E-")
	for i, c := range []struct{ of, month, statements string }{
		{"NL*TNM DE*EMP", "2026-01", "NL*TNM:2"},
		{"house", "2026-01", "GB*DUN:1 NL*TNM:3"},
		{"- DE*EMP", "2026-02", ""},
		{"- DE*EMP", "2026-03", "NL*TNM:1"},
		{"NL*TNM -", "2026-03", "NL*TNM:4"},
	} {
		if _, err := d.closes.ClosePeriod(ctx, closing(t, uint64(i+1), c.of, c.month, d.Next(), c.statements)); err != nil {
			t.Fatal(err)
		}
	}
	emp, big := pairOf(t, "NL*TNM DE*EMP"), pairOf(t, "NL*TNM DE*BIG")
	for name, d := range map[string]desk{"the process that closed": d, "another one": newDesk(t, log)} {
		var got []string
		var chain ingest.Digest
		err := d.closes.Closings(ctx, clearing.ClosingQuery{}, func(c *clearing.Closing) error {
			got = append(got, fmt.Sprintf("%d %s %s %v", c.Offset, c.Scope, c.Period, c.Firsts))
			if c.Before != chain {
				t.Errorf("%s: the close at %d follows another one", name, c.Offset)
			}
			for below, want := range map[int64]ingest.Digest{c.Offset: chain, c.Offset + 1: c.Chain} {
				if at, err := d.closes.ChainAt(ctx, below); err != nil || at != want {
					t.Errorf("%s: below %d the chain is at %x, %v, want %x", name, below, at, err, want)
				}
			}
			chain = c.Chain
			if c.ID == 4 { // 1 to 2, 3 to 5, and this one
				for want, got := range map[string]string{"E-6": d.agreements.NumberOf(c, emp, 0), "R-6": d.agreements.NumberOf(c, big, 0), "": d.agreements.NumberOf(c, big, 1)} {
					if got != want {
						t.Errorf("%s: number %q, want %q", name, got, want)
					}
				}
			}
			return nil
		})
		want := []string{
			"2 NL*TNM → DE*EMP 2026-01 [1]", "3 the house 2026-01 [1 3]", "4 DE*EMP as eMSP 2026-02 []", "5 DE*EMP as eMSP 2026-03 [6]", "6 NL*TNM as CPO 2026-03 [7]",
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		for q, want := range map[clearing.ClosingQuery]string{
			{Period: 202603}:                              "4 5",
			{Within: scope(t, "GB*DUN DE*BIG")}:           "2",
			{Within: scope(t, "NL*TNM DE*EMP"), Below: 6}: "1 2 3 4",
			{Below: 1}:  "",
			{Latest: 2}: "4 5",
			{Within: scope(t, "NL*TNM DE*EMP"), Below: 6, Latest: 3}: "2 3 4",
			{Below: 1, Latest: 3}: "",
		} {
			var got []string
			if err := d.closes.Closings(ctx, q, func(c *clearing.Closing) error {
				got = append(got, fmt.Sprint(c.ID))
				return nil
			}); err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s: %+v has %v, %v, want %s", name, q, got, err, want)
			}
		}
		for n, want := range map[int64]string{0: "", 1: "1:NL*TNM+0 2:GB*DUN+0", 2: "1:NL*TNM+1", 5: "2:NL*TNM+2", 6: "4:NL*TNM+0", 10: "5:NL*TNM+3", 11: ""} {
			var got []string
			if err := d.closes.Numbered(ctx, n, 10, func(c *clearing.Closing, cpo ocpi.Party, rank int) error {
				got = append(got, fmt.Sprintf("%d:%s+%d", c.ID, cpo, rank))
				return nil
			}); err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s: number %d is of %v, %v, want %s", name, n, got, err, want)
			}
		}
		if diff := cmp.Diff([]clearing.Counted{{1, 202601, 2}, {2, 202601, 3}}, d.closes.CountedAt(4)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if n := len(d.closes.CountedAt(math.MaxInt64)); n != 5 {
			t.Errorf("%s: %d attempts count", name, n)
		}
	}
}

// What was said of a close is read as it was said, the same close said twice is one, and
// one that another process was first with is told so.
func TestACloseIsReadAsItWasSaid(t *testing.T) {
	ctx, log := t.Context(), ingesttest.NewLog(1)
	d := newDesk(t, log)
	said := closing(t, 0xabc, "NL*TNM -", "2026-05", 0, "NL*TNM:2")
	for range 2 {
		c, err := d.closes.ClosePeriod(ctx, said)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(said, c.NewClosing, cmpopts.EquateComparable(ingest.Partition{}), cmp.Comparer(decimal.Decimal.Equal)); diff != "" {
			t.Error(diff)
		}
		if c.Engine != tariff.EngineVersion || c.ZoneDB != tariff.ZoneDBVersion() || c.At != *d.now || c.Offset != 0 {
			t.Errorf("%+v", c)
		}
	}
	other := said
	other.ID++
	_, err := d.closes.ClosePeriod(ctx, other)
	if why, ok := errors.AsType[*clearing.NotClosed](err); !ok || why.Why != clearing.AlreadyClosed || why.Again() {
		t.Errorf("another attempt: %v", err)
	}
}

// bodies are the control records of a log.
func bodies(t testing.TB, log *ingesttest.Log) (list [][]byte) {
	t.Helper()
	p := log.Partitions(ingest.TopicControl)[0]
	_, end, err := log.Bounds(t.Context(), p)
	if err != nil || end == 0 {
		return nil
	}
	records, err := log.Read(t.Context(), p, 0, int(end))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		list = append(list, r.Body)
	}
	return list
}

// A close of other pairs that comes between changes nothing but what a close follows: it
// is appended again. One that bears on the same pairs, or a change of what was agreed,
// has it computed again.
func TestWhatComesBetweenACloseAndItsRecord(t *testing.T) {
	for name, c := range map[string]struct {
		between func(d desk) error
		want    clearing.WhyNotClosed
	}{
		"a close of another pair": {func(d desk) error {
			_, err := d.closes.ClosePeriod(t.Context(), closing(t, 1, "NL*TNM DE*BIG", "2026-05", 0, "NL*TNM:1"))
			return err
		}, 0},
		"a close of the CPO": {func(d desk) error {
			_, err := d.closes.ClosePeriod(t.Context(), closing(t, 1, "NL*TNM -", "2026-04", 0, "NL*TNM:1"))
			return err
		}, clearing.ClosedMeanwhile},
		"the same close": {func(d desk) error {
			_, err := d.closes.ClosePeriod(t.Context(), closing(t, 1, "NL*TNM DE*EMP", "2026-05", 0, "NL*TNM:1"))
			return err
		}, clearing.AlreadyClosed},
		"an agreement":        {func(d desk) error { return d.agree(t, "- DE*EMP", "2026-07", "owed=lower") }, clearing.AgreementChanged},
		"another's agreement": {func(d desk) error { return d.agree(t, "- DE*BIG", "2026-07", "owed=lower") }, 0},
		"a begin of the house": {func(d desk) error {
			return d.closes.Begin(t.Context(), "", clearing.NewBegin{Month: 202602, By: clearing.ByLocal})
		}, clearing.BegunMeanwhile},
		"a close of before": {func(d desk) error { return d.closes.Close(t.Context(), "", 202602) }, clearing.BegunMeanwhile},
		"what a party is called": {func(d desk) error {
			_, _, err := d.parties.Set(t.Context(), "", clearing.NewParty{Party: ocpi.NewParty("NL", "TNM"), From: 202601, Values: values("name=TNM"), By: clearing.ByLocal})
			return err
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			elsewhere := ingesttest.NewLog(1)
			if err := c.between(newDesk(t, elsewhere)); err != nil {
				t.Fatal(err)
			}
			log := ingesttest.NewLog(1)
			d := newDesk(t, log)
			log.Precede(bodies(t, elsewhere)[0])
			said := closing(t, 7, "NL*TNM DE*EMP", "2026-05", 0, "NL*TNM:1")
			got, err := d.closes.ClosePeriod(t.Context(), said)
			why, _ := errors.AsType[*clearing.NotClosed](err)
			switch {
			case c.want == 0 && (err != nil || got.ID != 7):
				t.Errorf("got %v", err)
			case c.want != 0 && (why == nil || why.Why != c.want || why.Again() != (c.want != clearing.AlreadyClosed)):
				t.Errorf("got %v, want reason %d", err, c.want)
			}
		})
	}
}

// What makes no sense is refused before it is in the log.
func TestClosesThatMakeNoSense(t *testing.T) {
	said := closing(t, 0xabc, "NL*TNM -", "2026-05", 7, "NL*TNM:2")
	valid, err := json.Marshal(said.Event())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{`x`, `y`, "<nil>"},
		{`"period":"2026-05",`, ``, "period: required, such as 2019-06"},
		{`"0000000000000abc"`, `"abc"`, `attempt: "abc" is not 16 hexadecimal digits`},
		{`"0000000000000abc"`, `"0000000000000ABC"`, `attempt: "0000000000000ABC" is not 16 hexadecimal digits`},
		{`"control":7`, `"control":-7`, "reference, control and lines: want no negative number"},
		{`"engine":"3"`, `"engine":""`, "engine and zone_db: want 1 to 40 bytes each"},
		{`"rules":"`, `"rules":"01234567890123456789012345678901234567890`, "rules: 55 bytes, want at most 40"},
		{`"by":"local"`, `"by":""`, "by: 0 bytes, want 1 to 64"},
		{`"cpo":"NL*TNM","period"`, `"cpo":"nl*tnm","period"`, `cpo: "nl*tnm" is not a party such as NL*TNM`},
		{`"partition":1`, `"partition":0`, "cut.1: want partitions once each, by epoch and number, and no negative number"},
		{`"below":7`, `"below":-7`, "cut.1: want partitions once each, by epoch and number, and no negative number"},
		{`"EUR"`, `"CHF"`, "net.1: want currencies once each, in order"},
		{`"12.5"`, `"12.50"`, `net.1: "12.50" is not an exact decimal, as short as it can be`},
		{`"12.5"`, `"1e9999999"`, `net.1: "1e9999999" is not an exact decimal, as short as it can be`},
		{`"count":2`, `"count":0`, "statements.0: 0 of them, want 1 to 10000000"},
		{`{"cpo":"NL*TNM","count":2}`, `{"cpo":"NL*XYZ","count":2}`, "statements.0: NL*XYZ is no creditor of what is closed for NL*TNM as CPO"},
		{`{"cpo":"NL*TNM","count":2}`, `{"cpo":"NL*TNM","count":2},{"cpo":"NL*TNM","count":2}`, "statements.1: want creditors once each, in order"},
	} {
		var event clearing.PeriodClosed
		if err := json.Unmarshal([]byte(strings.Replace(string(valid), c.from, c.to, 1)), &event); err != nil {
			t.Fatal(err)
		}
		if err := event.Validate(); fmt.Sprint(err) != c.want {
			t.Errorf("%s: %v, want %s", c.to, err, c.want)
		}
	}
}

// closeModel is what closes come to, by looking at each pair and each record.
type closeModel struct {
	closes []modelClose
	begins []modelClose // of their month - 1
	agreed []modelClose
	// decided are decisions, asked requests by which another key may approve.
	decided []modelClose
	asked   []modelRequest
}

type modelRequest struct {
	modelClose
	control int64
	by      string
}

type modelClose struct {
	scope  clearing.Scope
	month  ocpi.Month
	offset int64
}

// The last of each is named by nobody: what holds for a whole scope holds for it too.
var (
	modelCPOs  = []ocpi.Party{ocpi.NewParty("NL", "TNM"), ocpi.NewParty("GB", "DUN"), ocpi.NewParty("ZZ", "ZZZ")}
	modelEMSPs = []ocpi.Party{ocpi.NewParty("DE", "EMP"), ocpi.NewParty("DE", "BIG"), ocpi.NewParty("ZZ", "YYY")}
)

func pairsOf(s clearing.Scope) (list []clearing.Scope) {
	for _, cpo := range modelCPOs {
		for _, emsp := range modelEMSPs {
			if (s.CPO.IsZero() || s.CPO == cpo) && (s.EMSP.IsZero() || s.EMSP == emsp) {
				list = append(list, clearing.Scope{CPO: cpo, EMSP: emsp})
			}
		}
	}
	return list
}

func has(s, pair clearing.Scope) bool {
	return (s.CPO.IsZero() || s.CPO == pair.CPO) && (s.EMSP.IsZero() || s.EMSP == pair.EMSP)
}

// closed and begun return through which month a pair is, below an offset.
func (m *closeModel) closed(pair clearing.Scope, below int64) (until ocpi.Month) {
	for _, c := range m.closes {
		if c.offset < below && has(c.scope, pair) {
			until = max(until, c.month)
		}
	}
	return until
}

func (m *closeModel) begun(pair clearing.Scope, below int64) (until ocpi.Month) {
	last := map[clearing.Scope]ocpi.Month{}
	for _, b := range m.begins {
		if b.offset < below && has(b.scope, pair) {
			last[b.scope] = b.month
		}
	}
	for _, month := range last {
		until = max(until, month)
	}
	return until
}

// refuses says whether and why a close is refused, or a request for one.
func (m *closeModel) refuses(s clearing.Scope, month ocpi.Month, control int64, asks bool) clearing.WhyNotClosed {
	pairs := pairsOf(s)
	closed, begun := ocpi.Month(999912), ocpi.Month(999912)
	for _, pair := range pairs {
		closed, begun = min(closed, m.closed(pair, math.MaxInt64)), min(begun, m.begun(pair, math.MaxInt64))
	}
	for _, c := range m.closes {
		exactly := c.month == month
		for _, pair := range pairs {
			exactly = exactly && has(c.scope, pair)
		}
		if exactly {
			return clearing.AlreadyClosed
		}
	}
	switch {
	case month <= closed:
		return clearing.ClosedLater
	case month <= begun:
		return clearing.BegunLater
	}
	last, why := control-1, clearing.WhyNotClosed(0)
	changes := map[clearing.WhyNotClosed][]modelClose{clearing.ClosedMeanwhile: m.closes, clearing.BegunMeanwhile: m.begins, clearing.AgreementChanged: m.agreed}
	if asks {
		changes[clearing.DecidedMeanwhile] = m.decided
		for _, r := range m.asked {
			if r.scope == s {
				changes[clearing.RequestedMeanwhile] = append(changes[clearing.RequestedMeanwhile], r.modelClose)
			}
		}
	}
	for of, list := range changes {
		for _, c := range list {
			meets := false
			for _, pair := range pairs {
				meets = meets || has(c.scope, pair)
			}
			if meets && c.offset > last {
				last, why = c.offset, of
			}
		}
	}
	return why
}

// refusesApproval says whether and why the approval of a request is refused.
func (m *closeModel) refusesApproval(r modelRequest, by string) clearing.WhyNotClosed {
	last := r.offset
	without := *m // what a request does not refuse is itself
	without.asked = nil
	for _, o := range m.asked {
		if o.scope == r.scope {
			last = max(last, o.offset)
		}
	}
	why := without.refuses(r.scope, r.month, r.control, true)
	switch {
	case why == clearing.AlreadyClosed || why == clearing.ClosedLater || why == clearing.BegunLater:
		return why
	case last > r.offset:
		return clearing.RequestedMeanwhile
	case by == r.by:
		return clearing.OwnRequest
	}
	return why
}

// Closes, begins, agreements and requests in any order come to what a look at each pair and each
// record says; creditors' numbers have no gap, and the chain is that of the log's bytes.
func TestClosesFollowFromTheLog(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		log, m := ingesttest.NewLog(1), &closeModel{}
		d := openDesk(t, log)
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		issued := map[ocpi.Party]int64{}
		var counted []clearing.Counted
		for step := range rapid.IntRange(1, 40).Draw(rt, "steps") {
			s := clearing.Scope{
				CPO:  rapid.SampledFrom([]ocpi.Party{{}, modelCPOs[0], modelCPOs[1]}).Draw(rt, "cpo"),
				EMSP: rapid.SampledFrom([]ocpi.Party{{}, modelEMSPs[0], modelEMSPs[1]}).Draw(rt, "emsp"),
			}
			month, next := ocpi.Month(202601+rapid.IntRange(0, 3).Draw(rt, "month")), d.Next()
			switch rapid.SampledFrom([]string{"close", "close", "ask", "ask", "approve", "approve", "decide", "begin", "agree"}).Draw(rt, "what") {
			case "decide":
				n := decision(clearing.Accept, "anna", next, next)
				n.Scope = s
				if _, err := d.decided.Decide(ctx, "", n); err != nil {
					rt.Fatal(err)
				}
				m.decided = append(m.decided, modelClose{s, month, next})
			case "ask":
				n := clearing.NewClosing{Attempt: clearing.Attempt{ID: clearing.AttemptID(uint64(2*step+2), true), Scope: s, Period: month, Control: max(0, next-int64(rapid.IntRange(0, 3).Draw(rt, "ago")))}}
				n.By = rapid.SampledFrom([]string{"anna", "bert"}).Draw(rt, "by")
				want := m.refuses(s, month, n.Control, true)
				if doomed := d.closes.Doomed(n.Attempt); doomed != (want != 0) {
					rt.Fatalf("%+v is doomed: %t, want %d", n.Attempt, doomed, want)
				}
				_, err := d.closes.RequestPeriod(ctx, n)
				if why, _ := errors.AsType[*clearing.NotClosed](err); want == 0 != (err == nil) || err != nil && (why == nil || why.Why != want) {
					rt.Fatalf("ask %+v: %v, want %d", n.Attempt, err, want)
				}
				if err == nil {
					m.asked = append(m.asked, modelRequest{modelClose{s, month, next}, n.Control, n.By})
				}
			case "approve":
				if len(m.asked) == 0 {
					continue
				}
				of, by := rapid.SampledFrom(m.asked).Draw(rt, "of"), rapid.SampledFrom([]string{"anna", "bert"}).Draw(rt, "by")
				want := m.refusesApproval(of, by)
				r, err := d.closes.Request(ctx, of.offset)
				if err != nil {
					rt.Fatal(err)
				}
				stands := slices.ContainsFunc(counted, func(c clearing.Counted) bool { return c.ID == r.ID })
				if gone := d.closes.Doomed(r.Attempt); gone != (m.refusesApproval(of, "carl") != 0 && !stands) {
					rt.Fatalf("request %d is doomed: %t, and counts: %t", of.offset, gone, stands)
				}
				if why := d.closes.RefusesApproval(r, by); (why != nil) != (want != 0) || why != nil && why.Why != want {
					rt.Fatalf("request %d is refused to %s: %v, want %d", of.offset, by, why, want)
				}
				c, err := d.closes.ApprovePeriod(ctx, r, by)
				if why, _ := errors.AsType[*clearing.NotClosed](err); (want == 0 || stands) != (err == nil) || err != nil && (why == nil || why.Why != want) {
					rt.Fatalf("approve %d: %v, want %d", of.offset, err, want)
				}
				if want == 0 {
					m.closes = append(m.closes, modelClose{of.scope, of.month, c.Offset})
					counted = append(counted, clearing.Counted{ID: r.ID, Period: of.month, Control: r.Control})
				}
			case "begin":
				if err := d.closes.Begin(ctx, "", clearing.NewBegin{Scope: s, Month: month, By: clearing.ByLocal}); err == nil {
					for _, pair := range pairsOf(s) {
						if m.closed(pair, math.MaxInt64) >= month {
							rt.Fatalf("%s begins with %s, which is closed for %s", s, month, pair)
						}
					}
					m.begins = append(m.begins, modelClose{s, month.Add(-1), next})
				}
			case "agree":
				_, _, err := d.agreements.Set(ctx, "", clearing.NewAgreement{Scope: s, From: month, Values: values("owed=lower"), By: clearing.ByLocal})
				open := true
				for _, pair := range pairsOf(s) {
					open = open && max(m.closed(pair, math.MaxInt64), m.begun(pair, math.MaxInt64)) < month
				}
				if open != (err == nil) {
					rt.Fatalf("agreed for %s from %s: %v", s, month, err)
				}
				if err == nil {
					m.agreed = append(m.agreed, modelClose{s, month, next})
				}
			case "close":
				n := clearing.NewClosing{Attempt: clearing.Attempt{ID: clearing.AttemptID(uint64(2*step+2), false), Scope: s, Period: month, Control: max(0, next-int64(rapid.IntRange(0, 3).Draw(rt, "ago")))}, By: clearing.ByLocal}
				creditors := []ocpi.Party{modelCPOs[1], modelCPOs[0]} // in order
				for _, cpo := range creditors {
					if count := rapid.Int64Range(0, 3).Draw(rt, "statements"); count > 0 && (s.CPO.IsZero() || s.CPO == cpo) {
						n.Statements = append(n.Statements, clearing.Creditor{CPO: cpo, Count: count})
					}
				}
				want := m.refuses(s, month, n.Control, false) // all months have ended
				if doomed := d.closes.Doomed(n.Attempt); doomed != (want != 0) {
					rt.Fatalf("%+v is doomed: %t, want %d", n.Attempt, doomed, want)
				}
				if why := d.closes.Refuses(n.Attempt); (why != nil) != (want != 0) || why != nil && why.Why != want {
					rt.Fatalf("%+v is refused: %v, want %d", n.Attempt, why, want)
				}
				c, err := d.closes.ClosePeriod(ctx, n)
				if why, _ := errors.AsType[*clearing.NotClosed](err); want == 0 != (err == nil) || err != nil && (why == nil || why.Why != want) {
					rt.Fatalf("%+v: %v, want %d", n.Attempt, err, want)
				}
				if err == nil {
					m.closes = append(m.closes, modelClose{s, month, c.Offset})
					counted = append(counted, clearing.Counted{ID: n.ID, Period: month, Control: n.Control})
					for i, of := range c.Statements {
						if c.Firsts[i] != issued[of.CPO]+1 {
							rt.Fatalf("%s has %d statements, and the next begin with %d", of.CPO, issued[of.CPO], c.Firsts[i])
						}
						issued[of.CPO] += of.Count
					}
				}
			}
		}
		below := int64(rapid.IntRange(0, int(d.Next())).Draw(rt, "below"))
		for _, s := range pairsOf(clearing.Scope{}) {
			begun, closed := m.begun(s, below), m.closed(s, below)
			if b, c := d.closes.BegunThroughAt(control.Pair(s), below), d.closes.ClosedThroughAt(control.Pair(s), below); b != begun || c != max(begun, closed) {
				rt.Fatalf("%s below %d: begun through %s, closed through %s, want %s, %s", s, below, b, c, begun, max(begun, closed))
			}
		}
		if diff := cmp.Diff(counted, d.closes.CountedAt(math.MaxInt64), cmpopts.EquateEmpty()); diff != "" {
			rt.Fatal(diff)
		}
		var chain ingest.Digest
		records := bodies(t, log)
		err := d.closes.Closings(ctx, clearing.ClosingQuery{}, func(c *clearing.Closing) error {
			chain = sha256.Sum256(append(chain[:], records[c.Offset]...))
			if c.Chain != chain {
				return fmt.Errorf("the chain at %d is another one than that of the log's bytes", c.Offset)
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		stop()
		if err := <-done; err != nil {
			rt.Fatal(err)
		}
	})
}
