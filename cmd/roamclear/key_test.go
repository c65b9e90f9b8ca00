package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
)

func TestKeyCommands(t *testing.T) {
	data, d := runningService(t)
	if _, err := run(t, newPartnerCmd(), "add", "--data", data, "--role", "CPO", "--country", "GB", "--party", "DUN"); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, newKeyCmd(), "add", "--data", data, "--scope", "finance:read", "--party", "GB/DUN")
	k, ok := d.keys.Find("Bearer " + strings.TrimSuffix(out, "\n"))
	if err != nil || !ok || k.Party.String() != "GB*DUN" {
		t.Fatalf("add: %v, output %q, key %+v", err, out, k)
	}
	out, err = run(t, newKeyCmd(), "list", "--data", data)
	if want := []string{"ID", "NAME", "SCOPES", "PARTY", "EXPIRES", "SECRET", k.ID, k.ID, "finance:read", "GB*DUN", "never", "one"}; err != nil || cmp.Diff(want, strings.Fields(out)) != "" {
		t.Errorf("list: %v\n%s", err, out)
	}
	if _, err := run(t, newKeyCmd(), "remove", k.ID, "--data", data); err != nil {
		t.Error(err)
	}
	if out, err := run(t, newKeyCmd(), "add", "--data", data, "--scope", "everything"); err == nil || out != "" {
		t.Errorf("unknown scope: %v, output %q", err, out)
	}
}

func TestAppKeyCommands(t *testing.T) {
	data, d := runningService(t)
	if _, err := run(t, newPartnerCmd(), "add", "--data", data, "--role", "EMSP", "--country", "SE", "--party", "EMP"); err != nil {
		t.Fatal(err)
	}
	works := func(secret string) bool {
		_, ok := d.keys.Find("Bearer " + secret)
		return ok
	}
	out, err := run(t, newKeyCmd(), "add", "--data", data, "--scope", "app", "--party", "SE/EMP", "--expires", "90d", "--format", "json")
	var added admin.KeySecret
	if err == nil {
		err = json.Unmarshal([]byte(out), &added)
	}
	if err != nil || !works(added.Secret) || added.Key.Party != "SE*EMP" || added.Key.Expires == "" || !cmp.Equal(added.Key.Scopes, []string{control.ScopeApp}) {
		t.Fatalf("add: %v, %s", err, out)
	}
	out, err = run(t, newKeyCmd(), "rotate", added.Key.ID, "--data", data)
	second := strings.TrimSuffix(out, "\n")
	if err != nil || !works(added.Secret) || !works(second) {
		t.Errorf("rotate: %v, %q", err, out)
	}
	out, err = run(t, newKeyCmd(), "list", "--data", data)
	if err != nil || !strings.Contains(out, "rotating, old one until 2") || !strings.Contains(out, added.Key.Expires) {
		t.Errorf("list: %v\n%s", err, out)
	}
	out, err = run(t, newKeyCmd(), "rotate", added.Key.ID, "--now", "--data", data, "--format", "json")
	if err != nil || works(added.Secret) || works(second) || !strings.Contains(out, `"secret": "`) {
		t.Errorf("rotate at once: %v, %s", err, out)
	}
	for want, args := range map[string][]string{
		"of role EMSP (--party)":               {"add", "--scope", "app"},
		"no partner is CPO SE*EMP":             {"add", "--scope", "cpo", "--party", "SE/EMP"},
		"such as 90d or 12h":                   {"add", "--scope", "helpdesk", "--expires", "soon"},
		"there is no key key-none":             {"rotate", "key-none"},
		"accepts 1 arg(s)":                     {"rotate"},
		`"2019-01-01T00:00:00Z": that is past`: {"rotate", added.Key.ID, "--expires", "2019-01-01T00:00:00Z"},
	} {
		if _, err := run(t, newKeyCmd(), append(args, "--data", data)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}
