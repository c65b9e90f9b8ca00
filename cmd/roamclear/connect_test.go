package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ocpi"
)

// testPeer is a party that is served beside the service.
func testPeer(t *testing.T, o peer.Options) *peer.Peer {
	t.Helper()
	p, err := peer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.SetURL(s.URL)
	return p
}

// TestConnectToPeers registers the service with a CPO of each version, by its token
// A, and reads what they offer: by the commands, over the embedded log and store.
func TestConnectToPeers(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("EMSP", "DE", "EMP")
	s.financeKey()
	for _, c := range []struct {
		version ocpi.Version
		party   string
		args    []string
		incl    string // of the first CDR: 2.1.1 knows no tax
	}{
		{ocpi.V211, "TNA", []string{"--role", "CPO"}, ""},
		{ocpi.V221, "TNC", nil, "1.80"},
		{ocpi.V230, "TNE", nil, "1.80"},
	} {
		t.Run(c.version.String(), func(t *testing.T) {
			other := testPeer(t, peer.Options{Role: peer.CPO, Party: ocpi.NewParty("NL", c.party), Version: c.version})
			args := append([]string{"connect", other.VersionsURL(), "--token", other.TokenA(), "--data", s.data}, c.args...)
			out, err := run(t, newPartnerCmd(), args...)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{c.version.String(), "CPO NL*" + c.party, "cdrs", other.VersionsURL()[:len(other.VersionsURL())-len("/versions")]} {
				if !strings.Contains(out, want) {
					t.Errorf("connect prints %q, want %s", out, want)
				}
			}
			for n := range 2 {
				got := s.pull(c.party)
				want := map[string]int{"locations": 3, "tariffs": 2, "sessions": 25, "cdrs": 25}
				read := map[string]int{}
				for _, m := range got.Modules {
					read[m.Module] = m.Read
					if m.Refused > 0 || n > 0 && m.New > 0 {
						t.Errorf("pull %d: %+v", n, m)
					}
				}
				if diff := cmp.Diff(want, read); diff != "" {
					t.Errorf("pull %d: %s", n, diff)
				}
			}
			if c.incl != "" {
				s.priced("NL/"+c.party+"/"+c.party+"-C1", "1.50", c.incl)
			}
		})
	}
	for n, v := range []ocpi.Version{ocpi.V211, ocpi.V221, ocpi.V230} {
		t.Run("as its server in "+v.String(), func(t *testing.T) { s.registers(fmt.Sprintf("EM%d", n), v) })
	}
	dead := testPeer(t, peer.Options{Role: peer.CPO, Party: ocpi.NewParty("NL", "TND"), Version: ocpi.V221, Fault: peer.Failing})
	if out, err := run(t, newPartnerCmd(), "connect", dead.VersionsURL(), "--token", dead.TokenA(), "--data", s.data); err != nil {
		t.Fatal(out, err)
	}
	// Whom nothing can be read from is told so, and holds up nobody.
	out, err := run(t, newPartnerCmd(), "pull", "--country", "NL", "--party", "TND", "--data", s.data)
	if err == nil || !strings.Contains(err.Error(), "cdrs was not read to its end") || !strings.Contains(err.Error(), "HTTP 500") {
		t.Errorf("pull of lists that fail: %q, %v", out, err)
	}
	verified(t, s.data)
}

// registers invites an eMSP, which registers with the service and offers its Tokens.
func (s *testService) registers(party string, v ocpi.Version) {
	s.t.Helper()
	tokenA, err := run(s.t, newPartnerCmd(), "invite", "--role", "EMSP", "--country", "NL", "--party", party, "--version", v.String(), "--data", s.data)
	if err != nil {
		s.t.Fatal(err)
	}
	other := testPeer(s.t, peer.Options{Role: peer.EMSP, Party: ocpi.NewParty("NL", party), Version: v})
	if err := other.Connect(s.t.Context(), s.url+"/ocpi/versions", strings.TrimSpace(tokenA)); err != nil {
		s.t.Fatal(err)
	}
	if v == ocpi.V221 {
		s.pulledByItself("nl-" + strings.ToLower(party) + "-emsp")
	}
	got := s.pull(party)
	if len(got.Modules) != 1 || got.Modules[0].Module != "tokens" || got.Modules[0].Read != 12 || got.Modules[0].Refused > 0 {
		s.t.Errorf("pulled %+v", got)
	}
	if _, err := run(s.t, newPartnerCmd(), "rotate", "nl-"+strings.ToLower(party)+"-emsp", "--data", s.data); err != nil || !other.Registered() {
		s.t.Errorf("rotate: %v", err)
	}
	if got := s.pull(party); got.Modules[0].Read != 12 || got.Modules[0].New > 0 {
		s.t.Errorf("pulled with the new token: %+v", got)
	}
	if _, err := run(s.t, newPartnerCmd(), "remove", "nl-"+strings.ToLower(party)+"-emsp", "--data", s.data); err != nil || other.Registered() {
		s.t.Errorf("remove: %v", err)
	}
}

// pulledByItself waits until a partner's lists are read without anybody asking.
func (s *testService) pulledByItself(id string) {
	s.t.Helper()
	flags := serviceFlags{data: s.data}
	client, err := flags.client()
	if err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the lists of "+id+" are read", func() bool {
		var got admin.Pull
		err := client.do(s.t.Context(), http.MethodGet, "/partners/"+id+"/pull", nil, &got)
		return err == nil && got.Done && len(got.Modules) == 1 && got.Modules[0].New == 12
	})
}

// pull reads a partner's lists by the command.
func (s *testService) pull(party string) (got admin.Pull) {
	s.t.Helper()
	out, err := run(s.t, newPartnerCmd(), "pull", "--country", "nl", "--party", party, "--format", "json", "--data", s.data)
	if err != nil {
		s.t.Fatal(out, err)
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		s.t.Fatal(out, err)
	}
	return got
}
