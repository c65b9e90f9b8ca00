package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var updateGolden = flag.Bool("update", false, "rewrite the expected output of the commands")

// runCommand runs a command and returns what it wrote and its exit code.
func runCommand(t *testing.T, cmd *cobra.Command, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SetArgs(args)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := executeCommand(t.Context(), cmd)
	if exit, ok := errors.AsType[*exitError](err); ok {
		code, err = exit.code, exit.err
	} else if err != nil {
		code = 1
	}
	if err != nil {
		fmt.Fprintln(&errs, err)
	}
	return out.String(), errs.String(), code
}

// checkGolden compares a command's whole behaviour with a file of testdata.
func checkGolden(t *testing.T, file, stdout, stderr string, code int) {
	t.Helper()
	got := fmt.Sprintf("%s-- standard error --\n%s-- exit code %d --\n", stdout, stderr, code)
	file = filepath.Join("testdata", filepath.FromSlash(file)+".golden")
	if *updateGolden {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

const (
	specCDR      = "../../ocpi/testdata/spec/2.2.1/cdr_example.json"
	nightTariff  = "testdata/price/night_tariff.json"
	nightCDR     = "testdata/price/night_cdr.json"
	casesOf      = "../../pricing/tariff/testdata/cases/"
	otherVersion = "../../ocpi/testdata/cdr_211.json"
)

func TestPriceCommand(t *testing.T) {
	specText, err := os.ReadFile(specCDR)
	if err != nil {
		t.Fatal(err)
	}
	twoKinds, err := os.ReadFile(casesOf + "two_kinds_left_out.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		stdin string
		args  []string
	}{
		"agrees":          {args: []string{"--cdr", specCDR}},
		"json":            {args: []string{"--cdr", specCDR, "--format", "json"}},
		"stdin":           {stdin: string(specText), args: []string{"--cdr", "-", "--scale", "2"}},
		"2_1_1":           {args: []string{"--cdr", otherVersion}},
		"no_tariff":       {args: []string{"--cdr", nightCDR}},
		"no_time_zone":    {args: []string{"--cdr", nightCDR, "--tariff", nightTariff}},
		"differs":         {args: []string{"--cdr", nightCDR, "--tariff", nightTariff, "--time-zone", "Europe/Madrid"}},
		"differs_json":    {args: []string{"--cdr", nightCDR, "--tariff", nightTariff, "--time-zone", "Europe/Madrid", "--format", "json"}},
		"another_zone":    {args: []string{"--cdr", nightCDR, "--tariff", nightTariff, "--time-zone", "Atlantic/Canary"}},
		"no_file":         {args: []string{"--cdr", "testdata/price/missing.json"}},
		"no_arguments":    {args: []string{}},
		"unknown_flag":    {args: []string{"--cdr", specCDR, "--zone", "Europe/London"}},
		"cdr_and_batch":   {args: []string{"--cdr", specCDR, "--batch", "-"}},
		"an_argument":     {args: []string{specCDR}},
		"no_cdr":          {stdin: "{}", args: []string{"--cdr", "-"}},
		"unknown_zone":    {args: []string{"--cdr", specCDR, "--time-zone", "Mars/Olympus"}},
		"unknown_profile": {args: []string{"--cdr", specCDR, "--profile", "STEP_TWICE"}},
		"unknown_version": {args: []string{"--cdr", specCDR, "--ocpi", "3.0"}},
		"batch":           {stdin: `{"id":1,"cdr":` + oneLine(specText) + "}\n{\"id\":2}\n", args: []string{"--batch", "-"}},
		"batch_cause":     {stdin: `{"id":1,"cdr":` + oneLine(twoKinds) + "}\n", args: []string{"--batch", "-"}},
		"batch_no_cause":  {stdin: `{"id":1,"cdr":` + oneLine(twoKinds) + "}\n", args: []string{"--batch", "-", "--no-cause"}},
		"two_kinds":       {args: []string{"--cdr", casesOf + "two_kinds_left_out.json"}},
		"last_match":      {args: []string{"--cdr", casesOf + "last_match_wins.json"}},
		"split_by_clock":  {args: []string{"--cdr", casesOf + "period_split_by_clock.json"}},
		"time_in_seconds": {args: []string{"--cdr", casesOf + "time_in_seconds.json"}},
		"batch_scale":     {stdin: `{"id":1,"cdr":` + oneLine(specText) + `,"profile":"STEP_NONE"}`, args: []string{"--batch", "-", "--scale", "2", "--workers", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := runCommand(t, newPriceCmd(), c.stdin, c.args...)
			checkGolden(t, "price/"+name, stdout, stderr, code)
		})
	}
}

func oneLine(text []byte) string { return strings.Join(strings.Fields(string(text)), " ") }
