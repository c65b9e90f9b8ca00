package main

import (
	"strings"
	"testing"
)

// commandsOn runs commands on a data directory and holds what they print, in single spaces,
// against what is wanted.
func commandsOn(t *testing.T, data string) func(args string, code int, wants ...string) string {
	return func(args string, code int, wants ...string) string {
		t.Helper()
		stdout, stderr, got := runCommand(t, newRootCmd(), "", append(strings.Fields(args), "--data", data)...)
		all := strings.Join(strings.Fields(stdout+" "+stderr), " ")
		for _, want := range wants {
			if !strings.Contains(all, want) {
				t.Errorf("%s: want %q in\n%s%s", args, want, stdout, stderr)
			}
		}
		if got != code {
			t.Errorf("%s: exit code %d, want %d\n%s%s", args, got, code, stdout, stderr)
		}
		return stdout
	}
}

// What an agreement holds waits in the queue, by cause and one by one; what a pack would
// do is told before anybody agrees on it, and changes nothing.
func TestQueue(t *testing.T) {
	data, _ := pushed(t)
	says := commandsOn(t, data)
	says("agreement set --from 2019-01 rule.age.effect=note", 0) // which pushed years later
	const nothing = "GROUND CPO EMSP CURRENCY COUNT CLAIMED OLDEST"
	if got := strings.Join(strings.Fields(says("queue", 0, nothing)), " "); got != nothing {
		t.Errorf("nothing waits under observe: %s", got)
	}
	says("rules try strict --from 2019-01 --to 2019-01", 0,
		"charge_billed_twice hold GBP 0 0 5 35", "charge_billed_twice note GBP 5 35 0 0",
		"accepted GBP 7 35 2 0 -5 -35", "held GBP 0 0 5 35 +5 35")
	says("rules try strict --from 2018-11 --to 2018-12 --cpo GB*DUN", 0, "STATE CURRENCY")
	says("queue", 0, nothing)

	says("agreement set --from 2019-01 pack=strict", 0)
	says("queue --period 2019-01", 0, "charge_billed_twice GB*DUN NL*EXW GBP 5 35 2019-01", "in all GBP 5 35")
	says("queue --period 2018-12", 0, nothing)
	says("queue --ground charge_billed_twice --cpo GB*DUN --emsp NL*EXW --currency GBP --format json", 0, `"currency": "GBP", "count": 5, "claimed": "35", "oldest": "2019-01"`)
	csv := says("queue --format csv", 0, "GB*DUN*C-0,NL*EXW,2019-01,GBP,held,age session_billed_twice charge_billed_twice,", "of the same Session as GB*DUN*C-2.", ",7.00,7.00,0.00,S1,GB*DUN*E1,2019-01-05T10:00:00Z,2019-01-05T12:00:00Z")
	if lines := strings.Count(csv, "\n"); lines != 6 {
		t.Errorf("%d lines, want a head and five CDRs:\n%s", lines, csv)
	}
	says("queue --format jsonl --emsp NL*EXW", 0, `{"cdr":"GB*DUN*C-0","emsp":"NL*EXW","period":"2019-01"`)
	says("statement list --period 2019-01", 0, "GB*DUN NL*EXW 2019-01 GBP")

	says("period check 2019-01", 1, "charge_billed_twice GB*DUN NL*EXW GBP 5 35 2019-01", "GB*DUN NL*EXW GBP 7 35 2 0 0 0 5 35 0 0")
	says("period check 2018-12", 0, "nothing is undecided")
	says("period check 2019-01 --cpo GB*DUN --format json", 1, `"undecided": {`, `"partners": []`)
	says("period check June", exitUsage, "is not a month")

	says("queue --ground beauty", exitUsage, "known are decided, ")
	says("queue --cpo NL*NOT", exitUsage, "known are ")
	says("queue --period June", exitUsage, "is not a month")
	says("rules try lenient --from 2019-01 --to 2019-01", exitUsage, "known are observe, ")
	says("rules try strict --from 2019-02 --to 2019-01", exitUsage, "is before")

	// A pair whose period is closed has an empty queue of all there is, and no draft of it.
	says("period begin 2019-03", 0)
	says("queue --cpo GB*DUN --emsp NL*EXW", 0, nothing)
	says("queue --cpo GB*DUN --emsp NL*EXW --period 2019-01", 1, "through 2019-02")
	says("rules try observe --from 2019-01 --to 2019-01", 0, "held GBP 5 35 0 0 -5 -35")
}
