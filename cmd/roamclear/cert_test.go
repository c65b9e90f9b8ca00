package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control/certtest"
)

// What `cert dev` makes is good by openssl's measure, and a service runs on it.
func TestCertDev(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	out, err := run(t, newCertCmd(), "dev", "--out", dir, "--partner", "dundee,exw", "--format", "json")
	var made devCerts
	if err == nil {
		err = json.Unmarshal([]byte(out), &made)
	}
	if err != nil || len(made.Partners) != 2 || len(made.Files) != 11 {
		t.Fatalf("%v: %s", err, out)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for file, purpose := range map[string]string{"server.pem": "sslserver", "client.pem": "sslclient", "dundee.pem": "sslclient", "exw.pem": "sslclient"} {
		if out, err := exec.CommandContext(t.Context(), "openssl", "verify", "-x509_strict", "-CAfile", at("ca.pem"), "-CRLfile", at("crl.pem"), "-crl_check", "-purpose", purpose, at(file)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", file, err, out)
		}
	}
	dundee := certtest.Files{Cert: at("dundee.pem"), Key: at("dundee-key.pem")}
	if want := certtest.Fingerprint(t, dundee); !strings.Contains(strings.ToLower(strings.ReplaceAll(want, ":", "")), made.Partners[0].Fingerprint) {
		t.Errorf("fingerprint %s, openssl says %s", made.Partners[0].Fingerprint, want)
	}
	for _, name := range made.Files {
		if info, err := os.Stat(at(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := run(t, newCertCmd(), "dev", "--out", dir); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("made twice: %v", err)
	}
	for _, wrong := range [][]string{{"--days", "0"}, {"--partner", "ca"}, {"--partner", "a,a"}, {"--partner", "../a"}} {
		if _, _, code := runCommand(t, newCertCmd(), "", append([]string{"dev", "--out", filepath.Join(dir, "x")}, wrong...)...); code != exitUsage {
			t.Errorf("%q: exit code %d", wrong, code)
		}
	}

	c := testConfig(t.TempDir())
	c.TLS = TLSConfig{Cert: at("server.pem"), Key: at("server-key.pem"), ClientCA: at("ca.pem"), CRL: at("crl.pem"), ClientAuth: api.ClientAuthRequest}
	h := &house{testService: startConfig(t, c), ca: certtest.Known(t, at("ca.pem"))}
	h.client = h.with(dundee)
	h.eventually("service is ready", func() bool { return h.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	h.partner("CPO", "GB", "DUN")
	h.cli("partner", "cert", "add", "gb-dun-cpo", "--subject", made.Partners[0].Subject)
	h.cli("partner", "cert", "require", "gb-dun-cpo")
	h.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	if list := h.cli("partner", "cert", "list", "gb-dun-cpo"); !strings.Contains(list, "one must be shown") || !strings.Contains(list, made.Partners[0].Fingerprint) {
		t.Errorf("list:\n%s", list)
	}
}
