package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Config is every setting of the service. Sources, each over the one before:
// defaults, the YAML file, ROAMCLEAR_… environment variables, flags.
type Config struct {
	Data      string           `koanf:"data"`
	Listen    string           `koanf:"listen"`
	PublicURL string           `koanf:"public_url"`
	Roles     []string         `koanf:"roles"`
	Log       LogConfig        `koanf:"log"`
	Limits    LimitsConfig     `koanf:"limits"`
	Kafka     KafkaConfig      `koanf:"kafka"`
	Store     ClickHouseConfig `koanf:"clickhouse"`
}

// LogConfig is about the service's own log lines.
type LogConfig struct {
	Level  string `koanf:"level"`
	Format string `koanf:"format"`
}

// LimitsConfig bounds what one process takes on.
type LimitsConfig struct {
	BodyBytes int `koanf:"body_bytes"`
	InFlight  int `koanf:"in_flight"`
}

// KafkaConfig says where the log is. Without brokers it is embedded.
type KafkaConfig struct {
	Brokers     []string `koanf:"brokers"`
	Partitions  int      `koanf:"partitions"`
	Replication int      `koanf:"replication"`
	QueueBytes  int      `koanf:"queue_bytes"`
	CapBytes    int64    `koanf:"cap_bytes"`
}

// ClickHouseConfig says where the store is. Without addresses it is embedded.
type ClickHouseConfig struct {
	Addr        []string `koanf:"addr"`
	Database    string   `koanf:"database"`
	User        string   `koanf:"user"`
	Password    string   `koanf:"password"`
	MemoryBytes int64    `koanf:"memory_bytes"`
}

// Roles of the service.
const (
	roleAPI    = "api"
	rolePrice  = "price"
	roleSettle = "settle"
)

func defaultConfig() Config {
	return Config{
		Data: "data", Listen: "127.0.0.1:8080", Roles: []string{roleAPI, rolePrice, roleSettle},
		Log:    LogConfig{Level: "info", Format: "text"},
		Limits: LimitsConfig{BodyBytes: 64 << 10, InFlight: 2048},
		Kafka:  KafkaConfig{Replication: 1, QueueBytes: 16 << 20, CapBytes: 512 << 20},
		Store:  ClickHouseConfig{Database: "roamclear", User: "default", MemoryBytes: 2 << 30},
	}
}

// configFlags declares one flag per setting, named like its key.
func configFlags(f *pflag.FlagSet) {
	d := defaultConfig()
	f.String("config", "", "YAML file with settings, named as these flags")
	f.String("data", d.Data, "directory for everything the service keeps")
	f.String("listen", d.Listen, "address to serve HTTP on, host:port")
	f.String("public_url", "", "URL partners reach the service under, for links it hands out (default: from each request)")
	f.StringSlice("roles", d.Roles, "what this process does: api, price, settle")
	f.String("log.level", d.Log.Level, "debug, info, warn or error")
	f.String("log.format", d.Log.Format, "text or json")
	f.Int("limits.body_bytes", d.Limits.BodyBytes, "largest body accepted, in bytes")
	f.Int("limits.in_flight", d.Limits.InFlight, "requests worked on at once; more get 503")
	f.StringSlice("kafka.brokers", nil, "Kafka brokers host:port; empty: the embedded broker")
	f.Int("kafka.partitions", d.Kafka.Partitions, "partitions of the CDR and Session topics; 0: 2 at creation, later as many as there are")
	f.Int("kafka.replication", d.Kafka.Replication, "replicas of each topic when it is created")
	f.Int("kafka.queue_bytes", d.Kafka.QueueBytes, "bytes waiting for the broker, per partition; more get 503")
	f.Int64("kafka.cap_bytes", d.Kafka.CapBytes, "size of the embedded log beyond which pushes get 503, in bytes")
	f.StringSlice("clickhouse.addr", nil, "ClickHouse servers host:port (native protocol); empty: the embedded engine")
	f.String("clickhouse.database", d.Store.Database, "database on the servers")
	f.String("clickhouse.user", d.Store.User, "user on the servers")
	f.String("clickhouse.password", "", "password on the servers; better given as ROAMCLEAR_CLICKHOUSE_PASSWORD")
	f.Int64("clickhouse.memory_bytes", d.Store.MemoryBytes, "memory the embedded engine may use, in bytes")
}

// otherEnv are environment variables with our prefix that are not settings.
var otherEnv = []string{"ROAMCLEAR_URL", "ROAMCLEAR_ADMIN_TOKEN"}

