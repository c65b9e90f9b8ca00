package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

func load(t *testing.T, file string, environ []string, args ...string) (Config, error) {
	t.Helper()
	cmd := &cobra.Command{}
	configFlags(cmd)
	if file != "" {
		path := filepath.Join(t.TempDir(), "roamclear.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return loadConfig(cmd, environ)
}

func TestSettingsOverrideOneAnother(t *testing.T) {
	c, err := load(t, "listen: 127.0.0.1:1\ndata: from-file\nkafka:\n  partitions: 4\n  brokers: [f:1]\nclickhouse:\n  addr: [c:1]\nroles: [api]\n",
		[]string{"ROAMCLEAR_DATA=from-env", "ROAMCLEAR_KAFKA_BROKERS=e:1,e:2", "ROAMCLEAR_CLICKHOUSE_PASSWORD=secret", "OTHER=1", "ROAMCLEAR_URL=http://x"},
		"--kafka.partitions", "6", "--roles", "price,settle")
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.Listen, want.Data, want.Roles = "127.0.0.1:1", "from-env", []string{"price", "settle"}
	want.Kafka.Partitions, want.Kafka.Brokers = 6, []string{"e:1", "e:2"}
	want.Store.Addr, want.Store.Password = []string{"c:1"}, secret{Text: "secret"}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("defaults < file < environment < flags (-want +got):\n%s", diff)
	}
}

func TestBadSettingsAreAllNamed(t *testing.T) {
	f := func(name, file string, environ []string, args []string, want ...string) {
		t.Helper()
		_, err := load(t, file, environ, args...)
		if err == nil {
			t.Errorf("%s: accepted", name)
			return
		}
		if strings.Contains(err.Error(), "decoding failed") {
			t.Errorf("%s: the decoder's own words: %v", name, err)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v\nwant it to mention %q", name, err, w)
			}
		}
	}
	f("unknown keys", "lisen: x\nkafka:\n  broker: y\n", nil, nil, `unknown setting "lisen"`, `unknown setting "kafka.broker"`)
	f("unknown variable", "", []string{"ROAMCLEAR_LISEN=x"}, nil, "ROAMCLEAR_LISEN")
	f("several values", "", nil, []string{"--listen", "nowhere", "--log.level", "loud", "--kafka.cap_bytes", "5"}, "listen: nowhere", "log.level: loud", "kafka.cap_bytes: 5")
	f("limits of bodies", "limits:\n  session_bytes: 1000\n", nil, []string{"--limits.cdr_bytes", "5000000", "--limits.location_bytes", "4194305", "--limits.body_bytes", "0"},
		"limits.session_bytes: 1000: want 4096 to 4194304 bytes", "limits.cdr_bytes: 5000000: want", "limits.location_bytes: 4194305: want", "limits.body_bytes: 0: want")
	f("roles apart on the embedded default", "", nil, []string{"--roles", "api"}, "kafka.brokers and clickhouse.addr")
	servers := []string{"--kafka.brokers", "k:1", "--clickhouse.addr", "c:1"}
	with := func(args ...string) []string { return append(append([]string(nil), servers...), args...) }
	f("a log that others may have, and a store of its own", "kafka:\n  brokers: [k:1]\n", nil, nil, "without clickhouse.addr every process", "set clickhouse.embedded")
	f("embedded and on servers", "", nil, with("--clickhouse.embedded"), "clickhouse.embedded: clickhouse.addr is given too")
	f("no addresses", "clickhouse:\n  addr: [c]\n", nil, []string{"--kafka.brokers", "k:1,:2"}, "kafka.brokers: :2: want host:port", "clickhouse.addr: c: want host:port")
	f("TLS with nobody", "", []string{"ROAMCLEAR_KAFKA_TLS_ENABLED=true", "ROAMCLEAR_CLICKHOUSE_TLS_ENABLED=true"}, nil,
		"kafka.tls.enabled: without kafka.brokers", "clickhouse.tls.enabled: without clickhouse.addr")
	f("files of TLS that is not spoken", "kafka:\n  tls:\n    ca: ca.pem\n", nil, with("--clickhouse.tls.cert", "c.pem"), "kafka.tls.ca, kafka.tls.cert, kafka.tls.key: no TLS is spoken", "set clickhouse.tls.enabled")
	f("half of a certificate", "", nil, with("--kafka.tls.enabled", "--kafka.tls.cert", "c.pem", "--clickhouse.tls.enabled", "--clickhouse.tls.key", "k.pem"),
		"kafka.tls.cert, kafka.tls.key: give both", "clickhouse.tls.cert, clickhouse.tls.key: give both")
	f("a prefix that names cannot have", "", nil, with("--kafka.prefix", "a/b"), "kafka.prefix: a/b: want up to 100")
	f("a prefix of nothing", "", nil, []string{"--kafka.prefix", "prod-"}, "kafka.prefix: without kafka.brokers")
	f("an unknown mechanism", "", nil, with("--kafka.sasl.mechanism", "GSSAPI"), "kafka.sasl.mechanism: GSSAPI: want PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
	f("a login without its user", "", nil, with("--kafka.sasl.mechanism", "PLAIN", "--kafka.sasl.password", "p"), "kafka.sasl.mechanism: PLAIN: give kafka.sasl.user")
	f("a login without a password", "", nil, with("--kafka.sasl.mechanism", "PLAIN", "--kafka.sasl.user", "u"), "kafka.sasl.mechanism: PLAIN: give kafka.sasl.password or kafka.sasl.password_file")
	f("a login without a mechanism", "", nil, with("--kafka.sasl.user", "u"), "nobody logs in: set kafka.sasl.mechanism")
	f("a login at nobody", "", nil, []string{"--kafka.sasl.mechanism", "PLAIN", "--kafka.sasl.user", "u", "--kafka.sasl.password", "p"}, "kafka.sasl.mechanism: PLAIN: give kafka.brokers")
	f("unknown role", "", nil, []string{"--roles", "api,prise"}, "prise")
	f("not YAML", "listen: [", nil, nil, "read config file")
	f("wrong type", "kafka:\n  cap_bytes: abc\n", nil, nil, "kafka.cap_bytes: abc: want a whole number")
	f("wrong type in the environment", "", []string{"ROAMCLEAR_KAFKA_CAP_BYTES=512MiB"}, nil, "kafka.cap_bytes: 512MiB: want a whole number")
	f("wrong types", "kafka:\n  partitions: 2.5\nlimits:\n  in_flight: [1]\nlog:\n  level: [a, b]\nroles: [[api]]\n", nil, nil,
		"kafka.partitions: 2.5: want a whole number", "limits.in_flight: [1]: want a whole number", "log.level: [a b]: want one value", "roles: [[api]]: want a list of values")
	f("no time", "partner_urls:\n  timeout: soon\n", nil, nil, "partner_urls.timeout: soon: want a time such as 30s")
	f("a time that is too long", "partner_urls:\n  timeout: 1h\n", nil, nil, "partner_urls.timeout: 1h0m0s: want 1s to 10m0s")
	f("no yes or no", "roaming:\n  open: maybe\n", nil, nil, "roaming.open: maybe: want true or false")
	f("a section that is none", "kafka: 5\n", nil, nil, `unknown setting "kafka"`)
	f("dotted within a section", "kafka:\n  log.level: debug\n", nil, nil, `unknown setting "kafka.log.level"`)
	f("a dotted section", "clickhouse.memory:\n  bytes: 1\n", nil, nil, `unknown setting "clickhouse.memory.bytes"`)
	f("a second document", "listen: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2\n", nil, nil, "second YAML document")
	f("no map", "- listen\n", nil, nil, "read config file")
	f("given twice", "kafka:\n  partitions: 2\nkafka.partitions: 3\n", nil, nil, `"kafka.partitions" is given twice`)
	f("of every kind at once", "lisen: x\ndata: ''\nkafka:\n  partitions: many\n", []string{"ROAMCLEAR_X=1"}, []string{"--log.format", "xml"},
		"lisen", "data: \"\"", "kafka.partitions: many", "ROAMCLEAR_X", "log.format: xml")
}

func TestNumbersAsTheyAreWritten(t *testing.T) {
	c, err := load(t, "kafka:\n  cap_bytes: 0x10000000\n  queue_bytes: 2e6\n  partitions: '3'\n", []string{"ROAMCLEAR_LIMITS_IN_FLIGHT=7"})
	if err != nil || c.Kafka.CapBytes != 1<<28 || c.Kafka.QueueBytes != 2_000_000 || c.Kafka.Partitions != 3 || c.Limits.InFlight != 7 {
		t.Errorf("%+v %+v, %v", c.Kafka, c.Limits, err)
	}
}

// A dotted key is the setting it names, as on the command line: none is ignored.
func TestDottedKeysAreUnderstood(t *testing.T) {
	c := defaultConfig()
	for _, s := range settings(&c) {
		var nested, dotted string
		section, key, ok := strings.Cut(s.name, ".")
		if !ok {
			continue
		}
		value := "7"
		switch s.at.(type) {
		case *string, *secret:
			value = "x"
		case *[]string:
			value = "[x]"
		case *time.Duration:
			value = "7s"
		case *bool:
			value = fmt.Sprint(s.standard != true)
		}
		nested, dotted = section+":\n  "+key+": "+value+"\n", s.name+": "+value+"\n"
		want, wantErr := load(t, nested, nil)
		got, err := load(t, dotted, nil)
		if fmt.Sprint(wantErr) != fmt.Sprint(err) || cmp.Diff(want, got) != "" || cmp.Diff(defaultConfig(), got) == "" {
			t.Errorf("%s: dotted %v, nested %v (-nested +dotted):\n%s", s.name, err, wantErr, cmp.Diff(want, got))
		}
	}
}

func TestYesAndNoAsTheyAreWritten(t *testing.T) {
	for file, environ := range map[string]string{
		"roaming:\n  open: false\n": "OTHER=", "roaming.open: 'false'\n": "OTHER=", "roaming:\n  open: true\n": "ROAMCLEAR_ROAMING_OPEN=0",
	} {
		if c, err := load(t, file, []string{environ}); err != nil || c.Roaming.Open {
			t.Errorf("%s%s: %v, %v", file, environ, c.Roaming.Open, err)
		}
	}
	if c, err := load(t, "", nil, "--roaming.open=false"); err != nil || c.Roaming.Open {
		t.Errorf("by the flag: %v, %v", c.Roaming.Open, err)
	}
}

func TestListsAsTheyAreWritten(t *testing.T) {
	for file, environ := range map[string]string{
		"kafka:\n  brokers: [a:1, b:2]\n": "OTHER=", "kafka.brokers: a:1,b:2\n": "OTHER=", "kafka:\n  brokers: [c:3]\n": "ROAMCLEAR_KAFKA_BROKERS=a:1,b:2",
	} {
		c, err := load(t, file, []string{environ, "ROAMCLEAR_CLICKHOUSE_EMBEDDED=true"})
		if diff := cmp.Diff([]string{"a:1", "b:2"}, c.Kafka.Brokers); err != nil || diff != "" {
			t.Errorf("%s%s: %v (-want +got):\n%s", file, environ, err, diff)
		}
	}
	if c, err := load(t, "", []string{"ROAMCLEAR_KAFKA_BROKERS="}); err != nil || len(c.Kafka.Brokers) != 0 {
		t.Errorf("an empty variable: %q, %v, want no brokers", c.Kafka.Brokers, err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := defaultConfig()
	c.Store.Password = secret{Text: "hidden-word"}
	var out strings.Builder
	if err := printConfig(&out, c, false); err != nil || strings.Contains(out.String()+fmt.Sprint(c), "hidden-word") || !strings.Contains(out.String(), "password: (set)") {
		t.Errorf("%v\n%s\n%v", err, out.String(), c)
	}
}

// Every secret may stand in a file of its own, in one line.
func TestSecretsFromFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		write(t, path, content)
		return path
	}
	good, empty, two := file("good", "hidden word \n"), file("empty", "\n"), file("two", "hidden\nwords\n")
	c := defaultConfig()
	for _, s := range settings(&c) {
		at, ok := s.at.(*secret)
		if !ok {
			continue
		}
		for environ, want := range map[string]string{
			"=" + good: "", "=" + empty: "there is nothing in it", "=" + two: "want one line", "=" + dir + "/none": "no such file",
		} {
			variable := "ROAMCLEAR_" + strings.ToUpper(strings.ReplaceAll(s.name, ".", "_"))
			_, err := load(t, "", []string{variable + "_FILE" + environ})
			if (want != "") != (err != nil && strings.Contains(err.Error(), s.name+"_file: ") && strings.Contains(err.Error(), want)) || err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("%s_FILE%s: %v, want %q", variable, environ, err, want)
			}
			if _, err := load(t, "", []string{variable + "=x", variable + "_FILE" + environ}); err == nil || !strings.Contains(err.Error(), s.name+"_file: both are given") {
				t.Errorf("%s and its file: %v", s.name, err)
			}
		}
		if *at != (secret{}) {
			t.Errorf("%s: the default is %+v", s.name, *at)
		}
	}
	got, err := load(t, "", []string{"ROAMCLEAR_CLICKHOUSE_PASSWORD_FILE=" + good})
	var out strings.Builder
	if err != nil || got.Store.Password.Text != "hidden word " {
		t.Errorf("the password is %q, %v", got.Store.Password.Text, err)
	}
	if err := printConfig(&out, got, false); err != nil || !strings.Contains(out.String(), "password_file: "+good) || strings.Contains(out.String(), "hidden") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestPrintedSettingsSayWhatZeroPartitionsAre(t *testing.T) {
	for partitions, want := range map[int]string{0: "partitions: 0 # 2, or as many as there are\n", 6: "partitions: 6\n"} {
		c := defaultConfig()
		c.Kafka.Partitions = partitions
		var out strings.Builder
		if err := printConfig(&out, c, false); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%d: %v, want %q in\n%s", partitions, err, want, out.String())
		}
		if got, err := load(t, out.String(), nil); err != nil || got.Kafka.Partitions != partitions {
			t.Errorf("%d: what was printed is read as %d, %v", partitions, got.Kafka.Partitions, err)
		}
	}
}

