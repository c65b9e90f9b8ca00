package main

import (
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/spf13/cobra"
)

// newCertCmd makes certificates.
func newCertCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cert",
		Short: "Make certificates for trying out https",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newCertDevCmd())
	return cmd
}

// devCerts is what `cert dev` makes.
type devCerts struct {
	Directory string    `json:"directory"`
	Ends      time.Time `json:"ends"`
	Files     []string  `json:"files"`
	Partners  []devCert `json:"partners"`
}

// devCert is a certificate for a client.
type devCert struct {
	Name        string `json:"name"`
	File        string `json:"file"`
	Key         string `json:"key"`
	Fingerprint string `json:"fingerprint"`
	Subject     string `json:"subject"`
}

func newCertDevCmd() *cobra.Command {
	var out string
	var hosts, partners []string
	var days int
	var f format
	cmd := &cobra.Command{
		Use:   "dev --out DIR [--host NAME,ADDRESS] [--partner NAME]",
		Short: "Make a CA, and certificates of a server and of partners, to try https out with",
		Long: `Make a CA of its own (ca.pem), a certificate of a server (server.pem), one of each
partner (partner.pem, or NAME.pem), one of ours for calls to partners (client.pem),
a key beside each (…-key.pem), and a list that revokes nothing (crl.pem). They are
for trying it out: whoever has the directory has all the keys. What is there already
is never written over.`,
		Example: `  roamclear cert dev --out certs
  roamclear serve --data data --tls.cert certs/server.pem --tls.key certs/server-key.pem --tls.client_ca certs/ca.pem --tls.client_auth request
  curl --cacert certs/ca.pem --cert certs/partner.pem --key certs/partner-key.pem https://127.0.0.1:8080/ocpi/versions`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDev(partners, days); err != nil {
				return err
			}
			made, err := makeDev(out, hosts, partners, time.Duration(days)*24*time.Hour, time.Now())
			if err != nil {
				return fmt.Errorf("make certificates: %w", err)
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), made)
			}
			return printTable(cmd.OutOrStdout(), devRows(made))
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "directory to make them in")
	cmd.Flags().StringSliceVar(&hosts, "host", []string{"localhost", "127.0.0.1", "::1"}, "names and addresses of the server")
	cmd.Flags().StringSliceVar(&partners, "partner", []string{"partner"}, "names of partners, one certificate each")
	cmd.Flags().IntVar(&days, "days", 90, "how long they are good for, in days")
	must(cmd.MarkFlagRequired("out"))
	must(cmd.MarkFlagDirname("out"))
	f.register(cmd)
	return cmd
}

var isFileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString

func checkDev(partners []string, days int) error {
	if days < 1 || days > 3650 {
		return wrongUsage("--days %d: want 1 to 3650", days)
	}
	taken := map[string]bool{"ca": true, "server": true, "client": true, "crl": true}
	for _, name := range partners {
		if !isFileName(name) || taken[name] {
			return wrongUsage("--partner %q: want a name of letters, digits, dots and dashes that is not taken", name)
		}
		taken[name] = true
	}
	return nil
}

// makeDev makes all of them. The CA lives longer than what it signs.
func makeDev(dir string, hosts, partners []string, life time.Duration, now time.Time) (*devCerts, error) {
	named := func(name string) pkix.Name {
		return pkix.Name{CommonName: name, Organization: []string{"roamclear development"}}
	}
	ca, err := newPair(nil, named("roamclear development CA"), life+24*time.Hour, now, forCA)
	if err != nil {
		return nil, err
	}
	d := &devCerts{Directory: dir, Ends: now.Add(life).UTC().Truncate(time.Second)}
	files := map[string][]byte{}
	add := func(name string, p *pair) {
		files[name+".pem"], files[name+"-key.pem"] = p.certPEM(), p.keyPEM()
		d.Files = append(d.Files, name+".pem", name+"-key.pem")
	}
	add("ca", ca)
	server, err := newPair(ca, named("roamclear development server"), life, now, forServer(hosts))
	if err != nil {
		return nil, err
	}
	add("server", server)
	for _, name := range append([]string{"client"}, partners...) {
		p, err := newPair(ca, named(name), life, now, forClients)
		if err != nil {
			return nil, err
		}
		add(name, p)
		if name != "client" {
			is := control.CertificateOf(p.cert)
			d.Partners = append(d.Partners, devCert{name, filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-key.pem"), is.Fingerprint.String(), string(is.Subject)})
		}
	}
	if files["crl.pem"], err = ca.revokesNothing(now, life); err != nil {
		return nil, err
	}
	d.Files = append(d.Files, "crl.pem")
	return d, writeNew(dir, d.Files, files)
}

// writeNew writes files, readable by their owner only, where none of them is there yet.
func writeNew(dir string, names []string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already: choose another directory", filepath.Join(dir, name))
		}
	}
	for _, name := range names {
		if err := writeFile(filepath.Join(dir, name), files[name]); err != nil {
			return err
		}
	}
	return nil
}

func devRows(d *devCerts) [][]string {
	at := func(name string) string { return filepath.Join(d.Directory, name) }
	rows := [][]string{
		{"SETTING", "FILE"},
		{"tls.cert", at("server.pem")}, {"tls.key", at("server-key.pem")}, {"tls.client_ca", at("ca.pem")}, {"tls.crl", at("crl.pem")},
		{"partner_urls.ca", at("ca.pem")}, {"partner_urls.client_cert", at("client.pem")}, {"partner_urls.client_key", at("client-key.pem")},
	}
	for _, p := range d.Partners {
		rows = append(rows, []string{"partner " + p.Name, p.File}, []string{"  --fingerprint", p.Fingerprint}, []string{"  --subject", p.Subject})
	}
	return append(rows, []string{"all end at", d.Ends.Format(time.RFC3339)})
}