// loadConfig reads every source and checks the result. The error lists every
// problem with the setting's name and value.
func loadConfig(flags *pflag.FlagSet, environ []string) (Config, error) {
	k := koanf.New(".")
	if err := k.Load(structs.Provider(defaultConfig(), "koanf"), nil); err != nil {
		return Config{}, fmt.Errorf("load defaults: %w", err)
	}
	known, defaults := k.Keys(), k.Copy()
	var problems []error
	if path, _ := flags.GetString("config"); path != "" {
		fromFile := koanf.New(".")
		if err := fromFile.Load(file.Provider(path), yaml.Parser()); err != nil {
			return Config{}, fmt.Errorf("read config file %s: %w", path, err)
		}
		for _, key := range fromFile.Keys() {
			if !slices.Contains(known, key) {
				problems = append(problems, fmt.Errorf("%s: unknown setting %q (known: %s)", path, key, strings.Join(known, ", ")))
			}
		}
		if err := k.Merge(fromFile); err != nil {
			return Config{}, fmt.Errorf("merge config file %s: %w", path, err)
		}
	}
	env, unknown := envSettings(environ, known)
	problems = append(problems, unknown...)
	if err := k.Load(confmap.Provider(env, "."), nil); err != nil {
		return Config{}, fmt.Errorf("load environment: %w", err)
	}
	if err := k.Load(posflag.ProviderWithFlag(flags, ".", k, func(f *pflag.Flag) (string, any) {
		if !f.Changed || !slices.Contains(known, f.Name) {
			return "", nil
		}
		return f.Name, posflag.FlagVal(flags, f)
	}), nil); err != nil {
		return Config{}, fmt.Errorf("load flags: %w", err)
	}
	problems = append(problems, wrongTypes(k, defaults)...)
	var c Config
	if err := k.Unmarshal("", &c); err != nil {
		if len(problems) == 0 { // else it says the same in other words
			problems = append(problems, fmt.Errorf("settings: %w", err))
		}
		return Config{}, errors.Join(problems...)
	}
	problems = append(problems, c.problems()...)
	return c, errors.Join(problems...)
}

// envSettings maps ROAMCLEAR_KAFKA_BROKERS to kafka.brokers and so on; lists
// are separated by commas.
func envSettings(environ, known []string) (settings map[string]any, unknown []error) {
	byName := map[string]string{}
	for _, key := range known {
		byName["ROAMCLEAR_"+strings.ToUpper(strings.NewReplacer(".", "_").Replace(key))] = key
	}
	settings = map[string]any{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "ROAMCLEAR_") || strings.HasPrefix(name, "ROAMCLEAR_TEST_") || slices.Contains(otherEnv, name) {
			continue
		}
		key, ok := byName[name]
		if !ok {
			unknown = append(unknown, fmt.Errorf("environment variable %s: unknown setting", name))
			continue
		}
		if key == "roles" || key == "kafka.brokers" || key == "clickhouse.addr" {
			settings[key] = strings.Split(value, ",")
			continue
		}
		settings[key] = value
	}
	return settings, unknown
}

func (c *Config) problems() []error {
	var p []error
	bad := func(name string, value any, want string) {
		p = append(p, fmt.Errorf("%s: %v: %s", name, value, want))
	}
	if c.Data == "" {
		bad("data", `""`, "name a directory")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen", c.Listen, "want host:port")
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
			bad("public_url", c.PublicURL, "want a URL like https://clearing.example")
		}
	}
	if len(c.Roles) == 0 {
		bad("roles", "none", "want some of api, price, settle")
	}
	for _, r := range c.Roles {
		if r != roleAPI && r != rolePrice && r != roleSettle {
			bad("roles", r, "want some of api, price, settle")
		}
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		bad("log.level", c.Log.Level, "want debug, info, warn or error")
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		bad("log.format", c.Log.Format, "want text or json")
	}
	between := func(name string, value, low, high int64, unit string) {
		if value < low || value > high {
			bad(name, value, fmt.Sprintf("want %d to %d %s", low, high, unit))
		}
	}
	between("limits.body_bytes", int64(c.Limits.BodyBytes), 4<<10, 900<<10, "bytes (a broker takes messages of at most 1 MB)")
	between("limits.in_flight", int64(c.Limits.InFlight), 1, 1<<20, "requests")
	between("kafka.partitions", int64(c.Kafka.Partitions), 0, 1024, "partitions")
	between("kafka.replication", int64(c.Kafka.Replication), 1, 7, "replicas")
	between("kafka.queue_bytes", int64(c.Kafka.QueueBytes), 1<<20, 1<<30, "bytes")
	between("kafka.cap_bytes", c.Kafka.CapBytes, 64<<20, 1<<40, "bytes")
	between("clickhouse.memory_bytes", c.Store.MemoryBytes, 256<<20, 1<<42, "bytes")
	split := len(c.Roles) > 0 && len(c.Roles) < 3
	if split && (len(c.Kafka.Brokers) == 0 || len(c.Store.Addr) == 0) {
		bad("roles", strings.Join(c.Roles, ","), "roles in processes of their own need kafka.brokers and clickhouse.addr: the embedded ones belong to one process")
	}
	return p
}

// has reports whether this process has a role.
func (c *Config) has(role string) bool { return slices.Contains(c.Roles, role) }

// configFrom loads the settings of a command.
func configFrom(flags *pflag.FlagSet) (Config, error) { return loadConfig(flags, os.Environ()) }
