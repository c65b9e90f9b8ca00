package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// withPair is a running service with NL*TNM as CPO and DE*EMP as eMSP.
func withPair(t *testing.T) (data string, d *decisions) {
	t.Helper()
	data, d = runningService(t)
	for _, args := range [][]string{{"--role", "CPO", "--country", "NL", "--party", "TNM"}, {"--role", "EMSP", "--country", "DE", "--party", "EMP"}} {
		if _, stderr, code := runCommand(t, newRootCmd(), "", append([]string{"partner", "add", "--data", data}, args...)...); code != 0 {
			t.Fatal(stderr)
		}
	}
	return data, d
}

// What a person types to agree on something, and what is said to it.
func TestAgreementCommands(t *testing.T) {
	data, d := withPair(t)
	if err := d.closes.Close(t.Context(), "", 201901); err != nil { // elsewhere
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args  string
		code  int
		wants string // of standard error
	}{
		{"agreement set --from 2026-01 pack=strict days_to_pay=30", 0, "For the house from 2026-01: days_to_pay=30, pack=strict.\n"},
		{"agreement set --cpo nl/tnm --from 2026-01 zone=europe/amsterdam", 0, "For NL*TNM as CPO from 2026-01: zone=Europe/Amsterdam."},
		{"agreement set --cpo NL*TNM --emsp DE*EMP --from 2026-01 tax.category=standard tax.rate=21.0", 0, "For NL*TNM → DE*EMP from 2026-01: tax.category=standard, tax.rate=21."},
		{"agreement set --cpo NL*TNM --emsp DE*EMP --from 2026-02 pack=", 0, "pack withdrawn"},
		{"agreement set --emsp DE*EMP --from 2030-01 profile=STEP_NONE", 0, "roamclear reprice --data " + data + " --from 2030-01 --to 2030-01 --party DE/EMP --profile STEP_NONE\n--apply makes it count."},
		{"agreement set --cpo NL*TNM --emsp DE*EMP --from 2030-01 profile=", 0, " --party NL/TNM\nwhich takes all CDRs of NL*TNM, not this pair's alone."},
		{"agreement set --from 2026-01 rule.age.max_days=60 rule.age.effect=hold", 0, "rule.age.effect=hold, rule.age.max_days=60"},

		{"agreement set --from 2026-01 owed", exitUsage, "want KEY=VALUE"},
		{"agreement set --from 2026-01 owed=lower owed=claimed", exitUsage, "owed is given twice"},
		{"agreement set --from 2026-01 owd=lower", exitUsage, "there is no such key; known are owed, zone"},
		{"agreement set --from 2026-01 pack=lenient", exitUsage, "want one of observe, strict"},
		{"agreement set --from 2026-01 profile=STEP_TWICE", exitUsage, "want one of STEP_LAST"},
		{"agreement set --from 2026-01 zone=Mars/Olympus", exitUsage, "want an IANA time zone"},
		{"agreement set --from 2026-01 rule.agee.effect=note", exitUsage, `there is no rule "agee"; known are energy, duration`},
		{"agreement set --from 2026-01 rule.age.max_hours=1", exitUsage, `rule age has no parameter "max_hours"; it has effect, max_days`},
		{"agreement set --from 2026-1 owed=lower", exitUsage, "is not a month"},
		{"agreement set --cpo NL*NOT --from 2026-01 owed=lower", exitUsage, "known are DE*EMP, NL*TNM"},
		{"agreement set --cpo DE*EMP --from 2026-01 owed=lower", exitUsage, "is no CPO"},
		{"agreement set owed=lower", exitUsage, `"from" not set`},
		{"agreement show --cpo NL*TNM --at March", exitUsage, "is not a month"},
		{"agreement show --cpo TNM", exitUsage, "want country and party id"},
		{"agreement show --cpo NL*NOT", exitUsage, "known are DE*EMP, NL*TNM"},
		{"agreement list --emsp NL*TNM", exitUsage, "is no EMSP"},
		{"party show NL*NOT", exitUsage, "no partner has this party"},
		{"party show TNM", exitUsage, "want a country and a party"},

		{"period begin 2026-04 --cpo NL*TNM --emsp DE*EMP", 0, "The settlement of NL*TNM → DE*EMP begins with 2026-04."},
		{"agreement set --cpo NL*TNM --from 2026-03 owed=lower", 1, "NL*TNM → DE*EMP is closed through 2026-03: from 2026-04 on"},
		{"period begin 2026-04 --cpo NL*TNM --emsp DE*EMP", 1, "NL*TNM → DE*EMP begins with 2026-04 already"},
		{"period begin 2026 --cpo NL*TNM", exitUsage, "is not a month"},
		{"period begin 2026-04 --emsp NL*TNM", exitUsage, "is no EMSP"},
		{"period begin 2019-01", 1, "2019-01 is closed, and nothing begins before its end: begin with 2019-02 or later"},
	} {
		_, stderr, code := runCommand(t, newRootCmd(), "", append(strings.Fields(tc.args), "--data", data)...)
		if code != tc.code || !strings.Contains(stderr, tc.wants) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", tc.args, code, tc.code, tc.wants, stderr)
		}
	}
	prints := func(args string, wants ...string) {
		t.Helper()
		stdout, stderr, code := runCommand(t, newRootCmd(), "", append(strings.Fields(args), "--data", data)...)
		for _, want := range wants {
			if !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) || code != 0 {
				t.Errorf("%s: exit code %d %s, want %q in\n%s", args, code, stderr, want, stdout)
			}
		}
	}
	prints("agreement show --cpo NL*TNM --emsp DE*EMP --at 2026-02",
		"KEY VALUE SAID BY FROM DECIDED BY owed claimed default", "zone Europe/Amsterdam cpo 2026-01", "pack strict house 2026-01", "tax.rate 21 pair 2026-01", "number_prefix – default")
	prints("agreement show", "pack strict house 2026-01")
	prints("agreement list --emsp DE*EMP", "the house days_to_pay 30 2026-01", "NL*TNM → DE*EMP pack withdrawn 2026-02")
	prints("agreement history", "FOR KEY VALUE FROM DECIDED BY the house days_to_pay 30")
	prints("period list", "CLOSED FOR STATEMENTS LINES ISSUED BY 2019-01 elsewhere BEGINS FOR DECIDED BY 2026-04 NL*TNM → DE*EMP")
	stdout, _, _ := runCommand(t, newRootCmd(), "", "agreement", "show", "--cpo", "NL*TNM", "--emsp", "DE*EMP", "--at", "2026-05", "--format", "json", "--data", data)
	var terms rest.Terms
	if err := json.Unmarshal([]byte(stdout), &terms); err != nil || terms.At != "2026-05" || *terms.ClosedThrough != "2026-03" {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestPartyCommands(t *testing.T) {
	data, _ := withPair(t)
	for _, tc := range []struct {
		args  []string
		code  int
		wants string
	}{
		{[]string{"NL*TNM", "--from", "2026-01", "--name", "The New Motion", "--address", "Rigakade 20\nAmsterdam", "--vat-id", "nl 818161000 b01"}, 0, "vat_id of NL*TNM from 2026-01: NL818161000B01"},
		{[]string{"NL*TNM", "--from", "2026-04", "--vat-id", ""}, 0, "vat_id of NL*TNM from 2026-04: withdrawn"},
		{[]string{"NL*TNM", "--from", "2026-04", "--addressee", "DE*EMP"}, 0, "addressee of NL*TNM from 2026-04: DE*EMP"},
		{[]string{"NL*TNM", "--from", "2026-04", "--addressee", "NL*TNM"}, 1, "cannot go to NL*TNM"},
		{[]string{"NL*TNM", "--from", "2026-04", "--addressee", "NL*NOT"}, exitUsage, "no partner has this party"},
		{[]string{"NL*NOT", "--from", "2026-04", "--name", "x"}, exitUsage, "no partner has this party"},
		{[]string{"NL*TNM", "--from", "2026-04"}, exitUsage, "nothing to set: give --name, --address, --vat-id or --addressee"},
		{[]string{"NL*TNM", "--name", "x"}, exitUsage, `"from" not set`},
	} {
		_, stderr, code := runCommand(t, newRootCmd(), "", append([]string{"party", "set", "--data", data}, tc.args...)...)
		if code != tc.code || !strings.Contains(stderr, tc.wants) {
			t.Errorf("%q: exit code %d, want %d and %q: %s", tc.args, code, tc.code, tc.wants, stderr)
		}
	}
	for args, want := range map[string]string{
		"party show NL*TNM --at 2026-01":      "PARTY NL*TNM AT 2026-01 NAME The New Motion ADDRESS Rigakade 20, Amsterdam VAT ID NL818161000B01 ADDRESSEE NL*TNM",
		"party show NL/TNM --at 2026-05":      "VAT ID – ADDRESSEE DE*EMP",
		"party list":                          "NL*TNM address Rigakade 20, Amsterdam 2026-01",
		"party list --history":                "NL*TNM vat_id withdrawn 2026-04",
		"party list --format json":            `"party": "NL*TNM"`,
		"agreement list --format json":        `"settings": []`,
		"agreement history --cpo NL*TNM":      "FOR KEY VALUE",
		"party show NL*TNM --format json":     `"addressee": "DE*EMP"`,
		"agreement show --format json":        `"key": "owed", "value": "claimed"`,
		"agreement show --at 2026-01":         "four_eyes false default",
		"party list --history --data " + data: "addressee DE*EMP",
	} {
		stdout, stderr, code := runCommand(t, newRootCmd(), "", append(strings.Fields(args), "--data", data)...)
		if code != 0 || !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) {
			t.Errorf("%s: exit code %d %s, want %q in\n%s", args, code, stderr, want, stdout)
		}
	}
}

// README lists the keys as the table of the program has them.
func TestReadmeListsAgreementKeys(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "### Agreements\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := "| key | values | default | what it is |\n| --- | --- | --- | --- |\n"
	for _, k := range clearing.AgreementKeys() {
		rows += fmt.Sprintf("| `%s` | %s | %s | %s |\n", k.Name, cmp.Or(k.Wants, strings.Join(k.Values, ", ")), cmp.Or(k.Default, k.Absent), k.Says)
	}
	if !strings.Contains(section, rows) {
		t.Errorf("README is to have under Agreements:\n%s", rows)
	}
}
