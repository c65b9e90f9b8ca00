package main

import (
	"fmt"
	"strings"
	"testing"
)

// commandsOf runs commands on a data directory, which have to exit with a code and to say
// some words, and returns what they print on standard output.
func commandsOf(t *testing.T, data string) func(code int, args string, wants ...string) string {
	return func(code int, args string, wants ...string) string {
		t.Helper()
		stdout, stderr, got := runCommand(t, newRootCmd(), "", append(strings.Fields(args), "--data", data)...)
		for _, want := range wants {
			if !strings.Contains(strings.Join(strings.Fields(stdout+" "+stderr), " "), want) {
				t.Errorf("%s: want %q in\n%s%s", args, want, stdout, stderr)
			}
		}
		if got != code {
			t.Errorf("%s: exit code %d\n%s", args, got, stderr)
		}
		return stdout
	}
}

// report is what the settlement report says that became of its one row.
func (s *testService) report(query string) string {
	s.t.Helper()
	type lines struct {
		Count        int
		Net, Claimed string
	}
	var report struct {
		Rows []struct {
			Issued, Late lines
			Open, Held   *lines
		}
	}
	s.finance("/reports/settlement?"+query, &report)
	if len(report.Rows) != 1 {
		s.t.Fatalf("%d rows", len(report.Rows))
	}
	r := report.Rows[0]
	text := fmt.Sprintf("issued %d of %s, late %d of %s", r.Issued.Count, r.Issued.Net, r.Late.Count, r.Late.Net)
	if r.Open == nil || r.Held == nil {
		return text
	}
	return text + fmt.Sprintf(", open %d of %s, held %d of %s", r.Open.Count, r.Open.Net, r.Held.Count, r.Held.Claimed)
}

