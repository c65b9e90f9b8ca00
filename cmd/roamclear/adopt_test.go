package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// processTest is a service in a process of its own, which can be killed.
type processTest struct {
	*testService
	process *exec.Cmd
}

// startProcess starts a service on a data directory, and waits until it is ready.
func startProcess(t *testing.T, data string) *processTest {
	t.Helper()
	s := &processTest{testService: &testService{t: t, data: data, tokens: map[string]string{}}}
	s.start()
	t.Cleanup(func() { s.kill() })
	return s
}

func (s *processTest) start() {
	s.t.Helper()
	s.process, _ = command(s.t, "serve", "--data", s.data, "--listen", "127.0.0.1:0")
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the service is ready", func() bool {
		info, err := readService(s.data)
		if err != nil || info.PID != s.process.Process.Pid {
			return false
		}
		s.url = info.URL
		return s.request("GET", "/readyz", "", "").status == http.StatusOK
	})
}

// kill ends it as a power cut does.
func (s *processTest) kill() {
	s.t.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.Process.Kill(); err != nil {
		s.t.Error(err)
	}
	_ = s.process.Wait() // it was killed
	s.process = nil
}

// copyOf pushes a copy of a CDR and returns its receipt.
func (s *processTest) copyOf(body string) string {
	s.t.Helper()
	return s.accepted("GB*DUN", "POST", cdrs, body).header.Get("X-Roamclear-Receipt")
}

// claims is what receipts, the CDR's own page in the API and the list of conflicts say that
// a CDR claims; "nothing" while it is taken from one place to another.
func (s *processTest) claims(id string) string {
	s.t.Helper()
	var detail struct {
		CDR struct {
			Position string
			Claimed  struct {
				Excl string `json:"excl_vat"`
			}
		}
	}
	a := s.request("GET", "/api/v1/cdrs/GB/DUN/"+id, "Bearer "+s.key, "")
	if a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &detail) != nil {
		return "nothing"
	}
	a = s.request("POST", "/api/v1/receipts/cdrs", "Bearer "+s.key, `{"cpo":"GB*DUN","ids":["`+id+`"]}`)
	var receipts struct {
		CDRs []struct {
			Day   string
			Total string `json:"total_excl"`
		} `json:"cdrs"`
	}
	if json.Unmarshal([]byte(a.body), &receipts) != nil || len(receipts.CDRs) != 1 {
		return "nothing"
	}
	var contents struct{ Counts struct{ Position string } }
	if a = s.request("GET", "/api/v1/conflicts/GB/DUN/"+id, "Bearer "+s.key, ""); a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &contents) != nil {
		return "nothing"
	}
	if claim := strings.TrimSuffix(detail.CDR.Claimed.Excl, ".00"); contents.Counts.Position != detail.CDR.Position || claim != receipts.CDRs[0].Total {
		return fmt.Sprintf("%s by the receipts, %s as shown; copy %s counts, %s is shown", receipts.CDRs[0].Total, claim, contents.Counts.Position, detail.CDR.Position)
	}
	return receipts.CDRs[0].Total + " on " + receipts.CDRs[0].Day
}

