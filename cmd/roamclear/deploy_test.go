package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// What deploy/ says of the program is held against the program itself: settings, flags,
// paths, ports, exit codes, times. Each test reads a file as the tool does that it is for.

func deployed(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func deployedYAML(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(deployed(t, path)), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// portOf is the port of host:port.
func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// usable fails the test unless the program can be called so.
func usable(t *testing.T, args []string) {
	t.Helper()
	cmd, rest, err := newRootCmd().Find(args)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("roamclear %s: %v", strings.Join(args, " "), err)
	}
}

// debContents are the files of the package, by where they are put.
func debContents(t *testing.T) map[string]string {
	t.Helper()
	var spec struct{ Contents []struct{ Src, Dst string } }
	deployedYAML(t, "deb/nfpm.yaml", &spec)
	contents := map[string]string{}
	for _, c := range spec.Contents {
		contents[c.Dst] = c.Src
		if strings.Contains(c.Src, "$") {
			continue // made by deploy/deb.sh, which looks at the package too
		}
		if _, err := os.Stat(filepath.Join("../..", c.Src)); err != nil {
			t.Errorf("deb/nfpm.yaml: %v", err)
		}
	}
	return contents
}

// The settings file of the package can be used as it is, and with each of the sections that
// stand in it as comments.
func TestPackagedSettings(t *testing.T) {
	text := deployed(t, "deb/roamclear.yaml")
	if c, err := load(t, text, nil); err != nil || c.Data != "/var/lib/roamclear" || !loopback(c.Listen) {
		t.Errorf("as it is: data %s, listen %s, %v; want the unit's directory, and nobody elsewhere let in", c.Data, c.Listen, err)
	}
	sections := 0
	for block := range strings.SplitSeq(text, "\n\n") {
		var lines []string
		for line := range strings.Lines(block) {
			if rest, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(rest, " ") || strings.HasPrefix(line, "#  ") {
				lines = append(lines, rest)
			}
		}
		if len(lines) == 0 {
			continue
		}
		sections++
		section := strings.Join(lines, "")
		if strings.HasPrefix(section, "\n") {
			continue // the head, which says how to check
		}
		if _, err := load(t, section, nil); err != nil {
			t.Errorf("%s%v", section, err)
		}
	}
	if sections < 4 {
		t.Errorf("%d sections found", sections)
	}
}

// The unit starts what the package has, where it may write, and leaves alone what a restart
// does not mend.
func TestUnit(t *testing.T) {
	unit := map[string]string{}
	for line := range strings.Lines(deployed(t, "systemd/roamclear.service")) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			unit[key] = value
		}
	}
	contents := debContents(t)
	args := strings.Fields(unit["ExecStart"])
	if contents[args[0]] == "" {
		t.Errorf("ExecStart: the package has no %s", args[0])
	}
	usable(t, args[1:])
	config := args[slices.Index(args, "--config")+1]
	if contents[config] != "deploy/deb/roamclear.yaml" {
		t.Errorf("ExecStart: %s is %q in the package", config, contents[config])
	}
	c, err := load(t, deployed(t, "deb/roamclear.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"StateDirectory":           strings.TrimPrefix(c.Data, "/var/lib/"),
		"WorkingDirectory":         c.Data,
		"RestartPreventExitStatus": strconv.Itoa(exitUsage) + " " + strconv.Itoa(exitInUse),
		"Restart":                  "on-failure",
		"KillMode":                 "mixed", // the engine would be told to end while it is still written to
		"ProtectSystem":            "strict",
	} {
		if unit[key] != want {
			t.Errorf("%s=%s, want %s", key, unit[key], want)
		}
	}
	if s, err := strconv.Atoi(unit["TimeoutStopSec"]); err != nil || time.Duration(s)*time.Second <= stopWithin {
		t.Errorf("TimeoutStopSec=%s, want more than %s", unit["TimeoutStopSec"], stopWithin)
	}
	if user := unit["User"]; !strings.Contains(deployed(t, "deb/sysusers.conf"), "u "+user+" ") {
		t.Errorf("User=%s: the package makes no such user", user)
	}
	if contents["/usr/lib/systemd/system/roamclear.service"] != "deploy/systemd/roamclear.service" {
		t.Error("the package does not have the unit")
	}
}

