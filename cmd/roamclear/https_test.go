package main

import (
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control/certtest"
)

// house is a service over https with the files of a CA.
type house struct {
	*testService
	ca     *certtest.CA
	crl    string
	stderr *os.File
}

// startHTTPS starts a service that asks for certificates.
func startHTTPS(t *testing.T, data string, ca *certtest.CA, auth string) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{ca: ca, crl: filepath.Join(dir, "crl.pem")}
	own := ca.Server("server")
	c := testConfig(data)
	c.Log.Level = "warn"
	c.TLS = TLSConfig{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), ClientCA: ca.Cert, CRL: h.crl, ClientAuth: auth}
	certtest.Replace(t, c.TLS.Cert, certtest.Read(t, own.Cert))
	certtest.Replace(t, c.TLS.Key, certtest.Read(t, own.Key))
	certtest.Replace(t, h.crl, ca.CRL())
	var err error
	if h.stderr, err = os.Create(filepath.Join(dir, "stderr")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.stderr.Close() })
	h.testService = startLogged(t, c, h.stderr)
	h.client = h.with(ca.Issue("probe", certtest.Options{}))
	h.eventually("service is ready", func() bool { return h.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	return h
}

// with is a client with a certificate; without file, one with none.
func (h *house) with(f certtest.Files) *http.Client {
	h.t.Helper()
	config := &tls.Config{RootCAs: h.ca.Trusted(), MinVersion: tls.VersionTLS12}
	if f.Cert != "" {
		pair := certtest.Pair(h.t, f)
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	transport := &http.Transport{TLSClientConfig: config}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (h *house) by(c *http.Client, what func()) {
	before := h.client
	h.client = c
	what()
	h.client = before
}

// cli runs a command on the service of the data directory.
func (h *house) cli(args ...string) string {
	h.t.Helper()
	out, stderr, code := runCommand(h.t, newRootCmd(), "", append(args, "--data", h.data)...)
	if code != 0 {
		h.t.Fatalf("roamclear %q: exit code %d: %s", args, code, stderr)
	}
	return strings.TrimSpace(out)
}

// logged waits for a line of the log with all of some words.
func (h *house) logged(words ...string) {
	h.t.Helper()
	h.eventually("the log says "+strings.Join(words, ", "), func() bool {
		for line := range strings.Lines(certtest.Read(h.t, h.stderr.Name())) {
			all := true
			for _, w := range words {
				all = all && strings.Contains(line, w)
			}
			if all {
				return true
			}
		}
		return false
	})
}

// The whole service under https, with a partner and a key that need certificates: the
// command line reaches it, partners push and read, what has no certificate of its own
// gets 401, and files are replaced while it runs.
func TestTheServiceUnderHTTPS(t *testing.T) {
	ca := certtest.NewCA(t, "Test CA")
	h := startHTTPS(t, t.TempDir(), ca, api.ClientAuthRequest)
	dundee, other := ca.Issue("dundee", certtest.Options{Subject: "/C=GB/O=Dundee City/CN=ocpi.dundee.example"}), ca.Issue("other", certtest.Options{})
	h.partner("CPO", "GB", "DUN")
	h.partner("CPO", "GB", "PKC")
	h.partner("EMSP", "NL", "EXW")
	h.cli("partner", "cert", "add", "gb-dun-cpo", "--subject", certtest.Subject(t, dundee))
	h.cli("partner", "cert", "require", "gb-dun-cpo")
	h.cli("partner", "cert", "add", "gb-pkc-cpo", "--fingerprint", certtest.Fingerprint(t, other))

	refused := func(what string, c *http.Client, party, says string) {
		t.Helper()
		h.by(c, func() {
			if a := h.as(party, http.MethodPut, "/receiver/tariffs/GB/DUN/T1", testTariff); a.status != http.StatusUnauthorized || a.ocpi.Code != 2000 || !strings.Contains(a.ocpi.Message, says) {
				t.Errorf("%s: HTTP %d %s, want 401 and %q", what, a.status, a.body, says)
			}
		})
	}
	refused("without a certificate", h.with(certtest.Files{}), "GB*DUN", "none was given")
	h.logged("client certificate refused", "of=gb-dun-cpo", "reason=none")
	refused("with another's", h.with(other), "GB*DUN", "another partner's")
	h.logged("client certificate refused", "of=gb-dun-cpo", "reason=another_party", "CN=other")
	refused("with one of nobody's", h.with(ca.Issue("nobody", certtest.Options{})), "GB*DUN", "none of those registered")
	refused("another with its", h.with(dundee), "GB*PKC", "another partner's")
	h.by(h.with(certtest.SelfSigned(t, "self")), func() {
		if a := h.as("GB*DUN", http.MethodGet, "/receiver/tariffs/GB/DUN/T1", ""); a.status != 0 {
			t.Errorf("with one that is signed by itself: %+v", a)
		}
	})

	h.by(h.with(dundee), func() {
		h.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", testLocation)
		h.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
		a := h.accepted("GB*DUN", "POST", cdrs, testCDR("c-1", "EXW", "T1", "7.00", "8.40"))
		if !strings.HasPrefix(a.header.Get("Location"), "https://") {
			t.Errorf("Location %q, want https", a.header.Get("Location"))
		}
	})
	h.by(h.with(certtest.Files{}), func() { h.accepted("NL*EXW", "GET", "/sender/tariffs", "") })

	// The simple calls by a partner's token ask for its certificate too.
	exw := ca.Issue("exw", certtest.Options{})
	h.cli("partner", "cert", "add", "nl-exw-emsp", "--file", exw.Cert)
	h.cli("partner", "cert", "require", "nl-exw-emsp")
	for status, c := range map[int]*http.Client{http.StatusUnauthorized: h.with(certtest.Files{}), http.StatusOK: h.with(exw)} {
		h.by(c, func() {
			if a := h.request(http.MethodGet, "/api/v1/locations", "Token "+h.tokens["NL*EXW"], ""); a.status != status || status == http.StatusUnauthorized && !strings.Contains(a.body, "none was given") {
				t.Errorf("simple calls: HTTP %d %s, want %d", a.status, a.body, status)
			}
		})
	}

	h.by(h.with(certtest.Files{}), func() {
		a := h.request(http.MethodPut, "/api/v1/sessions/GB/DUN/S1", "Token "+h.tokens["GB*DUN"], testSession)
		if a.status != http.StatusUnauthorized || !strings.Contains(a.body, "none was given") {
			t.Errorf("a report without a certificate: HTTP %d %s, want 401", a.status, a.body)
		}
	})

	keysWithCertificates(h)
	replacedWhileItRuns(h, dundee)
	if a := h.request(http.MethodGet, "http"+strings.TrimPrefix(h.url, "https")+"/readyz", "", ""); a.status != http.StatusBadRequest {
		t.Errorf("plain HTTP: %d %s", a.status, a.body)
	}
	if metrics := h.request(http.MethodGet, "/metrics", "", "").body; !strings.Contains(metrics, `roamclear_tls_refused_total{reason="self_signed"} 1`) ||
		!strings.Contains(metrics, `roamclear_certificates_ending{side="ours",within_days="30"} `) {
		t.Errorf("metrics lack what was refused, or what ends")
	}
	h.stop()
	verified(t, h.data)

	// All must come with one, and the command line is let in.
	again := startHTTPS(t, h.data, ca, api.ClientAuthRequire)
	if out := again.cli("partner", "list", "--format", "json"); !strings.Contains(out, `"certificate_required": true`) {
		t.Errorf("list %s", out)
	}
	again.by(again.with(certtest.Files{}), func() {
		if a := again.request(http.MethodGet, "/readyz", "", ""); a.status != 0 {
			t.Errorf("without a certificate: %+v", a)
		}
	})
	again.logged("reason=none", "tls.client_auth")
}

func keysWithCertificates(h *house) {
	h.t.Helper()
	h.financeKey()
	id := h.cli("key", "list")
	id = id[strings.Index(id, "\nkey-")+1:][:len("key-0123456789")]
	app := h.ca.Issue("app", certtest.Options{})
	h.cli("key", "cert", "add", id, "--file", app.Cert)
	report := func(c *http.Client) (a answer) {
		h.by(c, func() {
			a = h.request(http.MethodGet, "/api/v1/reports/settlement?from=2019-01&to=2019-01", "Bearer "+h.key, "")
		})
		return a
	}
	if a := report(h.with(certtest.Files{})); a.status != http.StatusUnauthorized || !strings.Contains(a.body, "client certificate is needed") {
		h.t.Errorf("a key without its certificate: HTTP %d %s", a.status, a.body)
	}
	h.logged("client certificate refused", "of="+id, "reason=none")
	if a := report(h.with(h.ca.Issue("app", certtest.Options{}))); a.status != http.StatusUnauthorized || !strings.Contains(a.body, "none of those registered") {
		h.t.Errorf("a key with another certificate: HTTP %d %s", a.status, a.body)
	}
	if a := report(h.with(app)); a.status != http.StatusOK {
		h.t.Errorf("a key with its certificate: HTTP %d %s", a.status, a.body)
	}
	h.cli("key", "cert", "remove", id, "--fingerprint", certtest.Fingerprint(h.t, app))
	if a := report(h.with(certtest.Files{})); a.status != http.StatusOK {
		h.t.Errorf("a key that is bound to none any more: HTTP %d %s", a.status, a.body)
	}
}

// replacedWhileItRuns revokes a certificate whose connection stays open, and renews
// the service's own.
func replacedWhileItRuns(h *house, dundee certtest.Files) {
	h.t.Helper()
	h.by(h.with(dundee), func() {
		h.accepted("GB*DUN", "GET", "/receiver/tariffs/GB/DUN/T1", "")
		h.ca.Revoke(dundee)
		certtest.Replace(h.t, h.crl, h.ca.CRL())
		h.eventually("the connection that stays open is refused", func() bool {
			a := h.as("GB*DUN", "GET", "/receiver/tariffs/GB/DUN/T1", "")
			return a.status == http.StatusUnauthorized && strings.Contains(a.ocpi.Message, "revoked")
		})
		h.logged("client certificate refused", "reason=revoked", "CN=ocpi.dundee.example")
		if a := h.as("GB*DUN", "GET", "/receiver/tariffs/GB/DUN/T1", ""); a.status != 0 {
			h.t.Errorf("a new connection with what is revoked: %+v", a)
		}
	})
	one := certtest.Read(h.t, h.ca.Cert)
	certtest.Replace(h.t, h.ca.Cert, one+certtest.Read(h.t, certtest.NewCA(h.t, "Other CA").Cert))
	if _, stderr, code := runCommand(h.t, newRootCmd(), "", "partner", "cert", "add", "gb-pkc-cpo", "--subject", "CN=pkc", "--data", h.data); code == 0 || !strings.Contains(stderr, "2 CAs") {
		h.t.Errorf("a subject under two CAs: exit code %d, %s", code, stderr)
	}
	certtest.Replace(h.t, h.ca.Cert, one)
	next, tls := h.ca.Server("renewed"), h.inside.config.TLS
	before := certtest.Read(h.t, filepath.Join(h.data, serviceFile))
	certtest.Replace(h.t, tls.Cert, certtest.Read(h.t, next.Cert))
	certtest.Replace(h.t, tls.Key, certtest.Read(h.t, next.Key))
	h.eventually("commands are told of the new certificate", func() bool { return certtest.Read(h.t, filepath.Join(h.data, serviceFile)) != before })
	h.cli("partner", "list")
}

// Who is not the service of the data directory gets no token, whatever it says.
func TestTheCommandLineKnowsItsServiceByItsCertificate(t *testing.T) {
	ca := certtest.NewCA(t, "Test CA")
	h := startHTTPS(t, t.TempDir(), ca, api.ClientAuthRequire)
	token := strings.TrimSpace(certtest.Read(t, filepath.Join(h.data, adminTokenFile)))
	elsewhere := t.TempDir()
	t.Setenv(tokenVariable, token)
	list := func(args ...string) (string, int) {
		_, stderr, code := runCommand(t, newRootCmd(), "", append([]string{"partner", "list", "--data", elsewhere, "--url", h.url}, args...)...)
		return stderr, code
	}
	f := ca.Issue("operator", certtest.Options{})
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a CA that nobody knows":  {nil, 1, "x509"},
		"no certificate":          {[]string{"--ca", ca.Cert}, 1, "does not answer"},
		"a certificate":           {[]string{"--ca", ca.Cert, "--client-cert", f.Cert, "--client-key", f.Key}, 0, ""},
		"a certificate, no key":   {[]string{"--ca", ca.Cert, "--client-cert", f.Cert}, exitUsage, "--client-key"},
		"a CA that there is none": {[]string{"--ca", "missing.pem"}, exitUsage, "missing.pem"},
	} {
		if stderr, code := list(tt.args...); code != tt.code || !strings.Contains(stderr, tt.says) {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, tt.code, stderr)
		}
	}
	t.Setenv(tokenVariable, "")
	impostor := startHTTPS(t, t.TempDir(), ca, api.ClientAuthRequest)
	file := filepath.Join(h.data, serviceFile)
	certtest.Replace(t, file, strings.Replace(certtest.Read(t, file), h.url, impostor.url, 1))
	if _, stderr, code := runCommand(t, newRootCmd(), "", "partner", "list", "--data", h.data); code != 1 || !strings.Contains(stderr, "another certificate answers") {
		t.Errorf("another service at its address: exit code %d: %s", code, stderr)
	}
}

func TestCheckConfigNamesBadFiles(t *testing.T) {
	t.Setenv(urlVariable, "")
	ca := certtest.NewCA(t, "Test CA")
	own, other := ca.Server("server"), ca.Server("other")
	old := ca.Issue("old", certtest.Options{ExtKeyUsage: "serverAuth", From: monthsAgo(3), Until: monthsAgo(1)})
	check := func(args ...string) (string, int) {
		_, stderr, code := runCommand(t, newRootCmd(), "", append([]string{"check-config"}, args...)...)
		return stderr, code
	}
	good := []string{"--tls.cert", own.Cert, "--tls.key", own.Key}
	for _, tt := range []struct {
		args []string
		says string // "" = good
	}{
		{good, ""},
		{append(good, "--tls.client_ca", ca.Cert, "--tls.client_auth", "request"), ""},
		{append(good, "--partner_urls.ca", ca.Cert, "--partner_urls.client_cert", other.Cert, "--partner_urls.client_key", other.Key), ""},
		{[]string{"--tls.cert", own.Cert}, "tls.cert, tls.key: give both"},
		{[]string{"--tls.cert", own.Cert, "--tls.key", other.Key}, "tls.key: " + other.Key + ": does not go with tls.cert"},
		{[]string{"--tls.cert", "missing.pem", "--tls.key", own.Key}, "tls.cert: missing.pem: no such file"},
		{[]string{"--tls.cert", old.Cert, "--tls.key", old.Key}, "tls.cert: " + old.Cert + ": the certificate ended at"},
		{append(good, "--tls.client_auth", "require"), "give tls.client_ca"},
		{append(good, "--tls.client_ca", ca.Cert), "set tls.client_auth"},
		{append(good, "--tls.client_auth", "always"), "want off, request or require"},
		{append(good, "--tls.crl", ca.Cert), "tls.crl: without tls.client_ca"},
		{[]string{"--tls.client_auth", "request", "--tls.client_ca", ca.Cert}, "give tls.cert and tls.key"},
		{append(good, "--tls.client_ca", ca.Key, "--tls.client_auth", "request"), "tls.client_ca: " + ca.Key + ": there is no"},
		{append(good, "--tls.client_ca", ca.Cert, "--tls.crl", ca.Cert, "--tls.client_auth", "request"), "tls.crl: " + ca.Cert + ": there is no"},
		{[]string{"--partner_urls.ca", own.Key}, "partner_urls.ca: " + own.Key},
		{[]string{"--partner_urls.client_cert", own.Cert}, "partner_urls.client_cert, partner_urls.client_key: give both"},
		{[]string{"--partner_urls.client_cert", own.Cert, "--partner_urls.client_key", "missing.pem"}, "partner_urls.client_key: missing.pem"},
	} {
		stderr, code := check(tt.args...)
		if tt.says == "" && code != 0 || tt.says != "" && (code != exitUsage || !strings.Contains(stderr, tt.says)) {
			t.Errorf("check-config %q: exit code %d: %s; want %q", tt.args, code, stderr, tt.says)
		}
	}
	c := testConfig(filepath.Join(t.TempDir(), "new"))
	c.TLS = TLSConfig{Cert: "missing.pem", Key: own.Key, ClientAuth: api.ClientAuthOff}
	if _, err := startService(t.Context(), c, os.Stderr); err == nil || !strings.Contains(err.Error(), "tls.cert: missing.pem") {
		t.Errorf("a start: %v", err)
	}
	if _, err := os.Stat(c.Data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a start that cannot be made a data directory: %v", err)
	}
}

func monthsAgo(n int) time.Time { return time.Now().AddDate(0, -n, 0) }

// What a start says of settings that are likely not meant so.
func TestAStartWarnsOfWhatIsOpen(t *testing.T) {
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	c := testConfig(t.TempDir())
	c.Log.Level, c.Listen, c.Metrics.Listen = "warn", "0.0.0.0:0", "127.0.0.1:0"
	s := startLogged(t, c, stderr)
	s.eventually("service is ready", func() bool { return s.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	h := &house{testService: s, stderr: stderr}
	h.logged("plain HTTP beyond this machine", "setting=listen")
	if strings.Contains(certtest.Read(t, stderr.Name()), "setting=metrics.listen") {
		t.Error("what listens on loopback is warned of")
	}
	s.partner("CPO", "GB", "DUN")
	h.cli("partner", "cert", "add", "gb-dun-cpo", "--subject", "CN=dundee")
	h.cli("partner", "cert", "require", "gb-dun-cpo")
	if a := s.as("GB*DUN", http.MethodGet, "/receiver/tariffs/GB/DUN/T1", ""); a.status != http.StatusUnauthorized {
		t.Errorf("over plain HTTP nobody has a certificate: %d %s", a.status, a.body)
	}
	h.logged("client certificate refused", "of=gb-dun-cpo", "reason=none")
	s.stop()
	again := startLogged(t, c, stderr)
	h = &house{testService: again, stderr: stderr}
	h.logged("a partner must come with a certificate and nobody is asked for one", "partner=gb-dun-cpo")
}
