package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choice is a flag that takes one of a few words. Another one is wrong usage,
// told before the command does anything.
type choice struct {
	value string
	words []string
}

// register declares the flag and offers its words for completion. The first word
// is the default.
func (c *choice) register(cmd *cobra.Command, name, help string, words ...string) {
	c.value, c.words = words[0], words
	cmd.Flags().Var(c, name, help)
	complete(cmd, name, words...)
}

// String implements pflag.Value.
func (c *choice) String() string { return c.value }

// Type implements pflag.Value.
func (c *choice) Type() string { return "string" }

// Set implements pflag.Value.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("want %s", enumerate(c.words))
	}
	c.value = s
	return nil
}

// format is how a command prints what it found: for people, or as JSON.
type format struct{ choice }

func (f *format) register(cmd *cobra.Command) { f.describe(cmd, "text or json") }

func (f *format) describe(cmd *cobra.Command, help string) {
	f.choice.register(cmd, "format", help, "text", "json")
}

func (f *format) json() bool { return f.value == "json" }

// writeJSON writes a value as indented JSON.
func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// newListCmd makes a command that lists something of a running service: what the
// admin interface answers at a path, as rows for people or as it is.
func newListCmd[T any](service *serviceFlags, cmd *cobra.Command, path string, rows func(*T) [][]string) *cobra.Command {
	cmd.Args = cobra.NoArgs
	return newShowCmd(service, cmd, func([]string) string { return path }, rows)
}

// newShowCmd is newListCmd with a path that depends on what the command is given.
func newShowCmd[T any](service *serviceFlags, cmd *cobra.Command, path func(args []string) string, rows func(*T) [][]string) *cobra.Command {
	var f format
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := service.client()
		if err != nil {
			return err
		}
		var found T
		where := path(args)
		if err := c.do(cmd.Context(), http.MethodGet, where, nil, &found); err != nil {
			what, _, _ := strings.Cut(where[1:], "?")
			return fmt.Errorf("%s %s: %w", cmd.Name(), what, err)
		}
		if f.json() {
			return writeJSON(cmd.OutOrStdout(), found)
		}
		return printTable(cmd.OutOrStdout(), rows(&found))
	}
	f.register(cmd)
	return cmd
}
