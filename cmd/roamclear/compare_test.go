package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// What depends on when a test runs.
var (
	moments = regexp.MustCompile(`20[2-9]\d-\d\d-\d\d \d\d:\d\d UTC`)
	records = regexp.MustCompile(`control record \d+`)
)

// A partner's statement that differs in many ways is held against the draft and against
// what was issued: a table says what differs and why.
func TestComparedStatementsSayWhy(t *testing.T) {
	data, s := pushed(t)
	exits := commandsOf(t, data)
	const of = "--cpo GB*DUN --emsp NL*EXW --period 2019-01 --currency GBP"
	all, err := statement.Parse(strings.NewReader(exits(0, "statement show "+of)))
	if err != nil {
		t.Fatal(err)
	}
	// What they have: of C-5 the copy that does not count here, of C-2 more, nothing of C-0,
	// and one that never came.
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-5", "EXW", "T1", "9.00", "10.80"))
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-swiss", "EXW", "T1", "7.00", "8.40"))
	s.stored(8)
	s.eventually("the conflict is stored", func() bool {
		var got struct{ Conflicts []any }
		s.finance("/conflicts", &got)
		return len(got.Conflicts) == 1
	})
	line := func(id, net string) {
		l := all.Lines[slices.IndexFunc(all.Lines, func(l statement.Line) bool { return l.Kind == statement.CDR })]
		l.CDR, l.Net = "GB*DUN*"+id, decimal.RequireFromString(net)
		all.Lines = slices.DeleteFunc(all.Lines, func(o statement.Line) bool { return o.CDR == l.CDR })
		all.Lines = append(all.Lines, l)
	}
	line("C-2", "7.5")
	line("C-5", "9")
	line("NEVER", "7")
	all.Lines = slices.DeleteFunc(all.Lines, func(l statement.Line) bool { return l.CDR == "GB*DUN*C-0" })
	file := filepath.Join(t.TempDir(), "theirs.json")
	save := func() {
		t.Helper()
		all.Sort()
		var b bytes.Buffer
		if _, err := all.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save()
	exits(0, "decide hold --cdr GB*DUN*C-3 --reason disputed")
	exits(0, "decide reject --cdr GB*DUN*C-4 --reason twice")
	says := func(name string, wants ...string) {
		t.Helper()
		table := exits(1, "statement compare "+file, wants...)
		table = records.ReplaceAllString(moments.ReplaceAllString(table, "DAY TIME UTC"), "control record N")
		path := "testdata/compare-" + name + ".txt"
		if *updateGolden {
			if err := os.WriteFile(path, []byte(table), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(table, "\n")); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got); go test -update rewrites it:\n%s", path, err, diff)
		}
	}
	says("draft", "here: draft", "7 CDRs differ: 2 only here, 3 only in the file. Net here 28, in the file 37.5 GBP, difference -9.5.")
	exits(1, "statement compare --format json "+file, `"code": "rejected"`, `"code": "not_received"`)

	exits(0, "period close 2019-01 --undecided carry")
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-late", "EXW", "T1", "7.00", "8.40"))
	s.stored(9)
	line("C-LATE", "7")
	save()
	says("issued", "here: issued as 1")
}