func TestThePageIsOpenToThisMachineAlone(t *testing.T) {
	for _, c := range []struct {
		listen, publicURL string
		want              bool
	}{
		{"127.0.0.1:8080", "", true},
		{"localhost:8080", "", true},
		{"[::1]:8080", "", true},
		{"127.0.0.1:8080", "https://clearing.example", false}, // behind a proxy
		{":8080", "", false},
		{"0.0.0.0:8080", "", false},
		{"192.0.2.1:8080", "", false},
	} {
		if got := pageOpen(&Config{Listen: c.listen, PublicURL: c.publicURL}); got != c.want {
			t.Errorf("listen %s, public_url %q: open %t, want %t", c.listen, c.publicURL, got, c.want)
		}
	}
}

func TestDataDirectoryInUse(t *testing.T) {
	path := t.TempDir()
	dir, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = openDataDir(path)
	exit, ok := errors.AsType[*exitError](err)
	if !ok || exit.code != exitInUse || !strings.Contains(err.Error(), "in use by another roamclear process") {
		t.Errorf("second process gets %v, want exit code %d and what to do", err, exitInUse)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openDataDir(path)
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	token, err := again.adminToken(secret{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(again.join(adminTokenFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("admin token file: %v, %v; want mode 0600", info, err)
	}
	if same, err := again.adminToken(secret{}); err != nil || same != token || len(token) < 32 {
		t.Errorf("second start has token %q, %v; want %q", same, err, token)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// An admin token that can be guessed is refused at the start, an empty one above all.
func TestAdminTokenMustBeLong(t *testing.T) {
	for _, tt := range []struct{ file, environ, want, problem string }{
		{"0123456789abcdef\n", "", "0123456789abcdef", ""},
		{"\n", "", "", "0 characters, want at least 16"},
		{"short", "", "", "5 characters, want at least 16"},
		{"0123456789abcdef", "fedcba9876543210", "fedcba9876543210", ""},
		{"0123456789abcdef", "tiny", "", "admin.token: 4 characters"},
	} {
		d := &dataDir{path: t.TempDir()}
		write(t, d.join(adminTokenFile), tt.file)
		token := ""
		c, err := load(t, "", []string{tokenVariable + "=" + tt.environ})
		if err == nil {
			token, err = d.adminToken(c.Admin.Token)
		}
		if tt.problem == "" && (err != nil || token != tt.want) || tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)) {
			t.Errorf("%q, %q: %q, %v", tt.file, tt.environ, token, err)
		}
	}
}

// The key that seals tokens is made once, readable by its owner alone; one that is
// no key, or named and missing, is told.
func TestTheSecretKey(t *testing.T) {
	d := &dataDir{path: t.TempDir()}
	first, err := d.sealer("")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(d.join(secretKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v; want mode 0600", info, err)
	}
	if again, err := d.sealer(""); err != nil || again.KeyID() != first.KeyID() {
		t.Errorf("second start: %v", err)
	}
	if named, err := d.sealer(d.join(secretKeyFile)); err != nil || named.KeyID() != first.KeyID() {
		t.Errorf("the same by its name: %v", err)
	}
	if other, err := (&dataDir{path: t.TempDir()}).sealer(""); err != nil || other.KeyID() == first.KeyID() {
		t.Errorf("another directory has the same key: %v", err)
	}
	missing, short := d.join("elsewhere"), d.join("short")
	write(t, short, "c2hvcnQtc2VjcmV0\n")
	for file, want := range map[string]string{missing: "no such file", short: "does not hold 32 bytes"} {
		if _, err := d.sealer(file); err == nil || !strings.Contains(err.Error(), "secrets.key_file") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
	if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
		t.Error("a key was made where a setting names one")
	}
}

// An address in use is told before a data directory is made, and one in use
// before the address, on which its owner serves.
func TestAnAddressInUseMakesNoDataDirectory(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free := "127.0.0.1:0"
	for _, c := range []struct{ listen, metrics, flag string }{{taken.Addr().String(), "", "--listen"}, {free, taken.Addr().String(), "--metrics.listen"}} {
		config := testConfig(filepath.Join(t.TempDir(), "new"))
		config.Listen, config.Metrics.Listen = c.listen, c.metrics
		_, err := startService(t.Context(), config, os.Stderr)
		if err == nil || !strings.Contains(err.Error(), c.flag) {
			t.Errorf("%+v: %v", c, err)
		}
		if _, err := os.Stat(config.Data); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%+v: the data directory was made: %v", c, err)
		}
	}
	config := testConfig(t.TempDir())
	config.Listen = taken.Addr().String()
	if _, err := startService(t.Context(), config, os.Stderr); err == nil {
		t.Error("started on an address in use")
	}
	if _, err := os.Stat(filepath.Join(config.Data, adminTokenFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a token was made: %v", err)
	}
	dir, err := openDataDir(config.Data)
	if err != nil {
		t.Fatalf("the directory is still taken: %v", err)
	}
	defer dir.Close()
	_, err = startService(t.Context(), config, os.Stderr)
	if exit, ok := errors.AsType[*exitError](err); !ok || exit.code != exitInUse {
		t.Errorf("directory and address in use: %v, want exit code %d", err, exitInUse)
	}
}
