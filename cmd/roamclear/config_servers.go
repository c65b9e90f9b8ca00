package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/roamclear/roamclear/settlement/clickhouse"
)

// KafkaConfig says where the log is. Without brokers it is embedded.
type KafkaConfig struct {
	Brokers     []string
	Prefix      string
	TLS         ClientTLSConfig
	SASL        SASLConfig
	Partitions  int
	Replication int
	QueueBytes  int
	CapBytes    int64
}

// ClickHouseConfig says where the store is. Without addresses it is embedded.
type ClickHouseConfig struct {
	Addr        []string
	Embedded    bool
	TLS         ClientTLSConfig
	Database    string
	User        string
	Password    secret
	MemoryBytes int64
}

// ClientTLSConfig says how we speak TLS with servers of our own.
type ClientTLSConfig struct {
	Enabled bool   `json:"enabled"`
	CA      string `json:"ca,omitempty"`
	Cert    string `json:"cert,omitempty"`
	Key     string `json:"key,omitempty"`
}

// absolute names the files for who is in another directory.
func (c ClientTLSConfig) absolute() (ClientTLSConfig, error) {
	for _, path := range []*string{&c.CA, &c.Cert, &c.Key} {
		if *path == "" {
			continue
		}
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return c, fmt.Errorf("name %s: %w", *path, err)
		}
	}
	return c, nil
}

// SASLConfig says how we log in at brokers.
type SASLConfig struct {
	Mechanism string
	User      string
	Password  secret
}

// problem reports settings that do not go together, and those that would be ignored:
// who gave them believes in a connection that is more closed than it is.
func (c *ClientTLSConfig) problem(name, servers string, given bool) error {
	switch {
	case c.Enabled && !given:
		return fmt.Errorf("%s.enabled: without %s nothing is spoken to", name, servers)
	case !c.Enabled && (c.CA != "" || c.Cert != "" || c.Key != ""):
		return fmt.Errorf("%[1]s.ca, %[1]s.cert, %[1]s.key: no TLS is spoken: set %[1]s.enabled", name)
	case (c.Cert == "") != (c.Key == ""):
		return fmt.Errorf("%[1]s.cert, %[1]s.key: give both, or none", name)
	}
	return nil
}

func (c *KafkaConfig) problem() error {
	if c.Prefix != "" && len(c.Brokers) == 0 {
		return errors.New("kafka.prefix: without kafka.brokers there is nobody to share names with")
	}
	return errors.Join(c.TLS.problem("kafka.tls", "kafka.brokers", len(c.Brokers) > 0), c.SASL.problem(len(c.Brokers) > 0))
}

func (c *SASLConfig) problem(brokers bool) error {
	missing := ""
	switch {
	case c.Mechanism == "" && (c.User != "" || c.Password.Text != ""):
		return errors.New("kafka.sasl.user, kafka.sasl.password: nobody logs in: set kafka.sasl.mechanism")
	case c.Mechanism == "":
		return nil
	case !brokers:
		missing = "kafka.brokers"
	case c.User == "":
		missing = "kafka.sasl.user"
	case c.Password.Text == "":
		missing = "kafka.sasl.password or kafka.sasl.password_file"
	default:
		if err := c.login().Check(); err != nil {
			return fmt.Errorf("kafka.sasl: %w", err)
		}
		return nil
	}
	return fmt.Errorf("kafka.sasl.mechanism: %s: give %s", c.Mechanism, missing)
}

func (c *SASLConfig) login() kafka.Login {
	return kafka.Login{Mechanism: c.Mechanism, User: c.User, Password: c.Password.Text}
}

func (c *ClickHouseConfig) problem() error {
	if c.Embedded && len(c.Addr) > 0 {
		return errors.New("clickhouse.embedded: clickhouse.addr is given too: the store is on servers, or embedded")
	}
	return c.TLS.problem("clickhouse.tls", "clickhouse.addr", len(c.Addr) > 0)
}

// alone refuses a log on servers with a store of this process's own, unless that is
// meant: two processes that forgot clickhouse.addr would each settle half of one log.
func (c *Config) alone() error {
	if len(c.Kafka.Brokers) > 0 && len(c.Store.Addr) == 0 && !c.Store.Embedded {
		return errors.New("kafka.brokers: without clickhouse.addr every process on this log would keep a store of its own, and each of them settle a part of the CDRs: give clickhouse.addr, or set clickhouse.embedded where one process alone works on it")
	}
	return nil
}

// isMechanism matches a way to log in, or none.
func isMechanism(s string) bool { return s == "" || slices.Contains(kafka.Mechanisms, s) }

// isPrefix matches how names of topics may begin.
var isPrefix = regexp.MustCompile(`^[A-Za-z0-9._-]{0,100}$`).MatchString

// areAddresses checks a list of host:port.
func areAddresses(at any) error {
	for _, address := range *at.(*[]string) {
		host, port, err := net.SplitHostPort(address)
		if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || host == "" {
			return fmt.Errorf("%s: want host:port", address)
		}
	}
	return nil
}

// open reads the files of TLS with servers of our own; nil where none is spoken.
func (c *ClientTLSConfig) open(name string, ends *api.Ends, logger *slog.Logger) (*api.Identity, error) {
	if !c.Enabled {
		return nil, nil
	}
	return api.OpenClient(name, api.IdentityFiles{CA: c.CA, Cert: c.Cert, Key: c.Key}, ends, logger)
}

// dialing is what a client of servers of ours asks for with each connection; nil for
// plain TCP.
func dialing(i *api.Identity) func() *tls.Config {
	if i == nil {
		return nil
	}
	return i.Fresh
}

// kafkaOptions are those of a log on servers.
func (c *Config) kafkaOptions(certs *certificates) kafka.Options {
	return kafka.Options{
		Brokers: c.Kafka.Brokers, Prefix: c.Kafka.Prefix, Partitions: c.Kafka.Partitions, Replication: c.Kafka.Replication,
		TLS: dialing(certs.brokers), Login: c.Kafka.SASL.login(),
	}
}

// storeOptions are those of a store on servers.
func (c *Config) storeOptions(certs *certificates) clickhouse.Options {
	return clickhouse.Options{
		Addr: c.Store.Addr, Database: c.Store.Database, User: c.Store.User, Password: c.Store.Password.Text, TLS: dialing(certs.servers),
	}
}
