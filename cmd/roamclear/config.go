package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api"
	commanding "github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/spf13/cobra"
)

// Config is every setting of the service. Sources, each over the one before:
// defaults, the YAML file, ROAMCLEAR_… environment variables, flags.
type Config struct {
	Data        string
	Listen      string
	PublicURL   string
	TLS         TLSConfig
	Hub         HubConfig
	Roles       []string
	MemoryBytes int64
	StopDelay   time.Duration
	Log         LogConfig
	Metrics     MetricsConfig
	Limits      LimitsConfig
	Roaming     RoamingConfig
	Authorize   AuthorizeConfig
	Secrets     SecretsConfig
	Admin       AdminConfig
	PartnerURLs PartnerURLsConfig
	Commands    CommandsConfig
	Messages    MessagesConfig
	Kafka       KafkaConfig
	Store       ClickHouseConfig
}

// LogConfig is about the service's own log lines.
type LogConfig struct {
	Level  string
	Format string
}

// HubConfig says who we are to partners.
type HubConfig struct {
	Party string
	Name  string
}

// party is the party of the setting, which was checked.
func (c HubConfig) party() ocpi.Party {
	p, _ := ocpi.ParseParty(c.Party)
	return p
}

// MetricsConfig is about who may scrape.
type MetricsConfig struct {
	Listen string
}

// LimitsConfig bounds what one process takes on.
type LimitsConfig struct {
	Bodies   ingest.Limits
	InFlight int
}

// RoamingConfig is about who roams with whom.
type RoamingConfig struct {
	Open    bool
	Issuers []string
}

// issuers is what the setting says, which was checked.
func (c RoamingConfig) issuers() ocpi.Issuers {
	issuers, err := ocpi.ParseIssuers(c.Issuers)
	must(err)
	return issuers
}

// AuthorizeConfig is about real-time authorization.
type AuthorizeConfig struct {
	Timeout time.Duration
}

// SecretsConfig says what the tokens are sealed with that we send to partners.
type SecretsConfig struct {
	KeyFile string
}

// AdminConfig says who administers. Without a token the service makes one of its own in
// the data directory.
type AdminConfig struct {
	Token secret
}

func (c *AdminConfig) problem() error {
	if c.Token.Text == "" {
		return nil
	}
	return longEnough(c.Token.Text, "admin.token")
}

// PartnerURLsConfig says which URLs of partners are called, and how long one call
// may take.
type PartnerURLsConfig struct {
	AllowPrivate bool
	Timeout      time.Duration
	CA           string
	ClientCert   string
	ClientKey    string
}

func (c *PartnerURLsConfig) problem() error {
	if (c.ClientCert == "") != (c.ClientKey == "") {
		return errors.New("partner_urls.client_cert, partner_urls.client_key: give both, or none")
	}
	return nil
}

// TLSConfig says by which files the service speaks https, and which certificates it
// asks of clients. Without a certificate it speaks plain HTTP.
type TLSConfig struct {
	Cert       string
	Key        string
	ClientCA   string
	CRL        string
	ClientAuth string
}

// problem reports settings of TLS that do not go together: what would be ignored too,
// for a service that is less closed than it was meant to be is found out late.
func (c *TLSConfig) problem() error {
	asks := c.ClientAuth != api.ClientAuthOff
	switch {
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("tls.cert, tls.key: give both, or none for plain HTTP")
	case asks && c.Cert == "":
		return fmt.Errorf("tls.client_auth: %s: certificates are asked for over https alone: give tls.cert and tls.key", c.ClientAuth)
	case asks && c.ClientCA == "":
		return fmt.Errorf("tls.client_auth: %s: give tls.client_ca, the CAs that sign the certificates of clients", c.ClientAuth)
	case !asks && c.ClientCA != "":
		return errors.New("tls.client_ca: nobody is asked for a certificate: set tls.client_auth to request or require")
	case c.CRL != "" && c.ClientCA == "":
		return errors.New("tls.crl: without tls.client_ca there is nobody who could revoke a certificate")
	}
	return nil
}

