package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control"
)

// certificates are how the service speaks https, to who calls it and to whom it calls.
type certificates struct {
	tls      *api.TLS
	identity *api.Identity // of calls to partners
	brokers  *api.Identity // of connections to brokers, nil over plain TCP
	servers  *api.Identity // of those to ClickHouse servers, likewise
	ends     *api.Ends
	command  *pair // that commands on this machine show, nil over plain HTTP
}

// openCertificates reads the files of the settings.
func openCertificates(c *Config, logger *slog.Logger, reg prometheus.Registerer) (_ *certificates, err error) {
	s := &certificates{ends: api.NewEnds(logger, reg, nil)}
	o := api.TLSOptions{TLSFiles: api.TLSFiles(c.TLS), Ends: s.ends, Logger: logger, Registerer: reg}
	if c.TLS.Cert != "" {
		if s.command, err = newCommandPair(); err != nil {
			return nil, err
		}
		o.Ours = control.CertificateOf(s.command.cert).Fingerprint
	}
	if s.tls, err = api.OpenTLS(o); err != nil {
		return nil, err
	}
	urls := &c.PartnerURLs
	if s.identity, err = api.OpenIdentity(api.IdentityFiles{CA: urls.CA, Cert: urls.ClientCert, Key: urls.ClientKey}, s.ends, logger); err != nil {
		return nil, err
	}
	return s, s.openServers(c, logger)
}

// openServers reads the files of connections to servers of ours.
func (s *certificates) openServers(c *Config, logger *slog.Logger) (err error) {
	if s.brokers, err = c.Kafka.TLS.open("kafka.tls", s.ends, logger); err != nil {
		return err
	}
	s.servers, err = c.Store.TLS.open("clickhouse.tls", s.ends, logger)
	return err
}

// checkCertificates reports the files of the settings that cannot be used, and
// certificates of ours in them that are of no use now.
func checkCertificates(c *Config, now time.Time) error {
	quiet := slog.New(slog.DiscardHandler)
	server, err := api.OpenTLS(api.TLSOptions{TLSFiles: api.TLSFiles(c.TLS), Logger: quiet})
	var problems []error
	if err != nil {
		problems = append(problems, err)
	} else if cert := server.Certificate(); cert != nil {
		problems = append(problems, asUsable("tls.cert", c.TLS.Cert, cert.NotBefore, cert.NotAfter, now))
	}
	urls := &c.PartnerURLs
	client, err := api.OpenIdentity(api.IdentityFiles{CA: urls.CA, Cert: urls.ClientCert, Key: urls.ClientKey}, nil, quiet)
	if err != nil {
		problems = append(problems, err)
	} else if cert := client.Certificate(); cert != nil {
		problems = append(problems, asUsable("partner_urls.client_cert", urls.ClientCert, cert.NotBefore, cert.NotAfter, now))
	}
	for name, tls := range map[string]*ClientTLSConfig{"kafka.tls": &c.Kafka.TLS, "clickhouse.tls": &c.Store.TLS} {
		ours, err := tls.open(name, nil, quiet)
		problems = append(problems, err)
		if cert := ours.Certificate(); cert != nil {
			problems = append(problems, asUsable(name+".cert", tls.Cert, cert.NotBefore, cert.NotAfter, now))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

func asUsable(setting, path string, from, until, now time.Time) error {
	switch {
	case now.Before(from):
		return fmt.Errorf("%s: %s: the certificate is valid from %s", setting, path, from.UTC().Format(time.RFC3339))
	case now.After(until):
		return fmt.Errorf("%s: %s: the certificate ended at %s", setting, path, until.UTC().Format(time.RFC3339))
	}
	return nil
}

// run looks after files that change and certificates that end.
func (s *certificates) run(ctx context.Context) error {
	all := []func(context.Context) error{s.tls.Run, s.ends.Run, s.identity.Run}
	for _, i := range []*api.Identity{s.brokers, s.servers} {
		if i != nil {
			all = append(all, i.Run)
		}
	}
	return beside(ctx, all...)
}

// url is where a listener is reached.
func (s *certificates) url(l net.Listener) string {
	if s.tls.Enabled() {
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

// forCommands is what commands on this machine need for https, nil for plain HTTP.
func (s *certificates) forCommands() *serviceTLS {
	if s.command == nil {
		return nil
	}
	return &serviceTLS{
		Fingerprint: control.CertificateOf(s.tls.Certificate()).Fingerprint.String(),
		ClientCert:  string(s.command.certPEM()), ClientKey: string(s.command.keyPEM()),
	}
}

// serviceTLS is how commands on this machine reach the service over https: by which
// certificate they know it, whatever names that has, and what they show of their own.
// It stands in the data directory, and changes with every start.
type serviceTLS struct {
	Fingerprint string `json:"fingerprint"`
	ClientCert  string `json:"client_cert"`
	ClientKey   string `json:"client_key"`
}

// config trusts the very certificate that the service has; nil is for plain HTTP.
func (s *serviceTLS) config() (*tls.Config, error) {
	if s == nil {
		return nil, nil
	}
	own, err := control.ParseFingerprint(s.Fingerprint)
	if err != nil {
		return nil, fmt.Errorf("certificate in %s: %w", serviceFile, err)
	}
	shown, err := tls.X509KeyPair([]byte(s.ClientCert), []byte(s.ClientKey))
	if err != nil {
		return nil, fmt.Errorf("certificate in %s: %w", serviceFile, err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, // it is verified below, more closely
		// Whatever CAs the service names: ours is of none of them.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &shown, nil },
		VerifyConnection: func(c tls.ConnectionState) error {
			if control.CertificateOf(c.PeerCertificates[0]).Fingerprint != own {
				return fmt.Errorf("another certificate answers than that of the service in %s", serviceFile)
			}
			return nil
		},
	}, nil
}

// checkClients says what of the settings of https is likely not meant so.
func (s *service) checkClients() {
	for setting, address := range map[string]string{"listen": s.config.Listen, "metrics.listen": s.config.Metrics.Listen} {
		if address != "" && !s.certs.tls.Enabled() && !loopback(address) {
			s.logger.Warn("plain HTTP beyond this machine: tokens and keys can be read on the way; set tls.cert and tls.key, or end TLS in front and let nobody else reach the address", "setting", setting, "address", address)
		}
	}
	if s.config.TLS.ClientAuth != api.ClientAuthOff {
		return
	}
	for _, p := range s.control.partners.All() {
		if p.NeedsCertificate {
			s.logger.Error("a partner must come with a certificate and nobody is asked for one: it is refused (tls.client_auth)", "partner", p.ID)
		}
	}
	for _, k := range s.control.keys.All() {
		if len(k.Certificates) > 0 {
			s.logger.Error("a key is bound to a certificate and nobody is asked for one: it is refused (tls.client_auth)", "key", k.ID)
		}
	}
}
