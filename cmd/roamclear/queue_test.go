package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/api/rest"
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
	const nothing = "GROUND CPO EMSP CURRENCY COUNT CLAIMED OLDEST DIGEST"
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
	csv := says("queue --format csv", 0, "GB*DUN*C-0,NL*EXW,2019-01,GBP,held,age session_billed_twice charge_billed_twice connector_overlap,", "of the same Session as GB*DUN*C-2.", ",7.00,7.00,0.00,S1,GB*DUN*E1,2019-01-05T10:00:00Z,2019-01-05T12:00:00Z")
	if lines := strings.Count(csv, "\n"); lines != 6 {
		t.Errorf("%d lines, want a head and five CDRs:\n%s", lines, csv)
	}
	says("queue --format jsonl --emsp NL*EXW", 0, `{"cdr":"GB*DUN*C-0","emsp":"NL*EXW","period":"2019-01"`)
	says("statement list --period 2019-01", 0, "GB*DUN NL*EXW 2019-01 GBP")

	says("period check 2019-01", 1, "charge_billed_twice GB*DUN NL*EXW GBP 5 35 2019-01", "GB*DUN NL*EXW GBP 7 35 2 0 0 0 5 35 0 0")
	says("period check 2018-12", 0, "nothing is undecided")
	says("period check 2019-01 --cpo GB*DUN --format json", 1, `"undecided": {`, `"partners": []`)
	says("period check June", exitUsage, "is not a month")

	says("queue --ground beauty", exitUsage, "known are decision, ")
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

// digestOf is the digest that a queue shows of its one group.
func digestOf(t *testing.T, queue string) string {
	t.Helper()
	var q rest.Queue
	if err := json.Unmarshal([]byte(queue), &q); err != nil || len(q.Groups) != 1 {
		t.Fatalf("want a queue of one group: %v in %s", err, queue)
	}
	return q.Groups[0].Digest
}

