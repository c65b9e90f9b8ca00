package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/settlement"
)

// sentCDR is a CDR as a partner has it: it knows nothing of how receipts are made here.
type sentCDR struct {
	ID    string `json:"id"`
	End   string `json:"end_date_time"`
	Start string `json:"start_date_time"`
	Of    string `json:"currency"`
	Total struct {
		Excl json.Number `json:"excl_vat"`
	} `json:"total_cost"`
	Energy json.Number `json:"total_energy"`
	Token  struct {
		Country string `json:"country_code"`
		Party   string `json:"party_id"`
	} `json:"cdr_token"`
}

func (c *sentCDR) emsp() string { return c.Token.Country + "*" + c.Token.Party }

// row is the CDR as a row of a partner's file, as it was sent.
func (c *sentCDR) row() string {
	return strings.Join([]string{c.ID, c.End, c.Of, c.Total.Excl.String(), c.Energy.String()}, ",") + "\n"
}

// line is the CDR's line of a digest, and the day that it counts on, by the documentation.
func (c *sentCDR) line(t *testing.T) (day, line string) {
	t.Helper()
	end, start := instantIn(t, c.End), instantIn(t, c.Start)
	day, ended := end.Format(time.DateOnly), end.Format("2006-01-02T15:04:05Z")
	if end.Unix() == 0 { // OCPI's "not known"
		day, ended = start.Format(time.DateOnly), ""
	}
	shortest := func(n json.Number) string { return decimal.RequireFromString(n.String()).String() }
	return day, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\n", strings.ToUpper(c.ID), ended, c.Of, shortest(c.Total.Excl), shortest(c.Energy))
}

func instantIn(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

// digests are what a partner computes of the CDRs it has.
func digests(t *testing.T, cdrs []sentCDR) (rows []rest.ReceiptDay) {
	t.Helper()
	days := map[string][]string{}
	for i := range cdrs {
		day, line := cdrs[i].line(t)
		days[day] = append(days[day], line)
	}
	for day, lines := range days {
		slices.Sort(lines)
		rows = append(rows, rest.ReceiptDay{Day: day, Count: len(lines), Digest: fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(lines, ""))))})
	}
	slices.SortFunc(rows, func(a, b rest.ReceiptDay) int { return strings.Compare(a.Day, b.Day) })
	return rows
}

// demoCDRs are the CDRs of the demo world that count, by CPO, each with its requests, and
// those that come again with another content.
func demoCDRs(t *testing.T, rows int) (sent map[string][]sentCDR, requests, conflicts []world.Item) {
	t.Helper()
	sent = map[string][]sentCDR{}
	source, err := world.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	for i, err := range world.Items(world.Options{Seed: 1, Rows: rows, Source: source, Only: []world.Module{world.CDRs}}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case i.Class == world.Conflict:
			conflicts = append(conflicts, i)
		case !i.Class.Refused():
			requests = append(requests, i)
		}
		if i.Class.Counts() {
			var c sentCDR
			if err := json.Unmarshal(i.Body, &c); err != nil {
				t.Fatal(err)
			}
			sent[i.Sender.String()] = append(sent[i.Sender.String()], c)
		}
	}
	return sent, requests, conflicts
}

// demoPushed is a service to which the partners of the demo world pushed their CDRs in
// another order than that in which they were made, and what they sent.
func demoPushed(t *testing.T, rows int) (ts *testService, sent map[string][]sentCDR, conflicts []world.Item) {
	t.Helper()
	ts = startTest(t, t.TempDir())
	for _, p := range world.Partners() {
		ts.partner(p.Role, p.Party.Country, p.Party.ID)
	}
	sent, requests, conflicts := demoCDRs(t, rows)
	rand.New(rand.NewPCG(7, 7)).Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
	for _, r := range requests {
		ts.accepted(r.Sender.String(), http.MethodPost, "/receiver/cdrs", string(r.Body))
	}
	return ts, sent, conflicts
}

// receiptsOf asks for receipts of some years, as many days at once as may be.
func (s *testService) receiptsOf(authorization, of string) (rows []rest.ReceiptDay) {
	s.t.Helper()
	for from := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC); from.Year() < 2021; from = from.AddDate(0, 0, settlement.MaxReceiptDays) {
		path := fmt.Sprintf("/api/v1/receipts?%s&from=%s&to=%s", of, from.Format(time.DateOnly), from.AddDate(0, 0, settlement.MaxReceiptDays-1).Format(time.DateOnly))
		a := s.request(http.MethodGet, path, authorization, "")
		var days rest.ReceiptDays
		if err := json.Unmarshal([]byte(a.body), &days); a.status != http.StatusOK || err != nil {
			s.t.Fatalf("%s: HTTP %d %v %s", path, a.status, err, a.body)
		}
		rows = append(rows, days.Rows...)
	}
	return rows
}

