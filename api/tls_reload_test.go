package api_test

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control/certtest"
)

// New files count from the next connection on; while one of two is there already, or
// one is broken, the old ones stay in use, and the log says so once.
func TestFilesAreReadAgain(t *testing.T) {
	s := newSecure(t, api.ClientAuthRequest)
	dir := t.TempDir()
	first, second := s.ca.Server("first"), s.ca.Server("second")
	s.files.Cert, s.files.Key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certtest.Replace(t, s.files.Cert, certtest.Read(t, first.Cert))
	certtest.Replace(t, s.files.Key, certtest.Read(t, first.Key))
	s.start()
	serves := func(want, log string) {
		t.Helper()
		for range 3 {
			a := s.get(s.client(certtest.Files{}, tls.VersionTLS13))
			if a.err != nil || a.server.Subject.CommonName != want {
				t.Fatalf("%+v, want the certificate of %q", a, want)
			}
		}
		if got := s.log.take(); strings.Count(got, "\n") != min(len(log), 1) || !strings.Contains(got, log) {
			t.Errorf("log %q, want %q, once", got, log)
		}
	}
	serves("first", "")
	certtest.Replace(t, s.files.Cert, certtest.Read(t, second.Cert))
	serves("first", "tls.key: "+s.files.Key+": does not go with tls.cert")
	certtest.Replace(t, s.files.Key, certtest.Read(t, second.Key))
	serves("second", "files read again")
	certtest.Replace(t, s.files.Cert, "broken")
	serves("second", `there is no \"-----BEGIN CERTIFICATE-----\" in it`)
	certtest.Replace(t, s.files.Cert, certtest.Read(t, second.Cert))
	serves("second", "files read again")
}

// So it is with whom clients are verified by.
func TestCAsAndRevocationsAreReadAgain(t *testing.T) {
	s := newSecure(t, api.ClientAuthRequest).start()
	other := certtest.NewCA(t, "Other CA")
	mine, theirs := s.ca.Issue("mine", certtest.Options{}), other.Issue("theirs", certtest.Options{})
	lets := func(what string, first, second bool, log string) {
		t.Helper()
		got := [2]bool{s.get(s.client(mine, tls.VersionTLS13)).err == nil, s.get(s.client(theirs, tls.VersionTLS13)).err == nil}
		if got != [2]bool{first, second} {
			t.Errorf("%s: lets in %v", what, got)
		}
		if text := s.log.take(); log != "" && !strings.Contains(text, log) {
			t.Errorf("%s: log %s, want %s", what, text, log)
		}
	}
	lets("at first", true, false, "")
	certtest.Replace(t, s.files.ClientCA, certtest.Read(t, s.ca.Cert)+certtest.Read(t, other.Cert))
	lets("with another CA", true, true, "files read again")
	certtest.Replace(t, s.files.ClientCA, "")
	lets("without any", true, true, "tls.client_ca: "+s.files.ClientCA)
	certtest.Replace(t, s.files.ClientCA, certtest.Read(t, s.ca.Cert)+certtest.Read(t, other.Cert))
	s.ca.Revoke(mine)
	other.Revoke(theirs)
	certtest.Replace(t, s.files.CRL, s.ca.CRL())
	lets("with one list", false, true, "reason=revoked")
	certtest.Replace(t, s.files.CRL, other.CRL()+s.ca.CRL())
	lets("with both lists", false, false, "reason=revoked")
	certtest.Replace(t, s.files.CRL, certtest.NewCA(t, "Nobody").CRL())
	lets("with a list of nobody's", false, false, "signed by none of the CAs of tls.client_ca")
}

// What is counted of the CAs is by whom clients' certificates may be signed in the end:
// a root that was renewed with its key is the same.
func TestRootsOfClientCertificates(t *testing.T) {
	s := newSecure(t, api.ClientAuthRequest).start()
	one, other := certtest.Read(t, s.ca.Cert), certtest.Read(t, certtest.NewCA(t, "Other CA").Cert)
	for _, c := range []struct {
		file string
		want int
	}{{one, 1}, {one + one, 1}, {one + other, 2}, {one, 1}} {
		certtest.Replace(t, s.files.ClientCA, c.file)
		s.tls.Look()
		if got := s.tls.Roots(); got != c.want {
			t.Errorf("%d roots, want %d", got, c.want)
		}
	}
}

