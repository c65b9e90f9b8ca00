package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// exitError carries an exit code. err is printed when not nil.
//
//	0 success   1 failure   2 called wrongly, or cannot be priced   3 data directory in use
type exitError struct {
	code int
	err  error
}

// Error implements error.
func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the cause.
func (e *exitError) Unwrap() error { return e.err }

// exitUsage is the exit code of a command that was called wrongly.
const exitUsage = 2

// wrongUsage is the error of a command that was called wrongly.
func wrongUsage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// executeCommand executes a command. What cobra refuses before the command itself runs,
// such as an unknown flag or one that is missing, is wrong usage.
func executeCommand(ctx context.Context, root *cobra.Command) error {
	began := false
	noteStart(root, &began)
	err := root.ExecuteContext(ctx)
	var exit *exitError
	if err == nil || began || errors.As(err, &exit) {
		return err
	}
	return &exitError{exitUsage, err}
}

// noteStart has began set as soon as a command itself runs.
func noteStart(cmd *cobra.Command, began *bool) {
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*began = true
			return inner(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		noteStart(sub, began)
	}
}

// requireCommands has every command that only groups others name them when it is
// called without one: cobra prints its help and calls that a success.
func requireCommands(cmd *cobra.Command) {
	subs := cmd.Commands()
	for _, sub := range subs {
		requireCommands(sub)
	}
	if cmd.Runnable() {
		return
	}
	cmd.DisableFlagsInUseLine = true
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var names []string
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		return wrongUsage("%s: name a command: %s (%s --help says what they do)", cmd.CommandPath(), strings.Join(names, ", "), cmd.CommandPath())
	}
}

// newHelpCmd is cobra's help command, but for an unknown command it fails.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]...",
		Short:   "Help about any command",
		Example: "  roamclear help partner add",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			of, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []cobra.Completion
			for _, sub := range of.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return wrongUsage("there is no command %q: see roamclear --help", strings.Join(args, " "))
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
}
