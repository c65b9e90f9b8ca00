package convert

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ocpi"
)

var update = flag.Bool("update", false, "rewrite what the rules give")

// TestRules converts what stands in testdata/*.txt, each case a rule:
//
//	== what the rule says
//	CDR 2.2.1 > 2.3.0            (kind, from, to; "blank": nothing but the owner is known)
//	{...}                        (the body)
//	->
//	{...}                        (what is handed out, or "refused", a path and a reason)
//	lost path: reason
func TestRules(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files of rules: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cases := strings.Split(strings.TrimPrefix(string(text), "== "), "\n== ")
		for i, text := range cases {
			title, rest, _ := strings.Cut(text, "\n")
			t.Run(filepath.Base(file)+"/"+title, func(t *testing.T) {
				given, want, _ := strings.Cut(rest, "->\n")
				got := runRule(t, given)
				if d := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); d != "" && !*update {
					t.Errorf("run go test -update and review (-want +got):\n%s", d)
				}
				cases[i] = title + "\n" + given + "->\n" + got
			})
		}
		if *update {
			if err := os.WriteFile(file, []byte("== "+strings.Join(cases, "\n== ")), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func runRule(t *testing.T, given string) string {
	head, body, _ := strings.Cut(given, "\n")
	words := strings.Fields(head)
	if len(words) < 4 || words[2] != ">" {
		t.Fatalf("%q: want a kind and two versions", head)
	}
	ctx := knowing
	if slices.Contains(words, "blank") {
		ctx = Context{Owner: knowing.Owner}
	}
	from, okFrom := ocpi.ParseVersion(words[1])
	to, okTo := ocpi.ParseVersion(words[3])
	if !okFrom || !okTo {
		t.Fatalf("%q: versions", head)
	}
	result, err := Convert(kindNamed(t, words[0]), from, to, []byte(strings.TrimSpace(body)), ctx)
	var b strings.Builder
	if refused, ok := errors.AsType[*Refused](err); ok {
		fmt.Fprintf(&b, "refused %s\n", refused)
		return b.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%s\n", result.Body)
	for _, l := range result.Lost {
		fmt.Fprintf(&b, "lost %s: %s\n", l.Path, l.Reason)
	}
	return b.String()
}

func kindNamed(t testing.TB, name string) Kind {
	for k := CDR; k <= Token; k++ {
		if k.String() == name {
			return k
		}
	}
	t.Fatalf("no kind %q", name)
	return 0
}

// knowing is what a hub knows in the cases: who owns the object, one Token with its
// history, one contract of which only the issuer is known, one Location, which tariffs
// are in force, and the zone of Belgium.
var knowing = Context{
	Owner: ocpi.NewParty("BE", "BEC"),
	At:    at("2026-01-01T12:00:00Z"),
	Token: func(contract string, _ ocpi.Time) (ocpi.CDRToken, bool) {
		switch contract {
		case "DE8ACC12E46L89":
			return ocpi.CDRToken{CountryCode: "DE", PartyID: "EMP", UID: "012345678", Type: "RFID"}, true
		case "NL-TNM-C00000001":
			return ocpi.CDRToken{CountryCode: "NL", PartyID: "TNM"}, true
		case "NL-TNM-CEMAID001":
			return ocpi.CDRToken{CountryCode: "NL", PartyID: "TNM", UID: "NLTNMCEMAID001", Type: "EMAID"}, true
		}
		return ocpi.CDRToken{}, false
	},
	TokenTypes: func(uid string) []string {
		if uid == "SEVERAL" {
			return []string{"RFID", "APP_USER"}
		}
		return nil
	},
	Location: func(id string, _ ocpi.Time) ([]byte, ocpi.Version) {
		if id != "LOC1" {
			return nil, 0
		}
		return []byte(knownLocation), ocpi.V221
	},
	TariffInForce: func(ids []string) (string, bool) {
		i := slices.Index(ids, "REGULAR1")
		return "REGULAR1", i >= 0
	},
	Zone: func(country string) string {
		if country == "BEL" {
			return "Europe/Brussels"
		}
		return ""
	},
}

const knownLocation = `{"country_code":"BE","party_id":"BEC","id":"LOC1","publish":true,"name":"Gent Zuid","address":"F.Rooseveltlaan 3A","city":"Gent",
"postal_code":"9000","country":"BEL","coordinates":{"latitude":"51.0475990","longitude":"3.72994"},"parking_type":"ON_STREET","time_zone":"Europe/Brussels",
"evses":[{"uid":"3256","evse_id":"BE*BEC*E041503003","status":"AVAILABLE","last_updated":"2025-12-01T00:00:00Z","connectors":[{"id":"1","standard":"IEC_62196_T2",
"format":"SOCKET","power_type":"AC_3_PHASE","max_voltage":230,"max_amperage":64,"tariff_ids":["T1"],"last_updated":"2025-12-01T00:00:00Z"}]}],
"last_updated":"2025-12-01T00:00:00Z"}`

func at(s string) ocpi.Time {
	t, _, err := ocpi.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}
