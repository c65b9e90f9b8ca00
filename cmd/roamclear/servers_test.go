package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/roamclear/roamclear/ingest/control/certtest"
	"github.com/roamclear/roamclear/settlement/clickhouse"
)

// servers are brokers and a store as others run them: over TLS, with logins.
type servers struct {
	ca     *certtest.CA
	engine *clickhouse.Engine
	config Config
}

// newServers starts them and returns the settings that reach them.
func newServers(t *testing.T, o ...kfake.Opt) *servers {
	t.Helper()
	library, err := clickhouse.FetchEngine(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s := &servers{ca: certtest.NewCA(t, "Servers")}
	if s.engine, err = clickhouse.StartEngine(t.Context(), clickhouse.EngineOptions{Dir: t.TempDir(), Library: library, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.engine.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	brokers, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(3), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "clearing", "of brokers"), kfake.TLS(s.ca.Asks("broker")),
	}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(brokers.Close)

	at, ours := s.engine.Options(), s.ca.Issue("roamclear", certtest.Options{})
	secrets := t.TempDir()
	write(t, filepath.Join(secrets, "kafka"), "of brokers\n")
	write(t, filepath.Join(secrets, "clickhouse"), at.Password+"\n")
	write(t, filepath.Join(secrets, "admin"), "of administrators\n")
	c, err := load(t, "", nil,
		"--admin.token_file", filepath.Join(secrets, "admin"), "--kafka.prefix", "house-", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--log.level", "error", "--partner_urls.allow_private",
		"--kafka.brokers", strings.Join(brokers.ListenAddrs(), ","), "--kafka.tls.enabled", "--kafka.tls.ca", s.ca.Cert, "--kafka.tls.cert", ours.Cert, "--kafka.tls.key", ours.Key,
		"--kafka.sasl.mechanism", "SCRAM-SHA-512", "--kafka.sasl.user", "clearing", "--kafka.sasl.password_file", filepath.Join(secrets, "kafka"),
		"--clickhouse.addr", certtest.Front(t, s.ca.Asks("clickhouse"), at.Addr[0]), "--clickhouse.tls.enabled", "--clickhouse.tls.ca", s.ca.Cert, "--clickhouse.tls.cert", ours.Cert, "--clickhouse.tls.key", ours.Key,
		"--clickhouse.user", at.User, "--clickhouse.password_file", filepath.Join(secrets, "clickhouse"), "--clickhouse.database", at.Database)
	if err != nil {
		t.Fatal(err)
	}
	s.config = c
	return s
}

// args are the settings that reach the servers, as flags.
func (s *servers) args() []string {
	c := &s.config
	return []string{
		"--data", c.Data, "--kafka.prefix", c.Kafka.Prefix, "--kafka.brokers", strings.Join(c.Kafka.Brokers, ","),
		"--kafka.tls.enabled", "--kafka.tls.ca", c.Kafka.TLS.CA, "--kafka.tls.cert", c.Kafka.TLS.Cert, "--kafka.tls.key", c.Kafka.TLS.Key,
		"--kafka.sasl.mechanism", c.Kafka.SASL.Mechanism, "--kafka.sasl.user", c.Kafka.SASL.User, "--kafka.sasl.password_file", c.Kafka.SASL.Password.File,
		"--clickhouse.addr", c.Store.Addr[0], "--clickhouse.tls.enabled", "--clickhouse.tls.ca", c.Store.TLS.CA, "--clickhouse.tls.cert", c.Store.TLS.Cert, "--clickhouse.tls.key", c.Store.TLS.Key,
		"--clickhouse.user", c.Store.User, "--clickhouse.password_file", c.Store.Password.File, "--clickhouse.database", c.Store.Database,
	}
}

// The whole service on servers that speak TLS, ask for certificates and want logins:
// what is pushed is stored and proved.
func TestTheServiceOnServersOverTLS(t *testing.T) {
	s := newServers(t)
	ts := startConfig(t, s.config)
	ts.eventually("service is ready", func() bool { return ts.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	if _, err := os.Stat(filepath.Join(ts.data, adminTokenFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a token was made beside the one of the setting: %v", err)
	}
	ts.partner("CPO", "GB", "DUN") // by a command on this machine, which knows the token of the setting
	ts.partner("EMSP", "NL", "EXW")
	t.Setenv(tokenVariable+"_FILE", s.config.Admin.Token.File)
	if _, stderr, code := runCommand(t, newRootCmd(), "", "partner", "list", "--url", ts.url, "--data", t.TempDir()); code != 0 {
		t.Errorf("from elsewhere, with the file of the token: exit code %d: %s", code, stderr)
	}
	ts.accepted("GB*DUN", http.MethodPut, "/receiver/tariffs/GB/DUN/T1", testTariff)
	ts.stop()
	out, stderr, code := runCommand(t, newRootCmd(), "", append([]string{"verify"}, s.args()...)...)
	if code != 0 || !strings.Contains(out, "verified") {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
}

// check-config --connect tries each server and says what is wrong with which, by its exit
// code too, and changes nothing.
func TestCheckConfigConnects(t *testing.T) {
	s := newServers(t)
	other := filepath.Join(t.TempDir(), "other")
	write(t, other, "of nobody\n")
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for _, tt := range []struct {
		name  string
		args  []string // over those that work
		wrong []string // backend and reason, sorted
	}{
		{"as it should be", nil, nil},
		{"logins that are not known", []string{"--kafka.sasl.password_file", other, "--clickhouse.password_file", other}, []string{"clickhouse login", "kafka login", "kafka login", "kafka login"}},
		{"a broker that is not there", []string{"--kafka.brokers", gone.Addr().String() + "," + s.config.Kafka.Brokers[0]}, []string{"kafka refused"}},
		{"a server of no name", []string{"--clickhouse.addr", "nowhere.invalid:9440"}, []string{"clickhouse name_resolution"}},
		{"more replicas than brokers", []string{"--kafka.replication", "4"}, []string{"kafka replicas"}},
	} {
		out, stderr, code := runCommand(t, newRootCmd(), "", slices.Concat([]string{"check-config", "--connect", "--format", "json"}, s.args(), tt.args)...)
		var trials []trial
		if err := json.Unmarshal([]byte(out), &trials); err != nil {
			t.Fatalf("%s: %v: %s%s", tt.name, err, out, stderr)
		}
		var wrong []string
		for _, one := range trials {
			if one.Result == trialWrong {
				wrong = append(wrong, one.Backend+" "+one.Reason)
			}
		}
		slices.Sort(wrong)
		if !slices.Equal(wrong, tt.wrong) || (code == 0) != (len(tt.wrong) == 0) || code > 1 || strings.Contains(out+stderr, "of brokers") {
			t.Errorf("%s: exit code %d, %q, want %q:\n%s%s", tt.name, code, wrong, tt.wrong, out, stderr)
		}
	}
	out, _, code := runCommand(t, newRootCmd(), "", append([]string{"check-config", "--connect"}, s.args()...)...)
	if code != 0 || !strings.Contains(out, "logged in by SCRAM-SHA-512") || !strings.Contains(out, "topic house-roamclear.cdrs will be made") || !strings.Contains(out, "its user has what it needs") {
		t.Errorf("for people: exit code %d:\n%s", code, out)
	}
	out, _, code = runCommand(t, newRootCmd(), "", "check-config", "--connect", "--data", t.TempDir())
	if code != 0 || strings.Count(out, "embedded") != 2 {
		t.Errorf("embedded: exit code %d:\n%s", code, out)
	}
	var settings struct {
		Kafka struct{ SASL struct{ Mechanism string } }
	}
	out, _, code = runCommand(t, newRootCmd(), "", append([]string{"check-config", "--format", "json"}, s.args()...)...)
	if err := json.Unmarshal([]byte(out), &settings); err != nil || code != 0 || settings.Kafka.SASL.Mechanism != "SCRAM-SHA-512" {
		t.Errorf("settings as JSON: exit code %d, %v:\n%s", code, err, out)
	}
}
