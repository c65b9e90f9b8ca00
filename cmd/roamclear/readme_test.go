package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
)

// readmeExamples are the lines of README's block under "Working with it".
func readmeExamples(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "## Working with it\n")
	_, block, begins := strings.Cut(section, "\n```\n")
	block, _, ends := strings.Cut(block, "\n```\n")
	if !ok || !begins || !ends {
		t.Fatal("README has no block of examples under \"Working with it\"")
	}
	return block
}

// shell is a directory like a checkout after `make run`: data is the demo's data
// directory and bin/roamclear the program.
type shell struct {
	dir string
	env []string
}

func newShell(t *testing.T, data string) *shell {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{dir: t.TempDir(), env: append(os.Environ(), "ROAMCLEAR_TEST_COMMAND=1", urlVariable+"=", tokenVariable+"=", apiKeyVariable+"=")}
	if err := os.Symlink(data, filepath.Join(s.dir, "data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(s.dir, "bin", "roamclear")); err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs a script and returns what it printed on standard output.
func (s *shell) run(ctx context.Context, script string) (string, error) {
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = s.dir, s.env
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w\n%s\n%s", err, errs.String(), out)
	}
	return string(out), err
}

// The guides work beside the demo, and then the examples of README as they are printed, each
// line by itself, but for the address, which is another test's port there.
func TestReadmeExamplesWorkOnTheDemo(t *testing.T) {
	s := startTest(t, t.TempDir())
	flags := serviceFlags{data: s.data}
	client, err := flags.client()
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{client: client, options: demoOptions{seed: 1}, out: io.Discard, progress: io.Discard}
	if err := d.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	testGuides(t, s, map[string][]string{
		"close-a-month.md": {"difference GB*PKC GB*OCT GBP 9 ", "issued as RC-3", "log, store and report agree to the last decimal"},
	})
	sh := newShell(t, s.data)
	examples := strings.ReplaceAll(readmeExamples(t), "http://127.0.0.1:8080", s.url)
	setup, lines, _ := strings.Cut(strings.ReplaceAll(examples, "\\\n", "\\\x00"), "\n")
	for line := range strings.SplitSeq(lines, "\n") {
		line = strings.ReplaceAll(line, "\x00", "\n")
		out, err := sh.run(t.Context(), setup+"\n"+line)
		if err != nil {
			t.Errorf("%s\n%v", line, err)
			continue
		}
		wants := readmeWants(line)
		if len(wants) == 0 {
			t.Errorf("%s\nnothing is known of what it should print; it prints %s", line, out)
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s\nwant %q in\n%s", line, want, out)
			}
		}
	}
}

// readmeWants is what an example prints, among other things.
func readmeWants(line string) []string {
	for start, wants := range map[string][]string{
		"curl -i":                {" 201 ", `"status_code":1000`},
		"roamclear price --cdr":  {"Parking", "agrees"},
		"roamclear price --ba":   {`"total_cost":`, `"claim":"differs"`},
		"roamclear lint":         {"OCPI 2.2.1", "per kWh"},
		"roamclear check data/":  {"Accepted: HTTP 201, OCPI 1000 Success", "The partner's total agrees"},
		"roamclear reprice --":   {"2018-04..2018-05, STEP_NONE", "MOVES"},
		"roamclear reprice list": {"2018-04..2018-05, STEP_NONE", "local"},
		"roamclear partner rot":  {"\n"},
		"roamclear partner role": {""},
		"roamclear verify":       {"log, store and report agree to the last decimal"},
		"roamclear partner add":  {"\n"},
		"roamclear partner inv":  {"\n"},
		"roamclear key add":      {"\n"},
		"roamclear partner list": {`"id": "gb-dun-cpo"`, `"party_id": "NYF"`},
	} {
		if strings.HasPrefix(line, start) {
			return wants
		}
	}
	switch {
	case strings.Contains(line, "/reports/settlement"):
		return []string{`"month":"2018-05"`, `"cpo":"GB*DUN"`}
	case strings.Contains(line, "/api/v1/cdrs?"):
		return []string{`"claim":"differs"`}
	}
	return nil
}

// What the demo shows is worth reading: the fullest month, a CDR with energy that a
// known mistake explains, and most of what differs explained by one.
func TestTheDemoIsWorthSeeing(t *testing.T) {
	s := startTest(t, t.TempDir())
	flags := serviceFlags{data: s.data}
	client, err := flags.client()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	d := &demo{client: client, options: demoOptions{seed: 1}, out: &out, progress: io.Discard}
	if err := d.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/?from=2018-05&to=2018-05", "One other reading gives the partner's total to the cent", " known mistake,"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in\n%s", want, out.String())
		}
	}
	if page := s.request("GET", "/", "", "").body; !strings.Contains(page, `<p class="sub">2018-05,`) {
		t.Errorf("the page opens on something else:\n%.2000s", page)
	}
	s.key = d.file.Key
	var list struct {
		CDRs []struct{ Cause string } `json:"cdrs"`
	}
	s.finance("/cdrs?claim=differs&from=2018-05&to=2018-05&limit=1000", &list)
	causes := map[string]int{}
	for _, c := range list.CDRs {
		causes[c.Cause]++
	}
	if known := len(list.CDRs) - causes["none_found"] - causes["several"]; known*2 < len(list.CDRs) || len(causes) < 8 {
		t.Errorf("of %d CDRs that differ %d are explained by one reading: %v", len(list.CDRs), known, causes)
	}
	var shown struct {
		CDR struct {
			Energy decimal.Decimal `json:"energy_kwh"`
		} `json:"cdr"`
		Result struct{ Cause string } `json:"result"`
	}
	s.finance(strings.TrimPrefix(d.file.CDR, "/api/v1"), &shown)
	if !shown.CDR.Energy.IsPositive() || shown.Result.Cause == "" || shown.Result.Cause == "none_found" || shown.Result.Cause == "several" {
		t.Errorf("the CDR that is shown, %s, has %s kWh and is explained by %q", d.file.CDR, shown.CDR.Energy, shown.Result.Cause)
	}
}
