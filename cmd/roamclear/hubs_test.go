package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api/admin"
)

// TestTwoServices are two installations on the embedded log and store, one with eMSPs,
// one with CPOs, that register with each other in each version, a connection each: what
// was pushed to one is pulled by the other and on the lists there, byte by byte where
// the version is the same.
func TestTwoServices(t *testing.T) {
	east, west := startHub(t, "NL", "ONE"), startHub(t, "DE", "TWO")
	for n, version := range []string{"2.1.1", "2.2.1", "2.3.0"} {
		cpo, emsp := "D0"+string(rune('1'+n)), "E0"+string(rune('1'+n))
		west.partner("CPO", "GB", cpo)
		east.partner("EMSP", "NL", emsp)
		// Days of this month: lists of Sessions and CDRs are asked for what is not old.
		recent := strings.NewReplacer(`"NL","party_id":"QQQ"`, `"GB","party_id":"`+cpo+`"`, "QQQ", cpo, "EMP", emsp, "2025-03-04", time.Now().AddDate(0, 0, -3).Format(time.DateOnly))
		bodies := map[string]string{}
		for _, kind := range []string{"locations", "tariffs", "sessions", "cdrs"} {
			bodies[kind] = recent.Replace(clean["2.2.1"][kind])
			method, path := http.MethodPut, "/GB/"+cpo+"/X1"
			if kind == "cdrs" {
				method, path = http.MethodPost, ""
			}
			west.accepted("GB*"+cpo, method, "/receiver/"+kind+path, bodies[kind])
		}
		bodies["tokens"] = strings.ReplaceAll(clean["2.2.1"]["tokens"], "QQQ", emsp)
		east.accepted("NL*"+emsp, http.MethodPut, "/receiver/tokens/NL/"+emsp+"/X1", bodies["tokens"])
		for _, s := range []*testService{east, west} {
			if _, err := run(t, newPairCmd(), "add", "--cpo", "GB/"+cpo, "--emsp", "NL/"+emsp, "--data", s.data); err != nil {
				t.Fatal(err)
			}
		}
		tokenA, err := run(t, newPartnerCmd(), "invite", "--role", "CPO", "--country", "GB", "--party", cpo, "--data", east.data)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := run(t, newPartnerCmd(), "connect", east.url+"/ocpi/versions", "--token", strings.TrimSpace(tokenA), "--version", version,
			"--role", "EMSP", "--country", "NL", "--party", emsp, "--data", west.data); err != nil {
			t.Fatal(out, err)
		}
		east.reads("GB", cpo, "locations", "tariffs", "sessions", "cdrs")
		west.reads("NL", emsp, "tokens")
		for kind, body := range bodies {
			reader, at := "NL*"+emsp, east
			if kind == "tokens" {
				reader, at = "GB*"+cpo, west
			}
			a := at.accepted(reader, http.MethodGet, "/sender/"+kind+"?date_from=2018-01-01T00:00:00Z", "")
			var list []json.RawMessage
			if err := json.Unmarshal(a.ocpi.Data, &list); err != nil || len(list) != 1 || version == "2.2.1" && string(list[0]) != body {
				t.Errorf("%s lists %s by way of %s: %s", reader, kind, version, a.ocpi.Data)
			}
		}
	}
	verified(t, east.data)
	verified(t, west.data)
}

// startHub starts a service that is a hub of this name, where pairs alone roam.
func startHub(t *testing.T, country, id string) *testService {
	t.Helper()
	c := testConfig(t.TempDir())
	c.Hub.Party, c.Roaming.Open = country+"/"+id, false
	s := startConfig(t, c)
	s.eventually("service is ready", func() bool { return s.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	return s
}

// reads pulls from a partner whose lists have one object each.
func (s *testService) reads(country, party string, modules ...string) {
	s.t.Helper()
	out, err := run(s.t, newPartnerCmd(), "pull", "--country", country, "--party", party, "--format", "json", "--data", s.data)
	var got admin.Pull
	if err != nil || json.Unmarshal([]byte(out), &got) != nil || len(got.Modules) != len(modules) {
		s.t.Fatalf("pull from %s*%s: %v\n%s", country, party, err, out)
	}
	for i, m := range got.Modules {
		if m.Module != modules[i] || m.Read != 1 || m.Refused > 0 {
			s.t.Errorf("pull from %s*%s: %+v", country, party, m)
		}
	}
}