// Both sides compute the same digests of each day, in whatever order what was sent has
// come: each CPO of what it sent, each eMSP of what is for it, by their own tokens. What
// comes again with another content changes none, and is named where the lists are compared.
func TestReceiptsOfTheDemoWorld(t *testing.T) {
	ts, sent, conflicts := demoPushed(t, 300)
	ts.financeKey()
	for round := range 2 {
		days := 0
		for cpo, cdrs := range sent {
			want := digests(t, cdrs)
			days += len(want)
			for _, authorization := range []string{"Token " + ts.tokens[cpo], "Bearer " + ts.key} {
				if diff := cmp.Diff(want, ts.receiptsOf(authorization, "cpo="+cpo)); diff != "" {
					t.Errorf("round %d, %s: -sent +here\n%s", round, cpo, diff)
				}
			}
			emsp := cdrs[0].emsp()
			theirs := slices.DeleteFunc(slices.Clone(cdrs), func(c sentCDR) bool { return c.emsp() != emsp })
			for authorization, of := range map[string]string{"Token " + ts.tokens[emsp]: "cpo=" + cpo, "Bearer " + ts.key: "cpo=" + cpo + "&emsp=" + emsp} {
				if diff := cmp.Diff(digests(t, theirs), ts.receiptsOf(authorization, of)); diff != "" {
					t.Errorf("round %d, %s of %s: -sent +here\n%s", round, emsp, cpo, diff)
				}
			}
		}
		if days < 40 || len(conflicts) == 0 {
			t.Fatalf("%d days with CDRs and %d conflicts prove little", days, len(conflicts))
		}
		for _, r := range conflicts {
			ts.accepted(r.Sender.String(), http.MethodPost, "/receiver/cdrs", string(r.Body))
		}
	}
	says := commandsOn(t, ts.data)
	of, other := conflicts[0].Sender, sentCDR{}
	if err := json.Unmarshal(conflicts[0].Body, &other); err != nil {
		t.Fatal(err)
	}
	day, _ := other.line(t)
	file := filepath.Join(t.TempDir(), "theirs.csv")
	write(t, file, "id,end,currency,total_excl,energy\n"+other.row())
	stdout := says(fmt.Sprintf("reconcile --country %s --party %s --from %s --to %s %s", of.Country, of.ID, day[:7], day[:7], file), 1,
		strings.ToUpper(other.ID)+" differs ", "conflict: it came with several contents, this is the copy that counts")
	if !strings.Contains(stdout, "extra") {
		t.Errorf("what a file of one line lacks is not told:\n%s", stdout)
	}
	says(fmt.Sprintf("receipts --cpo %s --from %s --to %s", of, day, day), 0, "DAY COUNT DIGEST "+day)
	says(fmt.Sprintf("receipts --cpo %s --from %s --to %s --format json", of, day, day), 0, `"rows": [ { "day": "`+day)
	says(fmt.Sprintf("receipts --cpo NL*NOT --from %s --to %s", day, day), exitUsage, "known are")
	says(fmt.Sprintf("receipts --cpo %s --from 2019-01-01 --to 2019-12-31", of), exitUsage, "92 days")
}

