package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two installations that hold the same CDRs write the same bytes; what one flipped
// figure, an agreement or a begin changes is named.
func TestStatements(t *testing.T) {
	ours, _ := pushed(t)
	theirs, _ := pushed(t)
	says := func(data, args string, code int, wants ...string) string {
		t.Helper()
		stdout, stderr, got := runCommand(t, newRootCmd(), "", append(append([]string{"statement"}, strings.Fields(args)...), "--data", data)...)
		for _, want := range wants {
			if !strings.Contains(strings.Join(strings.Fields(stdout+" "+stderr), " "), want) {
				t.Errorf("statement %s: want %q in\n%s%s", args, want, stdout, stderr)
			}
		}
		if got != code {
			t.Errorf("statement %s: exit code %d, want %d\n%s%s", args, got, code, stdout, stderr)
		}
		return stdout
	}
	const one = "--cpo GB*DUN --emsp NL*EXW --period 2019-01 --currency GBP"
	says(ours, "list --period 2019-01", 0, "GB*DUN NL*EXW 2019-01 GBP 7 100 35 7.00 42.00 NL*EXW 0 0 0 0 draft")
	says(ours, "list --period 2018-12", 0, "BY HELD CLAIM REJECTED CLAIM")
	canonical := says(ours, "show "+one, 0, "draft: what a close now would issue, SHA-256 ")
	says(ours, "show "+one+" --format csv", 0, "statement,draft,", "This is not a tax invoice.,", "cdr,kind,of,belongs,country,start,end,kwh,net,tax,category,rate,session,contract,evse,location,place,",
		`GB*DUN*C-0,cdr,,2019-01,GBR,2019-01-05T10:00:00Z,2019-01-05T12:00:00Z,20,7,1.4,stated,,S1,NL-EXW-1,GB*DUN*E1,L1,"Greenmarket, Dundee",2019-01-05T10:00:00+00:00,2019-01-05T12:00:00+00:00,Europe/London,T1,,7,,,,,,7,0.5,5,,1.5,`)

	dir := filepath.Join(t.TempDir(), "2019-01")
	says(ours, "export --period 2019-01 --to "+dir, 0, "GB-DUN_NL-EXW_2019-01_GBP.json: draft")
	file := filepath.Join(dir, "GB-DUN_NL-EXW_2019-01_GBP.json")
	if b, err := os.ReadFile(file); err != nil || string(b) != canonical {
		t.Fatalf("exported %s, %v; shown is %s", b, err, canonical)
	}
	if got := says(ours, "export "+one, 0, "draft: what a close now would issue, SHA-256 "); got != canonical {
		t.Errorf("exported to standard output: %s", got)
	}
	says(ours, "export --period 2019-01", exitUsage, "give --to, a folder")
	says(ours, "export --period 2019-01 --format csv --to "+dir, 0, "GB-DUN_NL-EXW_2019-01_GBP.csv: draft", "GB-DUN_NL-EXW_2019-01_GBP.json: not of this export")
	says(theirs, "compare "+file, 0, "the same, byte for byte")

	flipped := filepath.Join(dir, "flipped.json")
	if err := os.WriteFile(flipped, []byte(strings.Replace(canonical, `"net":"7"`, `"net":"8"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	says(theirs, "compare "+flipped, exitUsage, "is no statement: byte ", "not the canonical form")
	says(theirs, "compare "+filepath.Join(dir, "none.json"), exitUsage, "no such file")
	says(theirs, "list --period June", exitUsage, "is not a month")
	says(theirs, "show --cpo GB*DUN --period 2019-01 --currency GBP", exitUsage, `"emsp" not set`)
	says(theirs, "show --cpo GB*DUN --emsp NL*EXW --period 2019-01 --currency EUR", 1, "there is nothing that NL*EXW owes GB*DUN for 2019-01 in EUR")
	says(theirs, "list --period 2019-01 --cpo NL*NOT", exitUsage, "known are ")

	elsewhere := filepath.Join(dir, "elsewhere.json")
	if err := os.WriteFile(elsewhere, []byte(strings.Replace(canonical, `"currency":"GBP"`, `"currency":"EUR"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	says(theirs, "compare "+elsewhere, 1, "there is nothing that NL*EXW owes GB*DUN for 2019-01 in EUR", "GB*DUN*C-0 line missing 7")
	for _, args := range []string{
		"agreement set --from 2019-01 owed=computed tax.category=reverse_charge",
		"period begin 2019-02 --cpo GB*DUN",
	} {
		if _, stderr, code := runCommand(t, newRootCmd(), "", append(strings.Fields(args), "--data", theirs)...); code != 0 {
			t.Fatal(stderr)
		}
		switch {
		case strings.HasPrefix(args, "agreement"):
			says(theirs, "compare "+file, 1, "terms.owed computed claimed", "terms.tax reverse_charge stated", "GB*DUN*C-0 category reverse_charge stated")
		default: // January is settled elsewhere
			says(theirs, "compare "+file, 1, "what NL*EXW owes GB*DUN is closed, or settled elsewhere, through 2019-01: there are drafts from 2019-02 on", "GB*DUN*C-0 line missing 7 what is through 2019-01 is settled elsewhere")
		}
	}
}