// A period is closed on the embedded log and store: what was its draft is its statement
// from then on, to the byte and with a number; what comes late comes next; and no gap is
// left by a close that was refused.
func TestAPeriodIsClosed(t *testing.T) {
	data, s := pushed(t)
	exits := commandsOf(t, data)
	says := func(args string, wants ...string) string { t.Helper(); return exits(0, args, wants...) }
	const january, february = "statement show --cpo GB*DUN --emsp NL*EXW --currency GBP --period 2019-01", "statement show --cpo GB*DUN --emsp NL*EXW --currency GBP --period 2019-02"
	says("agreement set --from 2019-01 number_prefix=RC- days_to_pay=30")
	says("period begin 2019-02 --cpo GB*DUN", "7 CDRs that were open, claiming 35 GBP")
	says("period begin 2019-01 --cpo GB*DUN") // put right
	draft := says(january, "draft: what a close now would issue")
	reports := func(want string) {
		t.Helper()
		if got := s.report("from=2019-01&to=2019-01&open=true"); got != want {
			t.Errorf("the report says %s, want %s", got, want)
		}
	}
	reports("issued 0 of 0.00, late 0 of 0.00, open 7 of 35.00, held 0 of 0.00")
	says("period close 2019-01", "2019-01 1 7", "GB*DUN 1 1 to 1", "GBP 35")
	if issued := says(january, "issued as RC-1, SHA-256 ", ", due 20"); issued != draft {
		t.Errorf("issued is\n%s\nthe draft was\n%s", issued, draft)
	}
	says("statement list --period 2019-01", "GB*DUN NL*EXW 2019-01 GBP 7 100 35 7.00 42.00 NL*EXW 0 0 0 0 issued as RC-1, due 20")
	if out := says("period close 2019-01"); out != "closed\n" {
		t.Errorf("closed again: %s", out)
	}
	reports("issued 7 of 35.00, late 0 of 0.00, open 0 of 0.00, held 0 of 0.00")
	exits(1, "period close 2018-12", "is closed through 2019-01")
	exits(1, "period close 2999-01", "has not ended yet")
	exits(1, "period begin 2019-02 --cpo GB*DUN", "GB*DUN → NL*EXW has statements here, one of 2019-01")
	exits(exitUsage, "period close 2019-02 --cpo XX*XXX", "XX*XXX")
	exits(exitUsage, "period close 2019-02 --undecided keep", "carry")

	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-late", "EXW", "T1", "7.00", "8.40"))
	s.accepted("GB*DUN", "POST", cdrs, credited(testCDR("c-2-C", "EXW", "T1", "-7.00", "-8.40"), "c-2"))
	s.accepted("GB*DUN", "POST", cdrs, credited(testCDR("c-3-C", "EXW", "T1", "-9.00", "-10.80"), "c-none"))
	exits(1, "period close 2019-02", "credit_orphan GB*DUN NL*EXW GBP 1 -9", "1 CDRs are held")
	exits(1, "period close 2019-02 --format json", `"outcome": "undecided"`)
	draft = says(february, "draft: what a close now would issue")
	reports("issued 7 of 35.00, late 0 of 0.00, open 2 of 0.00, held 1 of -9.00")
	for _, want := range []string{`"lines":2,`, `{"cdr":"GB*DUN*C-LATE","kind":"cdr"`, `{"cdr":"GB*DUN*C-2-C","kind":"credit","of":"GB*DUN*C-2"`} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft of February lacks %s:\n%s", want, draft)
		}
	}
	says("period close 2019-02 --undecided carry", "2019-02 1 2", "GB*DUN 1 2 to 2", "carried on: GROUND", "credit_orphan GB*DUN NL*EXW GBP 1 -9")
	if issued := says(february, "issued as RC-2, SHA-256 "); issued != draft {
		t.Errorf("issued is\n%s\nthe draft was\n%s", issued, draft)
	}
	reports("issued 9 of 35.00, late 2 of 0.00, open 0 of 0.00, held 1 of -9.00")
	if got := s.report("from=2019-01&to=2019-01"); got != "issued 9 of 35.00, late 2 of 0.00" {
		t.Errorf("without what is open, the report says %s", got)
	}
	says("statement list --period 2019-03", "GB*DUN NL*EXW 2019-03 GBP 0 0 0 0.00 0.00 NL*EXW 1 -9 0 0 draft")
	says("verify --quiet", "claims each of 10 CDRs has one place", "issued 2 statements of 2 closes, 9 lines: as they were issued, their numbers without a gap; 2 came to the same when drawn again", "verified")
	for id, wants := range map[string][]string{
		"C-2":   {"RC-1</a>", "7.00 GBP is owed, as claimed", "C-2-C</a></th><td data-label=\"What\">credit", ">0.00</td></tr></tbody>"},
		"C-2-C": {"RC-2</a>", "−7.00 GBP is owed", "C-2</a></th><td data-label=\"What\">replacement"}, // all are of one Session
		"C-3-C": {"No statement has anything of it", "credit orphan</a>"},
	} {
		page := s.request("GET", "/cdrs/GB/DUN/"+id, "", "")
		for _, want := range wants {
			if text := strings.ReplaceAll(page.body, "\n", ""); page.status != 200 || !strings.Contains(text, want) {
				t.Errorf("the page of %s lacks %q: %d %s", id, want, page.status, text)
			}
		}
	}
	for number, want := range map[string]string{"RC-2": "<h1>Statement RC-2, 2019-02, GBP", "rc-1": "<h1>Statement RC-1, 2019-01, GBP", "RC-3": "Nothing is known", "2": "Nothing is known", "XX-2": "Nothing is known"} {
		if found := s.request("GET", "/search?q="+number, "", ""); !strings.Contains(found.body, want) {
			t.Errorf("search for %s lacks %q: %d %s", number, want, found.status, found.body)
		}
	}
	kept, err := s.inside.backends.store.Attempts(t.Context())
	if err != nil || len(kept) != 2 {
		t.Errorf("attempts: %v, %v", kept, err)
	}
	says("period close 2019-12 --undecided carry", "carried on: GROUND", "credit_orphan GB*DUN NL*EXW GBP 1 -9")
	says("queue", "credit_orphan GB*DUN NL*EXW GBP 1 -9") // however far periods are closed
	reports("issued 9 of 35.00, late 2 of 0.00, open 0 of 0.00, held 1 of -9.00")
	s.stop()
	damage(t, data, "ALTER TABLE issued DELETE WHERE id = 'C-2-C'")
	if out, err := verifyAll(t, data); err == nil || !strings.Contains(out, "GB*DUN*C-2-C has a line to NL*EXW in GBP, and does not count as issued") {
		t.Errorf("%v\n%s", err, out)
	}
}