// A person decides which copy of a CDR counts: before the month is closed its draft follows,
// after it the difference is a line of the next month, and whatever dies between, it is
// carried out and every claim has one place.
func TestAnotherCopyOfACDRCounts(t *testing.T) {
	data := t.TempDir()
	s := startProcess(t, data)
	exits := commandsOf(t, data)
	s.partner("CPO", "GB", "DUN")
	s.partner("EMSP", "NL", "EXW")
	s.financeKey()
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", testLocation)
	first := s.copyOf(testCDR("c-1", "EXW", "T1", "7.00", "8.40"))
	moved := s.copyOf(testCDR("c-2", "EXW", "T1", "7.00", "8.40"))
	repeat := s.copyOf(testCDR("c-1", "EXW", "T1", "7.00", "8.40"))
	other := s.copyOf(testCDR("c-1", "EXW", "T1", "9.00", "10.80"))
	later := s.copyOf(strings.ReplaceAll(testCDR("c-2", "EXW", "T1", "5.00", "6.00"), "2019-01-05", "2019-02-05"))
	s.stored(2)
	s.eventually("the conflicts are stored", func() bool {
		var got struct{ Conflicts []any }
		s.finance("/conflicts", &got)
		return len(got.Conflicts) == 2
	})
	months := func(january, february string) {
		t.Helper()
		for month, want := range map[string]string{"2019-01": january, "2019-02": february} {
			var report struct {
				Rows []struct {
					Claimed struct {
						Excl string `json:"excl_vat"`
					}
				}
			}
			got := "nothing"
			if s.finance("/reports/settlement?from="+month+"&to="+month, &report); len(report.Rows) == 1 {
				got = report.Rows[0].Claimed.Excl
			}
			if got != want {
				t.Errorf("the report of %s claims %s, want %s", month, got, want)
			}
		}
	}
	is := func(id, want string) {
		t.Helper()
		if got := s.claims(id); got != want {
			t.Errorf("%s claims %s, want %s", id, got, want)
		}
	}
	const statementOf = "statement show --cpo GB*DUN --emsp NL*EXW --currency GBP --period "

	// What makes no sense, or is so already, is refused, and says what is known.
	adopt := func(id, receipt string) string {
		return "decide adopt --cdr GB*DUN*" + id + " --copy " + receipt + " --reason agreed"
	}
	exits(exitUsage, strings.TrimSuffix(adopt("C-1", other), " --reason agreed"), `required flag(s) "reason" not set`)
	exits(exitUsage, adopt("C-1", "no"), `"no" is not the receipt of a copy`)
	exits(exitUsage, adopt("C-1", "1-0-4711"), "1-0-4711 is no copy of GB*DUN*C-1: these are "+first+" (the first, counts), "+repeat+", "+other)
	exits(exitUsage, adopt("C-1", later), later+" is no copy of GB*DUN*C-1")
	exits(1, adopt("C-1", first), first+" is the copy of GB*DUN*C-1 that counts already")
	exits(1, adopt("C-1", repeat), repeat+" says the same as "+first)
	exits(1, adopt("C-9", other), "there is no such object")
	is("c-1", "7 on 2019-01-05")
	exits(0, "verify --quiet", "verified")

	// Before the month is closed its draft follows.
	exits(0, adopt("C-1", other), "DECIDED CURRENCY COUNT CLAIMED RECORD adopt GBP 1 7")
	is("c-1", "9 on 2019-01-05")
	months("16.00", "nothing")
	exits(0, statementOf+"2019-01", `"lines":2,`, `"net":"16"`)
	exits(0, "verify --quiet", "copies of 1 CDRs another copy counts than the first", "verified")
	exits(0, "verify --quiet --format json", `"chosen_count": 1`, `"chosen_ahead_count": 0`)
	exits(1, adopt("C-1", other), "counts already")
	s.adoptedByKey(other)

	s.kill()
	exits(0, "verify --quiet", "copies of 1 CDRs", "verified")
	s.start()
	is("c-1", "9 on 2019-01-05")
	exits(0, "period close 2019-01", "GBP 16")
	exits(0, "verify --quiet", "issued 1 statements of 1 closes, 2 lines", "verified")

	// After it the first counts again, however the service dies while it is carried out; the
	// difference is a line of the next month.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := make(chan error, 1)
	go func() { asked <- s.adoptRaw(ctx, "C-1", first) }()
	s.eventually("it is decided", func() bool {
		var got struct {
			Clearing struct{ Decisions []rest.ClearedDecision }
		}
		s.finance("/cdrs/GB/DUN/c-1", &got)
		n := len(got.Clearing.Decisions)
		return n > 0 && got.Clearing.Decisions[n-1].Copy != nil && *got.Clearing.Decisions[n-1].Copy == first
	})
	s.kill()
	cancel()
	<-asked // that it was answered is not said
	exits(0, "verify --quiet", "verified")
	s.start()
	s.eventually("the first copy counts again", func() bool { return s.claims("c-1") == "7 on 2019-01-05" })
	exits(0, statementOf+"2019-02", `"kind":"correction","of":"2019-01"`, `"net":"-2"`)
	exits(0, "verify --quiet", "verified")

	// A copy of another month takes the CDR there.
	exits(0, adopt("C-2", later)+" --format json", `"act": "adopt"`, `"count": 1`, `"currency": "GBP"`)
	is("c-2", "5 on 2019-02-05")
	months("7.00", "5.00")
	exits(0, "verify --quiet", "copies of 1 CDRs", "verified")
	exits(0, "period close 2019-02", "GBP -4")
	exits(0, "verify --quiet", "issued 2 statements of 2 closes, 4 lines", "verified")

	// What was decided is taken back by an undo, and nothing more is to be issued then than it
	// takes back.
	exits(0, "decide undo --cdr GB*DUN*C-2 --reason mistaken", "undo GBP 1 5")
	is("c-2", "7 on 2019-01-05")
	months("14.00", "0.00") // what was issued of it there stands in the report
	exits(1, adopt("C-2", moved), "counts already")
	exits(0, "verify --quiet", "verified")
	exits(0, "period close 2019-03", "GBP 2")
	s.kill()
	exits(0, "verify --quiet", "issued 3 statements of 3 closes, 5 lines", "verified")
}

