package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// What a data directory holds goes to no service but its own: not to one that is
// named, not to one that the named one sends on to, not with the demo's own key.
func TestTheTokenStaysWithItsService(t *testing.T) {
	t.Setenv(urlVariable, "")
	t.Setenv(tokenVariable, "")
	var leaked []string
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked = append(leaked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
	}))
	defer stranger.Close()
	sendsOn := httptest.NewServer(http.RedirectHandler(stranger.URL+"/admin/v1/partners", http.StatusTemporaryRedirect))
	defer sendsOn.Close()

	data := t.TempDir()
	write(t, filepath.Join(data, serviceFile), `{"url":"`+sendsOn.URL+`"}`)
	write(t, filepath.Join(data, adminTokenFile), "admin-secret-0123")
	write(t, filepath.Join(data, "demo.json"), `{"tokens":{},"key":"demo-key","loaded":true}`)
	for _, args := range [][]string{
		{"partner", "list", "--url", stranger.URL},
		{"partner", "add", "--role", "CPO", "--country", "GB", "--party", "DUN", "--url", stranger.URL},
		{"key", "list", "--url", stranger.URL},
		{"period", "close", "2019-01", "--url", stranger.URL},
		{"demo", "--url", stranger.URL},
	} {
		_, stderr, code := runCommand(t, newRootCmd(), "", append(args, "--data", data)...)
		if code != exitUsage || !strings.Contains(stderr, tokenVariable) {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
	}
	if _, stderr, code := runCommand(t, newRootCmd(), "", "partner", "list", "--data", data); code != 1 || !strings.Contains(stderr, "HTTP 307") {
		t.Errorf("redirected: exit code %d: %s", code, stderr)
	}
	t.Setenv(tokenVariable, "given-for-the-stranger")
	if _, stderr, code := runCommand(t, newRootCmd(), "", "demo", "--data", data, "--url", stranger.URL); code != exitUsage || !strings.Contains(stderr, "demo.json") {
		t.Errorf("the demo of one service at another: exit code %d: %s", code, stderr)
	}
	if len(leaked) > 0 {
		t.Errorf("sent to a stranger: %q", leaked)
	}
}

// A token that is given for a service is used for it.
func TestAGivenTokenIsUsed(t *testing.T) {
	data, _ := runningService(t)
	info, err := readService(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(tokenVariable, "admin-secret-0123")
	if _, stderr, code := runCommand(t, newRootCmd(), "", "partner", "list", "--data", t.TempDir(), "--url", info.URL); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
