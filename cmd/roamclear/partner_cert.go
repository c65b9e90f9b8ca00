package main

import (
	"cmp"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"crypto/x509"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/spf13/cobra"
)

// newPartnerCertCmd administers the client certificates that a partner comes with.
func newPartnerCertCmd(service *serviceFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cert",
		Short: "Say which client certificates a partner comes with, and whether it must",
		Long: `Say which client certificates a partner comes with, and whether it must. They
are asked for where the setting tls.client_auth is request or require, and must be
signed by a CA of tls.client_ca in any case.

A partner that has certificates comes with one of them, or with none where it need
not; with another's nobody gets in.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(newPartnerCertAddCmd(service), newPartnerCertRequireCmd(service), newPartnerCertListCmd(service), newPartnerCertRemoveCmd(service))
	return cmd
}

// certFlags name a certificate.
type certFlags struct{ fingerprint, subject, file string }

func (c *certFlags) register(cmd *cobra.Command, subject bool) {
	cmd.Flags().StringVar(&c.fingerprint, "fingerprint", "", "SHA-256 of the certificate, hexadecimal, with or without colons")
	cmd.Flags().StringVar(&c.file, "file", "", "file with the certificate, PEM, whose fingerprint it is")
	must(cmd.MarkFlagFilename("file", "pem", "crt"))
	names := []string{"fingerprint", "file"}
	if subject {
		cmd.Flags().StringVar(&c.subject, "subject", "", "whom the certificate is of, such as CN=ocpi.example,O=Company,C=GB: stays when it is renewed")
		names = append(names, "subject")
	}
	cmd.MarkFlagsOneRequired(names...)
	cmd.MarkFlagsMutuallyExclusive(names...)
}

// read returns the certificate that the flags name.
func (c *certFlags) read() (q admin.Certificate, err error) {
	switch {
	case c.subject != "":
		subject, err := control.ParseSubject(c.subject)
		return admin.Certificate{Subject: string(subject)}, usageOf(err)
	case c.file != "":
		f, err := fingerprintOf(c.file)
		return admin.Certificate{Fingerprint: f.String()}, usageOf(err)
	}
	f, err := control.ParseFingerprint(c.fingerprint)
	return admin.Certificate{Fingerprint: f.String()}, usageOf(err)
}

func usageOf(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}

// fingerprintOf reads the first certificate of a file.
func fingerprintOf(path string) (f control.Fingerprint, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	for rest := content; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return f, fmt.Errorf("%s: there is no certificate in it", path)
		}
		if b.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return f, fmt.Errorf("%s: %w", path, err)
		}
		return control.CertificateOf(cert).Fingerprint, nil
	}
}

// named says a certificate for people.
func named(c *admin.Certificate) string {
	if c.Subject != "" {
		return "subject " + c.Subject
	}
	return "fingerprint " + c.Fingerprint
}

func newPartnerCertAddCmd(service *serviceFlags) *cobra.Command {
	var flags certFlags
	var f format
	cmd := &cobra.Command{
		Use:   "add ID --fingerprint HEX | --subject DN | --file FILE",
		Short: "Add a client certificate that a partner comes with",
		Example: `  roamclear partner cert add gb-dun-cpo --file dundee.pem --data data
  roamclear partner cert add gb-dun-cpo --subject "CN=ocpi.dundee.example,O=Dundee City Council,C=GB"
  roamclear partner cert add gb-dun-cpo --fingerprint "$(openssl x509 -in dundee.pem -noout -fingerprint -sha256)"`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := flags.read()
			if err != nil {
				return err
			}
			c, err := service.client()
			if err != nil {
				return err
			}
			var changed admin.Partner
			if err := c.do(cmd.Context(), http.MethodPost, "/partners/"+url.PathEscape(args[0])+"/certificates", q, &changed); err != nil {
				return fmt.Errorf("add certificate of %s: %w", args[0], err)
			}
			return told(cmd, &f, changed, "Partner %s comes with the certificate of %s.\n", args[0], named(&q))
		},
	}
	flags.register(cmd, true)
	f.register(cmd)
	return cmd
}

// told says what was done, for people or as JSON.
func told(cmd *cobra.Command, f *format, changed any, says string, args ...any) error {
	if f.json() {
		return writeJSON(cmd.OutOrStdout(), changed)
	}
	cmd.PrintErrf(says, args...)
	return nil
}

func newPartnerCertRemoveCmd(service *serviceFlags) *cobra.Command {
	var flags certFlags
	var f format
	cmd := &cobra.Command{
		Use:     "remove ID --fingerprint HEX | --subject DN | --file FILE",
		Short:   "Remove a client certificate of a partner: it ends at once",
		Example: `  roamclear partner cert remove gb-dun-cpo --subject "CN=ocpi.dundee.example,O=Dundee City Council,C=GB" --data data`,
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := flags.read()
			if err != nil {
				return err
			}
			c, err := service.client()
			if err != nil {
				return err
			}
			var changed admin.Partner
			path := "/partners/" + url.PathEscape(args[0]) + "/certificates/" + url.PathEscape(cmp.Or(q.Fingerprint, q.Subject))
			if err := c.do(cmd.Context(), http.MethodDelete, path, nil, &changed); err != nil {
				return fmt.Errorf("remove certificate of %s: %w", args[0], err)
			}
			return told(cmd, &f, changed, "The certificate of %s is none of %s any more.\n", named(&q), args[0])
		},
	}
	flags.register(cmd, true)
	f.register(cmd)
	return cmd
}

func newPartnerCertRequireCmd(service *serviceFlags) *cobra.Command {
	var off bool
	var f format
	cmd := &cobra.Command{
		Use:   "require ID [--off]",
		Short: "Have a partner come with one of its client certificates",
		Long: `Have a partner come with one of its client certificates: without one, it gets 401
for whatever it asks below /ocpi. It needs one that was added first; the setting
tls.client_auth must be request or require. --off ends it.`,
		Example: "  roamclear partner cert require gb-dun-cpo --data data\n  roamclear partner cert require gb-dun-cpo --off",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var changed admin.Partner
			q := admin.CertificateRequired{Required: !off}
			if err := c.do(cmd.Context(), http.MethodPut, "/partners/"+url.PathEscape(args[0])+"/certificate_required", q, &changed); err != nil {
				return fmt.Errorf("require a certificate of %s: %w", args[0], err)
			}
			must := "must come with one of its certificates"
			if off {
				must = "need not come with a certificate"
			}
			return told(cmd, &f, changed, "Partner %s %s.\n", args[0], must)
		},
	}
	cmd.Flags().BoolVar(&off, "off", false, "it need not come with one any more")
	f.register(cmd)
	return cmd
}

func newPartnerCertListCmd(service *serviceFlags) *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "list ID",
		Short: "List the client certificates of a partner, and those that it has shown",
		Long: `List the client certificates of a partner, and those that it has shown to this
process in the last 7 days, as a client and as the server that we called, with when
they end.`,
		Example: "  roamclear partner cert list gb-dun-cpo --data data\n  roamclear partner cert list gb-dun-cpo --format json",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var list admin.CertificateList
			if err := c.do(cmd.Context(), http.MethodGet, "/partners/"+url.PathEscape(args[0])+"/certificates", nil, &list); err != nil {
				return fmt.Errorf("list certificates of %s: %w", args[0], err)
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			return printTable(cmd.OutOrStdout(), certificateRows(&list))
		},
	}
	f.register(cmd)
	return cmd
}

func certificateRows(list *admin.CertificateList) [][]string {
	use := "may be shown"
	if list.Required {
		use = "one must be shown"
	}
	rows := [][]string{{"CERTIFICATE", "USE", "ENDS", "SEEN"}}
	for i := range list.Certificates {
		rows = append(rows, []string{named(&list.Certificates[i]), use, "-", "-"})
	}
	for _, shown := range list.Shown {
		rows = append(rows, []string{"fingerprint " + shown.Fingerprint + " (" + shown.Subject + ")", "shown as " + shown.Use, shown.Ends, shown.Seen})
	}
	return rows
}

// newKeyCertCmd administers the client certificates that an API key is bound to.
func newKeyCertCmd(service *serviceFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cert",
		Short: "Bind an API key to client certificates",
		Long: `Bind an API key to client certificates: from the first one on it is used over a
connection with one of them alone. They are asked for where the setting
tls.client_auth is request or require, and must be signed by a CA of tls.client_ca.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(newKeyCertChangeCmd(service, "add", "Bind an API key to a client certificate", "Key %s is used with the certificate of %s.\n"),
		newKeyCertChangeCmd(service, "remove", "Remove a client certificate of an API key; without the last one it is bound to none", "The certificate of key %s is removed: %s.\n"))
	return cmd
}

func newKeyCertChangeCmd(service *serviceFlags, verb, short, says string) *cobra.Command {
	var flags certFlags
	var f format
	cmd := &cobra.Command{
		Use:     verb + " ID --fingerprint HEX | --file FILE",
		Short:   short,
		Example: "  roamclear key cert " + verb + " key-0123456789 --file app.pem --data data",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: completeKey(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := flags.read()
			if err != nil {
				return err
			}
			c, err := service.client()
			if err != nil {
				return err
			}
			method, path, in := http.MethodPost, "/keys/"+url.PathEscape(args[0])+"/certificates", any(admin.KeyCertificate{Fingerprint: q.Fingerprint})
			if verb == "remove" {
				method, path, in = http.MethodDelete, path+"/"+q.Fingerprint, nil
			}
			var changed admin.Key
			if err := c.do(cmd.Context(), method, path, in, &changed); err != nil {
				return fmt.Errorf("%s certificate of key %s: %w", verb, args[0], err)
			}
			return told(cmd, &f, changed, says, args[0], named(&q))
		},
	}
	flags.register(cmd, false)
	f.register(cmd)
	return cmd
}