// CommandsConfig says how long is waited for what comes of a command.
type CommandsConfig struct {
	AnswerTimeout  time.Duration
	SessionTimeout time.Duration
	Open           int
}

// MessagesConfig is about the log of what is exchanged with partners.
type MessagesConfig struct {
	Retention  time.Duration
	QueueBytes int64
}

// Roles of the service.
const (
	roleAPI    = "api"
	rolePrice  = "price"
	roleSettle = "settle"
)

// Words that settings take, for their checks and for completion.
var (
	roleNames  = []string{roleAPI, rolePrice, roleSettle}
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"text", "json"}

	clientAuths = []string{api.ClientAuthOff, api.ClientAuthRequest, api.ClientAuthRequire}
)

// settings is the table of all settings of c: a new one is a field and a line
// here. The name is that of the file and of the flag; what 0 means stands in
// the help after "0: ".
func settings(c *Config) []setting {
	return []setting{
		{"data", &c.Data, "data", "directory for everything the service keeps", given("name a directory")},
		{"listen", &c.Listen, "127.0.0.1:8080", "address to serve HTTP on, host:port", text(isAddress, "want host:port")},
		{"public_url", &c.PublicURL, "", "URL partners reach the service under, for links it hands out (default: from each request)",
			text(isWebURL, "want a URL like https://clearing.example")},
		{"tls.cert", &c.TLS.Cert, "", "file with the service's certificate and those that sign it, PEM; empty: plain HTTP", anything},
		{"tls.key", &c.TLS.Key, "", "file with the key of tls.cert, PEM", anything},
		{"tls.client_ca", &c.TLS.ClientCA, "", "file with the CAs that sign the certificates of clients, PEM", anything},
		{"tls.crl", &c.TLS.CRL, "", "file with what these CAs have revoked, PEM or DER; empty: nothing", anything},
		{"tls.client_auth", &c.TLS.ClientAuth, api.ClientAuthOff, "certificates of clients: off, request (verified where one is given, and needed of partners and keys that must have one) or require (of all)", oneOf(clientAuths...)},
		{"hub.party", &c.Hub.Party, "ZZ/RCH", "our own party in OCPI, CC/ID: what OCPI-to names where we are meant, and credentials say", text(isParty, "want CC/ID like ZZ/RCH")},
		{"hub.name", &c.Hub.Name, "roamclear", "our name in OCPI credentials", given("give a name")},
		{"roles", &c.Roles, roleNames, "what this process does: api, price, settle", someOf(roleNames...)},
		{"memory_bytes", &c.MemoryBytes, 0, "memory this process may use beside the embedded engine, in bytes; 0: half of what the machine or the control group has beside it",
			orZero(between(256<<20, 1<<42, "bytes"))},
		{"log.level", &c.Log.Level, "info", "debug, info, warn or error", oneOf(logLevels...)},
		{"log.format", &c.Log.Format, "text", "text or json", oneOf(logFormats...)},
		{"stop_delay", &c.StopDelay, "0s", "how long requests are still answered after a stop was asked for, while readyz says 503: as long as whoever sends them here takes to see that", lasting(0, 5*time.Minute)},
		{"metrics.listen", &c.Metrics.Listen, "", "address of its own for /metrics and /debug/pprof/, host:port; empty: /metrics on listen, to this machine only",
			text(isAddressOrNone, "want host:port")},
		{"limits.cdr_bytes", &c.Limits.Bodies.CDR, ingest.DefaultLimits.CDR, "largest CDR accepted, in bytes", between(4<<10, ingest.MaxBody, "bytes")},
		{"limits.session_bytes", &c.Limits.Bodies.Session, ingest.DefaultLimits.Session, "largest Session accepted, and made of PATCHes, in bytes", between(4<<10, ingest.MaxBody, "bytes")},
		{"limits.location_bytes", &c.Limits.Bodies.Location, ingest.DefaultLimits.Location, "largest Location accepted, and made of PATCHes and parts, in bytes", between(4<<10, ingest.MaxBody, "bytes")},
		{"limits.body_bytes", &c.Limits.Bodies.Other, ingest.DefaultLimits.Other, "largest Tariff or Token accepted, in bytes", between(4<<10, ingest.MaxBody, "bytes")},
		{"limits.in_flight", &c.Limits.InFlight, 2048, "requests worked on at once; more get 503", between(1, 1<<20, "requests")},
		{"roaming.open", &c.Roaming.Open, true, "whether all partners roam with each other; false: only the pairs added by `roamclear pair add`", anything},
		{"roaming.issuers", &c.Roaming.Issuers, nil, "whose contracts those of a provider id are where it is not the party's, such as DE/8AC=DE/EMP; the same in every process", areIssuers},
		{"authorize.timeout", &c.Authorize.Timeout, "5s", "how long an eMSP may take to authorize a Token; then those that may charge offline are answered for from what it pushed", lasting(100*time.Millisecond, time.Minute)},
		{"secrets.key_file", &c.Secrets.KeyFile, "", "file with the key that seals the tokens we send to partners; empty: secret-key in the data directory, made at the first start", anything},
		{"admin.token", &c.Admin.Token, "", "token of the admin interface, the same in every process; empty: admin-token in the data directory, made at the first start; better given as " + tokenVariable, anything},
		{"admin.token_file", &c.Admin.Token.File, "", "file with admin.token", anything},
		{"partner_urls.allow_private", &c.PartnerURLs.AllowPrivate, false, "call partners at addresses of this machine and of private networks too, and by http there; for tests", anything},
		{"partner_urls.timeout", &c.PartnerURLs.Timeout, "30s", "how long a partner may take to answer", lasting(time.Second, 10*time.Minute)},
		{"partner_urls.ca", &c.PartnerURLs.CA, "", "file with CAs that sign the certificates of partners' servers, PEM, beside those of the system", anything},
		{"partner_urls.client_cert", &c.PartnerURLs.ClientCert, "", "file with our certificate for partners that ask for one, PEM", anything},
		{"partner_urls.client_key", &c.PartnerURLs.ClientKey, "", "file with the key of partner_urls.client_cert, PEM", anything},
		{"commands.answer_timeout", &c.Commands.AnswerTimeout, "10s", "how long a CPO may take to answer a command", lasting(time.Second, time.Minute)},
		{"commands.session_timeout", &c.Commands.SessionTimeout, "5m", "how long after a CPO says that a charge was started its Session may take to come", lasting(time.Second, time.Hour)},
		{"commands.open", &c.Commands.Open, commanding.DefaultOpen, "commands of one party that may be open at once: not answered yet, waiting for their Session, or with limits of a charge; more get 429", between(1, 400_000, "commands")},
		{"messages.retention", &c.Messages.Retention, "720h", "how long requests of and to partners are kept with their answers, by whole days; 0s: none are kept", lasting(0, 10*365*24*time.Hour)},
		{"messages.queue_bytes", &c.Messages.QueueBytes, int64(64 << 20), "of requests and answers that wait to be kept, in bytes; a partner may hold a quarter, and what is over is counted and not kept", between(1<<20, 4<<30, "bytes")},
		{"kafka.brokers", &c.Kafka.Brokers, nil, "Kafka brokers host:port; empty: the embedded broker", areAddresses},
		{"kafka.tls.enabled", &c.Kafka.TLS.Enabled, false, "speak TLS with the brokers", anything},
		{"kafka.tls.ca", &c.Kafka.TLS.CA, "", "file with the CAs that sign the brokers' certificates, PEM, and nobody else; empty: those of the system", anything},
		{"kafka.tls.cert", &c.Kafka.TLS.Cert, "", "file with our certificate for brokers that ask for one, PEM", anything},
		{"kafka.tls.key", &c.Kafka.TLS.Key, "", "file with the key of kafka.tls.cert, PEM", anything},
		{"kafka.sasl.mechanism", &c.Kafka.SASL.Mechanism, "", "how we log in at the brokers: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty: not at all", text(isMechanism, "want "+enumerate(kafka.Mechanisms))},
		{"kafka.sasl.user", &c.Kafka.SASL.User, "", "user at the brokers", anything},
		{"kafka.sasl.password", &c.Kafka.SASL.Password, "", "password at the brokers; better given as ROAMCLEAR_KAFKA_SASL_PASSWORD", anything},
		{"kafka.sasl.password_file", &c.Kafka.SASL.Password.File, "", "file with kafka.sasl.password", anything},
		{"kafka.prefix", &c.Kafka.Prefix, "", "in front of the names of topics and consumer groups on the brokers, the same in every process: where several installations share brokers, or names are granted by how they begin", text(isPrefix, "want up to 100 letters, digits and ._-")},
		{"kafka.partitions", &c.Kafka.Partitions, 0, "partitions of the topics of CDRs, Sessions and commands at the first start; 0: 2, or as many as there are",
			between(0, 1024, "partitions")},
		{"kafka.replication", &c.Kafka.Replication, 0, "replicas of each topic when it is created; 0: 3 where there are three brokers or more, else the brokers' default",
			between(0, 7, "replicas")},
		{"kafka.queue_bytes", &c.Kafka.QueueBytes, 16 << 20, "bytes waiting for the broker, per partition; more get 503", between(1<<20, 1<<30, "bytes")},
		{"kafka.cap_bytes", &c.Kafka.CapBytes, 512 << 20, "size of the embedded log beyond which pushes get 503, in bytes", between(64<<20, 1<<40, "bytes")},
		{"clickhouse.addr", &c.Store.Addr, nil, "ClickHouse servers host:port (native protocol); empty: the embedded engine", areAddresses},
		{"clickhouse.embedded", &c.Store.Embedded, false, "keep the embedded engine though kafka.brokers is given: for one process that works on that log alone", anything},
		{"clickhouse.tls.enabled", &c.Store.TLS.Enabled, false, "speak TLS with the servers", anything},
		{"clickhouse.tls.ca", &c.Store.TLS.CA, "", "file with the CAs that sign the servers' certificates, PEM, and nobody else; empty: those of the system", anything},
		{"clickhouse.tls.cert", &c.Store.TLS.Cert, "", "file with our certificate for servers that ask for one, PEM", anything},
		{"clickhouse.tls.key", &c.Store.TLS.Key, "", "file with the key of clickhouse.tls.cert, PEM", anything},
		{"clickhouse.database", &c.Store.Database, "roamclear", "database on the servers", anything},
		{"clickhouse.user", &c.Store.User, "default", "user on the servers", anything},
		{"clickhouse.password", &c.Store.Password, "", "password on the servers; better given as ROAMCLEAR_CLICKHOUSE_PASSWORD", anything},
		{"clickhouse.password_file", &c.Store.Password.File, "", "file with clickhouse.password", anything},
		{"clickhouse.memory_bytes", &c.Store.MemoryBytes, 2 << 30, "memory the embedded engine may use, in bytes", between(256<<20, 1<<42, "bytes")},
	}
}

// otherEnv are environment variables with our prefix that are not settings.
var otherEnv = []string{urlVariable, apiKeyVariable, caVariable, clientCertVariable, clientKeyVariable}

// problem reports settings that do not go together.
func (c *Config) problem() error {
	split := len(c.Roles) > 0 && len(c.Roles) < 3
	if split && (len(c.Kafka.Brokers) == 0 || len(c.Store.Addr) == 0) {
		return fmt.Errorf("roles: %s: roles in processes of their own need kafka.brokers and clickhouse.addr: the embedded ones belong to one process", strings.Join(c.Roles, ","))
	}
	return errors.Join(c.TLS.problem(), c.PartnerURLs.problem(), c.Admin.problem(), c.Kafka.problem(), c.Store.problem(), c.alone())
}

// has reports whether this process has a role.
func (c *Config) has(role string) bool { return slices.Contains(c.Roles, role) }

// configFrom loads the settings of a command. One that cannot be used is wrong
// usage, wherever it was given.
func configFrom(cmd *cobra.Command) (Config, error) {
	c, err := loadConfig(cmd, os.Environ())
	if err != nil {
		return c, &exitError{exitUsage, err}
	}
	return c, nil
}
