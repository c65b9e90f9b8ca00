package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// setting is one line of the table of settings.
type setting struct {
	name     string
	at       any // where its value is kept: *string, *secret, *bool, *time.Duration, *int, *int64 or *[]string
	standard any // what it is when no source gives it
	help     string
	check    check
}

func defaultConfig() Config {
	var c Config
	for _, s := range settings(&c) {
		if want := put(s.at, s.standard); want != "" {
			panic(s.name + ": the default is not " + want)
		}
	}
	return c
}

// configFlags declares one flag per setting, named like its key.
func configFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String("config", "", "YAML file with settings, named as these flags")
	c := defaultConfig()
	for _, s := range settings(&c) {
		switch at := s.at.(type) {
		case *string:
			f.String(s.name, *at, s.help)
		case *secret:
			f.String(s.name, at.Text, s.help)
		case *bool:
			f.Bool(s.name, *at, s.help)
		case *time.Duration:
			f.Duration(s.name, *at, s.help)
		case *int:
			f.Int(s.name, *at, s.help)
		case *int64:
			f.Int64(s.name, *at, s.help)
		case *[]string:
			f.StringSlice(s.name, *at, s.help)
		}
	}
	must(cmd.MarkFlagFilename("config", "yaml", "yml"))
	must(cmd.MarkFlagDirname("data"))
	complete(cmd, "roles", roleNames...)
	complete(cmd, "log.level", logLevels...)
	complete(cmd, "log.format", logFormats...)
	complete(cmd, "tls.client_auth", clientAuths...)
	complete(cmd, "kafka.sasl.mechanism", kafka.Mechanisms...)
	for _, name := range []string{
		"tls.cert", "tls.key", "tls.client_ca", "tls.crl", "partner_urls.ca", "partner_urls.client_cert", "partner_urls.client_key",
		"kafka.tls.ca", "kafka.tls.cert", "kafka.tls.key", "clickhouse.tls.ca", "clickhouse.tls.cert", "clickhouse.tls.key",
	} {
		must(cmd.MarkFlagFilename(name, "pem", "crt", "key", "crl"))
	}
}

// loadConfig reads every source and checks the result. The error lists every
// problem with the setting's name and value.
func loadConfig(cmd *cobra.Command, environ []string) (Config, error) {
	c := defaultConfig()
	table := settings(&c)
	given, problems := map[string]any{}, []error(nil)
	if path, _ := cmd.Flags().GetString("config"); path != "" {
		content, err := os.ReadFile(path)
		if err == nil {
			problems, err = fromFile(given, table, path, content)
		}
		if err != nil {
			return Config{}, fmt.Errorf("read config file %s: %w", path, err)
		}
	}
	problems = append(problems, fromEnvironment(given, table, environ)...)
	fromFlags(given, table, cmd)
	typed := true
	for _, s := range table {
		value, ok := given[s.name]
		if !ok {
			value = s.standard
		}
		if want := put(s.at, value); want != "" {
			problems, typed = append(problems, fmt.Errorf("%s: %v: want %s", s.name, value, want)), false
		} else if err := s.check(s.at); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	for _, s := range table {
		if at, ok := s.at.(*secret); ok {
			problems = append(problems, at.read(s.name))
		}
	}
	if typed {
		problems = append(problems, c.problem())
	}
	return c, errors.Join(problems...)
}

// fromFile adds what a YAML file gives. Unknown settings are problems; the
// error is that it is no YAML.
func fromFile(given map[string]any, table []setting, path string, content []byte) (problems []error, err error) {
	var root, more map[string]any
	documents := yaml.NewDecoder(bytes.NewReader(content))
	if err := documents.Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := documents.Decode(&more); !errors.Is(err, io.EOF) {
		problems = append(problems, fmt.Errorf("%s: a second YAML document begins (---): settings after it would be ignored, put all into one", path))
	}
	flat := map[string][]any{}
	flatten(flat, "", root)
	names := make([]string, len(table))
	for i, s := range table {
		names[i] = s.name
		if values, ok := flat[s.name]; ok {
			given[s.name] = values[0]
		}
		if len(flat[s.name]) > 1 {
			problems = append(problems, fmt.Errorf("%s: setting %q is given twice", path, s.name))
		}
		delete(flat, s.name)
	}
	unknown := make([]string, 0, len(flat))
	for name := range flat {
		unknown = append(unknown, name)
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		problems = append(problems, fmt.Errorf("%s: unknown setting %q (known: %s)", path, name, strings.Join(names, ", ")))
	}
	return problems, nil
}

// flatten names the values of nested sections with their path.
func flatten(into map[string][]any, prefix string, section map[string]any) {
	for key, value := range section {
		if inner, ok := value.(map[string]any); ok && len(inner) > 0 {
			flatten(into, prefix+key+".", inner)
		} else {
			into[prefix+key] = append(into[prefix+key], value)
		}
	}
}

// fromEnvironment adds what ROAMCLEAR_KAFKA_BROKERS and its like give; lists
// are separated by commas.
func fromEnvironment(given map[string]any, table []setting, environ []string) (unknown []error) {
	byVariable := map[string]string{}
	for _, s := range table {
		byVariable["ROAMCLEAR_"+strings.ToUpper(strings.ReplaceAll(s.name, ".", "_"))] = s.name
	}
	for _, entry := range environ {
		variable, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(variable, "ROAMCLEAR_") || strings.HasPrefix(variable, "ROAMCLEAR_TEST_") || slices.Contains(otherEnv, variable) {
			continue
		}
		if name, ok := byVariable[variable]; ok {
			given[name] = value
		} else {
			unknown = append(unknown, fmt.Errorf("environment variable %s: unknown setting", variable))
		}
	}
	return unknown
}

// fromFlags adds the settings that were given on the command line.
func fromFlags(given map[string]any, table []setting, cmd *cobra.Command) {
	for _, s := range table {
		f := cmd.Flags().Lookup(s.name)
		if f == nil || !f.Changed {
			continue
		}
		if list, ok := f.Value.(interface{ GetSlice() []string }); ok {
			given[s.name] = list.GetSlice()
		} else {
			given[s.name] = f.Value.String()
		}
	}
}