// adoptRaw asks for an adoption, and waits for no longer than a context.
func (s *processTest) adoptRaw(ctx context.Context, id, receipt string) error {
	flags := serviceFlags{data: s.data}
	client, err := flags.client()
	if err != nil {
		return err
	}
	return client.do(ctx, http.MethodPost, "/decisions", rest.DecisionRequest{Act: string(clearing.Adopt), CDR: "GB*DUN*" + id, Copy: receipt, Reason: "agreed"}, nil)
}

// adoptedByKey checks that a key that decides is refused what counts already, that one that
// reads may not decide, and that a party's is not told who did.
func (s *processTest) adoptedByKey(receipt string) {
	s.t.Helper()
	flags := serviceFlags{data: s.data}
	client, err := flags.client()
	if err != nil {
		s.t.Fatal(err)
	}
	key := func(request admin.KeyRequest) string {
		var got admin.KeySecret
		if err := client.do(s.t.Context(), http.MethodPost, "/keys", request, &got); err != nil {
			s.t.Fatal(err)
		}
		return "Bearer " + got.Secret
	}
	decides := key(admin.KeyRequest{Scopes: []string{control.ScopeFinanceRead, control.ScopeFinanceDecide}})
	party := key(admin.KeyRequest{Scopes: []string{control.ScopeFinanceRead}, Party: "NL/EXW"})
	body := `{"act":"adopt","cdr":"GB*DUN*C-1","copy":"` + receipt + `","reason":"agreed"}`
	for authorization, want := range map[string]int{decides: http.StatusConflict, party: http.StatusForbidden} {
		if a := s.request("POST", "/api/v1/decisions", authorization, body); a.status != want {
			s.t.Errorf("adopted by a key: HTTP %d %s, want %d", a.status, a.body, want)
		}
	}
	a := s.request("GET", "/api/v1/cdrs/GB/DUN/c-1", party, "")
	var got struct {
		Clearing struct{ Decisions []rest.ClearedDecision }
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || len(got.Clearing.Decisions) != 1 {
		s.t.Fatalf("%v: %s", err, a.body)
	}
	if d := got.Clearing.Decisions[0]; d.Copy == nil || *d.Copy != receipt || d.By != nil || d.Reason != nil || !d.Stands {
		s.t.Errorf("a party is told %+v", d)
	}
}
