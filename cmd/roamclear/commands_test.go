package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand lists the command tree, each by its words.
func everyCommand(cmd *cobra.Command, words ...string) (list [][]string) {
	list = append(list, words)
	for _, sub := range cmd.Commands() {
		list = append(list, everyCommand(sub, append(words[:len(words):len(words)], sub.Name())...)...)
	}
	return list
}

// Every command that is called wrongly says so and exits 2, before it does anything:
// with an unknown flag, an unknown command, arguments that are missing or too many,
// and a flag whose value is none of those it takes.
func TestWrongUsageExits2(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(urlVariable, "")
	t.Setenv(tokenVariable, "")
	wrong := func(args ...string) {
		t.Helper()
		stdout, stderr, code := runCommand(t, newRootCmd(), "", args...)
		if code != exitUsage || stderr == "" || stdout != "" {
			t.Errorf("roamclear %q: exit code %d, want %d\n%s%s", args, code, exitUsage, stdout, stderr)
		}
	}
	for _, words := range everyCommand(newRootCmd()) {
		cmd, _, err := newRootCmd().Find(words)
		if err != nil {
			t.Fatal(err)
		}
		call := func(more ...string) []string { return append(words[:len(words):len(words)], more...) }
		wrong(call("--nope")...)
		switch {
		case cmd.HasSubCommands():
			wrong(call()...)
			wrong(call("nope")...)
			wrong("help", strings.Join(call("nope"), " "))
		case strings.Contains(cmd.Use, " ID") || strings.Contains(cmd.Use, "FILE...") || strings.Contains(cmd.Use, "YYYY-MM"):
			wrong(call()...)
		}
		if cmd.Name() != "help" && !strings.Contains(cmd.Use, "FILE...") {
			wrong(call("one", "two", "three")...)
		}
		given := requiredOf(cmd)
		if len(given) > 0 {
			wrong(call()...)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			_, folder := f.Annotations[cobra.BashCompSubdirsInDir] // any name is one: export --to DIR
			if bad, ok := badValues[f.Name]; ok && !folder {
				wrong(call(append(argumentsOf(cmd), append(given, "--"+f.Name, bad)...)...)...)
			}
			if f.Value.Type() == "int" || f.Value.Type() == "int64" || f.Value.Type() == "uint8" {
				wrong(call("--"+f.Name, "many")...)
			}
		})
	}
	entries, err := os.ReadDir(".")
	if err != nil || len(entries) > 0 {
		t.Errorf("something was made: %v, %v", entries, err)
	}
}

// badValues are values that a flag of this name takes in no command.
var badValues = map[string]string{
	"format": "xml", "profile": "STEP_TWICE", "ocpi": "3.0", "fail-on": "fatal", "token-encoding": "rot13", "scale": "13",
	"hub.party": "ZZRCH", "hub.name": "", "roles": "prise", "log.level": "loud", "log.format": "xml", "listen": "nowhere", "public_url": "nowhere", "rows": "few",
	"kafka.cap_bytes": "5", "from": "2019-13", "to": "2018-13", "at": "2019-13", "time-zone": "Mars/Olympus", "config": "missing.yaml",
}

func requiredOf(cmd *cobra.Command) (args []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if _, required := f.Annotations[cobra.BashCompOneRequiredFlag]; required {
			args = append(args, "--"+f.Name, "2019-01")
		}
	})
	if cmd.Name() == "price" {
		args = append(args, "--cdr", "-")
	}
	return args
}

func argumentsOf(cmd *cobra.Command) []string {
	if strings.Contains(cmd.Use, "FILE...") {
		return []string{"-"}
	}
	return nil
}

// A service that finds a value wrong has the command exit 2 too.
func TestValuesThatTheServiceRefusesAreWrongUsage(t *testing.T) {
	data, _ := runningService(t)
	add := func(args ...string) []string {
		return append([]string{"partner", "add", "--country", "GB", "--party", "DUN", "--role", "CPO", "--data", data}, args...)
	}
	for _, tc := range []struct {
		args  []string
		code  int
		wants string
	}{
		{add("--role", "KING"), exitUsage, "want one of CPO"},
		{add("--country", "UK"), exitUsage, "no country"},
		{add("--party", "DUNDEE"), exitUsage, "party_id"},
		{add("--token", "short"), exitUsage, "8 to 64"},
		{add("--profile", "STEP_TWICE"), exitUsage, "STEP_NONE"},
		{add("--profile", "STEP_NONE"), 0, ""},
		{add(), 1, "already belongs"},
		{[]string{"key", "add", "--scope", "everything", "--data", data}, exitUsage, "finance:read"},
		{[]string{"key", "add", "--scope", "finance:read", "--party", "GB/PKC", "--data", data}, exitUsage, "add the partner first"},
		{[]string{"key", "add", "--scope", "finance:read", "--party", "ZZ/DUN", "--data", data}, exitUsage, "no country"},
		{[]string{"key", "add", "--scope", "finance:read", "--party", "GB/DUN", "--data", data}, 0, ""},
		{[]string{"period", "close", "2019-13", "--data", data}, exitUsage, "2019-13"},
		{[]string{"partner", "remove", "nobody", "--data", data}, 1, "there is no partner nobody"},
	} {
		_, stderr, code := runCommand(t, newRootCmd(), "", tc.args...)
		if code != tc.code || !strings.Contains(stderr, tc.wants) {
			t.Errorf("%q: exit code %d, want %d and %q: %s", tc.args, code, tc.code, tc.wants, stderr)
		}
	}
}