// A file that is written again at once, in the same length, is seen: its time may be
// the same by a coarse clock.
func TestAFileThatIsWrittenTwiceAtOnceIsSeen(t *testing.T) {
	s := newSecure(t, api.ClientAuthRequest)
	path := filepath.Join(t.TempDir(), "crl.pem")
	s.files.CRL = path
	empty := s.ca.CRL()
	certtest.Replace(t, path, empty)
	s.start()
	f := s.ca.Issue("partner", certtest.Options{})
	s.ca.Revoke(f)
	full := s.ca.CRL()
	long := max(len(empty), len(full))
	for range 20 {
		for content, in := range map[string]bool{empty: true, full: false} {
			overwrite(t, path, content+strings.Repeat("\n", long-len(content)))
			if a := s.get(s.client(f, tls.VersionTLS13)); (a.err == nil) != in {
				t.Fatalf("%+v, let in: want %v", a, in)
			}
		}
	}
}

// What cannot be used is named with its setting and its file.
func TestFilesThatCannotBeUsed(t *testing.T) {
	s := newSecure(t, api.ClientAuthRequest)
	good := s.files
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		certtest.Replace(t, path, content)
		return path
	}
	leaf := certtest.Read(t, s.ca.Issue("leaf", certtest.Options{}).Cert)
	missing, broken, empty := filepath.Join(dir, "missing.pem"), file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), file("empty.pem", "")
	large := file("large.pem", strings.Repeat("x", 1<<20+1))
	for name, tt := range map[string]struct {
		change func(f *api.TLSFiles)
		wants  string
	}{
		"no certificate":       {func(f *api.TLSFiles) { f.Cert = missing }, "tls.cert: " + missing + ": no such file"},
		"no key":               {func(f *api.TLSFiles) { f.Key = missing }, "tls.key: " + missing + ": no such file"},
		"broken certificate":   {func(f *api.TLSFiles) { f.Cert = broken }, "tls.cert: " + broken + ": certificate 1: "},
		"a key for it":         {func(f *api.TLSFiles) { f.Cert = good.Key }, "tls.cert: " + good.Key + `: there is no "-----BEGIN CERTIFICATE-----"`},
		"another key":          {func(f *api.TLSFiles) { f.Key = s.ca.Key }, "tls.key: " + s.ca.Key + ": does not go with tls.cert"},
		"empty key":            {func(f *api.TLSFiles) { f.Key = empty }, "tls.key: " + empty + ": does not go with tls.cert"},
		"no CA":                {func(f *api.TLSFiles) { f.ClientCA = missing }, "tls.client_ca: " + missing + ": no such file"},
		"empty CA":             {func(f *api.TLSFiles) { f.ClientCA = empty }, "tls.client_ca: " + empty + ": there is no"},
		"a certificate for it": {func(f *api.TLSFiles) { f.ClientCA = file("leaf.pem", leaf) }, `no CA's`},
		"too large":            {func(f *api.TLSFiles) { f.ClientCA = large }, "tls.client_ca: " + large + ": larger than"},
		"no list":              {func(f *api.TLSFiles) { f.CRL = missing }, "tls.crl: " + missing + ": no such file"},
		"a CA for it":          {func(f *api.TLSFiles) { f.CRL = f.ClientCA }, "tls.crl: " + good.ClientCA + `: there is no "-----BEGIN X509 CRL-----"`},
		"a list of another's":  {func(f *api.TLSFiles) { f.CRL = file("other.pem", certtest.NewCA(t, "Other").CRL()) }, `tls.crl: ` + filepath.Join(dir, "other.pem") + `: the list of "CN=Other" is signed by none`},
	} {
		files := good
		tt.change(&files)
		if _, err := api.OpenTLS(api.TLSOptions{TLSFiles: files, Logger: s.logger()}); err == nil || !strings.Contains(err.Error(), tt.wants) {
			t.Errorf("%s: %v, want %q", name, err, tt.wants)
		}
	}
	if _, err := api.OpenTLS(api.TLSOptions{TLSFiles: good, Logger: s.logger()}); err != nil {
		t.Error(err)
	}
}

