package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ocpi"
)

// serves starts a service as a process of its own, on a data directory, and waits until it
// is ready.
func serves(t *testing.T, s *testService) *exec.Cmd {
	t.Helper()
	cmd, out := command(t, "serve", "--data", s.data, "--listen", "127.0.0.1:0", "--log.level", "error", "--partner_urls.allow_private", "--partner_urls.timeout", "3s")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the service: %s", out)
		}
	})
	s.eventually("the service is ready", func() bool {
		info, err := readService(s.data)
		if err != nil || info.PID != cmd.Process.Pid {
			return false
		}
		s.url = info.URL
		return s.request("GET", "/readyz", "", "").status == http.StatusOK
	})
	return cmd
}

func killed(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}

// heard is what the message log says of a CDR, the first exchange first: which way, to whom,
// what was answered, and what became of it.
func (s *testService) heard(ops, cdr string) (what []string, list rest.MessageList) {
	s.t.Helper()
	list, _ = s.messages(ops, url.Values{"cdr_id": {cdr}})
	for _, m := range slices.Backward(list.Messages) {
		status := "no answer"
		if m.Status != nil {
			status = fmt.Sprint(*m.Status)
		}
		became, _, _ := strings.Cut(s.message(ops, m.ID).Became, ";")
		what = append(what, fmt.Sprintf("%s %s: %s", m.Direction, status, became))
	}
	return what, list
}

// Between the answer to a CDR and its record in the message log our process is killed: the
// CDR is there, by its receipt; sent again it is a repeat, which counts nowhere, and then the
// log has the exchange with which copy counts.
func TestWeAreKilledBetweenAnswerAndRecord(t *testing.T) {
	s := &testService{t: t, data: t.TempDir(), tokens: map[string]string{}}
	first := serves(t, s)
	s.partner("CPO", "GB", "DUN")
	s.partner("EMSP", "NL", "EXW")
	s.financeKey()
	ops := s.opsKey()
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	cdr := testCDR("c-1", "EXW", "T1", "7.00", "8.40")
	before := s.accepted("GB*DUN", "POST", cdrs, cdr).header.Get(api.HeaderReceipt)
	killed(t, first)

	second := serves(t, s)
	s.stored(1)
	var there struct{ CDR struct{ Position string } }
	s.finance("/cdrs/GB/DUN/c-1", &there)
	if before == "" || there.CDR.Position != before {
		t.Errorf("receipt %q, and the CDR has %q", before, there.CDR.Position)
	}
	s.accepted("GB*DUN", "POST", cdrs, cdr)
	s.eventually("the exchange is in the log, with what became of it", func() bool {
		got, _ := s.heard(ops, "c-1")
		return len(got) > 0 && got[len(got)-1] == "in 1000: another copy counts (receipt "+before+")"
	})
	s.stored(1)
	killed(t, second) // the message log has no more to lose
	verified(t, s.data)
}

// A partner is killed between taking what is handed on and its answer: the log says that
// nobody knows, and so is the sender told; sent again, it is delivered.
func TestAPartnerIsKilledBetweenTakingAndAnswering(t *testing.T) {
	s := &testService{t: t, data: t.TempDir(), tokens: map[string]string{}}
	service := serves(t, s)
	ops := s.opsKey()
	s.financeKey()
	cpo := s.joins(peer.CPO, "NL", "TNM", ocpi.V221)
	connect := func(fault string) *exec.Cmd {
		token, err := run(t, newPartnerCmd(), "invite", "--role", "EMSP", "--country", "DE", "--party", "EMP", "--data", s.data)
		if err != nil {
			t.Fatal(token, err)
		}
		cmd, _ := command(t, "peer", "--role", "EMSP", "--country", "DE", "--party", "EMP", "--fault", fault, "--connect", s.url+"/ocpi/versions", "--token", strings.TrimSpace(token))
		cmd.Stdout, cmd.Stderr = nil, nil
		told, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(told)
		waits := func(want string) {
			t.Helper()
			for lines.Scan() {
				if strings.Contains(lines.Text(), want) {
					return
				}
			}
			t.Fatalf("the peer never said %q", want)
		}
		waits("Registered with")
		go func() {
			defer killedInTheEnd(cmd)
			for lines.Scan() {
				if fault == string(peer.Late) && strings.Contains(lines.Text(), "POST /receiver/cdrs") {
					return // it has it, and does not answer
				}
			}
		}()
		return cmd
	}
	push := func() *peer.Reply {
		return asks(t, cpo, peer.Message{Method: "POST", Module: "cdrs", Role: ocpi.RoleReceiver, To: ocpi.NewParty("DE", "EMP"), Body: []byte(elsewhere(testCDR("c-9", "EXW", "T1", "7.00", "8.40")))})
	}
	dies := connect(string(peer.Late))
	first := push()
	if first.Code != ocpi.StatusTimeout || !strings.Contains(first.Message, "stored here") || first.Header.Get(api.HeaderReceipt) == "" {
		t.Errorf("the sender is told %+v", first)
	}
	_ = dies.Wait() // it was killed
	if out, err := run(t, newPartnerCmd(), "remove", "de-emp-emsp", "--data", s.data); err != nil {
		t.Fatal(out, err)
	}
	connect("none")
	second := push()
	if second.Code != ocpi.StatusSuccess {
		t.Errorf("again: %+v", second)
	}
	repeat := "another copy counts (receipt " + first.Header.Get(api.HeaderReceipt) + ")"
	want := []string{"in 4002: counts", "out no answer: unknown: no answer came", "in 1000: " + repeat, "out 1000: " + repeat}
	var got []string
	defer func() {
		if t.Failed() {
			t.Error(cmp.Diff(want, got))
		}
	}()
	s.eventually("the log has all of it, and what became of it", func() bool { // it is priced meanwhile
		got, _ = s.heard(ops, "c-9")
		return slices.Equal(got, want)
	})
	s.stored(1)
	killed(t, service)
	verified(t, s.data)
}