// Differences that were put into a partner's list are found, all of them and no others,
// whatever order it is in, in either form, with little in memory or much.
func TestReconcile(t *testing.T) {
	ts, sent, _ := demoPushed(t, 300)
	var cpo, month string
	months := map[string][]sentCDR{}
	for party, cdrs := range sent {
		for _, c := range cdrs {
			if day, _ := c.line(t); c.End > "2000" {
				key := party + " " + day[:7]
				if months[key] = append(months[key], c); len(months[key]) > len(months[cpo+" "+month]) {
					cpo, month = party, day[:7]
				}
			}
		}
	}
	in := months[cpo+" "+month]
	if len(in) < 12 {
		t.Fatalf("%d CDRs in a month prove little", len(in))
	}
	list := slices.Clone(sent[cpo])
	at := func(n int) *sentCDR {
		return &list[slices.IndexFunc(list, func(c sentCDR) bool { return c.ID == in[n].ID })]
	}
	args := strings.Fields(strings.Replace(cpo, "*", " ", 1))
	rnd := rand.New(rand.NewPCG(3, 3))
	run := func(list []sentCDR, asJSON bool, code, most int) (string, string) {
		t.Helper()
		rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		var b strings.Builder
		if !asJSON {
			b.WriteString("id,end,currency,total_excl,energy\n")
		}
		for _, c := range list {
			if !asJSON {
				b.WriteString(c.row())
				continue
			}
			fmt.Fprintf(&b, `{"id":%q,"end":%q,"currency":%q,"total_excl":%s,"energy":"%s"}`+"\n", c.ID, c.End, c.Of, c.Total.Excl, c.Energy)
		}
		file := filepath.Join(t.TempDir(), "theirs")
		write(t, file, b.String())
		reconcileHeld = most
		defer func() { reconcileHeld = 200_000 }()
		stdout, stderr, got := runCommand(t, newRootCmd(), "", "reconcile", "--country", args[0], "--party", args[1], "--from", month, "--to", month, file, "--format", "json", "--data", ts.data)
		if got != code {
			t.Fatalf("exit code %d, want %d: %s%s", got, code, stdout, stderr)
		}
		return stdout, stderr
	}
	stdout, stderr := run(slices.Clone(list), false, 0, 200_000)
	if want := fmt.Sprintf("%d CDRs are the same, 0 are missing here, 0 are extra, 0 differ", len(in)); !strings.HasPrefix(stderr, want) || strings.TrimSpace(stdout) != `{"differences": []}` {
		t.Errorf("want %s, got %s%s", want, stdout, stderr)
	}

	id := func(n int) string { return strings.ToUpper(in[n].ID) }
	want := map[string]string{}
	at(1).Energy += "1"
	want[id(1)] = "differs energy"
	at(2).Total.Excl = "12345.67"
	want[id(2)] = "differs total_excl"
	at(3).Of = "XXX"
	want[id(3)] = "differs currency"
	at(4).End = instantIn(t, in[4].End).Add(time.Second).Format(time.RFC3339)
	want[id(4)] = "differs end"
	at(5).End = instantIn(t, in[5].End).AddDate(0, 2, 0).Format(time.RFC3339) // it is in no month that is asked for
	want[id(5)] = "differs end"
	at(6).End, at(6).Energy = "1970-01-01T00:00:00Z", "0"
	want[id(6)] = "differs end energy"
	for i := range list { // one of another month, that ended in this one by the file
		if day, _ := list[i].line(t); day[:7] != month {
			list[i].End = in[0].End
			want[strings.ToUpper(list[i].ID)] = "differs end"
			break
		}
	}
	list = append(list, *at(7), sentCDR{ID: "never-sent", End: in[0].End, Of: "EUR", Energy: "1", Total: at(7).Total}, sentCDR{ID: "never-sent-then", End: "2030-01-01T00:00:00Z", Of: "EUR", Energy: "1", Total: at(7).Total})
	want[id(7)], want["NEVER-SENT"] = "repeated", "missing"
	list = slices.DeleteFunc(list, func(c sentCDR) bool { return c.ID == in[8].ID })
	want[id(8)] = "extra"
	for _, asJSON := range []bool{false, true} {
		for _, most := range []int{200_000, 3} {
			stdout, stderr := run(slices.Clone(list), asJSON, 1, most)
			var answer struct{ Differences []reconcileRow }
			if err := json.Unmarshal([]byte(stdout), &answer); err != nil {
				t.Fatalf("%v in %s", err, stdout)
			}
			got, order := map[string]string{}, []string{}
			for _, d := range answer.Differences {
				said := []string{string(d.Kind)}
				for _, f := range d.Fields {
					said = append(said, f.Field)
				}
				got[d.ID], order = strings.Join(said, " "), append(order, d.ID)
			}
			if diff := cmp.Diff(want, got); diff != "" || !slices.IsSorted(order) || len(order) != len(want) {
				t.Errorf("JSON lines %t, %d in memory: -put in +found\n%s\n%s\n%s", asJSON, most, diff, order, stderr)
			}
		}
	}
}

// What cannot be reconciled is said before anything is printed.
func TestReconcileRefuses(t *testing.T) {
	data, _ := runningService(t)
	says := commandsOn(t, data)
	file := filepath.Join(t.TempDir(), "theirs.csv")
	write(t, file, "id,end,currency,total_excl,energy\nA,2019-06-01T12:00:00Z,EUR,\"1,50\",3\n")
	const of = "reconcile --country NL --party TNM --from 2019-06 --to 2019-0"
	says(of+"6 "+file, exitUsage, file+": line 2: total_excl: \"1,50\" is not a decimal such as 20.5")
	says(of+"6 "+file+".not", exitUsage, "no such file")
	says(of+"5 "+file, exitUsage, "--to 2019-05: want a month from --from, 2019-06, on, 3 at most")
	says(of+"9 "+file, exitUsage, "3 at most")
	if err := os.WriteFile(file, []byte("id,end,currency,total_excl,energy\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	says(of+"6 "+file, exitUsage, "no partner has this party")
}
