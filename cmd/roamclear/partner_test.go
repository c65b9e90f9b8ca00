package main

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/spf13/cobra"
)

// runningService serves the admin interface and writes the files by which
// commands find it into a data directory.
func runningService(t *testing.T) (data string, d *decisions) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	d, err := openDecisions(t.Context(), ingesttest.NewLog(1), logger)
	if err != nil {
		t.Fatal(err)
	}
	controltest.Run(t, d.machine)
	e := api.NewEngine(logger, rest.Fallback("", logger))
	admin.Mount(e, admin.Deps{Partners: d.partners, Keys: d.keys, Closes: d.closes, Agreements: d.agreements, Parties: d.parties, Drafts: reporttest.NothingOpen{}, Token: "admin-secret-0123", Logger: logger})
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	data = t.TempDir()
	write(t, filepath.Join(data, serviceFile), `{"url":"`+srv.URL+`"}`)
	write(t, filepath.Join(data, adminTokenFile), "admin-secret-0123\n")
	return data, d
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a command line and returns its standard output.
func run(t *testing.T, cmd *cobra.Command, args ...string) (string, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestPartnerCommands(t *testing.T) {
	data, d := runningService(t)
	out, err := run(t, newPartnerCmd(), "add", "--data", data, "--role", "CPO", "--country", "GB", "--party", "DUN", "--name", "Dundee City Council")
	token := strings.TrimSuffix(out, "\n")
	if err != nil || strings.ContainsAny(token, " \n") {
		t.Fatalf("add: %v, output %q", err, out)
	}
	if p, ok := d.partners.Authenticate("Token " + token); !ok || p.Name != "Dundee City Council" {
		t.Errorf("the printed token finds %+v", p)
	}
	if out, err := run(t, newPartnerCmd(), "add", "--data", data, "--role", "EMSP,CPO", "--country", "nl", "--party", "exw", "--token", "exw-own-token"); err != nil || out != "exw-own-token\n" {
		t.Errorf("add with a token: %v, output %q", err, out)
	}
	if _, err := run(t, newPartnerCmd(), "add", "--data", data, "--role", "CPO", "--country", "GB", "--party", "DUN"); err == nil || !strings.Contains(err.Error(), "already belongs to partner gb-dun-cpo") {
		t.Errorf("add twice: %v", err)
	}
	out, err = run(t, newPartnerCmd(), "rotate", "gb-dun-cpo", "--data", data)
	if out == token+"\n" {
		t.Error("rotate prints the old token")
	}
	if _, ok := d.partners.Authenticate("Token " + token); err != nil || !ok {
		t.Errorf("rotate: %v; the old token works: %v", err, ok)
	}
	out, err = run(t, newPartnerCmd(), "list", "--data", data)
	if err != nil {
		t.Error(err)
	}
	lines := strings.Split(out, "\n")
	if len(lines) != 4 || !strings.Contains(lines[1], "rotating, old one until 2") {
		t.Fatalf("list:\n%s", out)
	}
	want := []string{
		"ID           NAME                 REGISTRATION  ROLES                     PENDING  TOKEN  REFUSES",
		"nl-exw-emsp  NL*EXW               added         EMSP NL*EXW, CPO NL*EXW   -        one    -",
	}
	if diff := cmp.Diff(strings.Fields(want[0]), strings.Fields(lines[0])); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(strings.Fields(want[1]), strings.Fields(lines[2])); diff != "" {
		t.Error(diff)
	}
	if _, err := run(t, newPartnerCmd(), "remove", "gb-dun-cpo", "--data", data); err != nil {
		t.Error(err)
	}
	if _, err := run(t, newPartnerCmd(), "remove", "gb-dun-cpo", "--data", data); err == nil || !strings.Contains(err.Error(), "there is no partner gb-dun-cpo") {
		t.Errorf("remove twice: %v", err)
	}
}

// One platform, several parties: by its own token and by its id.
func TestRoleCommands(t *testing.T) {
	data, d := runningService(t)
	role := func(args ...string) error {
		_, err := run(t, newPartnerCmd(), append(args, "--data", data)...)
		return err
	}
	if err := role("add", "--role", "CPO", "--country", "NL", "--party", "ZQA", "--token", "zqa-own-token"); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, newPartnerCmd(), "add", "--data", data, "--role", "CPO", "--country", "NL", "--party", "ZQB", "--token", "zqa-own-token"); err != nil || out != "zqa-own-token\n" {
		t.Errorf("add with the token of a partner: %v, output %q", err, out)
	}
	if err := role("role", "add", "nl-zqa-cpo", "--role", "EMSP", "--country", "DE", "--party", "EMP"); err != nil {
		t.Error(err)
	}
	p, _ := d.partners.Find("nl-zqa-cpo")
	if got := roleList(p.Roles); got != "CPO NL*ZQA, CPO NL*ZQB, EMSP DE*EMP" {
		t.Errorf("roles %s", got)
	}
	if err := role("role", "remove", "nl-zqa-cpo", "--role", "cpo", "--country", "nl", "--party", "zqb"); err != nil {
		t.Error(err)
	}
	p, _ = d.partners.Find("nl-zqa-cpo")
	if got := roleList(p.Roles); got != "CPO NL*ZQA, EMSP DE*EMP" {
		t.Errorf("roles %s", got)
	}
	for want, args := range map[string][]string{
		"has no role CPO NL*ZQB":                {"role", "remove", "nl-zqa-cpo", "--role", "CPO", "--country", "NL", "--party", "ZQB"},
		"there is no partner x":                 {"role", "add", "x", "--role", "CPO", "--country", "NL", "--party", "ZQB"},
		"want one of CPO, EMSP":                 {"role", "add", "nl-zqa-cpo", "--role", "KING", "--country", "NL", "--party", "ZQB"},
		"already belongs":                       {"role", "add", "nl-zqa-cpo", "--role", "CPO", "--country", "NL", "--party", "ZQA"},
		`required flag(s) "party"`:              {"role", "add", "nl-zqa-cpo", "--role", "CPO", "--country", "NL"},
		"accepts 1 arg(s)":                      {"role", "remove", "--role", "CPO", "--country", "NL", "--party", "ZQB"},
		"already belongs to partner nl-zqa-cpo": {"add", "--role", "CPO", "--country", "NL", "--party", "ZQA", "--token", "another-token"},
	} {
		if err := role(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

func TestALeakedTokenEndsAtOnce(t *testing.T) {
	data, d := runningService(t)
	if _, err := run(t, newPartnerCmd(), "add", "--data", data, "--role", "CPO", "--country", "GB", "--party", "DUN", "--token", "leaked-token"); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, newPartnerCmd(), "rotate", "gb-dun-cpo", "--now", "--data", data)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := d.partners.Authenticate("Token leaked-token"); ok {
		t.Error("the leaked token still works")
	}
	if _, ok := d.partners.Authenticate("Token " + strings.TrimSuffix(out, "\n")); !ok {
		t.Errorf("the new token %q does not work", out)
	}
}

func TestCommandsFindTheService(t *testing.T) {
	data, _ := runningService(t)
	file, err := os.ReadFile(filepath.Join(data, serviceFile))
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSuffix(strings.TrimPrefix(string(file), `{"url":"`), `"}`)
	empty, stopped, wrong, odd := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	write(t, filepath.Join(stopped, serviceFile), `{"url":"http://127.0.0.1:1"}`)
	write(t, filepath.Join(stopped, adminTokenFile), "admin-secret-0123")
	write(t, filepath.Join(wrong, serviceFile), string(file))
	write(t, filepath.Join(wrong, adminTokenFile), "wrong-secret")
	write(t, filepath.Join(odd, serviceFile), "{}")
	tests := []struct {
		name  string
		args  []string
		env   map[string]string
		wants string // part of the error, "" = none
	}{
		{"data directory", []string{"--data", data}, nil, ""},
		{"flag and token variable", []string{"--data", empty, "--url", url + "/"}, map[string]string{tokenVariable: "admin-secret-0123"}, ""},
		{"both variables", []string{"--data", empty}, map[string]string{urlVariable: url, tokenVariable: "admin-secret-0123"}, ""},
		{"flag, token in the data directory", []string{"--data", data, "--url", url}, nil, ""},
		{"never started", []string{"--data", empty}, nil, "start one with `roamclear serve --data " + empty},
		{"stopped", []string{"--data", stopped}, nil, "is it running?"},
		{"wrong token", []string{"--data", wrong}, nil, "refuses the admin token"},
		{"no token", []string{"--data", empty, "--url", url}, nil, "set " + tokenVariable},
		{"odd file", []string{"--data", odd}, nil, "does not say where"},
		{"token in the data directory, another service", []string{"--data", stopped, "--url", url}, nil, "whose token goes nowhere else"},
		{"the same by the variable", []string{"--data", stopped}, map[string]string{urlVariable: url}, "whose token goes nowhere else"},
		{"another path of the same service", []string{"--data", data, "--url", url + "/nowhere"}, nil, "whose token goes nowhere else"},
		{"something else answers", []string{"--data", empty, "--url", url + "/nowhere"}, map[string]string{tokenVariable: "admin-secret-0123"}, "no such object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(urlVariable, "")
			t.Setenv(tokenVariable, "")
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			_, err := run(t, newPartnerCmd(), append([]string{"list"}, tt.args...)...)
			if tt.wants == "" && err != nil || tt.wants != "" && (err == nil || !strings.Contains(err.Error(), tt.wants)) {
				t.Errorf("got %v, want %q", err, tt.wants)
			}
		})
	}
}
