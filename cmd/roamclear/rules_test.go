package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// What is printed of the rules, all of them, as a person reads it.
func TestRulesAsPrinted(t *testing.T) {
	var got strings.Builder
	commands := [][]string{{"rules", "list"}}
	for _, p := range clearing.Packs() {
		commands = append(commands, []string{"rules", "show", p.Name})
	}
	for _, r := range clearing.Rules() {
		commands = append(commands, []string{"rules", "show", r.Code})
	}
	for _, args := range commands {
		stdout, stderr, code := runCommand(t, newRootCmd(), "", args...)
		if code != 0 || stderr != "" {
			t.Fatalf("roamclear %q: exit code %d, %s", args, code, stderr)
		}
		got.WriteString("$ roamclear " + strings.Join(args, " ") + "\n" + stdout + "\n")
	}
	const path = "testdata/rules.txt"
	if *updateGolden {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); go test -update rewrites it:\n%s", path, diff)
	}
}

// As JSON they are what the API answers, and what is not known is named.
func TestRulesAsJSON(t *testing.T) {
	stdout, _, _ := runCommand(t, newRootCmd(), "", "rules", "list", "--format", "json")
	var book report.RuleBook
	if err := json.Unmarshal([]byte(stdout), &book); err != nil {
		t.Fatal(err)
	}
	if len(book.Rules) != len(clearing.Rules()) || len(book.Packs) != len(clearing.Packs()) {
		t.Errorf("%d rules, %d packs", len(book.Rules), len(book.Packs))
	}
	stdout, _, _ = runCommand(t, newRootCmd(), "", "rules", "show", "hubject", "--format", "json")
	var pack clearing.Pack
	if err := json.Unmarshal([]byte(stdout), &pack); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(book.Packs[2], pack); diff != "" {
		t.Errorf("hubject by itself (-list +show):\n%s", diff)
	}
	_, stderr, code := runCommand(t, newRootCmd(), "", "rules", "show", "lenient")
	if code != exitUsage || !strings.Contains(stderr, `there is no rule or pack "lenient"; known are observe, `) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestRulesAreCompleted(t *testing.T) {
	stdout, _, _ := runCommand(t, newRootCmd(), "", "__complete", "rules", "show", "")
	words := []string{}
	for line := range strings.Lines(stdout) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		words = append(words, word)
	}
	for _, want := range []string{"observe", "market", "energy", "future"} {
		if !slices.Contains(words, want) {
			t.Errorf("no %s in %v", want, words)
		}
	}
}