// variable matches ${NAME}, ${NAME:-default} and ${NAME:?why}.
var variable = regexp.MustCompile(`\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}`)

// The services of the compose file reach each other under the addresses that the settings
// name, and what has to be set stands in the example.
func TestCompose(t *testing.T) {
	text := deployed(t, "compose/compose.yaml")
	example := map[string]string{}
	for line := range strings.Lines(deployed(t, "compose/.env.example")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			example[name] = value
		}
	}
	text = variable.ReplaceAllStringFunc(text, func(use string) string {
		m := variable.FindStringSubmatch(use)
		if m[2] == "" && example[m[1]] == "" {
			t.Errorf("%s has no default and is not in .env.example", m[1])
		}
		if value := example[m[1]]; value != "" {
			return value
		}
		return m[2]
	})
	var file struct {
		Services map[string]struct {
			Command     []string
			Environment map[string]string
			Ports       []string
			Volumes     []string
			Grace       time.Duration `yaml:"stop_grace_period"`
			ReadOnly    bool          `yaml:"read_only"`
		}
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	ours, kafka, clickhouse := file.Services["roamclear"], file.Services["kafka"].Environment, file.Services["clickhouse"].Environment
	usable(t, ours.Command)
	var environ []string
	for name, value := range ours.Environment {
		environ = append(environ, name+"="+value)
	}
	c, err := load(t, "", environ)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{c.Listen, c.Metrics.Listen} {
		port := portOf(t, address)
		if !slices.Contains(ours.Ports, "127.0.0.1:"+port+":"+port) {
			t.Errorf("%s is not to be reached: %q", address, ours.Ports)
		}
	}
	if len(example["ROAMCLEAR_ADMIN_TOKEN"]) < 16 {
		t.Error("the admin token of .env.example would be refused")
	}
	if want := "PLAINTEXT://" + c.Kafka.Brokers[0]; kafka["KAFKA_ADVERTISED_LISTENERS"] != want {
		t.Errorf("the broker says %s, the setting %s", kafka["KAFKA_ADVERTISED_LISTENERS"], want)
	}
	if want := "PLAINTEXT://:" + portOf(t, c.Kafka.Brokers[0]) + ","; !strings.Contains(kafka["KAFKA_LISTENERS"], want) {
		t.Errorf("the broker listens on %s, want %s", kafka["KAFKA_LISTENERS"], want)
	}
	want := map[string]string{"CLICKHOUSE_DB": c.Store.Database, "CLICKHOUSE_USER": c.Store.User, "CLICKHOUSE_PASSWORD": ours.Environment["ROAMCLEAR_CLICKHOUSE_PASSWORD"]}
	for name, value := range want {
		if clickhouse[name] != value {
			t.Errorf("%s: %s, want %s", name, clickhouse[name], value)
		}
	}
	if c.Store.Addr[0] != "clickhouse:9000" || ours.Grace <= stopWithin || !ours.ReadOnly {
		t.Errorf("store %s, grace %s, read only %v", c.Store.Addr, ours.Grace, ours.ReadOnly)
	}
}

// imageSettings is how a container of the image runs.
type imageSettings struct {
	User, WorkingDir      string
	Cmd                   []string
	ExposedPorts, Volumes map[string]any
}

func imageConfig(t *testing.T) (c imageSettings) {
	t.Helper()
	if err := json.Unmarshal([]byte(deployed(t, "image/config.json")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// The image starts what it is made of, where it may write, as nobody's user.
func TestImage(t *testing.T) {
	config := imageConfig(t)
	usable(t, config.Cmd)
	cmd, rest, err := newRootCmd().Find(config.Cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(cmd, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := config.ExposedPorts[portOf(t, c.Listen)+"/tcp"]; !ok || loopback(c.Listen) {
		t.Errorf("listens on %s, exposed are %v", c.Listen, config.ExposedPorts)
	}
	// Commands look for the service in the same place, so none is named.
	if _, ok := config.Volumes[config.WorkingDir]; !ok || c.Data != "data" {
		t.Errorf("%s in %s, volumes are %v", c.Data, config.WorkingDir, config.Volumes)
	}
	if user, _, _ := strings.Cut(config.User, ":"); user == "" || user == "0" || !strings.Contains(deployed(t, "image/main.go"), "const user = "+user+"\n") {
		t.Errorf("user %q: its data directory is another's", config.User)
	}
}
