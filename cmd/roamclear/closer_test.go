package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// A period is closed on the embedded log and store: what was its draft is its statement
// from then on, to the byte and with a number; what comes late comes next; and no gap is
// left by a close that was refused.
func TestAPeriodIsClosed(t *testing.T) {
	data, s := pushed(t)
	says := func(args string, wants ...string) string {
		t.Helper()
		stdout, stderr, code := runCommand(t, newRootCmd(), "", append(strings.Fields(args), "--data", data)...)
		for _, want := range wants {
			if !strings.Contains(strings.Join(strings.Fields(stdout+" "+stderr), " "), want) {
				t.Errorf("%s: want %q in\n%s%s", args, want, stdout, stderr)
			}
		}
		if code != 0 {
			t.Errorf("%s: exit code %d\n%s", args, code, stderr)
		}
		return stdout
	}
	closer := newCloser(s.inside.backends, newDrafts(s.inside.backends.store, s.inside.control))
	closes := func(period ocpi.Month) (*statement.CloseResult, error) {
		return closer.Close(t.Context(), statement.CloseRequest{Period: period, By: "finance", Now: ocpi.TimeOf(time.Now())})
	}
	const january, february = "statement show --cpo GB*DUN --emsp NL*EXW --currency GBP --period 2019-01", "statement show --cpo GB*DUN --emsp NL*EXW --currency GBP --period 2019-02"
	says("agreement set --from 2019-01 number_prefix=RC-")
	draft := says(january, "draft: what a close now would issue")
	result, err := closes(201901)
	if err != nil || result.Closing == nil || result.Closing.Lines != 7 || result.Closing.Net["GBP"].String() != "35" {
		t.Fatalf("%+v, %v", result, err)
	}
	if issued := says(january, "issued as RC-1, SHA-256 "); issued != draft {
		t.Errorf("issued is\n%s\nthe draft was\n%s", issued, draft)
	}
	says("statement list --period 2019-01", "GB*DUN NL*EXW 2019-01 GBP 7 100 35 7.00 42.00 NL*EXW 0 0 0 0 issued as RC-1")
	if again, err := closes(201901); err != nil || again.Already == nil {
		t.Errorf("again: %+v, %v", again, err)
	}

	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-late", "EXW", "T1", "7.00", "8.40"))
	s.accepted("GB*DUN", "POST", cdrs, credited(testCDR("c-2-C", "EXW", "T1", "-7.00", "-8.40"), "c-2"))
	s.accepted("GB*DUN", "POST", cdrs, credited(testCDR("c-3-C", "EXW", "T1", "-9.00", "-10.80"), "c-none"))
	_, err = closes(201902)
	undecided, refused := errors.AsType[*statement.UndecidedError](err)
	if !refused || undecided.Count != 1 || undecided.List[0].Ground != clearing.GroundCreditOrphan {
		t.Fatal(err)
	}
	draft = says(february, "draft: what a close now would issue")
	for _, want := range []string{`"lines":2,`, `{"cdr":"GB*DUN*C-LATE","kind":"cdr"`, `{"cdr":"GB*DUN*C-2-C","kind":"credit","of":"GB*DUN*C-2"`} {
		if !strings.Contains(draft, want) {
			t.Errorf("the draft of February lacks %s:\n%s", want, draft)
		}
	}
	says("agreement set --from 2019-02 undecided=carry")
	if result, err = closes(201902); err != nil || len(result.Carried) != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	if issued := says(february, "issued as RC-2, SHA-256 "); issued != draft {
		t.Errorf("issued is\n%s\nthe draft was\n%s", issued, draft)
	}
	says("statement list --period 2019-03", "GB*DUN NL*EXW 2019-03 GBP 0 0 0 0.00 0.00 NL*EXW 1 -9 0 0 draft")
	kept, err := s.inside.backends.store.Attempts(t.Context())
	if err != nil || len(kept) != 2 {
		t.Errorf("attempts: %v, %v", kept, err)
	}
}
