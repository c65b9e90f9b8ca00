// Package certtest makes certificates with openssl, as those who roam do: a test that
// made them by the library that verifies them would find what both get wrong to be
// right.
package certtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Files are a certificate and its key, PEM.
type Files struct{ Cert, Key string }

// Options of a certificate. The zero value is one for clients, good from a day ago for
// a month.
type Options struct {
	Subject     string // as openssl has it, "/O=Company/CN=name"; "" = /CN=name
	From, Until time.Time
	KeyUsage    string   // "" = digitalSignature
	ExtKeyUsage string   // "" = clientAuth
	Hosts       []string // "DNS:localhost", "IP:127.0.0.1"
	CA          bool
}

// CA is one that openssl keeps.
type CA struct {
	Files
	t   testing.TB
	dir string
	n   int
}

func run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			t.Fatal("openssl is missing: deploy/test-tools.sh installs it")
		}
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB, path string) {
	t.Helper()
	run(t, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
}

// NewCA makes a CA with a self-signed certificate.
func NewCA(t testing.TB, name string) *CA {
	t.Helper()
	f := Files{filepath.Join(t.TempDir(), "ca.pem"), ""}
	f.Key = f.Cert + ".key"
	newKey(t, f.Key)
	run(t, "req", "-x509", "-new", "-key", f.Key, "-out", f.Cert, "-days", "3650", "-subj", "/CN="+name,
		"-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
	return keep(t, f)
}

// Known is a CA of which no more than the certificate is read: it issues nothing.
func Known(t testing.TB, cert string) *CA {
	return &CA{Files: Files{Cert: cert}, t: t}
}

// keep makes a directory in which openssl keeps what a CA issues and revokes.
func keep(t testing.TB, f Files) *CA {
	t.Helper()
	c := &CA{Files: f, t: t, dir: t.TempDir()}
	write(t, c.at("index.txt"), "")
	write(t, c.at("serial"), "1000\n")
	write(t, c.at("crlnumber"), "01\n")
	write(t, c.at("conf"), fmt.Sprintf(`[ca]
default_ca=d
[d]
database=%[1]s/index.txt
serial=%[1]s/serial
crlnumber=%[1]s/crlnumber
new_certs_dir=%[1]s
certificate=%[2]s
private_key=%[3]s
default_md=sha256
default_days=30
default_crl_days=30
unique_subject=no
policy=p
[p]
countryName=optional
organizationName=optional
commonName=optional
`, c.dir, f.Cert, f.Key))
	return c
}

func (c *CA) at(name string) string { return filepath.Join(c.dir, name) }

// Issue makes a certificate that the CA signs.
func (c *CA) Issue(name string, o Options) Files {
	c.t.Helper()
	c.n++
	base := c.at(fmt.Sprintf("%d-%s", c.n, strings.ReplaceAll(name, " ", "-")))
	f := Files{base + ".pem", base + ".key"}
	newKey(c.t, f.Key)
	if o.Subject == "" {
		o.Subject = "/CN=" + name
	}
	run(c.t, "req", "-new", "-key", f.Key, "-out", base+".csr", "-subj", o.Subject)
	write(c.t, base+".ext", o.extensions())
	if o.From.IsZero() {
		o.From = time.Now().AddDate(0, 0, -1)
	}
	if o.Until.IsZero() {
		o.Until = o.From.AddDate(0, 1, 0)
	}
	const form = "20060102150405Z"
	run(c.t, "ca", "-batch", "-notext", "-config", c.at("conf"), "-in", base+".csr", "-out", f.Cert, "-extfile", base+".ext",
		"-startdate", o.From.UTC().Format(form), "-enddate", o.Until.UTC().Format(form))
	return f
}

// IssueCA makes a CA whose certificate this one signs.
func (c *CA) IssueCA(name string) *CA {
	c.t.Helper()
	return keep(c.t, c.Issue(name, Options{CA: true}))
}

func (o *Options) extensions() string {
	if o.CA {
		return "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
	}
	text := "basicConstraints=CA:FALSE\nkeyUsage=critical," + or(o.KeyUsage, "digitalSignature") + "\nextendedKeyUsage=" + or(o.ExtKeyUsage, "clientAuth") + "\n"
	if len(o.Hosts) > 0 {
		text += "subjectAltName=" + strings.Join(o.Hosts, ",") + "\n"
	}
	return text
}

func or(s, standard string) string {
	if s == "" {
		return standard
	}
	return s
}

// Server makes a certificate for a server on this machine.
func (c *CA) Server(name string) Files {
	c.t.Helper()
	return c.Issue(name, Options{ExtKeyUsage: "serverAuth", Hosts: []string{"DNS:localhost", "IP:127.0.0.1"}})
}

// Revoke revokes a certificate; the next CRL says so.
func (c *CA) Revoke(f Files) {
	c.t.Helper()
	run(c.t, "ca", "-config", c.at("conf"), "-revoke", f.Cert)
}

// CRL makes the list of what is revoked by now, and returns its content.
func (c *CA) CRL() string {
	c.t.Helper()
	path := c.at("crl.pem")
	run(c.t, "ca", "-config", c.at("conf"), "-gencrl", "-out", path)
	return Read(c.t, path)
}

// SelfSigned makes a certificate for clients that is signed by itself.
func SelfSigned(t testing.TB, name string) Files {
	t.Helper()
	f := Files{filepath.Join(t.TempDir(), "self.pem"), ""}
	f.Key = f.Cert + ".key"
	newKey(t, f.Key)
	run(t, "req", "-x509", "-new", "-key", f.Key, "-out", f.Cert, "-days", "30", "-subj", "/CN="+name,
		"-addext", "extendedKeyUsage=clientAuth", "-addext", "keyUsage=critical,digitalSignature", "-addext", "basicConstraints=critical,CA:FALSE")
	return f
}

// Fingerprint is the SHA-256 of a certificate as openssl prints it.
func Fingerprint(t testing.TB, f Files) string {
	t.Helper()
	return strings.TrimSpace(run(t, "x509", "-in", f.Cert, "-noout", "-fingerprint", "-sha256"))
}

// Subject is whom a certificate is of, as openssl prints it.
func Subject(t testing.TB, f Files) string {
	t.Helper()
	return strings.TrimSpace(run(t, "x509", "-in", f.Cert, "-noout", "-subject"))
}

// Read returns the content of a file.
func Read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Replace puts another content in the place of a file, as a whole, as those do who
// renew certificates.
func Replace(t testing.TB, path, content string) {
	t.Helper()
	next := path + ".next"
	write(t, next, content)
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}