// What waits is decided as it was shown, or not at all; the next queue and statement have
// it, and so has another process; what is undone waits again.
func TestDecide(t *testing.T) {
	data, s := pushed(t)
	says := commandsOn(t, data)
	says("agreement set --from 2019-01 pack=strict rule.age.effect=note rule.charge_billed_twice.effect=note", 0)
	const twice = " --ground session_billed_twice --cpo GB*DUN --emsp NL*EXW --currency GBP"
	shown := digestOf(t, says("queue --format json"+twice, 0))
	if !strings.HasSuffix(shown, "/5/GBP35") {
		t.Errorf("digest %s", shown)
	}
	says("decide accept --reason yes"+twice, exitUsage, "required: of all that is meant, 5 CDRs that claim 35.00 GBP, it is "+shown)
	says("decide reject --cdr GB*DUN*C-5 --reason nobody_charged_there", 0, "reject GBP 1 7")
	says("queue"+twice, 0, "session_billed_twice GB*DUN NL*EXW GBP 4 28 2019-01")
	says("statement list --period 2019-01", 0, "GB*DUN NL*EXW 2019-01 GBP 2 0 0 0.00 0.00 NL*EXW 4 28 1 7 draft")
	says("decide accept --reason yes --expect-digest "+shown+twice, 1, "now it is 4 CDRs that claim 28.00 GBP, digest ", "; 1 fewer, claiming 7.00 GBP less")
	says("queue"+twice, 0, "GBP 4 28 2019-01")

	shown = digestOf(t, says("queue --format json"+twice, 0))
	says("decide accept --at claimed --reason right --expect-digest "+shown+twice, 0, "accept GBP 4 28")
	says("queue", 0, "GROUND CPO EMSP CURRENCY COUNT CLAIMED OLDEST DIGEST")
	says("statement list --period 2019-01", 0, "GB*DUN NL*EXW 2019-01 GBP 6 80 28 5.60 33.60 NL*EXW 0 0 1 7 draft")
	says("decide accept --reason again --expect-digest "+shown+twice, 1, "there is nothing of that")

	says("decide hold --cdr GB*DUN*C-0 --reason disputed", 0, "hold GBP 1 7")
	says("queue", 0, "decision GB*DUN NL*EXW GBP 1 7 2019-01")
	says("decide undo --cdr GB*DUN*C-0 --reason settled", 0)
	says("queue", 0, "session_billed_twice GB*DUN NL*EXW GBP 1 7 2019-01")

	for args, wants := range map[string]string{
		"accept --reason yes": "give --cdr", "accept --cdr GB*DUN*C-0 --ground age --reason yes": "give --cdr", "accept --cdr GB --reason yes": "is not the key of a CDR",
		"accept --ground beauty --reason yes": "known are decision, ", "accept --cdr GB*DUN*C-0 --at half --reason yes": "want claimed or computed", "reject --cdr GB*DUN*C-0": `"reason" not set`,
		"hold --ground age --cpo X --reason yes": "is not a party",
	} {
		says("decide "+args, exitUsage, wants)
	}
	says("decide accept --cdr GB*DUN*C-9 --reason yes", 1, "there is no such object")

	// A key decides where its scope and its party say so.
	decide := func(scope, party, body string) answer {
		var key admin.KeySecret
		flags := serviceFlags{data: data}
		client, err := flags.client()
		if err == nil {
			err = client.do(t.Context(), http.MethodPost, "/keys", admin.KeyRequest{Scopes: []string{scope}, Party: party}, &key)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s.request(http.MethodPost, "/api/v1/decisions", "Bearer "+key.Secret, body)
	}
	const one = `{"act":"accept","cdr":"GB*DUN*C-0","reason":"as a key"}`
	for _, c := range []struct {
		scope, party string
		want         int
	}{{"finance:read", "", http.StatusForbidden}, {"finance:decide", "NL/EXW", http.StatusCreated}} {
		if got := decide(c.scope, c.party, one); got.status != c.want {
			t.Errorf("%s of %q: HTTP %d, want %d", c.scope, c.party, got.status, c.want)
		}
	}
	says("queue", 0, "GROUND CPO EMSP CURRENCY COUNT CLAIMED OLDEST DIGEST")
}

// What is more than the connector of a Location can give, and two that were at it at once,
// whoever pays them, waits where that is agreed; verify finds the power as it was stored.
func TestConnectorsAreHeldAgainstTheirLocations(t *testing.T) {
	data, s := pushed(t)
	s.partner("EMSP", "NL", "TNM")
	nextDay := func(id, emsp, session string) string {
		return strings.NewReplacer("2019-01-05T", "2019-01-06T", `"session_id":"S1"`, `"session_id":"`+session+`"`, "NL-EXW-1", "NL-"+emsp+"-1",
			`{"type":"TIME","volume":1.3333}`, `{"type":"TIME","volume":1.3333},{"type":"MAX_POWER","volume":43}`).Replace(testCDR(id, emsp, "T1", "7.00", "8.40"))
	}
	s.accepted("GB*DUN", "POST", cdrs, nextDay("p-1", "EXW", "S8"))
	s.accepted("GB*DUN", "POST", cdrs, strings.Replace(nextDay("p-2", "TNM", "S9"), `"volume":43`, `"volume":42.24`, 1))
	s.stored(9)
	says := commandsOn(t, data)
	says("agreement set --from 2019-01 pack=strict rule.age.effect=off", 0)
	says("queue --period 2019-01 --format csv", 0,
		"GB*DUN*P-1,NL*EXW,2019-01,GBP,held,peak_power connector_overlap,\"Its power of 43 kW is above 42.24 kW, what its connector can give. It is of the same connector and time as GB*DUN*P-2.\"",
		"GB*DUN*P-2,NL*TNM,2019-01,GBP,held,connector_overlap,It is of the same connector and time as GB*DUN*P-1.")
	if out, err := verifyAll(t, data); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