// Everything that lists, and verify, prints JSON that says the same.
func TestListsPrintJSON(t *testing.T) {
	data, _ := runningService(t)
	if _, stderr, code := runCommand(t, newRootCmd(), "", "partner", "add", "--role", "CPO", "--country", "GB", "--party", "DUN", "--data", data); code != 0 {
		t.Fatal(stderr)
	}
	for list, wants := range map[string]string{"partner": `"id": "gb-dun-cpo"`, "key": `"keys": []`, "period": `"closed": []`} {
		stdout, stderr, code := runCommand(t, newRootCmd(), "", list, "list", "--format", "json", "--data", data)
		if code != 0 || !strings.Contains(stdout, wants) {
			t.Errorf("%s list: exit code %d, want %s in %s%s", list, code, wants, stdout, stderr)
		}
	}
	for _, words := range everyCommand(newRootCmd()) {
		cmd, _, err := newRootCmd().Find(words)
		if err != nil {
			t.Fatal(err)
		}
		if (cmd.Name() == "list" || cmd.Name() == "verify") && cmd.Flags().Lookup("format") == nil {
			t.Errorf("%q has no --format", words)
		}
	}
}

// The shell is offered the words of a flag, and what the service knows.
func TestCompletion(t *testing.T) {
	data, _ := runningService(t)
	if _, stderr, code := runCommand(t, newRootCmd(), "", "partner", "add", "--role", "CPO", "--country", "GB", "--party", "DUN", "--data", data); code != 0 {
		t.Fatal(stderr)
	}
	for _, tc := range []struct {
		line, offers string
	}{
		{"partner add --role |", "EMSP"},
		{"partner add --token-encoding |", "base64"},
		{"partner add --profile |", "STEP_NONE"},
		{"partner list --format |", "json"},
		{"partner rotate --data " + data + " |", "gb-dun-cpo"},
		{"partner remove --data " + data + " |", "gb-dun-cpo"},
		{"key add --scope |", "finance:read"},
		{"key add --data " + data + " --party |", "GB/DUN"},
		{"serve --roles |", "settle"},
		{"serve --log.level |", "debug"},
		{"price --profile |", "STEP_NONE"},
		{"price --ocpi |", "2.3.0"},
		{"lint --fail-on |", "warning"},
		{"reprice --format |", "json"},
		{"verify --format |", "json"},
		{"agreement set |", "zone=\tthe time zone"},
		{"agreement set |", "rule.age.max_days="},
		{"agreement set owed=|", "owed=lower"},
		{"agreement set profile=|", "profile=STEP_NONE"},
		{"agreement set rule.age.effect=|", "rule.age.effect=hold"},
		{"agreement show --data " + data + " --cpo |", "GB/DUN"},
		{"party set --data " + data + " |", "GB/DUN"},
		{"queue --ground |", "decision"},
		{"queue --format |", "jsonl"},
		{"rules try |", "strict\t"},
		{"help partner |", "rotate"},
		{"|", "verify"},
	} {
		args := strings.Fields(strings.TrimSuffix(tc.line, "|"))
		if strings.HasSuffix(tc.line, " |") || tc.line == "|" {
			args = append(args, "") // a word not begun yet
		}
		stdout, stderr, code := runCommand(t, newRootCmd(), "", append([]string{cobra.ShellCompRequestCmd}, args...)...)
		if code != 0 || !strings.Contains(stdout, tc.offers) {
			t.Errorf("%s: exit code %d, want %s in %s%s", tc.line, code, tc.offers, stdout, stderr)
		}
	}
	// A service that is not there delays nobody and offers nothing.
	if stdout, _, code := runCommand(t, newRootCmd(), "", cobra.ShellCompRequestCmd, "partner", "rotate", "--data", t.TempDir(), ""); code != 0 || stdout != ":4\n" {
		t.Errorf("without a service: exit code %d: %s", code, stdout)
	}
}