func killedInTheEnd(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // where it has not ended by itself

// What each fault of pushes makes of a CDR that is handed on: what its sender is told, the
// first time and the second, and how often it was taken in the end.
func TestPushesThatGoWrong(t *testing.T) {
	c := testConfig(t.TempDir())
	c.PartnerURLs.Timeout = time.Second
	s := startConfig(t, c)
	s.eventually("service is ready", func() bool { return s.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	ops := s.opsKey()
	cpo := s.joins(peer.CPO, "NL", "TNM", ocpi.V221)
	want := map[peer.Fault]struct {
		codes [2]ocpi.Status
		says  string
		taken int
		log   []string
	}{
		peer.Refuse: {[2]ocpi.Status{2001, 2001}, "refused, whatever it is", 0, []string{"out 2001", "out 2001"}},
		peer.Lost:   {[2]ocpi.Status{4002, 1000}, "nobody knows whether it took it; it is stored here", 1, []string{"out no answer", "out 1000"}},
		peer.Late:   {[2]ocpi.Status{4002, 1000}, "did not answer in time; it is stored here", 1, []string{"out no answer", "out 1000"}},
	}
	for n, name := range peer.Faults(peer.Pushes) {
		t.Run(name, func(t *testing.T) {
			want, party := want[peer.Fault(name)], fmt.Sprintf("P%d", n)
			token, err := run(t, newPartnerCmd(), "invite", "--role", "EMSP", "--country", "DE", "--party", party, "--data", s.data)
			if err != nil {
				t.Fatal(token, err)
			}
			emsp := testPeer(t, peer.Options{Role: peer.EMSP, Party: ocpi.NewParty("DE", party), Version: ocpi.V221, Fault: peer.Fault(name)})
			if err := emsp.Connect(t.Context(), s.url+"/ocpi/versions", strings.TrimSpace(token)); err != nil {
				t.Fatal(err)
			}
			id := "c-" + party
			body := strings.ReplaceAll(elsewhere(testCDR(id, "EXW", "T1", "7.00", "8.40")), `"party_id":"EMP"`, `"party_id":"`+party+`"`)
			for i, code := range want.codes {
				a := asks(t, cpo, peer.Message{Method: "POST", Module: "cdrs", Role: ocpi.RoleReceiver, To: ocpi.NewParty("DE", party), Body: []byte(body)})
				if a.Code != code || i == 0 && !strings.Contains(a.Message, want.says) || a.Header.Get(api.HeaderReceipt) == "" {
					t.Errorf("time %d: %+v", i+1, a)
				}
			}
			if got := emsp.Received(); len(got) != want.taken {
				t.Errorf("taken %+v", got)
			}
			var got []string
			s.eventually("the log has it", func() bool {
				all, _ := s.heard(ops, id)
				got = nil
				for _, one := range all {
					if what, _, _ := strings.Cut(one, ":"); strings.HasPrefix(what, "out") {
						got = append(got, what)
					}
				}
				return len(got) == 2
			})
			if !slices.Equal(got, want.log) {
				t.Errorf("the log has %q", got)
			}
		})
	}
	verified(t, s.data)
}