// Certificates that end are told 30, 14 and 3 days before, once each, and counted.
func TestCertificatesThatEnd(t *testing.T) {
	s := newSecure(t, api.ClientAuthRequest)
	now := time.Now().Truncate(time.Second) // as certificates have it
	at := now
	ends := api.NewEnds(s.logger(), nil, func() time.Time { return at })
	parsed := func(name string, days int) certtest.Files {
		return s.ca.Issue(name, certtest.Options{From: now.AddDate(0, 0, -1), Until: now.AddDate(0, 0, days)})
	}
	ours, theirs := leafOf(t, parsed("ours", 40)), leafOf(t, parsed("theirs", 12))
	ends.Ours("server", ours)
	if log := s.log.take(); log != "" {
		t.Errorf("40 days before: %s", log)
	}
	ends.Theirs("client", "gb-dun-cpo", theirs)
	ends.Theirs("client", "gb-dun-cpo", theirs)
	log := s.log.take()
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, "of=gb-dun-cpo") || !strings.Contains(log, "days_left=12") || !strings.Contains(log, "side=partners") {
		t.Errorf("of a partner: %s, want one line", log)
	}
	var told []string
	for day := range 45 {
		at = now.AddDate(0, 0, day)
		for range 3 {
			ends.Ours("server", ours)
			ends.Look()
		}
		if log := s.log.take(); strings.Contains(log, "use=server") {
			told = append(told, fmt.Sprint(40-day))
			if strings.Count(log, "use=server") != 1 || strings.Contains(log, "has ended") != (day > 40) {
				t.Errorf("%d days before: %s", 40-day, log)
			}
		}
	}
	if got := strings.Join(told, " "); got != "30 14 3 -1" {
		t.Errorf("told %s days before", got)
	}
	if shown := ends.Of("gb-dun-cpo"); len(shown) != 0 {
		t.Errorf("what was not seen for a week is still here: %+v", shown)
	}

	// What is replaced is told no more, and the metrics say how it stands.
	at = now
	ends.Ours("server", leafOf(t, parsed("renewed", 60)))
	ends.Theirs("client", "gb-dun-cpo", theirs)
	ends.Theirs("server", "gb-dun-cpo", leafOf(t, parsed("cpo server", 2)))
	want := map[string]float64{"ours 0": 0, "ours 30": 0, "partners 0": 0, "partners 3": 1, "partners 14": 2, "partners 30": 2}
	got := gathered(t, ends)
	for name, n := range want {
		if got[name] != n {
			t.Errorf("ending %s: %v, want %v", name, got[name], n)
		}
	}
	if left := got["server"] - float64(now.Unix()); left < 59*86400 || left > 61*86400 {
		t.Errorf("ours ends in %v s", left)
	}
	if shown := ends.Of("gb-dun-cpo"); len(shown) != 2 {
		t.Errorf("shown %+v", shown)
	}
}

// Whoever shows a certificate each time takes no more room than somebody else.
func TestShownCertificatesAreBounded(t *testing.T) {
	s := newSecure(t, api.ClientAuthRequest)
	ends := api.NewEnds(s.logger(), nil, nil)
	for i := range 12 {
		ends.Theirs("client", "gb-dun-cpo", leafOf(t, s.ca.Issue(fmt.Sprint("c", i), certtest.Options{})))
	}
	if shown := ends.Of("gb-dun-cpo"); len(shown) != 8 || shown[0].Subject != "CN=c11" {
		t.Errorf("%d shown, first %+v", len(shown), shown[0])
	}
}
